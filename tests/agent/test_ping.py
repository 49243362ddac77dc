"""Native ping on the real kernel: beside iputils' ping line by line, and what only ours has (values, interrupt, sharing a loop)."""

from __future__ import annotations

import os
import resource
import shutil
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pings
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inlab import Child, inside, namespace, shell

from nsmagic import syscalls as sys_
from nsmagic.agent import ping_packet as packet
from nsmagic.agent import ping_report as report
from nsmagic.agent.loop import Loop
from nsmagic.agent.ping import Ping
from tests.fuzz import examples

pytestmark = pytest.mark.sandbox
needs_ping = pytest.mark.skipif(
    shutil.which("ping") is None, reason="iputils' ping is not installed: nothing to compare with"
)

NET = """
ip link set lo up
ip netns add red; ip netns add blue; ip netns add gray
ip netns exec red ip link set lo up
ip link add veth-red netns red type veth peer name veth-blue netns blue
ip link add b2 netns blue type veth peer name g2 netns gray
ip -n red link set veth-red up; ip -n blue link set veth-blue up
ip -n blue link set b2 up; ip -n gray link set g2 up
ip -n red addr add 192.168.15.1/24 dev veth-red; ip -n blue addr add 192.168.15.2/24 dev veth-blue
ip -n blue addr add 192.168.15.3/24 dev veth-blue
ip -n blue addr add 10.1.0.1/24 dev b2; ip -n gray addr add 10.1.0.2/24 dev g2
ip -n red addr add 2001:db8::1/64 dev veth-red nodad; ip -n blue addr add 2001:db8::2/64 dev veth-blue nodad
ip -n blue addr add 2001:db8:1::1/64 dev b2 nodad; ip -n gray addr add 2001:db8:1::2/64 dev g2 nodad
"""
ROUTED = """
ip -n red route add default via 192.168.15.2; ip -n red route add default via 2001:db8::2
ip -n gray route add default via 10.1.0.1
ip netns exec blue sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
"""
HOSTS = r"""
printf '127.0.0.1 localhost\n::1 localhost ip6-localhost\n192.168.15.2 web www\n2001:db8::2 six\n' > /run/hosts
mount -n --bind /run/hosts /etc/hosts
"""
#: What each kind of responder does to its answers; the kernel's own are switched off.
RESPOND = """
ip netns exec blue sysctl -qw net.ipv4.icmp_echo_ignore_all=1
ip netns exec blue {python} {here}/responder.py {mode} > /run/ready 2>&1 &
until grep -q ready /run/ready; do sleep 0.02; done
"""
NFT = """
ip netns exec {ns} nft add table {family} t
ip netns exec {ns} nft 'add chain {family} t c {{ type filter hook {hook} priority 0; }}'
ip netns exec {ns} nft add rule {family} t c {rule}
"""


def respond(mode: str) -> str:
    return RESPOND.format(python=sys.executable, here=Path(__file__).parent, mode=mode)


def nft(family: str, ns: str, hook: str, rule: str) -> str:
    return NFT.format(family=family, ns=ns, hook=hook, rule=rule)


SCENES = {
    "answers": (NET, """
        ping -c 2 -i 0.2 192.168.15.2
        ping -c 1 -q 192.168.15.2
        ping -c 2 -D -i 0.1 192.168.15.2
        ping -c 1 -a 192.168.15.2
        ping -c 3 -O -i 0.1 192.168.15.2
        ping -c 2 -U -i 0.1 192.168.15.2
        ping -c 1 -t 9 -Q 0x10 -m 3 192.168.15.2
        ping -c 2 -i 0.1 -s 15 192.168.15.2
        ping -c 2 -i 0.1 -s 16 192.168.15.2
        ping -c 1 -s 0 192.168.15.2
        ping -c 1 -s 65507 192.168.15.2
        ping -c 1 -p ff 192.168.15.2
        ping -c 1 -p ddeef 192.168.15.2
        ping -q -c 1 -p deadbeef 192.168.15.2
        ping -R -c 3 -i 0.1 192.168.15.2
        ping -c 1 0
        ping -c 1 127.1
        ping -c 1 0xc0a80f02
        ping -w 1 -c 5 192.168.15.2
        ping -w 0 -c 1 192.168.15.2
        ping -c 1 -r 192.168.15.2
        ping -c 1 -B 192.168.15.2
    """),
    "many at once": (NET, """
        ping -f -c 20 192.168.15.2
        ping -f -q -c 500 192.168.15.2
        ping -f -D -w 1 -c 5 192.168.15.2
        ping -l 3 -c 5 -i 0.1 192.168.15.2
        ping -l 66 -c 70 -i 0.05 -q 192.168.15.2
        ping -A -c 5 192.168.15.2
        ping -i 0 -c 5 192.168.15.2
        ping -i 0.001 -c 50 -q 192.168.15.2
        ping -f -q -c 500 2001:db8::2
    """),
    "source and device": (NET + "ip -n red link add dd type veth peer name ee; ip -n red link set dd up; ip -n red link set ee up", """
        ping -c 1 -I veth-red 192.168.15.2
        ping -c 1 -I 192.168.15.1 192.168.15.2
        ping -c 1 -I 192.168.15.77 192.168.15.2
        ping -c 1 -I nodev 192.168.15.2
        ping -c 1 -I nodev -I 192.168.15.1 192.168.15.2
        ping -c 1 -I nodev 224.0.0.1
        ping -c 1 -W 0.2 -I dd 192.168.15.2
        ping -c 1 -W 0.2 -I dd 224.0.0.1
        ping -c 1 -W 0.2 -I dd -I 192.168.15.1 192.168.15.2
        ping -c 1 -I veth-red 192.168.15.1
        ping -c 1 -W 0.2 -I veth-red 10.9.9.9
        ping -c 1 -I ::1 192.168.15.2
        ping -c 1 -I veth-red 2001:db8::2
        ping -c 1 -I 2001:db8::1 2001:db8::2
        ping -c 1 -I 2001:db8::77 2001:db8::2
        ping -c 1 -I nodev 2001:db8::2
        ping -c 1 -I 2001:db8::1%veth-red 2001:db8::2
    """),
    "no way there": (NET + """
        ip -n red route add unreachable 10.60.0.0/16; ip -n red route add prohibit 10.61.0.0/16
        ip -n red route add blackhole 10.62.0.0/16; ip -n red -6 route add unreachable 2001:db8:60::/48
        ip -n red -6 route add prohibit 2001:db8:61::/48; ip -n red -6 route add blackhole 2001:db8:62::/48
    """, """
        ping -c 1 10.9.9.9
        ping -c 1 240.0.0.1
        ping -c 1 192.168.15.255
        ping -b -c 1 -W 0.2 192.168.15.255
        ping -c 1 10.60.0.1
        ping -c 1 10.61.0.1
        ping -b -c 1 10.61.0.1
        ping -c 1 10.62.0.1
        ping -c 1 2001:db8:9::9
        ping -c 1 2001:db8:60::1
        ping -c 1 2001:db8:61::1
        ping -c 1 2001:db8:62::1
        ping -c 1 -t 0 192.168.15.2
        ping -6 -c 1 192.168.15.2
        ping -4 -c 1 ::1
        ping -c 1 fe80::2%nodev
        ping -c 1 1.2.3.4.5
    """),
    "interface down": (NET + "ip -n red link set veth-red down", """
        ping -c 1 -W 0.2 192.168.15.2
        ping -c 1 -W 0.2 -I veth-red 192.168.15.2
        ping -c 1 2001:db8::2
    """),
    "nobody there": (NET, """
        ping -c 1 -W 0.5 192.168.15.77
        ping -D -O -c 2 -i 0.2 -W 0.5 192.168.15.77
        ping -w 1 -c 1 192.168.15.77
        ping -q -c 2 192.168.15.78
        ping -c 3 -i 0.5 192.168.15.79
    """),
    "nobody there, others": (NET, """
        ping -w 5 -i 2 192.168.15.80
        ping -c 2 2001:db8::77
        ping -f -c 2 192.168.15.81
        ping -c 1 -W 0 192.168.15.82
    """),
    "routers' errors": (NET + ROUTED + """
        ip -n blue route add blackhole 10.52.0.0/16
        ip netns exec blue sysctl -qw net.ipv4.icmp_ratelimit=0
    """, """
        ping -c 1 10.1.0.2
        ping -c 2 -i 0.2 -t 1 10.1.0.2
        ping -c 1 -W 0.2 10.52.0.1
        ping -R -c 2 -i 0.1 10.1.0.2
        ping -q -c 2 -i 0.1 -t 1 10.1.0.2
        ping -f -c 2 -t 1 10.1.0.2
        ping -D -c 1 -t 1 10.1.0.2
        ping -w 2 -t 1 10.1.0.2
        ping -c 2 -i 0.2 -t 1 2001:db8:1::2
        ping -c 1 2001:db8:77::2
    """),
    "no route at the router": (NET + ROUTED, "ping -c 1 -W 2 10.99.0.1"),
    "prohibited at the router": (NET + ROUTED + "ip -n blue route add prohibit 10.51.0.0/16", "ping -c 1 -W 2 10.51.0.1"),
    "redirect": (NET + ROUTED + """
        ip netns exec blue sysctl -qw net.ipv4.conf.all.send_redirects=1 net.ipv4.conf.veth-blue.send_redirects=1
        ip -n blue route add 10.80.0.0/16 via 192.168.15.40
    """, """
        ping -c 2 -i 0.3 -W 0.5 10.80.0.1
        ping -q -c 1 -W 0.2 10.80.0.1
    """),
    "too long": (NET + ROUTED + "ip -n blue link set b2 mtu 1300; ip -n red link set veth-red mtu 1400; ip -n blue link set veth-blue mtu 1400", """
        ping -c 1 -s 3000 -M do 192.168.15.2
        ping -q -c 1 -W 0.3 -s 3000 -M do 192.168.15.2
        ping -c 2 -i 0.2 -s 3000 -M dont 192.168.15.2
        ping -c 2 -i 0.2 -s 1372 -M do 10.1.0.2
        ping -c 1 -W 0.2 -s 70000 192.168.15.2
        ping -c 1 -s 3000 -M do 2001:db8::2
        ping -c 1 -s 3000 2001:db8::2
    """),
    "rejected": (NET + nft("ip", "blue", "input", "icmp type echo-request reject with icmp type host-prohibited")
                 + nft("ip6", "blue", "input", "icmpv6 type echo-request reject"), """
        ping -c 1 192.168.15.2
        ping -c 1 2001:db8::2
    """),
    "dropped here": (NET + nft("inet", "red", "output", "drop"), """
        ping -c 2 -i 0.1 -W 0.3 192.168.15.2
        ping -q -c 1 -W 0.3 192.168.15.2
        ping -f -c 2 -W 0.3 192.168.15.2
        ping -c 1 -W 0.3 2001:db8::2
    """),
    "ipv6": (NET, """
        ping -c 2 -i 0.2 2001:db8::2
        ping -6 -c 1 2001:DB8:0::2
        ping -c 1 ::1
        ping -c 1 ::
        ping -c 1 -W 0.2 ::ffff:192.168.15.2
        ping -c 1 -t 3 -Q 8 2001:db8::2
        ping -c 1 -R 2001:db8::2
        ping -c 1 -s 8 2001:db8::2
    """),
    "names": (HOSTS + NET, """
        ping -c 1 localhost
        ping -c 1 web
        ping -c 1 www
        ping -c 1 -n web
        ping -c 2 -i 0.1 -R web
        ping -c 1 six
        ping -n -c 1 six
        ping -6 -c 1 web
        ping -4 -c 1 six
        ping -c 1 nosuchname.invalid
    """),
    **{f"answers {mode}": (NET + respond(mode), "ping -c 2 -i 0.2 -W 0.5 192.168.15.2")
       for mode in ("plain", "twice", "changed", "short", "tiny", "elsewhere", "nop")},
}  # fmt: skip


@needs_ping
@pytest.mark.parametrize("scene", SCENES)
def test_says_what_iputils_says(scene: str) -> None:
    setup, lines = SCENES[scene]
    commands = [line.strip() for line in lines.strip().splitlines()]

    def play(ping: str) -> Child:
        def run() -> list[object]:
            shell(setup)
            return [[command, *getattr(pings, ping)(command)] for command in commands]

        return Child(run)

    real, native = play("theirs"), play("ours")
    for theirs, ours in zip(real.result(), native.result(), strict=True):
        assert ours == theirs


@needs_ping
@pytest.mark.parametrize(
    ("command", "seconds"),
    [
        ("ping -c 2 -i 0.3 192.168.15.2", 0.3),
        ("ping -c 2 -i 0.3 -W 1 192.168.15.77", 1.3),
        ("ping -c 1 -w 2 192.168.15.77", 2.0),
        ("ping -w 1 192.168.15.2", 1.0),
    ],
)
def test_takes_as_long_as_iputils(command: str, seconds: float) -> None:
    def took(ping: str) -> Child:
        return Child(lambda: (shell(NET), pings.timed(getattr(pings, ping), command))[1])

    real, native = took("theirs"), took("ours")
    theirs, ours = real.result(), native.result()
    assert seconds <= ours < seconds + 0.4
    assert abs(ours - theirs) < 0.4


def test_waits_ten_seconds_for_the_only_answer() -> None:
    def run() -> float:
        shell(
            NET
            + "ip -n blue route flush table main; ip -n blue addr flush dev veth-blue; ip -n red neigh add 192.168.15.2 lladdr 02:00:00:00:00:09 dev veth-red"
        )
        return pings.timed(pings.ours, "ping -c 1 192.168.15.2")

    assert 10.0 <= inside(run) < 10.5


def test_value_has_the_figures() -> None:
    def run() -> list[object]:
        shell(NET)
        return [pings.Run(command).finish().value for command in (
            "ping -c 3 -i 0.05 192.168.15.2", "ping -c 1 10.9.9.9", "ping -c 1 -W 0.1 192.168.15.77", "ping -c 1 -s 4 192.168.15.2",
        )]  # fmt: skip

    answered, unreachable, lost, untimed = inside(run)
    assert (answered["sent"], answered["received"], answered["loss"], answered["status"]) == (3, 3, 0.0, 0)
    assert len(answered["rtts_ms"]) == 3
    low, mean, high, _ = answered["rtt_ms"]
    assert 0 < low <= mean <= high < 100
    assert answered["address"] == "192.168.15.2"
    assert unreachable["status"] == 2
    assert unreachable["error"] == "ping: connect: Network is unreachable"
    assert (unreachable["sent"], unreachable["loss"]) == (0, 100.0)
    assert (lost["status"], lost["received"], lost["loss"], lost["rtt_ms"]) == (1, 0, 100.0, [])
    assert (untimed["received"], untimed["rtt_ms"], untimed["rtts_ms"]) == (1, [], [])


def test_value_says_why_sending_failed_though_the_lines_do_not() -> None:
    def run() -> list[object]:
        shell(NET + nft("inet", "red", "output", "drop"))
        ping = pings.Run("ping -c 1 -W 0.1 192.168.15.2").finish()
        return [ping.value["error"], "".join(ping.text)]

    error, text = inside(run)
    assert error == "ping: sendmsg: Operation not permitted"
    assert "Operation" not in text


def test_round_trip_times_kept_are_bounded() -> None:
    def run() -> dict[str, object]:
        shell(NET)
        return pings.Run("ping -f -q -c 1500 192.168.15.2").finish().value

    value = inside(run)
    assert value["received"] == 1500
    assert len(value["rtts_ms"]) == report.MOST_TIMES


def test_interrupt_shows_the_statistics_of_what_was_so_far() -> None:
    def run() -> list[object]:
        shell(NET)
        ping = pings.Run("ping -i 0.05 192.168.15.2")
        ping.ping.start()
        ping.until(lambda: "".join(ping.text).count("icmp_seq=") >= 3)
        ping.ping.interrupt()
        ping.ping.interrupt()
        return [ping.value, ping.text, [each.fileno() for each in ping.opened]]

    value, text, sockets = inside(run)
    assert value["status"] == 0
    assert value["sent"] == value["received"] == 3
    assert text[-1].startswith(
        "\n--- 192.168.15.2 ping statistics ---\n3 packets transmitted, 3 received, 0% packet loss"
    )
    assert "statistics" not in "".join(text[:-1])
    assert set(sockets) == {-1}


def test_text_comes_as_it_happens_and_dots_together() -> None:
    def run() -> list[int]:
        shell(NET)
        slow = pings.Run("ping -c 3 -i 0.05 192.168.15.2").finish()
        flood = pings.Run("ping -f -c 5000 192.168.15.2").finish()
        text = "".join(flood.text)
        assert text.count("\b \b") == 5000
        assert text.splitlines()[1].count(".") == 5000
        return [len(slow.text), len(flood.text)]

    slow, flood = inside(run)
    assert slow == 3  # title and first answer, second answer, third answer and statistics
    assert flood < 100


def test_a_size_that_no_packet_has_takes_no_memory() -> None:
    def run() -> list[Any]:
        shell(NET)
        ping = pings.Run("ping -c 1 -W 0.1 -s 2147483647 192.168.15.2").finish()
        return [
            "".join(ping.text).splitlines()[0],
            ping.value["status"],
            resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        ]

    title, status, kilobytes = inside(run)
    assert title == "PING 192.168.15.2 (192.168.15.2) 2147483647(2147483675) bytes of data."
    assert status == 1
    assert kilobytes < 1_000_000


def test_interrupt_while_a_name_is_looked_up_just_ends() -> None:
    def run() -> list[object]:
        shell(NET)
        ping = pings.Run("ping web", rows=[(2, 1, 6, "web", ("192.168.15.2", 0))])
        ping.ping.start()
        ping.ping.interrupt()
        for _ in range(3):
            ping.loop.later(0, lambda: None)
            ping.loop.turn()
        return [ping.value["status"], ping.text]

    assert inside(run) == [130, []]


def test_kill_says_nothing_and_leaves_nothing_in_the_loop() -> None:
    def run() -> list[object]:
        shell(NET)
        ping = pings.Run("ping -i 0.01 192.168.15.2")
        ping.ping.start()
        ping.until(lambda: len(ping.text) >= 3)
        ping.ping.kill()
        said = len(ping.text)
        end = time.monotonic() + 0.1
        while time.monotonic() < end:
            ping.loop.later(0.01, lambda: None)
            ping.loop.turn()
        return [ping.value["status"], len(ping.text) - said, ping.opened[0].fileno()]

    assert inside(run) == [137, 0, -1]


def test_second_ipv6_address_is_tried_when_there_is_no_route_to_the_first() -> None:
    rows = [
        (10, 1, 6, "both", ("2001:db8:9::9", 0, 0, 0)),
        (10, 2, 17, "", ("2001:db8:9::9", 0, 0, 0)),
        (10, 1, 6, "", ("2001:db8::2", 0, 0, 0)),
    ]

    def run() -> list[object]:
        shell(NET)
        ping = pings.Run("ping -c 1 both", rows=rows).finish()
        return [ping.value["status"], ping.text[0].splitlines()[0]]

    assert inside(run) == [0, "PING both(both (2001:db8::2)) 56 data bytes"]


def test_many_pings_share_one_loop_and_namespace_without_mixing() -> None:
    """Every raw socket of a namespace sees the replies and errors of all: each ping takes its own."""

    def run() -> list[object]:
        shell(NET + ROUTED + "ip netns exec blue sysctl -qw net.ipv4.icmp_ratelimit=0")
        loop, red, home = Loop(), namespace("red"), sys_.current_netns()
        values: list[dict[str, object]] = []

        def open_socket(family: int, kind: int, protocol: int) -> socket.socket:
            sys_.setns(red)
            try:
                return socket.socket(family, kind, protocol)
            finally:
                sys_.setns(home)

        for number in range(30):
            address = ("192.168.15.2", "10.1.0.2", "2001:db8::2")[number % 3]
            Ping(loop, open_socket, {"address": address, "count": 20, "interval": 0.01, "ttl": 1}, resolve=lambda *_: None,
                 on_text=lambda _: None, on_end=values.append).start()  # fmt: skip
        end = time.monotonic() + 20
        while len(values) < 30 and time.monotonic() < end:
            loop.turn()
        return [[value["address"], value["received"], value["errors"], value["duplicates"]] for value in values]

    for address, received, errors, duplicates in inside(run):
        assert (received, errors, duplicates) == ((0, 20, 0) if address == "10.1.0.2" else (20, 0, 0))


def test_packets_on_the_wire_are_what_was_asked_for() -> None:
    """Seen by a packet socket at the other end: identifier, numbers, data, ttl, tos, don't fragment."""

    def run() -> list[object]:
        shell(NET)
        home = sys_.current_netns()
        sys_.setns(namespace("blue"))
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as tap:
            sys_.setns(home)
            pings.Run("ping -c 2 -i 0.01 -t 7 -Q 0x20 -M do -p a5 -s 20 192.168.15.2").finish()
            seen = []
            for _ in range(2):
                data = tap.recv(2048)
                seen.append(
                    [
                        data[8],
                        data[1],
                        data[6] >> 6,
                        data[20],
                        *struct.unpack("!HH", data[24:28]),
                        data[44:].hex(),
                        packet.checksum(data[20:]),
                    ]
                )
        return seen

    first, second = inside(run)
    assert first[:4] == [7, 0x20, 1, packet.ECHO]
    assert first[4] == second[4]
    assert (first[5], second[5]) == (1, 2)
    assert first[6] == "a5" * 4
    assert first[7] == second[7] == 0


def test_identifiers_differ_between_runs() -> None:
    idents = {
        Ping(
            Loop(), lambda *_: socket.socket(), {"address": "0"}, resolve=lambda *_: None, on_text=print, on_end=print
        )._ident
        for _ in range(20)
    }
    assert len(idents) > 10


def test_refusal_of_a_raw_socket_is_said() -> None:
    said: list[str] = []
    ends: list[dict[str, object]] = []

    def refuse(*_: int) -> socket.socket:
        raise PermissionError(1, os.strerror(1))

    Ping(
        Loop(), refuse, {"address": "10.0.0.1"}, resolve=lambda *_: None, on_text=said.append, on_end=ends.append
    ).start()
    assert said == ["ping: socket: Operation not permitted\n"]
    assert ends[0]["status"] == 2


# The pure part.


@examples(1000)
@given(st.binary(max_size=120))
def test_whatever_arrives_is_read_or_passed_over(data: bytes) -> None:
    message = packet.read_ipv4(data)
    assert message is None or message.size >= 8
    message = packet.read_ipv6(data, 64)
    assert (message is None) == (len(data) < 8)
    packet.recorded(data)
    if len(data) >= 16:
        packet.read_report(data, data)


@settings(max_examples=500, derandomize=True, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 65535), st.integers(0, 65535))
def test_a_request_reads_back_with_a_right_checksum(data: bytes, ident: int, seq: int) -> None:
    request = packet.echo_request(socket.AF_INET, ident, seq, data)
    assert packet.checksum(request) == 0
    header = bytes([0x45, 0, 0, 0, 0, 0, 0, 0, 64, 1]) + bytes(10)
    message = packet.read_ipv4(header + request)
    assert message is not None
    assert (message.kind, message.ident, message.seq, message.data, message.ttl) == (packet.ECHO, ident, seq, data, 64)


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_reply_filter_lets_in_only_what_concerns_this_ping(family: socket.AddressFamily) -> None:
    """The filter's instructions, run by the kernel on packets of a Unix socket pair."""
    import ctypes

    ident = 0x1234
    program = packet.reply_filter(family, ident)
    buffer = ctypes.create_string_buffer(program, len(program))
    reader, writer = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with reader, writer:
        reader.setsockopt(socket.SOL_SOCKET, 26, struct.pack("@HP", len(program) // 8, ctypes.addressof(buffer)))
        header = bytes([0x46]) + bytes(23) if family == socket.AF_INET else b""
        reply = packet.ECHO_REPLY if family == socket.AF_INET else packet.ECHO_REPLY6
        for kind, number in ((reply, ident), (reply, ident ^ 1), (reply ^ 1, ident ^ 1)):
            writer.send(header + struct.pack("!BBHHH", kind, 0, 0, number, 1))
        reader.setblocking(False)
        got = []
        while True:
            try:
                got.append(reader.recv(64)[len(header) :])
            except BlockingIOError:
                break
    assert [(data[0], struct.unpack("!H", data[4:6])[0]) for data in got] == [(reply, ident), (reply ^ 1, ident ^ 1)]


def test_numbers_go_round_after_65536_packets() -> None:
    numbers = report.Statistics()
    for seq in range(1, 70_001):
        numbers.clear(seq)
        numbers.advance()
        assert numbers.in_flight() == 1
        numbers.acknowledge(seq & 0xFFFF)
        assert numbers.in_flight() == 0
        assert not numbers.arrived(seq & 0xFFFF)
    assert (numbers.received, numbers.duplicates, numbers.pipe) == (70_000, 0, 1)


@pytest.mark.parametrize(
    ("kind", "code", "info", "words"),
    [
        (3, 0, 0, "Destination Net Unreachable"), (3, 2, 0, "Destination Protocol Unreachable"), (3, 9, 0, "Destination Net Prohibited"),
        (3, 13, 0, "Packet filtered"), (3, 99, 0, "Dest Unreachable, Bad Code: 99"), (4, 0, 0, "Source Quench"),
        (5, 9, 0, "Redirect, Bad Code: 9(New nexthop: 10.0.0.1)"), (11, 1, 0, "Frag reassembly time exceeded"),
        (11, 7, 0, "Time exceeded, Bad Code: 7"), (12, 0, 20, "Parameter problem: pointer = 20"), (77, 0, 0, "Bad ICMP type: 77"),
    ],
)  # fmt: skip
def test_icmp_errors_in_words(kind: int, code: int, info: int, words: str) -> None:
    assert report.words4(kind, code, info, "10.0.0.1") == words


@pytest.mark.parametrize(
    ("kind", "code", "info", "words"),
    [
        (1, 0, 0, "Destination unreachable: No route"), (1, 1, 0, "Destination unreachable: Administratively prohibited"),
        (1, 9, 0, "Destination unreachable: Unknown code 9"), (2, 1, 1280, "Packet too big: mtu=1280, code=1"),
        (3, 1, 0, "Time exceeded: Defragmentation failure"), (3, 5, 0, "Time exceeded: code 5"),
        (4, 1, 40, "Parameter problem: Unknown header at 40"), (4, 9, 40, "Parameter problem: code 9 at 40"), (9, 0, 0, "unknown icmp type: 9"),
    ],
)  # fmt: skip
def test_icmpv6_errors_in_words(kind: int, code: int, info: int, words: str) -> None:
    assert report.words6(kind, code, info) == words


def test_statistics_agree_with_iputils_arithmetic_on_long_runs() -> None:
    numbers = report.Statistics()
    for seq, us in enumerate((1_000_000_000, 1_200_000_000, 1_300_000_000), 1):
        numbers.advance()
        numbers.acknowledge(seq)
        numbers.timed(us)
        numbers.arrived(seq)
    text = numbers.finish("x", 2_000_499, flooded=True, timing=True)
    mean = 3_500_000_000 // 3
    spread = int((((10**18 + 144 * 10**16 + 169 * 10**16) // 3) - mean * mean) ** 0.5)
    assert (
        f"time 2000ms\nrtt min/avg/max/mdev = 1000000.000/1166666.666/1300000.000/{spread // 1000}.{spread % 1000:03d} ms"
        in text
    )
    assert text.endswith(", ipg/ewma 1000.249/1059375.000 ms\n")


def test_the_machines_ping_was_compared(record_property: Callable[[str, Any], None]) -> None:
    """The number of forms compared, for the record."""
    forms = sum(len(lines.strip().splitlines()) for _, lines in SCENES.values())
    version = (
        subprocess.run(["ping", "-V"], capture_output=True, text=True).stdout.splitlines()[0]
        if shutil.which("ping")
        else "no ping"
    )
    record_property("figure", ("forms of ping", f"{forms} compared with {version}"))
    assert forms >= 120
