"""Native ping: sends, waits, and says what iputils' ping says, in the same order and at the same moments.

Runs in the agent's loop and never blocks it. When to send the next packet, how long to wait for the last answer and when
to end follow iputils 20221126. Sockets are ``ping_socket.py``'s, what comes back ``ping_reply.py``'s, words and figures
``ping_report.py``'s, bytes ``ping_packet.py``'s.

Where it differs from iputils: addresses are never looked up (only the name that was typed is shown again), ``-v`` adds
nothing, and the end value says why sending failed, about which iputils is silent.

Longer than 300 lines because when to send, how long to wait and when to end are one set of rules that share their counters.
"""

from __future__ import annotations

import errno
import os
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nsmagic.agent import ping_packet as packet
from nsmagic.agent import ping_report as report
from nsmagic.agent.loop import Loop, Timer
from nsmagic.agent.ping_reply import Listener
from nsmagic.agent.ping_socket import OpenSocket, PingFailed, Target, Wire, literal

#: The shortest time between two packets that nobody answers, in milliseconds.
_SHORTEST = 10
#: How long to wait for an answer when there has been none yet, in seconds.
_LINGER = 10.0
#: Packets sent before others get their turn in the loop.
_BURST = 256
#: Above what an IP packet can hold.
_LARGEST = 1 << 17
#: Another ping's errors may stand in the way of a packet of ours so many times.
_RETRIES = 16

#: Called with the rows of ``socket.getaddrinfo``, and the resolver's words when there is none.
Found = Callable[..., None]


class Ping:
    """One ``ping``.

    Parameters
    ----------
    loop
        The agent's loop.
    open_socket
        ``(family, type, protocol)`` to a new socket in the namespace from which to ping; closed at the end.
    args
        As ``commands/command.py`` lists them.
    resolve
        Looks up a name and calls back, later, with the rows of ``getaddrinfo`` and the resolver's words on failure.
    on_text
        Gets the output, as it comes.
    on_end
        Gets the figures, once: ``sent, received, loss, rtt_ms, rtts_ms, duplicates, errors, address, error`` and ``status``
        (0: answered, 1: not, 2: could not start; 130 interrupted while the name was looked up, 137 killed).
    """

    def __init__(
        self,
        loop: Loop,
        open_socket: OpenSocket,
        args: Mapping[str, Any],
        *,
        resolve: Callable[[str, Found], None],
        on_text: Callable[[str], None],
        on_end: Callable[[dict[str, Any]], None],
    ) -> None:
        self._loop, self._open_socket, self._args = loop, open_socket, args
        self._resolve, self._on_text, self._on_end = resolve, on_text, on_end
        self._said: list[str] = []
        self._count: int = args.get("count", 0)
        self._preload: int = args.get("preload", 1)
        self._deadline: int = args.get("deadline", 0)
        self._linger = int(args.get("wait", _LINGER) * 1000)
        self._quiet, self._flood = bool(args.get("quiet")), bool(args.get("flood"))
        self._adaptive = bool(args.get("adaptive"))
        self._interval = int(args.get("interval", 0 if self._flood else 1) * 1000)
        self._size: int = args.get("size", 56)
        # More than that the kernel refuses anyway; nothing here needs two gigabytes of zeros and ones.
        self._data = packet.payload(min(self._size, _LARGEST), args.get("pattern", ""))
        self._timing = len(self._data) >= packet.STAMP.size
        # Two pings of one namespace tell their answers apart by this number.
        self._ident = int.from_bytes(os.urandom(2), "big")
        self._numbers = report.Statistics()
        self._wire: Wire | None = None
        self._title = self._address = self._error = ""
        self._timer: Timer | None = None
        self._ending: Timer | None = None
        #: In nanoseconds of a clock that nobody sets.
        self._started_at = self._sent_at = 0
        self._tokens = self._slowdown = self._refused = 0
        self._ended = False

    # From outside

    def start(self) -> None:
        """Begin; the first packet goes out before this returns, unless a name has to be looked up first."""
        if self._args.get("pattern") and not self._quiet:
            self._say(f"PATTERN: 0x{packet.pattern_bytes(self._args['pattern']).hex()}\n")
        text: str = self._args["address"]
        wanted = {"inet": socket.AF_INET, "inet6": socket.AF_INET6}.get(self._args.get("family", ""))
        try:
            target = literal(text, self._open_socket)
            if target is None:
                self._resolve(text, lambda rows, words="": self._found(text, wanted, rows, words))
                return
            if wanted not in (None, target.family):
                raise PingFailed(f"{text}: Address family for hostname not supported")
            self._run(target)
        except PingFailed as failure:
            self._fail(str(failure), failure.before)

    def interrupt(self) -> None:
        """What Ctrl-C does: the statistics, and the end. While a name is looked up it just ends."""
        if self._wire is None:
            self._end(130)
        else:
            self._finish()

    def kill(self) -> None:
        """End now, without a word."""
        self._end(137)

    # Beginning and end

    def _say(self, text: str) -> None:
        self._said.append(text)

    def _flush(self) -> None:
        """Hand on what was said since: a flood says thousands of dots a second."""
        if self._said:
            text, self._said = "".join(self._said), []
            self._on_text(text)

    def _found(self, text: str, wanted: int | None, rows: Sequence[Any], words: str) -> None:
        """The resolver's answer; of several IPv6 addresses the first that there is a route to."""
        if self._ended:
            return
        fitting = [row for row in rows if row[0] in ((wanted,) if wanted else (socket.AF_INET, socket.AF_INET6))]
        if not fitting:
            other = "Address family for hostname not supported"
            self._fail(f"{text}: {other if rows else words or 'Name or service not known'}")
            return
        canonical = next((row[3] for row in fitting if row[3]), text)
        # One row for each type of socket: each address once, in the resolver's order.
        targets = list(dict.fromkeys(_target(row, text, canonical) for row in fitting))
        unreachable = os.strerror(errno.ENETUNREACH), os.strerror(errno.EHOSTUNREACH)
        for number, target in enumerate(targets, 1):
            try:
                self._run(target)
            except PingFailed as failure:
                another = target.family == socket.AF_INET6 and number < len(targets)
                if another and str(failure).endswith(unreachable):
                    continue
                self._fail(str(failure), failure.before)
            return

    def _run(self, target: Target) -> None:
        wire = Wire(self._open_socket, self._args, target, self._ident)
        self._wire, self._title, self._address = wire, target.title, wire.target.address
        self._listener = Listener(wire, self._numbers, self._data, self._args, self._say, self._adapt)
        for line in wire.before:
            self._say(line)
        size = self._size
        source = f"from {wire.source} {wire.device}: " if wire.device or wire.fixed_source else ""
        if target.family == socket.AF_INET:
            total = size + 28 + (40 if self._args.get("record_route") else 0)
            self._say(f"PING {self._title} ({self._address}) {source}{size}({total}) bytes of data.\n")
        else:
            self._say(
                f"PING {self._title}({self._listener.name(self._address, target.scope)}) {source}{size} data bytes\n"
            )
        self._loop.watch(wire.sock.fileno(), self._wake)
        if self._deadline:
            self._ending = self._loop.later(self._deadline, self._finish)
        self._started_at = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
        self._turn()

    def _fail(self, words: str, before: Sequence[str] = ()) -> None:
        for line in before:
            self._say(line)
        self._error = f"ping: {words}"
        self._say(f"{self._error}\n")
        self._end(2)

    def _finish(self) -> None:
        if self._ended:
            return
        numbers = self._numbers
        flooded = not self._interval or self._flood or self._adaptive
        elapsed = max(0, self._sent_at - self._started_at) // 1000
        self._say(numbers.finish(self._title, elapsed, flooded=flooded, timing=self._timing))
        short = bool(self._deadline) and numbers.received < self._count
        self._end(1 if short or not numbers.received else 0)

    def _end(self, status: int) -> None:
        if self._ended:
            return
        self._ended = True
        for timer in (self._timer, self._ending):
            if timer is not None:
                timer.cancel()
        if self._wire is not None:
            self._loop.watch(self._wire.sock.fileno())
            self._wire.close()
        self._flush()
        self._on_end({**self._numbers.value(), "address": self._address, "status": status, "error": self._error})

    # When

    def _wake(self) -> None:
        """Something can be read, or it is time: read first, so that what is here is not called outstanding."""
        if not self._ended:
            self._listener.drain()
            self._turn()

    def _turn(self) -> None:
        """Send what is due, and sleep until something comes or the next packet is due."""
        if self._timer is not None:
            self._timer.cancel()
        wait = 0
        for _ in range(_BURST):
            if self._enough():
                self._finish()
                return
            wait = self._until_the_end(self._probe())
            # A packet that was refused may have been the last to wait for.
            if wait > 0 and not self._enough() and not self._listener.drain():
                break
        else:
            wait = 0
        self._flush()
        self._timer = self._loop.later(wait / 1000, self._wake)

    def _enough(self) -> bool:
        """All answers are there, errors counted; with ``-w`` the first error is enough."""
        numbers = self._numbers
        if self._deadline and numbers.errors:
            return True
        return bool(self._count) and numbers.received + numbers.errors >= self._count

    def _until_the_end(self, wait: int) -> int:
        """After the last packet: how long its answer may take. Twice the longest time so far, at least an interval; ``-W``
        (10 s) when nobody has answered; no limit with ``-W 0``, and ``-w`` has its own."""
        if self._deadline or not self._count or self._numbers.sent < self._count or self._ending is not None:
            return wait
        if self._numbers.received:
            most = max(2 * self._numbers.longest, 1000 * self._interval)
        else:
            most = self._linger * 1000
        if most:
            self._ending = self._loop.later(most / 1e6, self._finish)
        return max(wait, most // 1000)

    def _probe(self) -> int:
        """Send when it is time; the milliseconds until the next packet (0 or less: at once).

        Packets are paid for with time: an interval each, saved up to ``preload`` of them. Without an interval the next one
        goes out when the last is answered, or after 10 ms.
        """
        numbers = self._numbers
        if self._count and numbers.sent >= self._count and not self._deadline:
            return 1000
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
        if not self._sent_at:
            self._sent_at = now
            self._tokens = self._interval * (self._preload - 1)
        else:
            passed = (now - self._sent_at) // 1_000_000
            if not self._interval and passed < _SHORTEST and numbers.in_flight() >= self._preload:
                return _SHORTEST - passed
            tokens = min(passed + self._tokens, self._interval * self._preload)
            if tokens < self._interval:
                return self._interval - tokens
            self._sent_at = now
            self._tokens = tokens - self._interval
        if self._args.get("outstanding") and numbers.sent and not numbers.seen(numbers.sent):
            self._say(f"{self._listener.stamp()}no answer yet for icmp_seq={numbers.sent & 0xFFFF}\n")
        return self._send()

    # Sending

    def _send(self, retries: int = _RETRIES) -> int:
        assert self._wire is not None
        numbers = self._numbers
        numbers.clear(numbers.sent + 1)
        if self._timing:
            self._data[: packet.STAMP.size] = packet.STAMP.pack(*divmod(time.time_ns() // 1000, 1_000_000))
        request = packet.echo_request(self._wire.family, self._ident, (numbers.sent + 1) & 0xFFFF, self._data)
        try:
            self._wire.send(request)
        except BlockingIOError:
            self._tokens += self._interval
            return _SHORTEST
        except OSError as error:
            return self._not_sent(error, retries)
        self._refused = 0
        numbers.advance()
        if self._flood and not self._quiet:
            self._say(".")
        return self._interval - self._tokens

    def _not_sent(self, error: OSError, retries: int) -> int:
        """A packet that the kernel did not take counts as sent; a full queue is tried again for a while first."""
        full = error.errno in (errno.ENOBUFS, errno.ENOMEM)
        reported = "none"
        if full:
            self._tokens = 0
            self._slowdown += min(self._numbers.ewma // 8, 50_000)
            self._adapt()
            pause = min(max(self._interval // 2, _SHORTEST), 500)
            self._refused += 1
            if self._refused * pause < self._linger:
                return pause
        else:
            reported = self._listener.take_report()
            if reported == "other" and retries:
                return self._send(retries - 1)
        self._tokens = 0
        self._numbers.advance()
        self._error = f"ping: sendmsg: {error.strerror}"
        # A refusal without a report (a firewall's, say) iputils passes over in silence; only the value tells.
        if (full or reported == "ours") and not self._quiet:
            self._say("E" if self._flood else f"{self._error}\n")
        return max(self._interval, _SHORTEST)

    def _adapt(self) -> None:
        """``-A``: the interval follows the round-trip time."""
        if self._adaptive:
            rtt = self._numbers.ewma // 8 or self._interval * 1000
            self._interval = (rtt + self._slowdown + 500) // 1000


def _target(row: Sequence[Any], typed: str, canonical: str) -> Target:
    """From a row of ``getaddrinfo``. IPv4's lines show the canonical name, IPv6's first line the one that was typed."""
    family, address = int(row[0]), row[4]
    scope = int(address[3]) if len(address) > 3 else 0
    title = canonical if family == socket.AF_INET else typed
    return Target(family, str(address[0]).partition("%")[0], scope, title, canonical)
