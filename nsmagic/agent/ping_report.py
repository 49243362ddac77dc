"""What ping says: the words for ICMP errors, the line of a reply, the figures and the statistics at the end.

Wording and arithmetic are those that iputils 20221126 shows (whole microseconds, the same rounding). Nothing here waits
or sends.
"""

from __future__ import annotations

import math
import socket
from collections.abc import Callable
from typing import Any

from nsmagic.agent import ping_packet as packet

#: No more round-trip times than this are kept one by one; the figures cover all.
MOST_TIMES = 1000
_NEVER = (1 << 63) - 1

_UNREACHABLE = {
    0: "Destination Net Unreachable",
    1: "Destination Host Unreachable",
    2: "Destination Protocol Unreachable",
    3: "Destination Port Unreachable",
    5: "Source Route Failed",
    6: "Destination Net Unknown",
    7: "Destination Host Unknown",
    8: "Source Host Isolated",
    9: "Destination Net Prohibited",
    10: "Destination Host Prohibited",
    11: "Destination Net Unreachable for Type of Service",
    12: "Destination Host Unreachable for Type of Service",
    13: "Packet filtered",
    14: "Precedence Violation",
    15: "Precedence Cutoff",
}
_REDIRECT = {
    0: "Redirect Network",
    1: "Redirect Host",
    2: "Redirect Type of Service and Network",
    3: "Redirect Type of Service and Host",
}
_UNREACHABLE6 = {
    0: "No route",
    1: "Administratively prohibited",
    2: "Beyond scope of source address",
    3: "Address unreachable",
    4: "Port unreachable",
    5: "Source address failed ingress/egress policy",
    6: "Reject route to destination",
}
_EXCEEDED6 = {0: "Hop limit", 1: "Defragmentation failure"}
_PARAMETER6 = {0: "Wrong header field ", 1: "Unknown header ", 2: "Unknown option "}


def words4(kind: int, code: int, info: int, gateway: str = "") -> str:
    """An ICMP error in words.

    >>> words4(3, 1, 0), words4(3, 4, 1300), words4(11, 0, 0)
    ('Destination Host Unreachable', 'Frag needed and DF set (mtu = 1300)', 'Time to live exceeded')
    """
    if kind == packet.UNREACHABLE:
        if code == 4:
            return f"Frag needed and DF set (mtu = {info})"
        return _UNREACHABLE.get(code, f"Dest Unreachable, Bad Code: {code}")
    if kind == packet.EXCEEDED:
        known = {0: "Time to live exceeded", 1: "Frag reassembly time exceeded"}
        return known.get(code, f"Time exceeded, Bad Code: {code}")
    if kind == packet.QUENCH:
        return "Source Quench"
    if kind == packet.REDIRECT:
        return f"{_REDIRECT.get(code, f'Redirect, Bad Code: {code}')}(New nexthop: {gateway})"
    if kind == packet.PARAMETER:
        return f"Parameter problem: pointer = {info}"
    return f"Bad ICMP type: {kind}"


def words6(kind: int, code: int, info: int) -> str:
    """An ICMPv6 error in words.

    >>> words6(1, 3, 0), words6(2, 0, 1280), words6(3, 0, 0)
    ('Destination unreachable: Address unreachable', 'Packet too big: mtu=1280', 'Time exceeded: Hop limit')
    """
    if kind == 1:
        return f"Destination unreachable: {_UNREACHABLE6.get(code, f'Unknown code {code}')}"
    if kind == 2:
        return f"Packet too big: mtu={info}" + (f", code={code}" if code else "")
    if kind == 3:
        return f"Time exceeded: {_EXCEEDED6.get(code, f'code {code}')}"
    if kind == 4:
        return f"Parameter problem: {_PARAMETER6.get(code, f'code {code} ')}at {info}"
    return f"unknown icmp type: {kind}"


def milliseconds(us: int) -> str:
    """A round-trip time as ping writes it: three figures after the point for short ones, fewer for long ones.

    >>> [milliseconds(us) for us in (293, 1234, 12345, 123456)]
    ['0.293', '1.23', '12.3', '123']
    """
    if us >= 100000 - 50:
        return str((us + 500) // 1000)
    if us >= 10000 - 5:
        return f"{(us + 50) // 1000}.{(us + 50) % 1000 // 100}"
    if us >= 1000:
        return f"{(us + 5) // 1000}.{(us + 5) % 1000 // 10:02d}"
    return f"0.{us:03d}"


def wrong_byte(sent: bytes | bytearray, got: bytes) -> str:
    """The complaint about data that came back changed, with a dump; empty when it did not. The first bytes are the time."""
    first = packet.STAMP.size
    for at in range(first, len(sent)):
        if at >= len(got) or got[at] != sent[at]:
            break
    else:
        return ""
    text = f"\nwrong data byte #{at} should be 0x{sent[at]:x} but was 0x{got[at]:x}" if at < len(got) else ""
    for i in range(first, min(len(sent), len(got))):
        text += (f"\n#{i}\t" if i % 32 == first else "") + f"{got[i]:x} "
    return text


class RouteText:
    """The IP options of replies in words; a route that is the same as the last one is not repeated."""

    def __init__(self, name: Callable[[str], str], flood: bool) -> None:
        self._name, self._flood = name, flood
        self._last = b""

    def text(self, options: bytes) -> str:
        """What follows a reply's line, from its line break on."""
        parts = []
        for what, value in packet.recorded(options):
            if what == "nop":
                parts.append("\nNOP")
            elif what == "unknown":
                parts.append(f"\nunknown option {value[0]:x}")
            elif value == self._last and not self._flood:
                parts.append("\t(same route)")
            else:
                self._last = value
                hops = [socket.inet_ntop(socket.AF_INET, value[i : i + 4]) for i in range(0, len(value) - 3, 4)]
                lines = [f"\t{hop if hop == '0.0.0.0' else self._name(hop)}\n" for hop in hops]
                parts.append("\nRR: " + "".join(lines))
        return "".join(parts)


class Statistics:
    """The figures of one ping: counts, round-trip times in microseconds, what is still under way.

    >>> numbers = Statistics(); numbers.advance(); numbers.acknowledge(1); numbers.timed(293); numbers.arrived(1)
    False
    >>> print(numbers.finish("10.0.0.2", 0, flooded=False, timing=True), end="")
    <BLANKLINE>
    --- 10.0.0.2 ping statistics ---
    1 packets transmitted, 1 received, 0% packet loss, time 0ms
    rtt min/avg/max/mdev = 0.293/0.293/0.293/0.000 ms
    """

    def __init__(self) -> None:
        self.sent = self.received = self.duplicates = self.errors = 0
        self.pipe = 0
        #: Average with the weight of the new ones, times eight.
        self.ewma = 0
        self.longest = 0
        self.times: list[float] = []
        self._shortest, self._sum, self._squares = _NEVER, 0, 0
        self._acked = 0
        self._seen: set[int] = set()

    def advance(self) -> None:
        """One more packet is out."""
        self.sent += 1
        # The number in the packet has 16 bits; when it comes round, what was acknowledged last says nothing any more.
        if (self.sent & 0xFFFF) - self._acked > 0x7FFF:
            self._acked = (self.sent + 1) & 0xFFFF

    def clear(self, seq: int) -> None:
        """This number is used anew."""
        self._seen.discard(seq & 0xFFFF)

    def seen(self, seq: int) -> bool:
        return seq & 0xFFFF in self._seen

    def acknowledge(self, seq: int) -> None:
        """An answer or an error for this number came; how far back it lies tells how many are under way at once."""
        behind = (self.sent - seq) & 0xFFFF
        if behind <= 0x7FFF:
            self.pipe = max(self.pipe, behind + 1)
            ahead = (seq - self._acked) & 0xFFFF
            if 0 < ahead < 0x8000 or (self.sent & 0xFFFF) - self._acked > 0x7FFF:
                self._acked = seq

    def in_flight(self) -> int:
        """How many packets are still without an answer."""
        behind = (self.sent - self._acked) & 0xFFFF
        return behind if behind <= 0x7FFF else self.sent - self.received - self.errors

    def timed(self, us: int) -> None:
        """A round-trip time."""
        self._sum += us
        self._squares += us * us
        self._shortest = min(self._shortest, us)
        self.longest = max(self.longest, us)
        self.ewma = self.ewma + us - self.ewma // 8 if self.ewma else us * 8
        if len(self.times) < MOST_TIMES:
            self.times.append(us / 1000)

    def arrived(self, seq: int) -> bool:
        """Count a reply; whether it is a duplicate."""
        if self.seen(seq):
            self.duplicates += 1
            return True
        self._seen.add(seq & 0xFFFF)
        self.received += 1
        return False

    @property
    def loss(self) -> float:
        """Per cent of the packets without an answer; all of them when none could be sent."""
        return (self.sent - self.received) * 100.0 / self.sent if self.sent else 100.0

    def _figures(self) -> tuple[int, int, int, int]:
        total = self.received + self.duplicates
        mean = self._sum // total
        if self._sum < (1 << 31) - 1:
            variance = (self._squares - self._sum * self._sum // total) // total
        else:
            variance = self._squares // total - mean * mean
        return self._shortest, mean, self.longest, math.isqrt(max(0, variance))

    def finish(self, name: str, elapsed: int, *, flooded: bool, timing: bool) -> str:
        """The statistics. ``elapsed`` are the microseconds between the first and the last packet."""
        text = f"\n--- {name} ping statistics ---\n{self.sent} packets transmitted, {self.received} received"
        if self.duplicates:
            text += f", +{self.duplicates} duplicates"
        if self.errors:
            text += f", +{self.errors} errors"
        if self.sent:
            text += f", {self.loss:g}% packet loss, time {(elapsed + 500) // 1000}ms"
        parts = []
        if self.received and timing:
            four = "/".join(f"{us // 1000}.{us % 1000:03d}" for us in self._figures())
            parts.append(f"rtt min/avg/max/mdev = {four} ms")
        if self.pipe > 1:
            parts.append(f"pipe {self.pipe}")
        if self.received and flooded and self.sent > 1:
            gap, ewma = elapsed // (self.sent - 1), self.ewma // 8
            parts.append(f"ipg/ewma {gap // 1000}.{gap % 1000:03d}/{ewma // 1000}.{ewma % 1000:03d} ms")
        return f"{text}\n{', '.join(parts)}\n"

    def value(self) -> dict[str, Any]:
        """The figures as data: counts, ``loss`` in per cent, ``rtt_ms`` as min, avg, max, mdev (empty without a reply)."""
        figures = [us / 1000 for us in self._figures()] if self.times and self.received else []
        return {
            "sent": self.sent, "received": self.received, "loss": self.loss, "rtt_ms": figures, "rtts_ms": self.times,
            "duplicates": self.duplicates, "errors": self.errors,
        }  # fmt: skip
