"""Streams of frames that are none, and whatever reads frames.

A stream is a few pieces: garbage, bodies with a true or a false length, messages with the wrong things in them, very deep and very long
ones, descriptors that nobody promised. ``through_all`` sends one through all readers: the frame reader, whole and in pieces; a connection by
socket; one by serial line (kind vm); the launcher's copying of visitors' frames to a line and back; the notebook's client with requests
under way. They must agree on what the messages are, raise nothing but what they say, and leave no descriptor and no thread.
"""

from __future__ import annotations

import array
import contextlib
import json
import os
import random
import socket
import termios
import threading
import tty
from collections.abc import Callable, Sequence
from typing import Any

from nsmagic.agent import client, protocol, relay
from nsmagic.errors import NsmagicError

#: Some bytes of the stream, and how many descriptors ride along.
Part = tuple[bytes, int]
KEYS = ["item", "done", "error", "id", "fds", "op", "message", "ready", "left", "hint"]
PATIENCE = 5.0


class Dice:
    """Chance, asked as atheris's ``FuzzedDataProvider`` is asked for what it makes of an input."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)

    def ConsumeIntInRange(self, low: int, high: int) -> int:
        return self._dice.randint(low, high)

    def ConsumeBytes(self, count: int) -> bytes:
        return self._dice.randbytes(count)

    def ConsumeUnicode(self, count: int) -> str:
        return "".join(chr(self._dice.choice((0, 34, 92, 97, 0xE9, 0xD800, 0x202E, 0x1F600))) for _ in range(count))

    def PickValueInList(self, values: list[Any]) -> Any:
        return self._dice.choice(values)


def parts(source: Any) -> list[Part]:
    """The pieces of one stream."""
    return [_part(source) for _ in range(source.ConsumeIntInRange(1, 6))]


def _part(source: Any) -> Part:
    kind = source.ConsumeIntInRange(0, 15)
    fds = source.ConsumeIntInRange(0, 3) if source.ConsumeIntInRange(0, 3) == 0 else 0
    if kind == 0:
        return source.ConsumeBytes(source.ConsumeIntInRange(0, 64)), fds
    if kind < 4:
        return _framed(source.ConsumeBytes(source.ConsumeIntInRange(0, 200))), fds
    if kind == 4:
        length = source.ConsumeIntInRange(0, 2**32 - 1)
        return protocol.HEADER.pack(length) + source.ConsumeBytes(64), fds
    if kind == 5:
        # Deep, or long.
        bracket = source.PickValueInList([b"[", b"{", b'{"a":', b'["[",', b'"', b"\\", b" ", b"9", b"[]"])
        body = b'{"id":1,"item":' + bracket * source.ConsumeIntInRange(
            0, 1 << source.PickValueInList([2, 4, 5, 6, 8, 12, 14, 17])
        )
        return _framed(body[: protocol.MAX_FRAME] + source.ConsumeBytes(8)), fds
    message = {source.PickValueInList(KEYS): _value(source, 3) for _ in range(source.ConsumeIntInRange(0, 4))}
    if kind > 6:
        message["id"] = source.ConsumeIntInRange(0, 3)
    if fds and kind > 8:
        message["fds"] = fds
    return _framed(json.dumps(message).encode()), fds


def _framed(body: bytes) -> bytes:
    return protocol.HEADER.pack(len(body)) + body


def request(source: Any, ops: list[str]) -> bytes:
    """A frame that asks the agent for something, as nobody would."""
    message = {
        source.PickValueInList(["ns", "targets", "target", "tables", "argv", "args", "names", "since", "timeout", "number", "commands"]):
        _value(source, 3) for _ in range(source.ConsumeIntInRange(0, 3))
    }  # fmt: skip
    return protocol.pack({**message, "id": source.ConsumeIntInRange(0, 3), "op": source.PickValueInList(ops)})


def _value(source: Any, depth: int) -> Any:
    kind = source.ConsumeIntInRange(0, 9 if depth else 6)
    if kind < 2:
        return source.ConsumeIntInRange(-2, 8)
    if kind < 4:
        return source.PickValueInList([None, True, False, 2**70, 1.5, float("nan"), "LabDied", "KernelRefused", ""])
    if kind < 7:
        return source.ConsumeUnicode(source.ConsumeIntInRange(0, 12))
    if kind == 7:
        return [_value(source, depth - 1) for _ in range(source.ConsumeIntInRange(0, 3))]
    return {source.PickValueInList(KEYS): _value(source, depth - 1) for _ in range(source.ConsumeIntInRange(0, 3))}


# The readers

Read = tuple[list[protocol.Message], bool]


def by_reader(pieces: Sequence[bytes]) -> Read:
    """The messages, and whether the stream ended in an error."""
    reader, found = protocol.Reader(), []
    for piece in pieces:
        reader.feed(piece)
        try:
            for message in reader.messages():
                found.append(message)
        except protocol.ProtocolError:
            return found, True
        assert reader.waiting < 4 + protocol.MAX_FRAME
    return found, False


def by_channel(
    channel: protocol.Channel,
    write: Callable[[memoryview, int], int],
    stream: Sequence[Part],
    drain: Callable[[], object] = lambda: None,
) -> Read:
    """The same through a connection that does not block; ``drain`` reads what it says itself."""
    found: list[protocol.Message] = []
    for data, fds in stream:
        rest = memoryview(data)
        while rest:
            with contextlib.suppress(BlockingIOError):
                sent = write(rest, fds)
                rest, fds = rest[sent:], 0
            while True:
                try:
                    arrived = channel.receive()
                except BlockingIOError:
                    break
                except protocol.ProtocolError:
                    return found, True
                assert arrived is not None, "the other end is open"
                drain()
                for message, numbers in arrived:
                    found.append(message)
                    for number in numbers:
                        os.close(number)
    return found, False


def by_socket(stream: Sequence[Part]) -> Read:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    channel = protocol.Channel(theirs)
    try:
        return by_channel(channel, lambda data, fds: ours.sendmsg([data], _riding(fds)), stream)
    finally:
        channel.close()
        ours.close()


def _riding(fds: int) -> list[Any]:
    return [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0] * fds))] if fds else []


def by_serial_line(stream: Sequence[Part]) -> Read:
    master, slave = os.openpty()
    for each in (master, slave):
        tty.setraw(each, termios.TCSANOW)
        os.set_blocking(each, False)
    channel = protocol.Channel(fd=slave)

    def drain() -> None:
        with contextlib.suppress(BlockingIOError):
            while os.read(master, 1 << 16):
                continue

    try:
        return by_channel(channel, lambda data, _: os.write(master, data[:2048]), stream, drain)
    finally:
        channel.close()
        os.close(master)


def by_relay(stream: Sequence[Part]) -> None:
    """A visitor sends the stream to the guest, then the guest sends it to the next visitor: only whole frames may come out."""
    ours, guest = socket.socketpair()
    guest.setblocking(False)
    line = relay.Line(ours)
    try:
        _visit(line, guest, stream, to_guest=True)
        assert line.free, "a visitor can spoil nothing for the next"
        _visit(line, guest, stream, to_guest=False)
    finally:
        line.close()
        guest.close()


def _visit(line: relay.Line, guest: socket.socket, stream: Sequence[Part], *, to_guest: bool) -> None:
    them, visitor = socket.socketpair()
    them.setblocking(False)
    line.take(visitor)
    write, read = (them, guest) if to_guest else (guest, them)
    came = b""
    for data, _ in stream:
        rest = memoryview(data)
        while rest and line.visitor is visitor:
            with contextlib.suppress(BlockingIOError):
                rest = rest[write.send(rest) :]
            line.turn()
            came += _all(read, tells=to_guest)
    while True:
        line.turn()
        if not (more := _all(read, tells=to_guest)):
            break
        came += more
    assert line.waiting < 4 + protocol.MAX_FRAME
    hung_up = line.visitor is None  # in mid frame, it may be: whoever reads that sees the end
    them.close()
    while line.visitor is visitor:
        line.turn()
        came += _all(guest, tells=True) if to_guest else b""
    if to_guest:
        while more := _turned(line, guest):
            came += more
        assert came.endswith(relay.LEFT), "the agent is told that the visitor has left"
        came = came.removesuffix(relay.LEFT)
        guest.sendall(relay.ANSWER)
        line.turn()
    _whole_frames(came, cut=hung_up and not to_guest)


def _turned(line: relay.Line, guest: socket.socket) -> bytes:
    line.turn()
    return _all(guest, tells=True)


def _all(end: socket.socket, *, tells: bool = False) -> bytes:
    """What has come; ``tells``: as the guest, which says how much it has taken, for only so much may be on its way."""
    came = b""
    with contextlib.suppress(BlockingIOError, ConnectionError):
        while data := end.recv(1 << 18):
            came += data
            if tells:
                end.sendall(protocol.pack({"id": 0, "taken": len(data)}))
    return came


def _whole_frames(data: bytes, *, cut: bool) -> None:
    while len(data) >= (4 if cut else 1):
        (length,) = protocol.HEADER.unpack_from(data)
        assert length <= protocol.MAX_FRAME
        assert cut or len(data) >= 4 + length, "half a frame was passed on"
        data = data[4 + length :]


def by_client(stream: Sequence[Part]) -> None:
    """The notebook's end: whatever comes, each request ends in an answer or an error of ours, and the connection for one reason."""
    ours, theirs = socket.socketpair()
    causes: list[str] = []
    made = client.Client(protocol.Channel(theirs), causes.append)
    try:
        calls = [made.call("status"), made.call("socket"), made.call("tables")]
        with contextlib.suppress(OSError):  # it hung up, as it should when these are no frames
            for data, fds in stream:
                if data:
                    ours.sendmsg([data[:1]], _riding(fds))
                    ours.sendall(data[1:])
            ours.shutdown(socket.SHUT_WR)
        made.join(PATIENCE)
        assert not made.alive
        assert causes in (["protocol"], ["connection lost"])
        for ask in (lambda: made.wait_ready(PATIENCE), *(lambda call=call: call.result(PATIENCE) for call in calls)):
            with contextlib.suppress(NsmagicError):
                ask()
        for call in calls:
            for number in call.fds:
                os.close(number)
    finally:
        ours.close()


def through_all(stream: Sequence[Part]) -> None:
    """All readers, one after the other."""
    before, threads = len(os.listdir("/proc/self/fd")), threading.active_count()
    whole = b"".join(piece for piece, _ in stream)
    messages, failed = by_reader([whole])
    step = max(7, len(whole) // 100)
    for cut in ([piece for piece, _ in stream], [whole[at : at + step] for at in range(0, len(whole), step)]):
        # As text, since a message may hold a number that is not equal to itself.
        assert repr(by_reader(cut)) == repr((messages, failed))
    # Whatever it is that stands there: false is no number either.
    promised = any(repr(message.get("fds", 0)) != "0" for message in messages)
    for reader in (by_socket, by_serial_line):
        found, error = reader(stream if reader is by_serial_line else [(piece, 0) for piece, _ in stream])
        assert repr(found) == repr(messages[: len(found)])
        assert error or not failed
        assert error or len(found) == len(messages)
        assert promised or error == failed
    by_socket(stream)  # with the descriptors
    by_relay(stream)
    by_client(stream)
    left = len(os.listdir("/proc/self/fd")) - before
    assert left == 0, f"{left} descriptors were left open"
    assert threading.active_count() == threads, threading.enumerate()
