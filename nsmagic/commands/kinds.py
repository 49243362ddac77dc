"""What may follow ``type KIND`` in ``ip link add`` and ``ip link set``: for each kind its keywords and their values.

``read_data`` makes the ``data`` of the arguments. Its keys are iproute2's keywords; a pair such as ``learning`` and
``nolearning`` is one key with True or False. Values are plain: int, bool, an address or MAC in canonical form, the name
of a link, a word of a fixed list (also where the tool takes its number: ``mode 1`` of a bond is ``"active-backup"``).
``ttl inherit`` is 0 and ``tos inherit`` is 1, as on the wire.

A kind that is not listed has no options of ours: without any the kernel is asked, with some the real tool.
Options that change a tunnel in place (``ip link set … type gre …``) go to the real tool, which reads the old ones first.

More than 300 lines, because the tables of all kinds belong side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nsmagic.commands.grammar import TABLES, Beyond, Keywords, Words, family_of
from nsmagic.commands.kind_values import (
    U8,
    U16,
    U32,
    U64,
    Constant,
    Reader,
    beyond,
    device,
    endpoint,
    group,
    label,
    lladdr,
    multicast,
    number_or,
    on_off,
    one_of_on_off,
    port_range,
    protocol,
    quoted_words,
    remote,
    targets,
    tos,
    ttl,
    tunnel_key,
    tunnel_ttl,
    vni,
    word_of,
)
from nsmagic.errors import CommandSyntaxError
from nsmagic.sentences import say

Spec = Reader | Constant | tuple[Reader, str]


@dataclass(frozen=True, slots=True)
class Option:
    """One keyword of a kind: the key of ``data``, how its value is read, the tool's complaint about a bad one."""

    key: str
    value: Reader | Constant
    message: str

    def read(self, words: Words) -> Any:
        """Take the value, if the keyword has one."""
        return self.value.value if isinstance(self.value, Constant) else self.value(words, self.message)


@dataclass(frozen=True, slots=True)
class Kind:
    """The options of one kind. ``once``: the tool refuses a second use of the same. ``set_``: may be changed natively."""

    name: str
    keywords: Keywords
    options: Mapping[str, Option]
    noun: str = "command"
    once: bool = False
    set_: bool = True


def _kind(name: str, table: Mapping[str, Spec], **facts: Any) -> Kind:
    """Build a kind from ``{"keyword other! …": reader}`` or ``{…: (reader, message)}``, in the tool's order.

    The first keyword is the key, unless one has ``=key``. The message is ``invalid KEY`` when none is given.
    """
    entries, options = [], {}
    for spelled, value in table.items():
        reader, message = value if isinstance(value, tuple) else (value, "")
        first = spelled.split()[0]
        key = first.partition("=")[2] or first.rstrip("!")
        for spelling in spelled.split():
            word = spelling.partition("=")[0]
            entries.append(f"{word}={first.partition('=')[0].rstrip('!')}")
        options[first.partition("=")[0].rstrip("!")] = Option(key, reader, message or f"invalid {key}")
    return Kind(name, Keywords(" ".join(entries) + " help"), options, **facts)


def _pairs(*names: str) -> dict[str, Spec]:
    """``noX``, then ``X``, as keywords of their own for one key."""
    table: dict[str, Spec] = {}
    for name in names:
        negative = f"no{name}"
        table |= {f"{negative}={name}": Constant(False), name: Constant(True)}
    return table


_BRIDGE = _kind("bridge", {
    "forward_delay": U32, "hello_time": U32, "max_age": U32, "ageing_time": U32, "stp_state": U32, "priority": U16,
    "vlan_filtering": U8, "vlan_protocol": protocol, "group_fwd_mask": U16, "group_address": lladdr,
    "no_linklocal_learn!": U8, "fdb_flush": Constant(True), "vlan_default_pvid": U16, "vlan_stats_enabled": U8,
    "vlan_stats_per_port": U8, "mcast_router": U8, "mcast_snooping": U8, "mcast_vlan_snooping!": U8,
    "mcast_query_use_ifaddr": U8, "mcast_querier": U8, "mcast_hash_elasticity": U32, "mcast_hash_max": U32,
    "mcast_last_member_count": U32, "mcast_startup_query_count": U32, "mcast_last_member_interval": U64,
    "mcast_membership_interval": U64, "mcast_querier_interval": U64, "mcast_query_interval": U64,
    "mcast_query_response_interval": U64, "mcast_startup_query_interval": U64, "mcast_stats_enabled": U8,
    "mcast_igmp_version": U8, "mcast_mld_version": U8, "nf_call_iptables": U8, "nf_call_ip6tables": U8,
    "nf_call_arptables": U8,
})  # fmt: skip

_BRIDGE_SLAVE = _kind("bridge_slave", {
    "fdb_flush": Constant(True), "state": (U8, "state is invalid"), "priority": (U16, "priority is invalid"),
    "cost": (U32, "cost is invalid"),
    **{name: (one_of_on_off, name) for name in (
        "hairpin", "guard", "root_block", "fastleave", "learning", "flood", "mcast_flood", "bcast_flood",
        "mcast_to_unicast", "proxy_arp", "proxy_arp_wifi")},
    "mcast_router": U8,
    **{name: (one_of_on_off, name) for name in ("mcast_fast_leave", "neigh_suppress")},
    "group_fwd_mask": U16,
    **{name: (one_of_on_off, name) for name in ("vlan_tunnel", "isolated", "locked")},
    "backup_port": device, "nobackup_port=backup_port": Constant(""),
}, noun="option")  # fmt: skip

_VXLAN = _kind("vxlan", {
    "id vni": vni, "group": (group, "invalid group address"), "remote": (remote, "invalid remote address"),
    "local": (remote, "invalid local address"), "dev": device, "ttl hoplimit": (ttl, "invalid TTL"), "tos dsfield": tos,
    "df": (beyond, "df"), "flowlabel label": (label, "invalid flowlabel"), "ageing": (number_or("none"), "ageing timer"),
    "maxaddress": (number_or("unlimited"), "max addresses"), "srcport port": port_range, "dstport": (U16, "dst port"),
    **_pairs("learning", "proxy", "rsc", "l2miss", "l3miss"),
    **{f"{sign}{name}={name}": Constant(not sign) for name in ("udpcsum", "udp6zerocsumtx", "udp6zerocsumrx", "remcsumtx",
        "remcsumrx", "external") for sign in ("", "no")},
    "gbp": Constant(True), "gpe": Constant(True), "vnifilter!": (beyond, "vnifilter"),
    "novnifilter!": (beyond, "novnifilter"),
}, once=True)  # fmt: skip

_GENEVE = _kind("geneve", {
    "id vni": vni, "remote": (remote, "invalid remote address"), "ttl hoplimit": (ttl, "invalid TTL"), "tos dsfield": tos,
    "df": (beyond, "df"), "flowlabel label": (label, "invalid flowlabel"), "dstport": (U16, "dstport"),
    **{f"{sign}{name}={name}": Constant(not sign) for name in ("external", "udpcsum", "udp6zerocsumtx", "udp6zerocsumrx")
        for sign in ("", "no")},
    "innerprotoinherit!": (beyond, "innerprotoinherit"),
}, once=True, set_=False)  # fmt: skip

_VLAN = _kind("vlan", {
    "protocol": (protocol, "protocol is invalid"), "id": (U16, "id is invalid"),
    **{name: (on_off, name) for name in ("reorder_hdr", "gvrp", "mvrp", "loose_binding", "bridge_binding")},
    "ingress-qos-map": (beyond, "ingress-qos-map"), "egress-qos-map": (beyond, "egress-qos-map"),
})  # fmt: skip

_MODES = ("private", "vepa", "bridge", "passthru", "source")
_MACVLAN: dict[str, Spec] = {
    "mode": (quoted_words(*_MODES), 'Error: argument of "mode" must be "private", "vepa", "bridge", "passthru" or '
             '"source", not "%s"'),
    "flag": (quoted_words("nopromisc", "nodst", "null"), 'Error: argument of "flag" must be "nopromisc", "nodst" or '
             '"null", not "%s"'),
    "macaddr": (beyond, "macaddr"), "nopromisc=flag": Constant("nopromisc"), "nodst=flag": Constant("nodst"),
    "bcqueuelen": (beyond, "bcqueuelen"),
}  # fmt: skip
_IPVLAN: dict[str, Spec] = {
    "mode": (quoted_words("l2", "l3", "l3s"), 'Error: argument of "mode" must be either "l2", "l3" or "l3s"'),
    "private=flag": Constant("private"), "vepa=flag": Constant("vepa"), "bridge=flag": Constant("bridge"),
}  # fmt: skip

_BOND = _kind("bond", {
    "mode": word_of("balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb"),
    "active_slave": device, "clear_active_slave=active_slave": Constant(""), "miimon": U32, "updelay": U32,
    "downdelay": U32, "peer_notify_delay": U32, "use_carrier": U8, "arp_interval": U32, "arp_ip_target": targets,
    "ns_ip6_target!": (beyond, "ns_ip6_target"),
    "arp_validate": word_of("none", "active", "backup", "all", "filter", "filter_active", "filter_backup"),
    "arp_all_targets": word_of("any", "all"), "arp_missed_max!": U8, "primary": device,
    "primary_reselect": word_of("always", "better", "failure"), "fail_over_mac": word_of("none", "active", "follow"),
    "xmit_hash_policy": word_of("layer2", "layer3+4", "layer2+3", "encap2+3", "encap3+4", "vlan+srcmac"),
    "resend_igmp": U32, "num_grat_arp num_unsol_na": (U8, "invalid num_grat_arp|num_unsol_na"),
    "all_slaves_active": U8, "min_links": U32, "lp_interval": U32, "packets_per_slave": U32,
    "lacp_rate": word_of("slow", "fast"), "lacp_active!": word_of("off", "on"), "ad_select": word_of("stable", "bandwidth", "count"),
    "ad_user_port_key": U16, "ad_actor_sys_prio": U16, "ad_actor_system": lladdr, "tlb_dynamic_lb": U8,
})  # fmt: skip

_VRF = _kind(
    "vrf",
    {"table": (lambda words, message: words.named_number(message, TABLES), "invalid table ID")},
    noun="option",
)

_ENCAP: dict[str, Spec] = {
    f"{name}!": (beyond, name) for name in ("noencap", "encap", "encap-sport", "encap-dport", "encap-csum", "noencap-csum",
        "encap-udp6-csum", "noencap-udp6-csum", "encap-remcsum", "noencap-remcsum", "external")
}  # fmt: skip
_GRE_FLAGS: dict[str, Spec] = {
    "key": tunnel_key, "nokey": (beyond, "nokey"), "ikey": tunnel_key, "noikey": (beyond, "noikey"), "okey": tunnel_key,
    "nookey": (beyond, "nookey"),
    **{name: value for flag in ("seq", "csum") for name, value in {
        flag: Constant(True), f"no{flag}={flag}": Constant(False), f"i{flag}": Constant(True),
        f"noi{flag}=i{flag}": Constant(False), f"o{flag}": Constant(True), f"noo{flag}=o{flag}": Constant(False),
    }.items()},
}  # fmt: skip
_GRE: dict[str, Spec] = {
    **_GRE_FLAGS, "nopmtudisc=pmtudisc": Constant(False), "pmtudisc": Constant(True), "remote": endpoint("inet"),
    "local": endpoint("inet"), "dev": device, "ttl hoplimit hlim": tunnel_ttl, "tos tclass dsfield": tos, **_ENCAP,
    "ignore-df!": (beyond, "ignore-df"), "noignore-df!": (beyond, "noignore-df"), "fwmark!": (U32, "invalid fwmark"),
}  # fmt: skip
_IPTNL: dict[str, Spec] = {
    "mode!": (beyond, "mode"), "remote!": endpoint("inet"), "local!": endpoint("inet"), "dev": device,
    "ttl! hoplimit! hlim!": tunnel_ttl, "tos! tclass! dsfield": tos, "nopmtudisc!=pmtudisc": Constant(False),
    "pmtudisc!": Constant(True), **_ENCAP, "isatap!": (beyond, "isatap"), "6rd-prefix!": (beyond, "6rd-prefix"),
    "6rd-relay_prefix!": (beyond, "6rd-relay_prefix"), "6rd-reset!": (beyond, "6rd-reset"),
    "fwmark!": (U32, "invalid fwmark"),
}  # fmt: skip
_VTI: dict[str, Spec] = {
    "key": tunnel_key, "ikey": tunnel_key, "okey": tunnel_key, "remote": endpoint("inet"), "local": endpoint("inet"), "dev": device,
    "fwmark!": (U32, "invalid fwmark"),
}  # fmt: skip

#: Every kind whose options we read.
KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        _BRIDGE, _BRIDGE_SLAVE, _VXLAN, _GENEVE, _VLAN, _BOND, _VRF,
        *(_kind(name, _MACVLAN, noun="option") for name in ("macvlan", "macvtap")),
        *(_kind(name, _IPVLAN, noun="option") for name in ("ipvlan", "ipvtap")),
        *(_kind(name, _GRE, set_=False) for name in ("gre", "gretap")),
        *(_kind(name, _IPTNL, set_=False) for name in ("ipip", "sit")),
        _kind("vti", _VTI, set_=False),
    )
}  # fmt: skip
#: Kinds that have no options at all.
PLAIN = frozenset({"dummy", "ifb", "nlmon", "vcan", "wireguard", "team", "veth", "vxcan"})


def read_data(words: Words, kind: str, *, create: bool) -> dict[str, Any]:
    """Read the options after ``type KIND``: the ``data`` of ``link.add`` and ``link.set``.

    >>> read_data(Words("stp_state 1 vlan_f 1".split()), "bridge", create=True)
    {'stp_state': 1, 'vlan_filtering': 1}
    """
    if not words.more:
        return {}
    known = KINDS.get(kind)
    if known is None or not (create or known.set_):
        raise Beyond(f"type {kind}")
    data: dict[str, Any] = {}
    flags: list[str] = []
    while words.more:
        word = words.next()
        name = known.keywords.find(word)
        if name == "help":
            raise Beyond("help")
        if name is None:
            raise words.unknown(f'{kind}: unknown {known.noun} "{word}"?', _typed(known))
        option = known.options[name]
        if known.once:
            _check_once(words, word, option, data)
        value = option.read(words)
        if option.key in _ENDS:
            _check_family(words, option.key, value, data)
        if option.key == "flag":
            flags.append(value)
        else:
            data[option.key] = value
    if flags:
        data["flag"] = [flag for flag in flags if flag != "null"]
    finish = _FINISH.get(kind)
    if finish is not None:
        finish(words, data, create)
    return data


def _typed(kind: Kind) -> tuple[str, ...]:
    """The keywords of a kind that are worth naming."""
    return tuple(name for name in kind.keywords.names if name != "help")


_ENDS = ("remote", "group", "local")


def _check_once(words: Words, word: str, option: Option, data: Mapping[str, Any]) -> None:
    """vxlan and geneve refuse a second use; the tool names the value, or the keyword itself when it has none."""
    if {"group": "remote", "remote": "group"}.get(option.key) in data:
        raise words.fail("vxlan: both group and remote cannot be specified", hint=say("form-group-remote"))
    if option.key not in data:
        return
    if isinstance(option.value, Constant):
        raise words.garbage(word)
    words.next()
    raise words.garbage(option.key)


def _check_family(words: Words, key: str, value: str, data: Mapping[str, Any]) -> None:
    """Both ends of a tunnel are of one family."""
    for other in _ENDS:
        if other != key and other in data and family_of(data[other]) != family_of(value):
            family = family_of(data[other])
            message = f'Error: {family} address is expected rather than "{words.argv[words.i - 1]}".'
            raise words.fail(message, hint=say("form-one-family", other=other, address=data[other]))


def _refuse(words: Words, message: str, hint: str, expected: tuple[str, ...] = ()) -> CommandSyntaxError:
    return words.missing(message, expected, hint)


def _finish_vxlan(words: Words, data: dict[str, Any], create: bool) -> None:
    external = data.get("external", False)
    if external and "id" in data:
        raise _refuse(words, "vxlan: both 'external' and vni cannot be specified", "leave out one of them")
    if create and not external and "id" not in data:
        raise _refuse(words, "vxlan: missing virtual network identifier", "for example: type vxlan id 42", ("id",))
    if "group" in data and "dev" not in data:
        raise _refuse(
            words, "vxlan: 'group' requires 'dev' to be specified", "dev is where the packets go out", ("dev",)
        )
    if external:
        data.setdefault("learning", False)
    if data.get("gpe") and "dstport" not in data:
        data["dstport"] = 4790
    if data.get("dstport") == 0:
        del data["dstport"]
    if data.get("srcport") == [0, 0]:
        del data["srcport"]


def _finish_geneve(words: Words, data: dict[str, Any], _: bool) -> None:
    external = data.get("external", False)
    if external and "id" in data:
        raise _refuse(words, "geneve: both 'external' and vni cannot be specified", "leave out one of them")
    if not external and "id" not in data:
        raise _refuse(words, "geneve: missing virtual network identifier", "for example: type geneve id 42", ("id",))
    if not external and "remote" not in data:
        raise _refuse(words, "geneve: remote link partner not specified", "remote is the other end", ("remote",))
    if data.get("dstport") == 0:
        del data["dstport"]


def _finish_ipvlan(_: Words, data: dict[str, Any], __: bool) -> None:
    if len(data.get("flag", ())) > 1:
        raise Beyond("several flags of ipvlan")


def _finish_gre(words: Words, data: dict[str, Any], _: bool) -> None:
    """``key``, ``seq`` and ``csum`` stand for both directions; a multicast tunnel's key is its group."""
    for name in ("key", "seq", "csum"):
        if name in data:
            value = data.pop(name)
            data.setdefault(f"i{name}", value)
            data.setdefault(f"o{name}", value)
    remote = data.get("remote", "")
    if remote and multicast(remote):
        if data.get("local", "0.0.0.0") == "0.0.0.0":
            raise _refuse(words, "A broadcast tunnel requires a source address.", "add local ADDRESS", ("local",))
        group = int.from_bytes(bytes(map(int, remote.split("."))), "big")
        data.setdefault("ikey", group)
        data.setdefault("okey", group)


def _finish_iptnl(words: Words, data: dict[str, Any], _: bool) -> None:
    if data.get("ttl") and data.get("pmtudisc") is False:
        raise _refuse(words, "ttl != 0 and nopmtudisc are incompatible", "leave out one of them")


_FINISH: Mapping[str, Callable[[Words, dict[str, Any], bool], None]] = {
    "vxlan": _finish_vxlan, "geneve": _finish_geneve, "ipvlan": _finish_ipvlan, "ipvtap": _finish_ipvlan,
    "gre": _finish_gre, "gretap": _finish_gre, "vti": _finish_gre, "ipip": _finish_iptnl, "sit": _finish_iptnl,
}  # fmt: skip
