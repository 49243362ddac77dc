"""What ``brctl``, ``arp`` and ``ifconfig`` do otherwise than ``ip``: they look before they write.

- ``brctl`` refuses to delete a bridge that is up, to add a port that has a bridge, to take out a port of another bridge
  (``must_be_down``, ``must_be_free``, ``must_have_master``).
- ``arp`` without ``-i`` takes the link of the route to the address; ``arp -d`` deletes a published entry when there is no
  other.
- ``ifconfig`` puts an address in the place of the first one with that label, and changes netmask, broadcast and other end of
  that one (``addr.primary``); what the kernel's SIOCSIF… ioctls do is done here with two requests, delete and add.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from errno import EADDRNOTAVAIL, EBUSY, ENOENT, EOPNOTSUPP, EPERM
from typing import Any

from nsmagic.commands.values import SCOPES
from nsmagic.netlink import apply_link, apply_neigh, decode, dump, encode, lookup, prefixes, refusals
from nsmagic.netlink.context import Call, Message, NoSuchDevice, Outcome, Plan
from nsmagic.netlink.raw import RawAddr
from nsmagic.netlink.socket import NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, NetlinkError
from nsmagic.netlink.words import (
    ADDRESS_FLAGS,
    AF_INET,
    RT_SCOPE_HOST,
    RT_SCOPE_UNIVERSE,
    RTM_DELADDR,
    RTM_DELNEIGH,
    RTM_GETADDR,
    RTM_GETROUTE,
    RTM_NEWADDR,
    RTM_NEWNEIGH,
)
from nsmagic.shape import IFF_BROADCAST, IFF_POINTOPOINT, IFF_UP

_KEPT_FLAGS = ADDRESS_FLAGS["noprefixroute"] | ADDRESS_FLAGS["autojoin"]


# -- brctl ---------------------------------------------------------------------------------------------------------------


def _link(call: Call, name: str, role: str) -> lookup.Found:
    try:
        return lookup.link(call.sock, name, call.ns)
    except NoSuchDevice:
        raise refusals.no_device(call.tool, call.verb, call.args, role, name, call.ns) from None


def brctl_delbr(call: Call) -> Outcome:
    """``brctl delbr``: only a bridge, and only one that is down."""
    bridge = _link(call, call.args["dev"], "dev")
    if bridge.kind != "bridge":
        raise NetlinkError(EPERM)
    if bridge.flags & IFF_UP:
        raise NetlinkError(EBUSY)
    return call.send(apply_link.delete(call))


def brctl_port(call: Call) -> Outcome:
    """``brctl addif`` and ``delif``."""
    args = call.args
    port = _link(call, args["dev"], "dev")
    bridge = _link(call, args.get("master") or args["must_have_master"], "master")
    if args.get("must_be_free") and port.master and bridge.kind == "bridge":
        raise NetlinkError(EBUSY)
    if "must_have_master" in args:
        name = args["must_have_master"]
        if bridge.kind != "bridge":
            raise NetlinkError(EOPNOTSUPP)
        if port.master != bridge.ifindex:
            raise refusals.local(
                f"device {args['dev']} is not a port of {name}", dev=args["dev"], master=name, ns=call.ns
            )
    return call.send(apply_link.set_(call))


# -- arp -----------------------------------------------------------------------------------------------------------------


def _arp_link(call: Call) -> int:
    """The link named, else that of the route to the address."""
    if "dev" in call.args:
        return call.index(call.args["dev"])
    request = encode.route_body({"dst": call.args["address"]}, AF_INET, 32, flags=0x1000)
    _, body = call.sock.get(RTM_GETROUTE, 0, request)
    return decode.route(body, 0, len(body)).oif


def arp_set(call: Call) -> Outcome:
    """``arp -s``."""
    body = apply_neigh.body(call, _arp_link(call), call.args.get("state", "permanent"))
    return call.send(call.plan(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, body))


def arp_delete(call: Call) -> Outcome:
    """``arp -d``: the entry, else the published one."""
    index = _arp_link(call)
    if not call.args.get("proxy"):
        try:
            return call.send(call.plan(RTM_DELNEIGH, 0, apply_neigh.body(call, index, "permanent")))
        except NetlinkError as error:
            if error.errno != ENOENT:
                raise
    proxy = Call(call.ctx, call.ns, call.verb, {**call.args, "proxy": True}, call.tool)
    return call.send(call.plan(RTM_DELNEIGH, 0, apply_neigh.body(proxy, index, "permanent")))


# -- ifconfig ------------------------------------------------------------------------------------------------------------


def class_length(address: str) -> int:
    """The length of the netmask that the class of an address means.

    >>> [class_length(address) for address in ("10.1.2.3", "172.16.0.1", "192.168.1.1", "0.0.0.0", "250.0.0.1")]
    [8, 16, 24, 0, 32]
    """
    first = int(address.split(".")[0])
    if first == 0 or 224 <= first < 240:
        return 0
    return 8 if first < 128 else 16 if first < 192 else 24 if first < 224 else 32


def _broadcast(address: str, length: int) -> str:
    host = (1 << (32 - length)) - 1
    return socket.inet_ntoa((prefixes.number(address)[1] | host).to_bytes(4, "big"))


def primary(call: Call) -> Outcome:
    """``addr.primary``: put an address, or one of its properties, in the place of the first one with the label."""
    args = call.args
    link = _link(call, args["dev"], "dev")
    label = args.get("label", args["dev"])
    request = decode.IFADDR.pack(AF_INET, 0, 0, 0, link.ifindex)
    rows = dump.table(call.sock, RTM_GETADDR, request, decode.addr)
    old = next((row for row in rows if row.ifindex == link.ifindex and row.label == label), None)
    if "address" in args:
        return call.send(_set_address(call, link, label, old))
    if old is None:
        raise NetlinkError(EADDRNOTAVAIL)
    if args.get("remove"):
        return call.send(Plan((_remove(call, old),)))
    new = _changed(old, args, link.flags)
    if new == old:
        return Outcome()
    return call.send(Plan((_remove(call, old), _insert(call, new))))


def _set_address(call: Call, link: lookup.Found, label: str, old: RawAddr | None) -> Plan:
    """SIOCSIFADDR: 0.0.0.0 only takes the old one away."""
    address = call.args["address"]
    if old is not None and old.address == address:
        return Plan(())
    messages = [_remove(call, old)] if old is not None else []
    if address != "0.0.0.0":
        length = 32 if link.flags & IFF_POINTOPOINT else class_length(address)
        has_broadcast = link.flags & IFF_BROADCAST and not link.flags & IFF_POINTOPOINT and length < 31
        scope = RT_SCOPE_HOST if address.startswith("127.") else RT_SCOPE_UNIVERSE
        body = encode.address_body(
            {"local": address, "address": address, "label": label}
            | ({"broadcast": _broadcast(address, length)} if has_broadcast else {}),
            AF_INET, length, link.ifindex, scope,
        )  # fmt: skip
        messages.append(Message(call.ns, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, body))
    return Plan(tuple(messages))


def _changed(old: RawAddr, args: Mapping[str, Any], flags: int) -> RawAddr:
    """The address with its new netmask, broadcast or other end."""
    if "prefixlen" in args:
        length = args["prefixlen"]
        broadcast = old.broadcast
        if (
            flags & IFF_BROADCAST
            and length < 31
            and old.prefixlen < 31
            and broadcast == _broadcast(old.address, old.prefixlen)
        ):
            broadcast = _broadcast(old.address, length)
        return old._replace(prefixlen=length, broadcast=broadcast)
    if "broadcast" in args:
        return old._replace(broadcast="" if args["broadcast"] == "0.0.0.0" else args["broadcast"])
    peer = args["peer"]
    return old._replace(peer="" if peer == old.address else peer)


def _values(row: RawAddr) -> dict[str, Any]:
    values: dict[str, Any] = {"local": row.address, "address": row.peer or row.address, "label": row.label}
    if row.broadcast:
        values["broadcast"] = row.broadcast
    return values


def _remove(call: Call, row: RawAddr) -> Message:
    return Message(call.ns, RTM_DELADDR, 0, encode.address_body(_values(row), AF_INET, row.prefixlen, row.ifindex))


def _insert(call: Call, row: RawAddr) -> Message:
    values = _values(row)
    if row.flags & _KEPT_FLAGS:
        values["flags"] = row.flags & _KEPT_FLAGS
    if row.valid_lft != 0xFFFFFFFF:
        values["cacheinfo"] = encode.cacheinfo(row.preferred_lft, row.valid_lft)
    scope = SCOPES[row.scope] if row.scope in SCOPES else int(row.scope)
    body = encode.address_body(values, AF_INET, row.prefixlen, row.ifindex, scope)
    return Message(call.ns, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, body)


def looks_first(tool: str, verb: str, args: Mapping[str, Any]) -> bool:
    """Whether the command is one of those that this module does."""
    if (tool, verb) == ("brctl", "link.set"):
        return "must_be_free" in args or "must_have_master" in args
    return (tool, verb) in DOERS or verb == "addr.primary"


DOERS: Mapping[tuple[str, str], Callable[[Call], Outcome]] = {
    ("brctl", "link.del"): brctl_delbr,
    ("brctl", "link.set"): brctl_port,
    ("arp", "neigh.replace"): arp_set,
    ("arp", "neigh.del"): arp_delete,
    ("ifconfig", "addr.primary"): primary,
}
