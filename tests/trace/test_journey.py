"""Journeys on the real kernel, compared with tcpdump beside it; what they say of what got lost; what they leave."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from itertools import pairwise
from urllib.parse import unquote

import pytest

from nsmagic import Lab
from nsmagic.errors import CommandSyntaxError, NamespaceNotFound, NsmagicError
from nsmagic.topology.picture import Topology
from nsmagic.trace.journey import Journey
from tests.conftest import Notebook

pytestmark = pytest.mark.sandbox

#: Figure nn-25 of the study note: blue behind a bridge, the host its gateway, which translates.
NN_25 = """
ip netns add blue
ip link add v-net-0 type bridge
ip link set v-net-0 up
ip link add veth-blue netns blue type veth peer name veth-blue-br
ip link set veth-blue-br master v-net-0 up
ip -n blue addr add 192.168.15.2/24 dev veth-blue
ip -n blue link set veth-blue up
ip addr add 192.168.15.5/24 dev v-net-0
ip -n blue route add default via 192.168.15.5
sysctl -q -w net.ipv4.ip_forward=1
iptables -t nat -A POSTROUTING -s 192.168.15.0/24 -j MASQUERADE
"""
CABLE = """
ip netns add red
ip netns add blue
ip link add veth-red netns red type veth peer name veth-blue netns blue
ip -n red addr add 192.168.15.1/24 dev veth-red
ip -n blue addr add 192.168.15.2/24 dev veth-blue
ip -n red link set veth-red up
ip -n blue link set veth-blue up
"""
#: Echo request and reply of nn-25, place by place.
THERE = [
    ("blue", "veth-blue", "out", "192.168.15.2", "8.8.8.8"), ("host", "veth-blue-br", "in", "192.168.15.2", "8.8.8.8"),
    ("host", "v-net-0", "in", "192.168.15.2", "8.8.8.8"), ("host", "eth0", "out", "192.168.1.2", "8.8.8.8"),
    ("(lan)", "port-host", "in", "192.168.1.2", "8.8.8.8"), ("(lan)", "port-router", "out", "192.168.1.2", "8.8.8.8"),
    ("(router)", "lan0", "in", "192.168.1.2", "8.8.8.8"), ("(router)", "wan0", "out", "192.168.1.2", "8.8.8.8"),
    ("(internet)", "eth0", "in", "192.168.1.2", "8.8.8.8"),
]  # fmt: skip
BACK = [
    ("(internet)", "eth0", "out", "8.8.8.8", "192.168.1.2"), ("(router)", "wan0", "in", "8.8.8.8", "192.168.1.2"),
    ("(router)", "lan0", "out", "8.8.8.8", "192.168.1.2"), ("(lan)", "port-router", "in", "8.8.8.8", "192.168.1.2"),
    ("(lan)", "port-host", "out", "8.8.8.8", "192.168.1.2"), ("host", "eth0", "in", "8.8.8.8", "192.168.1.2"),
    ("host", "v-net-0", "out", "8.8.8.8", "192.168.15.2"), ("host", "veth-blue-br", "out", "8.8.8.8", "192.168.15.2"),
    ("blue", "veth-blue", "in", "8.8.8.8", "192.168.15.2"),
]  # fmt: skip
#: A line of ``tcpdump -n -i any``.
LINE = re.compile(r"^\S+ (?P<dev>\S+) +(?P<way>In|Out|B|M|P) +(?P<rest>.*)$")


def steps(journey: Journey, word: str = "") -> list[tuple[str, str, str, str, str]]:
    return [
        (*each.frame.place, each.frame.direction, *each.what.addresses) for each in journey.steps if word in each.what.words
    ]  # fmt: skip


@pytest.fixture
def home() -> Lab:
    with Lab(world="home-lan") as lab:
        lab.run(NN_25).check()
        yield lab


def test_a_ping_through_bridge_gateway_and_nat_as_tcpdump_sees_it(home: Lab) -> None:
    """nn-25: every hop there, both directions, the translation; the same that a tcpdump in each room sees on each interface."""
    rooms = ["blue", "host", "(lan)", "(pc)", "(router)", "(internet)"]
    dumps = {
        room: home.run("tcpdump -n -l --nano -i any icmp or arp", room, background=True).check().value for room in rooms
    }
    limit = time.monotonic() + 15
    while not all("listening on" in dump.log for dump in dumps.values()):
        assert time.monotonic() < limit
        time.sleep(0.05)
    journey = home.trace("blue", "8.8.8.8")

    assert steps(journey, "echo request") == THERE
    assert steps(journey, "echo reply") == BACK
    request, reply = (
        [each for each in journey.steps if f"echo {word}" in each.what.words] for word in ("request", "reply")
    )
    assert len({each.packet for each in request}) == len({each.packet for each in reply}) == 1
    assert [(each.frame.dev, each.translated) for each in request + reply if each.translated] == [
        ("eth0", "src 192.168.15.2 → 192.168.1.2"), ("v-net-0", "dst 192.168.1.2 → 192.168.15.2"),
    ]  # fmt: skip
    # Each hop follows the one before it, and the kernel's clock agrees.
    for way in (request, reply):
        assert [each.before for each in way] == [0, *(each.step for each in way[:-1])]
        assert all(a.frame.time <= b.frame.time for a, b in pairwise(way))
    assert (journey.answered, str(journey.ended)) == (True, "blue:veth-blue")
    assert [(each.ns, each.chain, each.rule) for each in journey.counted] == [
        ("host", "POSTROUTING", "-A POSTROUTING -s 192.168.15.0/24 -j MASQUERADE")
    ]

    for room, dump in dumps.items():
        ours = [
            # tcpdump does not say whom an ARP answer is for.
            (
                each.frame.dev,
                each.frame.direction,
                each.what.src,
                "" if each.what.request == "answers" else each.what.dst,
            )
            for each in journey.steps
            if each.frame.ns == room
        ]
        while len(theirs := _dumped(dump.log)) < len(ours):
            assert time.monotonic() < limit, f"tcpdump in {room} saw {theirs}, we {ours}"
            time.sleep(0.05)
        dump.stop()
        assert theirs == ours, room


def _dumped(log: str) -> list[tuple[str, str, str, str]]:
    found = []
    # In the order of the kernel's times: a bridge hands a broadcast to itself last, but with the time at which it came in.
    for line in sorted(log.splitlines(), key=lambda line: line.partition(" ")[0]):
        match = LINE.match(line)
        if match is None:
            continue
        way, rest = "out" if match["way"] == "Out" else "in", match["rest"]
        asks = re.search(r"who-has (\S+?)(?: \(\S+\))? tell ([\d.]+)", rest)
        answers = re.search(r"Reply (\S+) is-at", rest)
        packet = re.search(r"IP (\S+) > (\S+): ICMP", rest)
        if asks is not None:
            found.append((match["dev"], way, asks[2], asks[1]))
        elif answers is not None:
            found.append((match["dev"], way, answers[1], ""))
        elif packet is not None:
            found.append((match["dev"], way, packet[1], packet[2]))
    return found


def test_it_changes_nothing_and_says_the_same_again(home: Lab) -> None:
    home.trace("blue", "8.8.8.8")
    before = _state(home)
    rules = home.run("iptables-save -t nat; nft list ruleset | sed 's/packets.*bytes [0-9]*//'").text
    first, second = home.trace("blue", "8.8.8.8"), home.trace("blue", "8.8.8.8")
    assert _state(home) == before
    again = home.run("iptables-save -t nat; nft list ruleset | sed 's/packets.*bytes [0-9]*//'").text
    strip = re.compile(r"\[\d+:\d+\]|# .*")
    assert strip.sub("", again) == strip.sub("", rules)
    mask = re.compile(r"\d+\.\d{3} ms *|id 0x....")
    assert mask.sub("", str(first)) == mask.sub("", str(second))
    assert steps(first) == THERE + BACK, "neighbours are known by now"


def _state(lab: Lab) -> dict[str, list[object]]:
    """What the kernel has, but for what IPv6 does by itself in the first seconds, and which processes are just ending."""
    tables = ("links", "addrs", "routes", "rules")
    snapshot = lab.snapshot(*tables, "namespaces")
    found: dict[str, list[object]] = {
        name: [row for row in getattr(snapshot, name) if getattr(row, "family", "") != "inet6"] for name in tables
    }
    return {**found, "namespaces": [(row.ns, row.inode, row.named) for row in snapshot.namespaces]}


def test_the_forms_it_is_shown_in(home: Lab) -> None:
    home.trace("blue", "8.8.8.8")
    journey = home.trace("blue", "8.8.8.8")
    lines = str(journey).splitlines()
    assert re.fullmatch(
        r" 1  0\.000 ms  blue:veth-blue     out  192\.168\.15\.2 > 8\.8\.8\.8: ICMP echo request id 0x\w{4} seq 1",
        lines[0],
    )
    at = lines.index("")
    assert lines[at + 1].split() == ["blue", "host", "(lan)", "(router)", "(internet)"]
    assert lines[at + 2].startswith(" ├────────▶│")
    assert lines[-1].startswith("answered: ICMP echo reply")
    assert "counted by host, table nat, chain POSTROUTING: -s 192.168.15.0/24 -j MASQUERADE" in lines
    table = journey.packets
    assert list(table["step"]) == list(range(1, 19))
    assert list(table["packet"]) == [1] * 9 + [2] * 9
    assert list(journey.rules.columns) == ["ns", "table", "chain", "rule", "packets"]
    picture = str(journey.topology)
    assert re.search(r"eth0 +UP +192\.168\.1\.2/24 .*← 4 15$", picture, re.M)
    assert "(pc)" not in picture.replace("⇄ (pc)", "")
    bundle = journey._repr_mimebundle_()
    assert bundle["text/plain"] == str(journey)
    assert "<img" in bundle["text/html"]
    assert "src 192.168.15.2 → 192.168.1.2" in bundle["text/html"]


@pytest.mark.parametrize(
    ("broken", "to", "ended", "words"),
    [
        ("iptables -A FORWARD -d 8.8.8.8 -j DROP", "8.8.8.8", "host:v-net-0", "came in and went no further"),
        ("sysctl -q -w net.ipv4.ip_forward=0", "8.8.8.8", "host:v-net-0", "came in and went no further"),
        ("iptables -t nat -F", "8.8.8.8", "(internet):eth0", "came in and went no further"),
        ("iptables -A FORWARD -d 8.8.8.8 -j REJECT", "8.8.8.8", "blue:veth-blue", "refused by host: ICMP 8.8.8.8 port unreachable"),
        ("true", "nc -z -w 1 192.168.15.5 99", "blue:veth-blue", "refused by host: TCP 99 > "),
        ("true", "192.168.15.77", "host:v-net-0", "nobody answered “ARP who has 192.168.15.77? tell 192.168.15.2”"),
        ("ip -n blue route del default", "8.8.8.8", "None", "nothing was sent from blue: ping: connect: Network is unreachable"),
    ],
)  # fmt: skip
def test_where_a_journey_ended(home: Lab, broken: str, to: str, ended: str, words: str) -> None:
    home.run(broken).check()
    journey = home.trace("blue", to)
    assert not journey.answered
    assert (str(journey.ended), words in journey.outcome) == (ended, True), journey.outcome


def test_ipv6_over_a_cable(lab: Lab) -> None:
    lab.run(CABLE).check()
    lab.run(
        "ip -n red addr add fd00::1/64 dev veth-red nodad\nip -n blue addr add fd00::2/64 dev veth-blue nodad"
    ).check()
    journey = lab.trace("red", "fd00::2")
    mac = {row.ifname: row.mac for row in lab.snapshot("links").links}
    words = [each.what.info.split(" id ")[0] for each in journey.steps if each.frame.direction == "out"]
    source = journey.steps[0].what.src
    assert words == [
        f"ICMP6 neighbor solicitation who has fd00::2? tell {source}",
        f"ICMP6 neighbor advertisement fd00::2 is at {mac['veth-blue']}",
        "ICMP6 echo request", "ICMP6 echo reply",
    ]  # fmt: skip
    assert journey.answered
    assert journey.steps[-1].frame.place == ("red", "veth-red")


def test_through_a_vxlan(lab: Lab) -> None:
    lab.run(CABLE).check()
    made = lab.run(
        "ip -n red link add vx type vxlan id 42 local 192.168.15.1 remote 192.168.15.2 dstport 4789 dev veth-red\n"
        "ip -n blue link add vx type vxlan id 42 local 192.168.15.2 remote 192.168.15.1 dstport 4789 dev veth-blue\n"
        "ip -n red addr add 10.9.0.1/24 dev vx\nip -n red link set vx up\n"
        "ip -n blue addr add 10.9.0.2/24 dev vx\nip -n blue link set vx up"
    )
    made.check()
    lab.trace("red", "10.9.0.2")
    journey = lab.trace("red", "10.9.0.2")
    request = [each for each in journey.steps if "request" in each.what.words]
    assert [(*each.frame.place, each.frame.direction, each.what.words.split(" id ")[0]) for each in request] == [
        ("red", "vx", "out", "ICMP echo request"), ("red", "veth-red", "out", "VXLAN 42: ICMP echo request"),
        ("blue", "veth-blue", "in", "VXLAN 42: ICMP echo request"), ("blue", "vx", "in", "ICMP echo request"),
    ]  # fmt: skip
    assert len({each.packet for each in request}) == 1
    assert journey.answered


def test_a_connection_through_a_forwarded_port(home: Lab) -> None:
    """ "And vice versa" of the note: the PC of the LAN fetches a page from blue, through DNAT on the host."""
    home.run("iptables -t nat -A PREROUTING -p tcp --dport 80 -j DNAT --to-destination 192.168.15.2:8000").check()
    home.run(
        "echo hello > /tmp/index.html; python3 -m http.server 8000 --directory /tmp", "blue", background=True
    ).check()
    journey = home.trace("(pc)", "curl -s -m 5 http://192.168.1.2/")
    assert journey.result is not None
    assert journey.result.text == "hello\n"
    assert journey.answered
    syn = [each for each in journey.steps if each.what.info.endswith(" SYN")]
    assert [each.translated for each in syn if each.translated] == ["dst 192.168.1.2:80 → 192.168.15.2:8000"]
    assert syn[0].frame.place == ("(pc)", "eth0")
    assert syn[-1].frame.place == ("blue", "veth-blue")
    assert any("GET / HTTP/1.1" in each.what.info for each in journey.steps)


def test_what_an_earlier_command_asks_for_is_not_part_of_it(lab: Lab) -> None:
    lab.run(CABLE).check()
    lab.trace("red", "192.168.15.2")
    lab.run("ping -c 1 -W 0.1 192.168.15.9", "red")
    journey = lab.trace("red", "ping -c 3 -i 0.7 192.168.15.2")
    assert {each.what.proto for each in journey.steps} == {"ICMP"}
    assert "192.168.15.9" in str(journey.capture.packets["dst"].tolist())


def test_what_is_wrong_is_said_before_anything_is_done(lab: Lab) -> None:
    with pytest.raises(NamespaceNotFound):
        lab.trace("red", "8.8.8.8")
    with pytest.raises(CommandSyntaxError):
        lab.trace("host", "echo 'a")
    lab.run("ip netns add red").check()
    with pytest.raises(NsmagicError, match="red has no address"):
        lab.trace("host", "red")


def test_a_namespace_stands_for_an_address_of_it(lab: Lab) -> None:
    lab.run(CABLE).check()
    assert lab.trace("red", "blue").answered


def test_the_magic(notebook: Notebook) -> None:
    assert notebook.cell("%%netns\n" + CABLE).ok
    ran = notebook.cell("%trace blue ping -c 1 192.168.15.1")
    assert ran.ok
    assert "ping statistics" not in ran.out
    assert [(each.frame.ns, each.frame.direction) for each in ran.value.steps[:2]] == [("blue", "out"), ("red", "in")]
    assert notebook.cell("%trace --out journey blue 192.168.15.1").ok
    assert notebook.shell.user_ns["journey"].answered
    for line, words in (("%trace", "%trace what from where?"), ("%trace red", "there is no command for red"), ("%trace --foo red x", "no option --foo")):  # fmt: skip
        assert words in str(notebook.cell(line).error)


def test_what_tab_offers(notebook: Notebook) -> None:
    assert notebook.cell("%%netns\n" + CABLE).ok
    assert notebook.complete("%sniff re") == ["red"]
    assert set(notebook.complete("%sniff red:")) == {"red:lo", "red:veth-red"}
    assert notebook.complete("%sniff red:veth-red --ti") == ["--timeout"]
    assert notebook.complete("%trace bl") == ["blue"]
    assert "route" in notebook.complete("%trace blue ip ro")


class Recorder:
    """In the place of a live picture, in which the lab's own packets would light up cables as well."""

    def __init__(self, picture: Topology) -> None:
        self.picture = picture
        self.flashes: list[tuple[str, int, int]] = []

    def static(self) -> Topology:
        return self.picture

    def packets(self, flashes: Sequence[tuple[str, int, int]]) -> None:
        self.flashes.extend(flashes)

    def ways(self) -> list[tuple[str, str]]:
        """The ends of each cable that lit up, in the direction of the packet."""
        ends = [unquote(name.removeprefix("cable/")).split("--") for name, _, _ in self.flashes]
        return [(a, b) if away else (b, a) for (a, b), (_, away, _) in zip(ends, self.flashes, strict=True)]


def test_step_by_step_in_the_live_picture(home: Lab) -> None:
    """Each cable lights up when a packet crosses it; what lies behind the LAN's cloud is out of sight in the smaller picture."""
    home.trace("blue", "8.8.8.8")
    journey = home.trace("blue", "8.8.8.8")
    everything, rooms = Recorder(home.topology(all=True)), Recorder(home.topology())
    journey.play(everything, rooms, seconds=0)
    there = [
        ("blue/veth-blue", "host/veth-blue-br"), ("host/eth0", "(lan)/port-host"), ("(lan)/port-router", "(router)/lan0"),
        ("(router)/wan0", "(internet)/eth0"),
    ]  # fmt: skip
    assert everything.ways() == there + [(b, a) for a, b in reversed(there)]
    assert [way[0] for way in rooms.ways()[:2]] == ["blue/veth-blue", "host/eth0"]
    assert len(rooms.ways()) == 4


def test_live_pictures_that_are_open(notebook: Notebook) -> None:
    notebook.cell("%%netns\n" + CABLE)
    refused = notebook.cell("%trace --live red 192.168.15.2")
    assert "there is no live picture" in str(refused.error)
    assert notebook.cell("live = %topology --live").ok
    assert notebook.cell("%trace --live red 192.168.15.2").ok
    assert notebook.cell("live.close()").ok
    assert "there is no live picture" in str(notebook.cell("%trace --live red 192.168.15.2").error)
