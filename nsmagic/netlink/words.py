"""Names and numbers of the kernel's fixed lists, both ways: scopes, protocols, tables, route types, states, hardware.

``encode.py`` and ``apply*.py`` read them from name to number, ``decode.py`` from number to name. The numbers are those of
the kernel's uapi headers; the words are the ones that iproute2 prints. Numbers without a word are shown as iproute2 does:
``name_of`` gives the decimal number.

A word → number mapping is ``X``; its opposite is ``X_NAMES``.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping

from nsmagic.commands.values import PROTOCOLS, SCOPES, TABLES

AF_UNSPEC = 0
AF_INET = int(socket.AF_INET)
AF_BRIDGE = 7
AF_INET6 = int(socket.AF_INET6)
AF_MPLS = 28

FAMILIES: Mapping[str, int] = {"inet": AF_INET, "inet6": AF_INET6, "bridge": AF_BRIDGE, "mpls": AF_MPLS}

# rtnetlink message types
RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK, RTM_SETLINK = 16, 17, 18, 19
RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR = 20, 21, 22
RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE = 24, 25, 26
RTM_NEWNEIGH, RTM_DELNEIGH, RTM_GETNEIGH = 28, 29, 30
RTM_NEWRULE, RTM_DELRULE, RTM_GETRULE = 32, 33, 34
RTM_NEWNSID, RTM_DELNSID, RTM_GETNSID = 88, 89, 90
RTM_NEWLINKPROP, RTM_DELLINKPROP = 108, 109

# routes
RT_TABLE_UNSPEC = 0
RT_TABLE_MAIN = 254
RT_TABLE_LOCAL = 255
RT_SCOPE_UNIVERSE, RT_SCOPE_LINK, RT_SCOPE_HOST, RT_SCOPE_NOWHERE = 0, 253, 254, 255
RTPROT_UNSPEC, RTPROT_KERNEL, RTPROT_BOOT, RTPROT_STATIC = 0, 2, 3, 4

#: RTN_* of a route.
ROUTE_TYPES: Mapping[str, int] = {
    "none": 0, "unicast": 1, "local": 2, "broadcast": 3, "anycast": 4, "multicast": 5, "blackhole": 6,
    "unreachable": 7, "prohibit": 8, "throw": 9, "nat": 10, "xresolve": 11,
}  # fmt: skip

#: RTNH_F_* and RTM_F_* bits of a route or next hop.
ROUTE_FLAGS: Mapping[str, int] = {
    "dead": 1, "pervasive": 2, "onlink": 4, "offload": 8, "linkdown": 16, "unresolved": 32, "trap": 64,
    "notify": 0x100, "rt_offload": 0x4000, "rt_trap": 0x8000, "rt_offload_failed": 0x20000000,
}  # fmt: skip

#: RTAX_* metrics of a route (``RTA_METRICS``).
ROUTE_METRICS: Mapping[str, int] = {
    "lock": 1, "mtu": 2, "window": 3, "rtt": 4, "rttvar": 5, "ssthresh": 6, "cwnd": 7, "advmss": 8, "reordering": 9,
    "hoplimit": 10, "initcwnd": 11, "features": 12, "rto_min": 13, "initrwnd": 14, "quickack": 15,
    "congctl": 16, "fastopen_no_cookie": 17,
}  # fmt: skip

#: ICMPV6_ROUTER_PREF_*
ROUTE_PREFERENCES: Mapping[str, int] = {"medium": 0, "high": 1, "low": 3}

#: FR_ACT_* of a rule; ``lookup`` is FR_ACT_TO_TBL.
RULE_ACTIONS: Mapping[str, int] = {
    "unspec": 0, "lookup": 1, "goto": 2, "nop": 3, "blackhole": 6, "unreachable": 7, "prohibit": 8,
}  # fmt: skip
FIB_RULE_INVERT = 0x2

#: NUD_* states of a neighbour entry, as ``ip neigh`` prints them.
NUD_STATES: Mapping[str, int] = {
    "NONE": 0x00, "INCOMPLETE": 0x01, "REACHABLE": 0x02, "STALE": 0x04, "DELAY": 0x08, "PROBE": 0x10, "FAILED": 0x20,
    "NOARP": 0x40, "PERMANENT": 0x80,
}  # fmt: skip
NTF_FLAGS: Mapping[str, int] = {
    "use": 0x01, "self": 0x02, "master": 0x04, "proxy": 0x08, "extern_learn": 0x10, "offload": 0x20, "sticky": 0x40,
    "router": 0x80,
}  # fmt: skip

#: IFA_F_* of an address. ``secondary`` is called ``temporary`` on IPv6.
ADDRESS_FLAGS: Mapping[str, int] = {
    "secondary": 0x01, "nodad": 0x02, "optimistic": 0x04, "dadfailed": 0x08, "home": 0x10, "deprecated": 0x20,
    "tentative": 0x40, "permanent": 0x80, "mngtmpaddr": 0x100, "noprefixroute": 0x200, "autojoin": 0x400,
    "stable-privacy": 0x800,
}  # fmt: skip

#: RFC 2863 states, the value is the index.
OPERSTATES: tuple[str, ...] = (
    "UNKNOWN", "NOTPRESENT", "DOWN", "LOWERLAYERDOWN", "TESTING", "DORMANT", "UP",
)  # fmt: skip

#: States of a bridge's port, the value is the index.
PORT_STATES: tuple[str, ...] = ("disabled", "listening", "learning", "forwarding", "blocking")

#: IFF_* bits by name, in the order in which ``ip link`` prints them (between NO-CARRIER and the rest).
LINK_FLAGS: Mapping[str, int] = {
    "LOOPBACK": 0x8, "BROADCAST": 0x2, "POINTOPOINT": 0x10, "MULTICAST": 0x1000, "NOARP": 0x80, "ALLMULTI": 0x200,
    "PROMISC": 0x100, "MASTER": 0x400, "SLAVE": 0x800, "DEBUG": 0x4, "DYNAMIC": 0x8000, "AUTOMEDIA": 0x4000,
    "PORTSEL": 0x2000, "NOTRAILERS": 0x20, "UP": 0x1, "LOWER_UP": 0x10000, "DORMANT": 0x20000, "ECHO": 0x40000,
}  # fmt: skip
IFF_RUNNING = 0x40

#: IN6_ADDR_GEN_MODE_*
ADDRGENMODES: Mapping[str, int] = {"eui64": 0, "none": 1, "stable_secret": 2, "random": 3}

#: ARPHRD_* as ``ip link`` prints them behind ``link/``.
HARDWARE: Mapping[str, int] = {
    "netrom": 0, "ether": 1, "eether": 2, "ax25": 3, "pronet": 4, "chaos": 5, "ieee802": 6, "arcnet": 7, "atalk": 8,
    "dlci": 15, "atm": 19, "metricom": 23, "ieee1394": 24, "infiniband": 32, "slip": 256, "cslip": 257, "slip6": 258,
    "cslip6": 259, "rsrvd": 260, "adapt": 264, "rose": 270, "x25": 271, "can": 280, "mctp": 290, "ppp": 512,
    "hdlc": 513, "lapb": 516, "ddcmp": 517, "rawhdlc": 518, "ipip": 768, "tunnel6": 769, "frad": 770, "skip": 771,
    "loopback": 772, "ltalk": 773, "fddi": 774, "bif": 775, "sit": 776, "ip/ddp": 777, "gre": 778, "pimreg": 779,
    "hippi": 780, "ash": 781, "econet": 782, "irda": 783, "fcpp": 784, "fcal": 785, "fcpl": 786, "fcfb0": 787,
    "tr": 800, "ieee802.11": 801, "ieee802.11/prism": 802, "ieee802.11/radiotap": 803, "ieee802.15.4": 804,
    "ieee802.15.4/monitor": 805, "phonet": 820, "phonet_pipe": 821, "caif": 822, "gre6": 823, "netlink": 824,
    "6lowpan": 825, "vsockmon": 826, "none": 0xFFFE, "void": 0xFFFF,
}  # fmt: skip
ARPHRD_ETHER = 1
ARPHRD_LOOPBACK = 772


def _opposite(words: Mapping[str, int]) -> dict[int, str]:
    return {number: word for word, number in words.items()}


FAMILY_NAMES = _opposite(FAMILIES)
SCOPE_NAMES = _opposite(SCOPES)
PROTOCOL_NAMES = _opposite(PROTOCOLS)
TABLE_NAMES = _opposite(TABLES)
ROUTE_TYPE_NAMES = _opposite(ROUTE_TYPES)
ROUTE_METRIC_NAMES = _opposite(ROUTE_METRICS)
ROUTE_PREFERENCE_NAMES = _opposite(ROUTE_PREFERENCES)
RULE_ACTION_NAMES = _opposite(RULE_ACTIONS)
NUD_NAMES = _opposite(NUD_STATES)
HARDWARE_NAMES = _opposite(HARDWARE)
ADDRGENMODE_NAMES = _opposite(ADDRGENMODES)


def name_of(number: int, names: Mapping[int, str]) -> str:
    """The word of a number, else the number in decimal, as iproute2 prints it.

    >>> name_of(254, TABLE_NAMES), name_of(100, TABLE_NAMES)
    ('main', '100')
    """
    return names.get(number) or str(number)


def nud_name(state: int) -> str:
    """The state of a neighbour entry as ``ip neigh`` prints it; combined bits are joined by a comma.

    >>> nud_name(0x02), nud_name(0), nud_name(0x82)
    ('REACHABLE', 'NONE', 'REACHABLE,PERMANENT')
    """
    return NUD_NAMES.get(state) or ",".join(word for word, bit in NUD_STATES.items() if bit & state) or f"{state:x}"


def operstate_name(number: int) -> str:
    """The RFC 2863 word of ``IFLA_OPERSTATE``.

    >>> operstate_name(6), operstate_name(9)
    ('UP', '9')
    """
    return OPERSTATES[number] if number < len(OPERSTATES) else str(number)


def hardware_name(number: int) -> str:
    """What stands behind ``link/`` in ``ip link``.

    >>> hardware_name(772), hardware_name(4242)
    ('loopback', '[4242]')
    """
    return HARDWARE_NAMES.get(number) or f"[{number}]"
