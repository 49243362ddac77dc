"""Which sightings are the same packet: in labs made up by hypothesis, where it is known what each packet did."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from nsmagic.model import Link
from nsmagic.trace.decode import Decoded
from nsmagic.trace.frame import Frame
from nsmagic.trace.join import Sighting, foreground, join, translation
from nsmagic.trace.sequence import diagram
from nsmagic.trace.wiring import Wiring


def veth(ns: str, name: str, peer_ns: str, peer: str, master: str = "") -> Link:
    return Link(ns, 0, name, "veth", peer=peer, peer_ns=peer_ns, master=master)


@dataclass
class Chain:
    """Rooms in a row, each a router, or a switch with a room that gets copies; packets go from the first to the last and may come back."""

    kinds: list[str]
    nat: list[bool]
    links: list[Link] = field(default_factory=list)

    def __post_init__(self) -> None:
        last = len(self.kinds) + 1
        for at in range(last):
            left, right = self.room(at), self.room(at + 1)
            masters = ["br" if 0 < room < last and self.kinds[room - 1] == "switch" else "" for room in (at, at + 1)]
            self.links.append(veth(left, "right", right, "left", masters[0]))
            self.links.append(veth(right, "left", left, "right", masters[1]))
        for at, kind in enumerate(self.kinds, 1):
            if kind == "switch":
                self.links.append(Link(self.room(at), 0, "br", "bridge"))
                self.links.append(veth(self.room(at), "side", f"side{at}", "eth", "br"))
                self.links.append(veth(f"side{at}", "eth", self.room(at), "side"))

    @staticmethod
    def room(at: int) -> str:
        return f"room{at}"

    def way(self, number: int, *, back: bool, flood: bool) -> list[tuple[Frame, Decoded]]:
        """What is seen of one packet, in order, without times."""
        rooms = list(range(len(self.kinds) + 2))
        if back:
            rooms.reverse()
        enter, leave = ("right", "left") if back else ("left", "right")
        src, dst = f"10.0.0.{number % 200}", "8.8.8.8"
        seen = []

        def see(room: int | str, dev: str, way: str, source: str) -> None:
            ns = self.room(room) if isinstance(room, int) else room
            what = Decoded("ICMP", source, dst, "echo", f"{number}".encode())
            seen.append((Frame(0, ns, dev, way, "us", True, 0, 0, b""), what))

        for place, room in enumerate(rooms):
            first, last = place == 0, place == len(rooms) - 1
            if not first:
                see(room, enter, "in", src)
            if not last:
                middle = 0 < room < len(rooms) - 1
                switch = middle and self.kinds[room - 1] == "switch"
                if middle and not switch and self.nat[room - 1] and not first:
                    src = f"172.16.{room}.{number % 200}"
                if switch and not first and flood:
                    see(room, "side", "out", src)
                    see(f"side{room}", "eth", "in", src)
                see(room, leave, "out", src)
        return seen


chains = st.builds(
    Chain, st.lists(st.sampled_from(["router", "switch"]), max_size=4), st.lists(st.booleans(), min_size=4, max_size=4)
)


@given(chains, st.integers(1, 5), st.booleans(), st.booleans(), st.integers(0, 2**32), st.booleans())
def test_every_packet_is_followed_whole(
    chain: Chain, number: int, flood: bool, again: bool, seed: int, coarse: bool
) -> None:
    """Packets in both directions at once, mixed at random; some sent twice, and a clock that often stands still."""
    chance = random.Random(seed)
    ways = [chain.way(each, back=each % 2 == 1, flood=flood) for each in range(number)]
    if again:
        ways.append(ways[0])  # the same bytes once more, later
    queues = [list(way) for way in ways]
    seen, owner, time = [], [], 0
    first_done = not again
    while any(queues):
        open_ = [
            at for at, queue in enumerate(queues) if queue and (first_done or at != len(ways) - 1 or not queues[0])
        ]
        at = chance.choice(open_)
        frame, what = queues[at].pop(0)
        time += 0 if coarse and owner and owner[-1] == at else chance.randint(1, 3)
        seen.append((Frame(time, frame.ns, frame.dev, frame.direction, "us", True, 0, 0, b""), what))
        owner.append(at)
    joined = join(seen, Wiring(chain.links))
    assert len(joined) == len(seen)
    assert [each.step for each in joined] == list(range(1, len(seen) + 1))
    packets: dict[int, list[Sighting]] = {}
    for each in joined:
        packets.setdefault(each.packet, []).append(each)
    assert len(packets) == len(ways)
    expected = sorted([[(*frame.place, frame.direction, what.src) for frame, what in way] for way in ways])
    got = sorted([[(*s.frame.place, s.frame.direction, s.what.src) for s in steps] for steps in packets.values()])
    assert got == expected
    for steps in packets.values():
        assert steps[0].before == 0
        assert all(each.before in {other.step for other in steps} and each.before < each.step for each in steps[1:])
        changes = [each.translated for each in steps if each.translated]
        sources = list(dict.fromkeys(each.what.src for each in steps))
        assert changes == [f"src {a} → {b}" for a, b in pairwise(sources)]
    assert diagram(joined).count("▶") + diagram(joined).count("◀") == sum(
        each.frame.direction == "in" for each in joined
    )


@given(chains, st.integers(0, 2**32))
def test_order_of_arrival_does_not_matter(chain: Chain, seed: int) -> None:
    """Sightings come socket by socket; the kernel's times put them in order."""
    seen = []
    for at, (frame, what) in enumerate(chain.way(1, back=False, flood=True)):
        seen.append((Frame(at, frame.ns, frame.dev, frame.direction, "us", True, 0, 0, b""), what))
    straight = join(seen, Wiring(chain.links))
    shuffled = list(seen)
    random.Random(seed).shuffle(shuffled)
    assert join(shuffled, Wiring(chain.links)) == straight


def sight(time: int, ns: str, dev: str, way: str, what: Decoded) -> tuple[Frame, Decoded]:
    return Frame(time, ns, dev, way, "us", True, 0, 0, b""), what


def test_equal_bytes_of_two_rooms_are_two_packets() -> None:
    links = [veth("a", "x", "b", "x"), veth("b", "x", "a", "x"), veth("c", "x", "d", "x"), veth("d", "x", "c", "x")]
    what = Decoded("UDP", "10.0.0.1", "10.0.0.2", "", b"same")
    seen = [sight(1, "a", "x", "out", what), sight(2, "c", "x", "out", what), sight(3, "d", "x", "in", what), sight(4, "b", "x", "in", what)]  # fmt: skip
    assert [each.packet for each in join(seen, Wiring(links))] == [1, 2, 2, 1]


def test_into_a_tunnel_and_out_of_it() -> None:
    links = [
        Link("a", 0, "vx", "vxlan"), veth("a", "eth", "b", "eth"), veth("b", "eth", "a", "eth"), Link("b", 0, "vx", "vxlan")
    ]  # fmt: skip
    inner = Decoded("ICMP", "10.9.0.1", "10.9.0.2", "echo", b"k")
    outer = Decoded("ICMP", "10.0.0.1", "10.0.0.2", "echo", b"k", ("VXLAN 42",))
    seen = [
        sight(1, "a", "vx", "out", inner), sight(2, "a", "eth", "out", outer), sight(3, "b", "eth", "in", outer),
        sight(4, "b", "vx", "in", inner),
    ]  # fmt: skip
    joined = join(seen, Wiring(links))
    assert [(each.packet, each.before, each.translated) for each in joined] == [
        (1, 0, ""),
        (1, 1, ""),
        (1, 2, ""),
        (1, 3, ""),
    ]


def test_a_port_and_its_bridge_stamped_at_once() -> None:
    links = [veth("a", "x", "h", "p"), veth("h", "p", "a", "x", "br"), Link("h", 0, "br", "bridge")]
    what = Decoded("ICMP", "10.0.0.1", "10.0.0.2", "", b"k")
    seen = [sight(5, "h", "br", "in", what), sight(5, "h", "p", "in", what), sight(5, "a", "x", "out", what)]
    assert [each.frame.dev for each in join(seen, Wiring(links))] == ["x", "p", "br"]


def test_what_an_earlier_command_still_asks_for_is_left_out() -> None:
    old = Decoded("ARP", "10.0.0.1", "10.0.0.9", "who", b"a", request="asks", subject="10.0.0.9")
    new = Decoded("ARP", "10.0.0.1", "10.0.0.2", "who", b"b", request="asks", subject="10.0.0.2")
    reply = Decoded("ARP", "10.0.0.2", "10.0.0.1", "is", b"c", request="answers", subject="10.0.0.2")
    late = Decoded("ARP", "10.0.0.9", "10.0.0.1", "is", b"d", request="answers", subject="10.0.0.9")
    seen = [
        sight(1, "a", "x", "out", old), sight(2, "b", "x", "in", old), sight(3, "a", "x", "out", new),
        sight(4, "b", "x", "out", reply), sight(5, "b", "x", "out", late),
    ]  # fmt: skip
    assert [what.key for _, what in foreground(seen, {("a", "10.0.0.9")})] == [b"b", b"c"]


def test_translations_in_words() -> None:
    def tcp(src: str, sport: int, dst: str, dport: int) -> Decoded:
        return Decoded("TCP", src, dst, ports=(sport, dport))

    assert (
        translation(tcp("1.1.1.1", 9, "2.2.2.2", 80), tcp("1.1.1.1", 9, "3.3.3.3", 8080))
        == "dst 2.2.2.2:80 → 3.3.3.3:8080"
    )
    assert (
        translation(tcp("fe80::1", 9, "fe80::2", 80), tcp("fe80::1", 10, "fe80::2", 80))
        == "src [fe80::1]:9 → [fe80::1]:10"
    )
    assert translation(tcp("1.1.1.1", 9, "2.2.2.2", 80), tcp("1.1.1.1", 9, "2.2.2.2", 80)) == ""
