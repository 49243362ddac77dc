"""Our encoder says what pyroute2 understands, and what pyroute2 itself would have said."""

from __future__ import annotations

import ast
import inspect
import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
from pyroute2.netlink.rtnl.ndmsg import ndmsg
from pyroute2.netlink.rtnl.rtmsg import rtmsg

from nsmagic.netlink import decode, encode, kinds
from nsmagic.netlink.words import AF_INET, AF_INET6

_HEADER = 16

names = st.text(st.characters(codec="ascii", categories=("L", "N"), include_characters="-_.:"), min_size=1, max_size=15)
macs = st.binary(min_size=6, max_size=6).map(lambda raw: raw.hex(":"))
u8 = st.integers(0, 0xFF)
u16 = st.integers(0, 0xFFFF)
u32 = st.integers(0, 0xFFFFFFFF)
indexes = st.integers(1, 0x7FFFFFFF)
ipv4 = st.integers(0, 0xFFFFFFFF).map(lambda value: str(ipaddress.IPv4Address(value)))
ipv6 = st.integers(0, (1 << 128) - 1).map(lambda value: str(ipaddress.IPv6Address(value)))


def _read(kind: type[Any], body: bytes) -> Any:
    """The message as pyroute2 decodes it."""
    data = (len(body) + _HEADER).to_bytes(4, "little") + bytes(12) + body
    message = kind(data)
    message.decode()
    return message


def _said(kind: type[Any], fields: dict[str, Any], attributes: list[tuple[str, Any]]) -> bytes:
    """The message as pyroute2 encodes it, without its header."""
    message = kind()
    for name, value in fields.items():
        message[name] = value
    message["attrs"] = attributes
    message.encode()
    return bytes(message.data)[_HEADER:]


def _attrs(message: Any) -> dict[str, Any]:
    return {name: value for name, value in message["attrs"]}


@given(name=names, mac=macs, mtu=u32, index=indexes, flags=u32, change=u32, alias=names, group=u32, master=indexes)
def test_link(
    name: str, mac: str, mtu: int, index: int, flags: int, change: int, alias: str, group: int, master: int
) -> None:
    values = {"mac": mac, "ifname": name, "mtu": mtu, "master": master, "group": group}
    ours = encode.link_body(values, index, flags, change)
    theirs = _said(
        ifinfmsg,
        {"index": index, "flags": flags, "change": change},
        [
            ("IFLA_ADDRESS", mac),
            ("IFLA_IFNAME", name),
            ("IFLA_MTU", mtu),
            ("IFLA_MASTER", master),
            ("IFLA_GROUP", group),
        ],
    )
    assert ours == theirs
    aliased = _read(ifinfmsg, encode.link_body({"alias": alias}, index))
    assert aliased.get_attr("IFLA_IFALIAS") == alias


@given(name=names, peer=names, mac=macs, index=indexes, other=indexes, fd=st.integers(0, 1000))
def test_veth(name: str, peer: str, mac: str, index: int, other: int, fd: int) -> None:
    data = encode.veth_data({"ifname": peer, "netns_fd": fd, "mac": mac}, other, 1, 1)
    body = encode.link_body({"ifname": name, "linkinfo": encode.linkinfo("veth", data)}, index)
    message = _read(ifinfmsg, body)
    assert message.get_attr("IFLA_IFNAME") == name
    info = message.get_attr("IFLA_LINKINFO")
    assert info.get_attr("IFLA_INFO_KIND") == "veth"
    inner = info.get_attr("IFLA_INFO_DATA").get_attr("VETH_INFO_PEER")
    assert (inner["index"], inner["flags"], inner["change"]) == (other, 1, 1)
    assert _attrs(inner) == {"IFLA_IFNAME": peer, "IFLA_NET_NS_FD": fd, "IFLA_ADDRESS": mac}


@given(local=ipv4, peer=ipv4, broadcast=ipv4, prefixlen=st.integers(0, 32), index=indexes, scope=u8, metric=u32)
def test_address(local: str, peer: str, broadcast: str, prefixlen: int, index: int, scope: int, metric: int) -> None:
    values = {
        "local": local,
        "address": peer,
        "broadcast": broadcast,
        "label": "eth0:1",
        "metric": metric,
        "flags": 0x200,
    }
    ours = encode.address_body(values, AF_INET, prefixlen, index, scope, 0x10)
    theirs = _said(
        ifaddrmsg,
        {"family": AF_INET, "prefixlen": prefixlen, "flags": 0x10, "scope": scope, "index": index},
        [
            ("IFA_LOCAL", local), ("IFA_ADDRESS", peer), ("IFA_BROADCAST", broadcast), ("IFA_LABEL", "eth0:1"),
            ("IFA_RT_PRIORITY", metric), ("IFA_FLAGS", 0x200),
        ],
    )  # fmt: skip
    assert ours == theirs


@given(address=ipv6, preferred=u32, valid=u32)
def test_address_of_ipv6(address: str, preferred: int, valid: int) -> None:
    body = encode.address_body({"local": address, "cacheinfo": encode.cacheinfo(preferred, valid)}, AF_INET6, 64, 3)
    message = _read(ifaddrmsg, body)
    assert ipaddress.ip_address(message.get_attr("IFA_LOCAL")) == ipaddress.ip_address(address)
    info = message.get_attr("IFA_CACHEINFO")
    assert (info["ifa_preferred"], info["ifa_valid"]) == (preferred, valid)


@given(
    family=st.sampled_from([AF_INET, AF_INET6]), data=st.data(), metric=u32, table=u32, tos=u8, protocol=u8, scope=u8,
    oif=indexes, flags=u32,
)  # fmt: skip
def test_route(
    family: int, data: Any, metric: int, table: int, tos: int, protocol: int, scope: int, oif: int, flags: int
) -> None:
    address = ipv4 if family == AF_INET else ipv6
    dst, gateway, prefsrc = data.draw(address), data.draw(address), data.draw(address)
    dst_len = data.draw(st.integers(0, 32 if family == AF_INET else 128))
    values = {"dst": dst, "gateway": gateway, "oif": oif, "metric": metric, "prefsrc": prefsrc, "table": table}
    ours = encode.route_body(values, family, dst_len, 0, tos, 0, protocol, scope, 1, flags)
    theirs = _said(
        rtmsg,
        {"family": family, "dst_len": dst_len, "tos": tos, "proto": protocol, "scope": scope, "type": 1, "flags": flags},
        [
            ("RTA_DST", dst), ("RTA_GATEWAY", gateway), ("RTA_OIF", oif), ("RTA_PRIORITY", metric),
            ("RTA_PREFSRC", prefsrc), ("RTA_TABLE", table),
        ],
    )  # fmt: skip
    assert ours == theirs


@given(hops=st.lists(st.tuples(ipv4, indexes, st.integers(1, 256), st.booleans()), min_size=1, max_size=8))
def test_nexthops(hops: list[tuple[str, int, int, bool]]) -> None:
    packed = b"".join(
        encode.nexthop({"gateway": gateway}, oif, weight, 4 if onlink else 0) for gateway, oif, weight, onlink in hops
    )
    message = _read(rtmsg, encode.route_body({"multipath": packed}, AF_INET))
    found = [
        (hop.get_attr("RTA_GATEWAY"), hop["oif"], hop["hops"] + 1, bool(hop["flags"] & 4))
        for hop in message.get_attr("RTA_MULTIPATH")
    ]
    assert found == hops


@pytest.mark.parametrize(("gateway", "family"), [("fd00::9", AF_INET6), ("10.0.0.9", AF_INET)])
def test_gateway_of_the_other_family(gateway: str, family: int) -> None:
    message = _read(rtmsg, encode.route_body({"via": encode.via(gateway)}, AF_INET))
    assert message.get_attr("RTA_VIA") == {"family": family, "addr": gateway}


@given(address=ipv4, mac=macs, index=indexes, state=u16, flags=u8, vlan=u16, port=u16, vni=u32)
def test_neighbour(address: str, mac: str, index: int, state: int, flags: int, vlan: int, port: int, vni: int) -> None:
    values = {"dst": address, "mac": mac, "vlan": vlan, "port": port, "vni": vni}
    body = encode.neighbour_body(values, AF_INET, index, state, flags)
    theirs = _said(
        ndmsg,
        {"family": AF_INET, "ifindex": index, "state": state, "flags": flags},
        [("NDA_DST", address), ("NDA_LLADDR", mac), ("NDA_VLAN", vlan), ("NDA_PORT", port), ("NDA_VNI", vni)],
    )
    assert body == theirs


@given(payload=st.binary(max_size=40), kind=st.integers(0, 0x3FFF))
def test_attributes_are_padded_to_four_bytes(payload: bytes, kind: int) -> None:
    packed = encode.attr(kind, payload)
    assert len(packed) % 4 == 0
    assert packed[:4] == (len(payload) + 4).to_bytes(2, "little") + kind.to_bytes(2, "little")
    assert packed[4 : 4 + len(payload)] == payload
    assert not any(packed[4 + len(payload) :])


def test_a_name_that_is_not_utf8_travels_as_it_is() -> None:
    name = b"a\xff\xfe".decode(errors="surrogateescape")
    assert encode.text(name) == b"a\xff\xfe\0"


def test_an_unknown_keyword_is_an_error() -> None:
    with pytest.raises(KeyError):
        encode.link_body({"adress": "02:00:00:00:00:01"})
    with pytest.raises(KeyError):
        kinds.pack("vrf", {"tabel": 5}, lambda name, role: 1)


def _no_link(name: str, role: str) -> int:
    raise AssertionError(f"{role} {name} is looked up")


@pytest.mark.parametrize(
    ("kind", "data", "attribute", "value"),
    [
        ("vlan", {"id": 10, "protocol": "802.1ad"}, "IFLA_VLAN_PROTOCOL", 0x88A8),
        ("vlan", {"id": 10, "gvrp": True, "mvrp": False}, "IFLA_VLAN_FLAGS", {"flags": 2, "mask": 10}),
        ("vxlan", {"id": 42}, "IFLA_VXLAN_ID", 42),
        ("vxlan", {"id": 42, "remote": "10.0.0.1"}, "IFLA_VXLAN_GROUP", "10.0.0.1"),
        ("vxlan", {"id": 42, "local": "fd00::1"}, "IFLA_VXLAN_LOCAL6", "fd00::1"),
        ("vxlan", {"id": 42}, "IFLA_VXLAN_LEARNING", 1),
        ("vxlan", {"id": 42, "srcport": [1, 2]}, "IFLA_VXLAN_PORT_RANGE", {"low": 1, "high": 2}),
        ("macvlan", {"mode": "bridge"}, "IFLA_MACVLAN_MODE", "bridge"),
        ("bond", {"mode": "802.3ad"}, "IFLA_BOND_MODE", 4),
        ("vrf", {"table": 1000}, "IFLA_VRF_TABLE", 1000),
        ("bridge", {"stp_state": 1}, "IFLA_BR_STP_STATE", 1),
        ("bridge", {"vlan_protocol": "802.1Q"}, "IFLA_BR_VLAN_PROTOCOL", 0x8100),
        ("gre", {"ikey": 5, "okey": 6}, "IFLA_GRE_IKEY", 5),
        ("gre", {"ikey": 5, "iseq": True}, "IFLA_GRE_IFLAGS", 0x3000),
        ("geneve", {"id": 3, "remote": "fd00::1"}, "IFLA_GENEVE_REMOTE6", "fd00::1"),
    ],
)
def test_data_of_a_kind(kind: str, data: dict[str, Any], attribute: str, value: Any) -> None:
    packed = kinds.pack(kind, data, _no_link, create=True)
    message = _read(ifinfmsg, encode.link_body({"linkinfo": encode.linkinfo(kind, packed)}))
    found = message.get_attr("IFLA_LINKINFO").get_attr("IFLA_INFO_DATA").get_attr(attribute)
    assert (dict(found) if isinstance(value, dict) else found) == value


def test_names_of_links_in_data_become_numbers() -> None:
    asked = []

    def resolve(name: str, role: str) -> int:
        asked.append((name, role))
        return 77

    packed = kinds.pack("vxlan", {"id": 1, "dev": "eth0"}, resolve)
    message = _read(ifinfmsg, encode.link_body({"linkinfo": encode.linkinfo("vxlan", packed)}))
    assert message.get_attr("IFLA_LINKINFO").get_attr("IFLA_INFO_DATA").get_attr("IFLA_VXLAN_LINK") == 77
    assert asked == [("eth0", "dev")]
    assert kinds.pack_port({"backup_port": ""}, _no_link).hex(" ", 4) == "08002200 00000000"


def test_a_kind_without_options_needs_no_pyroute2() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from nsmagic.netlink import apply; from nsmagic.netlink.context import Call, Message\n"
        "from nsmagic.netlink import kinds\n"
        "assert kinds.pack('bridge', {}, None, create=True) == b''\n"
        "assert 'pyroute2' not in sys.modules, 'pyroute2 is imported'"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


def test_the_codec_of_the_hot_messages_stays_small() -> None:
    """The issue on speed allows it 400 lines: of code, both ways, without words for people."""
    lines = 0
    for module in (encode, decode):
        tree = ast.parse(inspect.getsource(module))
        said: set[int] = set()
        spoken: set[int] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.stmt):
                said |= {node.lineno, node.end_lineno or node.lineno}
            if isinstance(node, ast.expr):
                said |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
            if (
                isinstance(node, ast.Expr)
                and isinstance(node.value, ast.Constant)
                and isinstance(node.value.value, str)
            ):
                spoken |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
        lines += len(said - spoken)
    assert lines < 400
