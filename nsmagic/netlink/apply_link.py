"""``link.add``, ``link.set``, ``link.del``, ``link.property`` as requests.

A new link gets a number of the lab's and, for the kinds to which the kernel would give a random one, a MAC of the lab's;
so does a veth's other end. Everything typed goes into one request, as with iproute2: ``ip link set v0 master br0 up`` is
done or refused as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nsmagic.errors import NamespaceNotFound
from nsmagic.netlink import encode, kinds
from nsmagic.netlink.context import Call, Plan
from nsmagic.netlink.socket import NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL
from nsmagic.netlink.words import ADDRGENMODES, RTM_DELLINK, RTM_DELLINKPROP, RTM_NEWLINK, RTM_NEWLINKPROP
from nsmagic.shape import IFF_ALLMULTI, IFF_MULTICAST, IFF_NOARP, IFF_PROMISC, IFF_UP

_IFF_NOTRAILERS, _IFF_DYNAMIC = 0x20, 0x8000
#: Switch → (flag, whether "on" clears it).
_SWITCHES = {
    "up": (IFF_UP, False), "arp": (IFF_NOARP, True), "promisc": (IFF_PROMISC, False),
    "multicast": (IFF_MULTICAST, False), "allmulticast": (IFF_ALLMULTI, False), "dynamic": (_IFF_DYNAMIC, False),
    "trailers": (_IFF_NOTRAILERS, True),
}  # fmt: skip
#: Arguments that are attributes of the same name and form.
_PLAIN = frozenset({
    "mtu", "mac", "broadcast_mac", "txqlen", "alias", "group", "numtxqueues", "numrxqueues", "carrier", "protodown",
    "gso_max_size", "gso_max_segs", "gro_max_size",
})  # fmt: skip
#: Kinds to which the kernel gives a random MAC.
RANDOM_MAC = frozenset(
    {"veth", "bridge", "dummy", "macvlan", "macvtap", "vxlan", "ifb", "bond", "team", "vrf", "geneve", "gretap"}
)


def add(call: Call) -> Plan:
    """``ip link add``: RTM_NEWLINK that must make something new."""
    args = call.args
    kind = args["kind"]
    values, flags, change = _attributes(call, args)
    target = _target(call, args)
    name = args.get("ifname")
    if name:
        values["ifname"] = name
    _derive_mac(call, values, target, name or "", kind, args.get("data", {}))
    _choose_queues(call, values, kind)
    if "lower" in args:
        values["link"] = call.index(args["lower"], "lower")
    index = args.get("index") or call.ctx.new_ifindex(target)
    if kind in ("veth", "vxcan"):
        data = _peer(call, kind, args.get("peer"))
    else:
        data = kinds.pack(kind, args.get("data", {}), call.index, create=True)
    values["linkinfo"] = encode.linkinfo(kind, data)
    body = encode.link_body(values, index, flags, change)
    return call.plan(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, body)


def _derive_mac(call: Call, values: dict[str, Any], ns: str, name: str, kind: str, data: Mapping[str, Any]) -> None:
    """Put the lab's MAC where the kernel would draw one. A macvlan in mode passthru takes that of its lower link.

    A link whose name the kernel chooses has an empty one here.
    """
    if "mac" in values or kind not in RANDOM_MAC or data.get("mode") == "passthru":
        return
    mac = call.ctx.mac(ns, name, kind)
    if mac:
        values["mac"] = mac


def _choose_queues(call: Call, values: dict[str, Any], kind: str) -> None:
    """How many queues an end of a cable has, where the kernel would count the machine's processors."""
    if kind == "veth" and call.ctx.queues:
        values.setdefault("numtxqueues", call.ctx.queues)
        values.setdefault("numrxqueues", call.ctx.queues)


def _peer(call: Call, kind: str, peer: Mapping[str, Any] | None) -> bytes:
    """The message for the other end. It is made in the namespace of the command unless it names another."""
    peer = peer or {}
    values, flags, change = _attributes(call, peer)
    target = _target(call, peer)
    if "ifname" in peer:
        values["ifname"] = peer["ifname"]
    _derive_mac(call, values, target, peer.get("ifname", ""), kind, {})
    _choose_queues(call, values, kind)
    index = peer.get("index") or call.ctx.new_ifindex(target)
    if not peer and not index and not values:
        return b""
    return encode.veth_data(values, index, flags, change)


def _attributes(call: Call, args: Mapping[str, Any]) -> tuple[dict[str, Any], int, int]:
    """What ``add``, ``set`` and ``peer`` share: attributes, flags, and which flags are meant."""
    flags = change = 0
    values: dict[str, Any] = {}
    for name, value in args.items():
        if name in _PLAIN:
            values[name] = value
        elif name in _SWITCHES:
            bit, inverse = _SWITCHES[name]
            change |= bit
            if bool(value) != inverse:
                flags |= bit
    if "master" in args:
        values["master"] = call.index(args["master"], "master") if args["master"] else 0
    if "netns" in args:
        key, value = _netns(call, args["netns"])
        values[key] = value
    if "addrgenmode" in args:
        values["af_spec"] = encode.addrgenmode(ADDRGENMODES[args["addrgenmode"]])
    return values, flags, change


def _netns(call: Call, netns: str | int) -> tuple[str, int]:
    """The attribute that says where a link goes: the descriptor of a named namespace, else a pid."""
    try:
        return "netns_fd", call.ctx.nsfd(str(netns))
    except NamespaceNotFound as error:
        if isinstance(netns, int):
            return "netns_pid", netns
        message = f'Error: argument "{netns}" is wrong: Invalid "netns" value'
        raise NamespaceNotFound(message, name=netns, known=error.known, hint=error.hint) from None


def _target(call: Call, args: Mapping[str, Any]) -> str:
    """The namespace in which a new link will live, as far as it has a name; only MAC and number depend on it."""
    netns = args.get("netns", call.ns)
    return netns if isinstance(netns, str) else call.ns


def set_(call: Call) -> Plan:
    """``ip link set``: RTM_NEWLINK on an existing link, or on all of a group."""
    args = call.args
    values, flags, change = _attributes(call, args)
    if "group_all" in args:
        values["group"] = args["group_all"]
        return call.plan(RTM_NEWLINK, 0, encode.link_body(values, 0, flags, change))
    if "kind" in args:
        data = kinds.pack(args["kind"], args.get("data", {}), call.index)
        values["linkinfo"] = encode.linkinfo(args["kind"], data)
    elif "port_kind" in args:
        kind = f"{args['port_kind']}_slave"
        values["linkinfo"] = encode.linkinfo(kind, kinds.pack(kind, args.get("data", {}), call.index), slave=True)
    index = call.index(args["dev"])
    if "index" in args:
        values["new_ifindex"] = args["index"]
    if "name" in args:
        values["ifname"] = args["name"]
    return call.plan(RTM_NEWLINK, 0, encode.link_body(values, index, flags, change))


def delete(call: Call) -> Plan:
    """``ip link del``: one link, or all of a group at once."""
    args = call.args
    values: dict[str, Any] = {}
    if "kind" in args:
        values["linkinfo"] = encode.linkinfo(args["kind"])
    if "group_all" in args:
        values["group"] = args["group_all"]
        return call.plan(RTM_DELLINK, 0, encode.link_body(values))
    return call.plan(RTM_DELLINK, 0, encode.link_body(values, call.index(args["dev"])))


def property_(call: Call) -> Plan:
    """``ip link property add|del``: alternative names."""
    args = call.args
    body = encode.altnames(args["altnames"], call.index(args["dev"]))
    if args["add"]:
        return call.plan(RTM_NEWLINKPROP, NLM_F_CREATE | NLM_F_EXCL | NLM_F_APPEND, body)
    return call.plan(RTM_DELLINKPROP, 0, body)


PLANNERS: Mapping[str, Callable[[Call], Plan]] = {
    "link.add": add,
    "link.set": set_,
    "link.del": delete,
    "link.property": property_,
}
