"""``%why`` in a house of four rooms, whole and broken, with and without rules to be traced, beside one ``ping -c 1 -W 1`` that is lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from nsmagic import Lab
from tests.benchmarks import rounds
from tests.benchmarks.rounds import Record, Subject

PING = "one lost ping -c 1 -W 1"
LOST = "lab.why, the packet is lost"
TRACED = "lab.why, a rule dropped it (traced)"
REFUSED = "lab.why, there is no route"
REACHES = "lab.why, all is well"

_ROOMS = ("red", "blue", "green", "gray")


def _build(lab: Lab) -> None:
    """Four rooms on one switch, the host their gateway; what is behind gray's address is lost, what is for green is dropped."""
    lines = ["ip link add v-net-0 type bridge", "ip link set v-net-0 up", "ip addr add 192.168.15.254/24 dev v-net-0"]
    for number, room in enumerate(_ROOMS, 1):
        lines += [
            f"ip netns add {room}",
            f"ip link add veth-{room} netns {room} type veth peer name veth-{room}-br",
            f"ip link set veth-{room}-br master v-net-0 up",
            f"ip -n {room} link set veth-{room} up",
            f"ip -n {room} addr add 192.168.15.{number}/24 dev veth-{room}",
        ]
    lines += [
        "ip netns exec green iptables -A INPUT -p icmp -j DROP",
        "ip netns exec gray sysctl -q -w net.ipv4.icmp_echo_ignore_all=1",
    ]
    lab.run("\n".join(lines)).check()


def record(plan_rounds: int, say: Callable[[str], None]) -> Record:
    """The rounds."""
    with Lab() as lab:
        _build(lab)
        lab.why("red", "blue")  # imports are no part of it

        def timed(act: Callable[[], object]) -> Callable[[], Mapping[str, float]]:
            def run() -> Mapping[str, float]:
                began = time.perf_counter()
                act()
                return {"seconds": time.perf_counter() - began}

            return run

        def why(target: str, cause: str) -> Callable[[], Mapping[str, float]]:
            def ask() -> None:
                verdict = lab.why("red", target)
                assert verdict.cause == cause, verdict

            return timed(ask)

        subjects = [
            Subject(PING, timed(lambda: lab.run("ping -c 1 -W 1 192.168.15.4", "red"))),
            Subject(LOST, why("gray", "echo-ignored")),
            Subject(TRACED, why("green", "dropped-by-rule")),
            Subject(REFUSED, why("10.77.0.1", "no-route")),
            Subject(REACHES, why("blue", "")),
        ]
        return rounds.run("%why in a house of four rooms", subjects, plan_rounds, say=say)
