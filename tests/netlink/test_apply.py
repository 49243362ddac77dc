"""What ``apply`` leaves in the kernel, gives back and refuses, beyond what the parity tests compare with the real tools."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from sandboxed import LocalLab, sh, unshare

from nsmagic.errors import KernelRefused, NamespaceNotFound, NsmagicError
from nsmagic.model import HOST
from nsmagic.netlink import lookup, refusals
from nsmagic.netlink.apply import DOERS, PLANNERS, VERBS, apply, can_pipeline, prepare, refusal
from nsmagic.netlink.context import NoSuchDevice
from nsmagic.netlink.socket import NLM_F_ACK, NetlinkError

pytestmark = pytest.mark.sandbox

Sandbox = Callable[[Callable[[], Any]], Any]


class Lab(LocalLab):
    """``do("link.add", ifname=…)``."""

    def do(self, verb: str, /, ns: str | None = None, tool: str = "ip", **args: Any) -> Any:
        return apply(self, ns, verb, args, tool)

    def refused(self, verb: str, /, ns: str | None = None, tool: str = "ip", **args: Any) -> dict[str, Any]:
        try:
            apply(self, ns, verb, args, tool)
        except NsmagicError as error:
            return error.to_data()
        raise AssertionError(f"{verb} was not refused")

    def cable(self) -> None:
        self.do("link.add", ifname="v0", kind="veth", peer={"ifname": "v1"})
        self.do("link.set", dev="v0", up=True)
        self.do("link.set", dev="v1", up=True)
        self.do("addr.add", dev="v0", address="10.0.0.1", prefixlen=24)


def _links(ns: str | None = None) -> dict[str, dict[str, Any]]:
    prefix = f"-n {ns} " if ns else ""
    return {row["ifname"]: row for row in json.loads(sh(f"ip -d -j {prefix}link"))}


# -- new links -----------------------------------------------------------------------------------------------------------


def test_a_cable_has_numbers_and_macs_of_the_lab(in_sandbox: Sandbox) -> None:
    def body() -> None:
        lab = Lab()
        lab.add("red")
        lab.do("link.add", ifname="v0", kind="veth", peer={"ifname": "v1", "netns": "red"})
        here, there = _links()["v0"], _links("red")["v1"]
        assert (here["ifindex"], there["ifindex"]) == (1001, 1002)
        assert here["address"] == lab.mac(HOST, "v0", "veth")
        assert there["address"] == lab.mac("red", "v1", "veth")

    in_sandbox(body)


def test_a_cable_has_one_queue_on_every_machine(in_sandbox: Sandbox) -> None:
    """The kernel counts the machine's processors; a number that was typed is kept."""

    def body() -> None:
        lab = Lab(queues=1)
        lab.do("link.add", ifname="v0", kind="veth", peer={"ifname": "v1"})
        lab.do("link.add", ifname="w0", numtxqueues=3, kind="veth", peer={"ifname": "w1", "numrxqueues": 2})
        queues = {name: (row["num_tx_queues"], row["num_rx_queues"]) for name, row in _links().items() if name != "lo"}
        assert queues == {"v0": (1, 1), "v1": (1, 1), "w0": (3, 1), "w1": (1, 2)}

    in_sandbox(body)


def test_what_was_typed_is_not_derived(in_sandbox: Sandbox) -> None:
    def body() -> None:
        lab = Lab()
        lab.do(
            "link.add",
            ifname="v0",
            kind="veth",
            index=77,
            mac="02:00:00:00:00:07",
            peer={"ifname": "v1", "index": 78, "mac": "02:00:00:00:00:08"},
        )
        links = _links()
        assert [(links[name]["ifindex"], links[name]["address"]) for name in ("v0", "v1")] == [
            (77, "02:00:00:00:00:07"),
            (78, "02:00:00:00:00:08"),
        ]

    in_sandbox(body)


def test_a_link_that_the_kernel_names_has_a_mac_of_the_lab_too(in_sandbox: Sandbox) -> None:
    def body() -> None:
        lab = Lab()
        lab.do("link.add", kind="veth")
        links = _links()
        assert {links["veth0"]["address"], links["veth1"]["address"]} == {lab.mac(HOST, "", "veth")}

    in_sandbox(body)


def test_a_bridge_keeps_the_labs_mac_and_has_no_carrier_without_ports(in_sandbox: Sandbox) -> None:
    """The deviation from a real bridge: that one takes the lowest MAC of its ports, and has carrier while it never had one."""

    def body() -> None:
        lab = Lab()
        lab.do("link.add", ifname="br0", kind="bridge")
        lab.do("link.add", ifname="v0", kind="veth", mac="02:00:00:00:00:01", peer={"ifname": "v1"})
        lab.do("link.set", dev="br0", up=True)
        assert "NO-CARRIER" in _links()["br0"]["flags"]
        lab.do("link.set", dev="v0", master="br0")
        assert _links()["br0"]["address"] == lab.mac(HOST, "br0", "bridge")

    in_sandbox(body)


def test_kinds_that_inherit_a_mac_keep_doing_so(in_sandbox: Sandbox) -> None:
    def body() -> None:
        lab = Lab()
        lab.cable()
        lab.do("link.add", ifname="pass", kind="macvlan", lower="v1", data={"mode": "passthru"})
        lab.do("link.add", ifname="own", kind="macvlan", lower="v0", data={"mode": "bridge"})
        links = _links()
        assert links["pass"]["address"] == links["v1"]["address"]
        assert links["own"]["address"] == lab.mac(HOST, "own", "macvlan")

    in_sandbox(body)


def test_a_number_taken_meanwhile_is_replaced_by_another(in_sandbox: Sandbox) -> None:
    def body() -> None:
        lab = Lab()
        sh("ip link add x0 index 1001 type veth peer name x1 index 1003")
        lab.do("link.add", ifname="v0", kind="veth", peer={"ifname": "v1"})
        links = _links()
        assert {links["v0"]["ifindex"], links["v1"]["ifindex"]}.isdisjoint({1001, 1003})
        assert links["v0"]["ifindex"] > 1003
        error = lab.refused("link.add", ifname="w0", kind="veth", index=1001, peer={"ifname": "w1"})
        assert error["message"] == "RTNETLINK answers: File exists"
        error = lab.refused("link.add", ifname="w0", kind="veth", index=1500, peer={"ifname": "w1", "index": 1001})
        assert error["message"] == "RTNETLINK answers: Device or resource busy"
        error = lab.refused("link.add", ifname="w0", kind="veth", peer={"ifname": "x1"})
        assert error["message"] == "RTNETLINK answers: File exists"

    in_sandbox(body)


def test_a_number_that_is_a_name_is_the_name(in_sandbox: Sandbox) -> None:
    def body() -> None:
        lab = Lab()
        lab.add("42")
        lab.do("link.add", ifname="v0", kind="veth", peer={"ifname": "v1"})
        lab.do("link.set", dev="v1", netns=42)
        assert "v1" in _links("42")
        error = lab.refused("link.set", dev="v0", netns=4194303)
        assert error["message"] == "RTNETLINK answers: No such process"

    in_sandbox(body)


def test_an_unknown_namespace_is_worded_as_ip_does_and_lists_the_known(in_sandbox: Sandbox) -> None:
    def body() -> None:
        lab = Lab()
        lab.add("red")
        lab.do("link.add", ifname="v0", kind="veth", peer={"ifname": "v1"})
        error = lab.refused("link.set", dev="v0", netns="rad")
        assert error["error"] == "NamespaceNotFound"
        assert error["message"] == 'Error: argument "rad" is wrong: Invalid "netns" value'
        assert (error["name"], error["known"]) == ("rad", ["red"])
        with pytest.raises(NamespaceNotFound):
            apply(lab, "nowhere", "link.set", {"dev": "lo", "up": True})

    in_sandbox(body)


def test_unnamed_namespaces_can_be_acted_in(in_sandbox: Sandbox) -> None:
    def body() -> None:
        lab = Lab()
        lab.hold("(lan)")
        lab.do("link.add", ifname="v0", kind="veth", peer={"ifname": "eth0", "netns": "(lan)"})
        lab.do("link.set", dev="eth0", ns="(lan)", up=True)
        assert lookup.link(lab.socket("(lan)"), "eth0", "(lan)").flags & 1

    in_sandbox(body)


# -- refusals ------------------------------------------------------------------------------------------------------------


def test_a_refusal_carries_number_words_and_subject(in_sandbox: Sandbox) -> None:
    def body() -> None:
        lab = Lab()
        lab.cable()
        error = lab.refused("link.add", ifname="v0", kind="bridge")
        assert error["message"] == "RTNETLINK answers: File exists"
        assert (error["errno"], error["kernel"]) == (17, "File exists")
        assert error["subject"] == {"ns": "host", "ifname": "v0", "kind": "bridge"}
        error = lab.refused("route.add", dst="default", gateway="172.16.0.1")
        assert error["message"] == "Error: Nexthop has invalid gateway."
        assert (error["errno"], error["kernel"]) == (101, "Nexthop has invalid gateway")
        assert error["subject"] == {"ns": "host", "dst": "default", "gateway": "172.16.0.1"}

    in_sandbox(body)


def test_a_missing_link_says_where_it_stood(in_sandbox: Sandbox) -> None:
    def body() -> None:
        lab = Lab()
        lab.cable()
        error = lab.refused("link.set", dev="v0", master="br7")
        assert error["message"] == 'Error: argument "br7" is wrong: Device does not exist'
        assert error["subject"] == {"dev": "br7", "ns": "host", "role": "master"}
        error = lab.refused("link.set", dev="veth-rad", up=True)
        assert (error["message"], error["errno"]) == ('Cannot find device "veth-rad"', 19)

    in_sandbox(body)


@pytest.mark.parametrize("verb", ["netns.add", "ping", "link.show", "addr.primary", "link.ad"])
def test_a_verb_of_others_is_refused(verb: str, in_sandbox: Sandbox) -> None:
    def body() -> None:
        with pytest.raises(NsmagicError, match=re.escape(f"{verb} is not done over netlink")):
            apply(Lab(), None, verb, {})

    in_sandbox(body)


@pytest.mark.parametrize(
    ("tool", "verb", "args", "number", "ext", "words"),
    [
        ("ip", "link.add", {}, 95, "Unknown device type", "Error: Unknown device type."),
        ("ip", "link.add", {}, 22, "Ends with a dot.", "Error: Ends with a dot."),
        ("bridge", "bridge.fdb.add", {}, 17, "", "RTNETLINK answers: File exists"),
        ("route", "route.prepend", {}, 101, "Nexthop has invalid gateway", "SIOCADDRT: Network is unreachable"),
        ("route", "route.del", {}, 3, "", "SIOCDELRT: No such process"),
        ("arp", "neigh.del", {"address": "10.0.0.9"}, 2, "", "No ARP entry for 10.0.0.9"),
        ("ifconfig", "link.set", {"mtu": 1}, 22, "mtu less than device minimum", "SIOCSIFMTU: Invalid argument"),
        ("ifconfig", "link.set", {"name": "x"}, 17, "", "SIOCSIFNAME: File exists"),
        ("brctl", "link.set", {"dev": "v0", "data": {"max_age": 1}}, 34, "", "set max age failed: Numerical result out of range"),
        ("brctl", "link.set", {"dev": "v0", "port_kind": "bridge", "data": {"priority": 1}}, 22, "", "set port priority failed: Invalid argument"),
    ],
)  # fmt: skip
def test_words(tool: str, verb: str, args: dict[str, Any], number: int, ext: str, words: str) -> None:
    error = refusal(None, verb, args, tool, NetlinkError(number, ext))
    assert isinstance(error, KernelRefused)
    assert str(error) == words
    assert error.errno == number


def test_what_iproute2_refuses_by_itself(in_sandbox: Sandbox) -> None:
    def body() -> None:
        lab = Lab()
        lab.cable()
        assert lab.refused("addr.add", dev="v0", address="10.0.1.1", prefixlen=24, valid_lft=5)["message"] == (
            "preferred_lft is greater than valid_lft"
        )
        assert (
            lab.refused("addr.add", dev="v0", address="10.0.1.1", prefixlen=24, valid_lft=0)["message"]
            == "valid_lft is zero"
        )
        assert lab.refused("addr.add", dev="v0", address="fd00::1", prefixlen=64, broadcast="+")["message"] == (
            "Broadcast can be set only for IPv4 addresses"
        )

    in_sandbox(body)


# -- answers -------------------------------------------------------------------------------------------------------------


def test_route_get_gives_a_row(in_sandbox: Sandbox) -> None:
    def body() -> None:
        lab = Lab()
        lab.cable()
        lab.do("route.add", dst="default", gateway="10.0.0.2")
        outcome = lab.do("route.get", address="192.0.2.1")
        assert outcome.table == "routes"
        [row] = outcome.rows
        assert row[:6] == ["host", "inet", "192.0.2.1", "10.0.0.2", "v0", "10.0.0.1"]
        [row] = lab.do("route.get", address="192.0.2.1", fibmatch=True).rows
        assert row[2] == "default"
        [row] = lab.do("route.get", address="10.0.0.1").rows
        assert (row[4], row[10]) == ("lo", "local")
        error = lab.refused("route.get", address="2001:db8::1")
        assert error["message"] == "RTNETLINK answers: Network is unreachable"

    in_sandbox(body)


def test_neigh_get_gives_a_row(in_sandbox: Sandbox) -> None:
    def body() -> None:
        lab = Lab()
        lab.cable()
        lab.do("neigh.add", address="10.0.0.2", dev="v0", mac="02:00:00:00:00:09", state="permanent")
        assert lab.do("neigh.get", address="10.0.0.2", dev="v0").rows == [
            ["host", "inet", "10.0.0.2", "02:00:00:00:00:09", "v0", "PERMANENT", 0]
        ]
        assert lab.refused("neigh.get", address="10.0.0.3", dev="v0")["message"] == "Error: Neighbour entry not found."

    in_sandbox(body)


def test_a_wildcard_deletion_is_noted(in_sandbox: Sandbox) -> None:
    def body() -> None:
        lab = Lab()
        lab.cable()
        notes = lab.do("addr.del", dev="v0", address="10.0.0.1").notes
        assert len(notes) == 1
        assert notes[0].startswith("Warning: Executing wildcard deletion")
        assert "(10.0.0.1/32)" in notes[0]

    in_sandbox(body)


def test_flushes_count(in_sandbox: Sandbox) -> None:
    def body() -> None:
        lab = Lab()
        lab.cable()
        lab.do("addr.add", dev="v0", address="10.0.1.1", prefixlen=24)
        assert lab.do("addr.flush", dev="v0", family="inet").count == 2
        assert lab.do("addr.flush", dev="v0", family="inet").count == 0
        lab.do("route.flush", table="cache")
        assert lab.do("route.flush", table="all", family="inet", dev="v0").count == 0

    in_sandbox(body)


def test_little_is_enough(in_sandbox: Sandbox) -> None:
    """Arguments that the grammar would have filled in are filled in here too."""

    def body() -> None:
        lab = Lab()
        lab.cable()
        lab.do("route.add", dst="10.5.0.0/16", dev="v0")
        lab.do("route.add", dst="default", gateway="10.0.0.2")
        lab.do("route.add", dst="10.6.0.1/32", type="local", dev="lo")
        lab.do("addr.add", dev="lo", address="127.0.0.9", prefixlen=8)
        lab.do("addr.add", dev="v0", address="10.7.0.1", prefixlen=24, broadcast="+")
        lab.do("neigh.add", address="10.0.0.9", dev="v0", mac="02:00:00:00:00:01")
        lab.do("rule.add", src="10.0.0.0/8", table=1000)
        routes = {row["dst"]: row for row in json.loads(sh("ip -d -j route show table all"))}
        assert (routes["10.5.0.0/16"]["scope"], routes["default"]["scope"]) == ("link", "global")
        assert (routes["10.6.0.1"]["table"], routes["10.6.0.1"]["scope"]) == ("local", "host")
        assert routes["127.0.0.9"]["scope"] == "host"
        assert routes["10.7.0.255"]["type"] == "broadcast"
        lab.do("route.del", dst="10.5.0.0/16")
        lab.do("rule.del", src="10.0.0.0/8", table=1000)
        assert "1000" not in sh("ip rule")

    in_sandbox(body)


# -- plans ---------------------------------------------------------------------------------------------------------------


def test_every_verb_is_a_planner_or_a_doer() -> None:
    assert not set(PLANNERS) & set(DOERS)
    assert set(PLANNERS) | set(DOERS) | {"addr.primary"} == VERBS
    for verb in (
        "link.add",
        "link.set",
        "link.del",
        "addr.add",
        "route.add",
        "neigh.add",
        "rule.add",
        "bridge.fdb.add",
    ):
        assert can_pipeline(verb, "ip", {})
    assert not can_pipeline("addr.flush", "ip", {})
    assert not can_pipeline("link.del", "brctl", {"dev": "br0"})
    assert can_pipeline("link.set", "brctl", {"dev": "br0", "kind": "bridge", "data": {}})


def test_plans_sent_together_do_what_they_do_one_by_one(in_sandbox: Sandbox) -> None:
    """Many requests in one go, the answers read afterwards: what the pipeline of a cell relies on."""

    def body() -> None:
        lab = Lab()
        lab.do("link.add", ifname="v0", kind="veth", peer={"ifname": "v1"})
        commands: list[tuple[str, dict[str, Any]]] = [
            ("link.set", {"dev": "v0", "up": True}),
            ("addr.add", {"dev": "v0", "address": "10.0.0.1", "prefixlen": 24}),
            ("addr.add", {"dev": "v0", "address": "10.0.0.1", "prefixlen": 24}),
            ("link.set", {"dev": "v1", "up": True}),
            ("route.add", {"dst": "default", "gateway": "10.0.0.2"}),
        ]
        sock = lab.socket(HOST)
        sent = b"".join(
            sock.message(one.type, one.flags | NLM_F_ACK, one.body)
            for verb, args in commands
            for one in prepare(lab, None, verb, args).messages
        )
        sock.sock.send(sent)
        codes = [int.from_bytes(sock.sock.recv(65536)[16:20], "little", signed=True) for _ in commands]
        assert codes == [0, 0, -17, 0, 0]
        assert "default via 10.0.0.2" in sh("ip route")

    in_sandbox(body)


# -- look-ups ------------------------------------------------------------------------------------------------------------


def test_links_are_found_by_any_of_their_names(in_sandbox: Sandbox) -> None:
    def body() -> None:
        lab = Lab()
        lab.do("link.add", ifname="v0", kind="veth", index=50, peer={"ifname": "v1"})
        lab.do("link.property", dev="v0", add=True, altnames=["short", "much-longer-than-fifteen"])
        for name in ("v0", "short", "much-longer-than-fifteen", "if50"):
            assert lab.ifindex(HOST, name) == 50
        assert lookup.by_index(lab.socket(HOST), 50, HOST).ifname == "v0"
        for name in ("nope", "", "x" * 200, "a/b", "if0", "if99999999999"):
            with pytest.raises(NoSuchDevice):
                lookup.find(lab.socket(HOST), name, HOST)
        with pytest.raises(NoSuchDevice):
            lookup.by_index(lab.socket(HOST), 51, HOST)

    in_sandbox(body)


def test_names_are_data(in_sandbox: Sandbox) -> None:
    def body() -> None:
        lab = Lab()
        for name in ("$(x)", "a;b", "<b>", "é漢", "-rf", b"\xff\xfe".decode(errors="surrogateescape")):
            lab.do("link.add", ifname=name, kind="bridge")
            lab.do("link.set", dev=name, up=True, alias=name)
            assert lookup.link(lab.socket(HOST), name, HOST).ifname == name

    in_sandbox(body)


def test_the_sandbox_is_not_the_machine(in_sandbox: Sandbox) -> None:
    def body() -> None:
        assert list(_links()) == ["lo"]
        unshare(0x40000000)
        assert list(_links()) == ["lo"]

    in_sandbox(body)


def test_words_of_a_missing_device_by_tool() -> None:
    def words(tool: str, verb: str, role: str = "dev", **args: Any) -> str:
        return refusals.no_device(tool, verb, args, role, "x", "host").message

    assert words("ip", "addr.flush") == 'Device "x" does not exist.'
    assert words("bridge", "bridge.vlan.add") == 'Cannot find bridge device "x"'
    assert words("bridge", "bridge.fdb.add") == 'Cannot find device "x"'
    assert words("brctl", "link.set", "master") == "bridge x does not exist!"
    assert words("brctl", "link.del") == "bridge x doesn't exist; can't delete it"
    assert words("ifconfig", "link.set", up=True) == "x: ERROR while getting interface flags: No such device"
    assert words("ifconfig", "addr.add") == "SIOCSIFADDR: No such device"
    assert words("route", "route.prepend") == "SIOCADDRT: No such device"
    assert words("arp", "neigh.del") == "SIOCDARP(dontpub): No such device"
