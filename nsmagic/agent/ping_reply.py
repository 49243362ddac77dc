"""The listening half of ping: reads what comes back, counts it, and says the line that iputils says for it."""

from __future__ import annotations

import errno
import os
import socket
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal

from nsmagic.agent import ping_packet as packet
from nsmagic.agent import ping_report as report
from nsmagic.agent.ping_socket import Wire

#: Messages read before others get their turn in the loop.
_BURST = 64


class Listener:
    """Reads the socket of a ping.

    Parameters
    ----------
    wire
        The socket, and whom it pings.
    numbers
        The figures, which are brought up to date.
    data
        The data of the requests, compared with what comes back.
    args
        As ``commands/command.py`` lists them.
    say
        Gets the lines.
    timed
        Called after each round-trip time.
    """

    def __init__(
        self,
        wire: Wire,
        numbers: report.Statistics,
        data: bytearray,
        args: Mapping[str, Any],
        say: Callable[[str], None],
        timed: Callable[[], None],
    ) -> None:
        self._wire, self._numbers, self._data, self._say, self._timed = wire, numbers, data, say, timed
        self._quiet, self._flood = bool(args.get("quiet")), bool(args.get("flood"))
        self._audible, self._stamped = bool(args.get("audible")), bool(args.get("timestamps"))
        self._numeric = bool(args.get("numeric")) or self._flood
        self._user_time = bool(args.get("user_latency"))
        self._inet6 = wire.family == socket.AF_INET6
        self._target = wire.target
        self._route = report.RouteText(self.name, self._flood)
        # The address of all routers of an IPv6 network (its lower half is zero): another address answers for it.
        anycast = self._inet6 and not any(socket.inet_pton(socket.AF_INET6, self._target.address)[8:])
        self._anyone = wire.multicast or anycast

    def drain(self) -> bool:
        """Read what has come, until nothing is under way; whether anything had come."""
        busy = False
        for _ in range(_BURST):
            try:
                message, sender, scope, arrived = self._wire.receive()
            except BlockingIOError:
                # A report makes the socket readable too, also when its error was fetched by sending.
                if self.take_report() == "none":
                    return busy
            except OSError:
                self.take_report()
            else:
                if message is not None:
                    self._read(message, sender, scope, arrived)
            busy = True
            if self._numbers.in_flight() == 0:
                break
        return busy

    def take_report(self) -> Literal["none", "ours", "local", "other"]:
        """Read one report of the kernel: an ICMP error about us, its own complaint, somebody else's, or none there.

        Raw sockets get the ICMP errors of every ping in the namespace.
        """
        try:
            what, to = self._wire.receive_report()
        except OSError:
            return "none"
        if what is None:
            return "other"
        if what.origin == packet.LOCAL:
            if not self._quiet:
                self._numbers.errors += 1
                mtu = "mtu: " if self._inet6 else "mtu="
                long = what.errno == errno.EMSGSIZE
                words = f"message too long, {mtu}{what.info}" if long else os.strerror(what.errno)
                self._say("E" if self._flood else f"ping: local error: {words}\n")
            return "local"
        if what.origin not in (packet.ICMP, packet.ICMP6) or what.echo is None:
            return "other"
        ident, seq = what.echo
        if ident != self._wire.ident or to != self._target.address:
            return "other"
        if what.origin == packet.ICMP:
            self._numbers.acknowledge(seq)
            self._wire.only_replies()
            words = report.words4(what.kind, what.code, what.info, what.offender)
        else:
            words = report.words6(what.kind, what.code, what.info)
        self._numbers.errors += 1
        if self._flood and not self._quiet:
            self._say("\bE")
        elif not self._quiet:
            self._say(f"{self.stamp()}From {self.name(what.offender, what.scope)} icmp_seq={seq} {words}\n")
        return "ours"

    def _read(self, message: packet.Icmp, sender: str, scope: int, arrived: int) -> None:
        if message.kind == (packet.ECHO_REPLY6 if self._inet6 else packet.ECHO_REPLY):
            if message.ident == self._wire.ident:
                self._reply(message, sender, scope, arrived)
        elif message.quoted is not None and message.quoted[:2] == (self._target.address, self._wire.ident):
            seq = message.quoted[2]
            if message.kind not in (packet.REDIRECT, packet.QUENCH):
                self._numbers.acknowledge(seq)
            elif not self._quiet and not self._flood:
                gateway = self.name(socket.inet_ntop(socket.AF_INET, message.info))
                words = report.words4(message.kind, message.code, 0, gateway)
                self._say(f"{self.stamp()}From {self.name(sender)}: icmp_seq={seq} {words}\n")

    def _reply(self, message: packet.Icmp, sender: str, scope: int, arrived: int) -> None:
        numbers, seq = self._numbers, message.seq
        numbers.acknowledge(seq)
        timing = len(self._data) >= packet.STAMP.size
        taken = 0
        if timing and message.size >= 8 + packet.STAMP.size:
            taken = self._time(message, arrived)
        duplicate = numbers.arrived(seq)
        if self._quiet:
            return
        if self._flood:
            self._say("\b \b")
            return
        line = f"{self.stamp()}{message.size} bytes from {self.name(sender, scope)}: icmp_seq={seq}"
        if message.ttl >= 0:
            line += f" ttl={message.ttl}"
        if message.size < len(self._data) + 8:
            self._say(f"{line} (truncated)\n")
            return
        if timing:
            line += f" time={report.milliseconds(taken)} ms"
        if duplicate and not self._wire.multicast:
            line += " (DUP!)"
        if not self._anyone and sender != self._target.address:
            line += " (DIFFERENT ADDRESS!)"
        line += report.wrong_byte(self._data, message.data)
        if self._audible:
            line += "\a"
        self._say(f"{line}{self._route.text(message.options)}\n")

    def _time(self, message: packet.Icmp, arrived: int) -> int:
        """The round-trip time in microseconds: when it came, less the time that it carries."""
        seconds, microseconds = packet.STAMP.unpack_from(message.data)
        sent = int(seconds * 1_000_000 + microseconds)
        now = arrived if arrived and not self._user_time else time.time_ns() // 1000
        taken = now - sent
        if taken < 0:
            self._say(f"ping: Warning: time of day goes back ({taken}us), taking countermeasures\n")
            taken = 0
            if not self._user_time:
                self._user_time = True
                taken = max(0, time.time_ns() // 1000 - sent)
        self._numbers.timed(taken)
        self._timed()
        return taken

    def stamp(self) -> str:
        """The time at the head of a line with ``-D``."""
        if not self._stamped:
            return ""
        seconds, microseconds = divmod(time.time_ns() // 1000, 1_000_000)
        return f"[{seconds}.{microseconds:06d}] "

    def name(self, address: str, scope: int = 0) -> str:
        """An address as the lines show it: behind the name by which it was asked for, if there was one."""
        shown = self._wire.shown(address, scope)
        if self._target.name and not self._numeric and address == self._target.address:
            return f"{self._target.name} ({shown})"
        return shown
