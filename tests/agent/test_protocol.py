"""Frames: whole, in pieces, too large, too deep, garbage; descriptors that ride along, and those that do not come."""

from __future__ import annotations

import array
import errno
import fcntl
import json
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nsmagic.agent import protocol
from nsmagic.agent.protocol import HEADER, MAX_DEPTH, MAX_FDS, MAX_FRAME, Channel, ProtocolError, Reader, pack, unpack
from tests.fuzz import examples

#: JSON-ready values, with names and texts as people may type them.
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
MESSAGES = st.dictionaries(st.text(max_size=8), VALUES, max_size=5).flatmap(
    lambda message: st.integers(0, 2**40).map(lambda number: {**message, "id": number})
)


def read_all(data: bytes, cuts: list[int]) -> list[dict[str, Any]]:
    """The messages in bytes that come in pieces."""
    reader, found, at = Reader(), [], 0
    for cut in [*sorted(cuts), len(data)]:
        reader.feed(data[at:cut])
        at = max(at, cut)
        found += list(reader.messages())
    assert reader.waiting == 0
    return found


@examples(200)
@given(st.lists(MESSAGES, max_size=4), st.lists(st.integers(0, 400), max_size=6))
def test_messages_come_back_however_the_bytes_are_cut(messages: list[dict[str, Any]], cuts: list[int]) -> None:
    data = b"".join(map(pack, messages))
    for more in range(3):
        assert read_all(data, [cut + more for cut in cuts if cut + more <= len(data)]) == messages


def test_cut_at_every_byte() -> None:
    messages = [
        {"id": 1, "text": 'ü\ud800\n"\\[{'},
        {"id": 2},
        {"id": 3, "rows": [[1, "a", None], []], "deep": {"a": {"b": []}}},
    ]
    data = b"".join(map(pack, messages))
    for cut in range(len(data) + 1):
        assert read_all(data, [cut]) == messages
    assert read_all(data, list(range(len(data)))) == messages


def test_length_comes_first_in_network_order() -> None:
    assert pack({"id": 7, "op": "x"}) == b"\x00\x00\x00\x11" + b'{"id":7,"op":"x"}'


# Bounds


def test_the_largest_frame_is_read_and_one_byte_more_is_not() -> None:
    room = MAX_FRAME - len(b'{"id":1,"a":""}')
    data = pack({"id": 1, "a": "x" * room})
    assert len(data) == MAX_FRAME + 4
    assert read_all(data, [3, 70_000]) == [{"id": 1, "a": "x" * room}]
    with pytest.raises(ProtocolError, match="larger than"):
        pack({"id": 1, "a": "x" * (room + 1)})


def test_a_frame_that_announces_too_much_is_refused_before_its_bytes_come() -> None:
    reader = Reader()
    reader.feed(HEADER.pack(MAX_FRAME + 1))
    with pytest.raises(ProtocolError, match="announces"):
        list(reader.messages())


@pytest.mark.parametrize("inside", ["", '"]",', '"[{}]]",', '"\\"]",', '"\\\\",', '{},[],"}",'])
def test_depth_is_what_really_nests(inside: str) -> None:
    """Closing brackets in strings must not make room for more, nor opening ones use it up."""
    text = inside.rstrip(",")
    room = MAX_DEPTH - ("{}" in inside and "[]" in inside)

    def body(depth: int) -> bytes:
        levels = depth - 1
        return ('{"id":1,"a":' + f"[{inside}" * (levels - 1) + f"[{text}" + "]" * levels + "}").encode()

    assert unpack(body(room))["id"] == 1
    with pytest.raises(ProtocolError, match="deeper"):
        unpack(body(room + 1))


def test_brackets_in_strings_are_just_text() -> None:
    message = {"id": 1, "rows": [["[[[[{{{{" * 30, "]]}}\\", '"]"'] for _ in range(50)]}
    assert unpack(pack(message)[4:]) == message


@examples(800)
@given(
    st.recursive(st.text('[]{}"\\a', max_size=6), lambda inner: st.lists(inner, min_size=1, max_size=3), max_leaves=60)
)
def test_depth_agrees_with_a_walk_over_the_value(value: Any) -> None:
    def depth(of: Any) -> int:
        return 1 + max(map(depth, of), default=0) if isinstance(of, list) else 0

    padding = [[] for _ in range(MAX_DEPTH + 1)]  # many brackets, so that the count alone does not settle it
    body = json.dumps({"id": 1, "v": value, "p": padding}).encode()
    assert protocol._too_deep(body) == (1 + max(depth(value), 2) > MAX_DEPTH)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"1", b"null", b'"id"', b"{}", b'{"id":"1"}', b'{"id":1.0}', b'{"id":null}', b'{"id":true}', b'{"id":1}x',
     b"\xff\xfe", b'{"id":1,"a":"\xff"}', '{"id":1}'.encode("utf-16"), '{"id":1}'.encode("utf-32"), b'\xef\xbb\xbf{"id":1}',
     b'{"id":' + b"9" * 5000 + b"}", b"[" * 200_000, b'{"id":1,"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", b'{"a":' * 100_000],
)  # fmt: skip
def test_what_is_no_message_is_refused(body: bytes) -> None:
    reader = Reader()
    reader.feed(HEADER.pack(len(body)) + body)
    with pytest.raises(ProtocolError):
        list(reader.messages())


@examples(3000)
@given(st.binary(max_size=80), st.booleans())
@example(b'{"id":1}', True)
def test_garbage_is_messages_or_a_protocol_error_and_nothing_else(data: bytes, framed: bool) -> None:
    reader = Reader()
    reader.feed(HEADER.pack(len(data)) + data if framed else data)
    try:
        for message in reader.messages():
            assert isinstance(message["id"], int)
    except ProtocolError:
        return
    assert reader.waiting < 4 or HEADER.unpack_from(reader._buffer)[0] <= MAX_FRAME


@examples(300)
@given(MESSAGES, st.integers(0, 400), st.integers(0, 255))
def test_a_changed_byte_is_another_message_or_a_protocol_error(message: dict[str, Any], at: int, byte: int) -> None:
    whole = pack(message)
    for place in (at, at + 1, -1 - at):
        data = bytearray(whole)
        data[place % len(data)] = byte
        _is_read_or_refused(data)


def _is_read_or_refused(data: bytearray) -> None:
    reader = Reader()
    reader.feed(bytes(data))
    try:
        for read in reader.messages():
            assert isinstance(read["id"], int)
    except ProtocolError:
        return
    assert reader.waiting <= len(data)


def test_the_check_of_depth_takes_no_time_worth_mentioning() -> None:
    rows = [["red", number, f"veth-{number}", "veth", {"a": 1}, [], "[x]"] for number in range(8000)]
    body = pack({"id": 1, "item": {"table": "links", "rows": rows}})[4:]
    assert len(body) > 300_000

    def seconds(what: Callable[[bytes], object]) -> float:
        """Of this thread's own computing, the least of a few: side by side, whatever else the machine does."""
        taken = []
        for _ in range(5):
            start = time.thread_time()
            what(body)
            taken.append(time.thread_time() - start)
        return min(taken)

    assert seconds(protocol._too_deep) < seconds(json.loads)


def test_a_lenient_reader_passes_over_what_is_no_message_and_not_over_what_is_no_frame() -> None:
    reader = Reader(lenient=True)
    reader.feed(pack({"id": 1}) + HEADER.pack(2) + b"no" + HEADER.pack(200) + b"[" * 200 + pack({"id": 2}))
    assert [message["id"] for message in reader.messages()] == [1, 2]
    reader.feed(HEADER.pack(MAX_FRAME + 1))
    with pytest.raises(ProtocolError, match="announces"):
        list(reader.messages())


# Channels and descriptors


@pytest.fixture
def pair() -> Iterator[tuple[Channel, Channel, socket.socket]]:
    """Two ends of a connection, and the raw socket of the first, to misbehave with."""
    left, right = socket.socketpair()
    one, two = Channel(left), Channel(right)
    yield one, two, left
    one.close()
    two.close()


def open_fds() -> set[int]:
    return {int(name) for name in os.listdir("/proc/self/fd")}


def misbehave(sock: socket.socket, data: bytes, fds: list[int]) -> None:
    sock.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))])


def test_descriptors_arrive_with_their_message_and_close_on_exec(pair: tuple[Channel, Channel, socket.socket]) -> None:
    one, two, _ = pair
    files = [os.memfd_create(f"f{number}") for number in range(MAX_FDS)]
    for number, fd in enumerate(files):
        os.write(fd, bytes([number]))
    one.send({"id": 1})
    one.send({"id": 2}, files[:1])
    one.send({"id": 3}, files)
    one.send({"id": 4})
    arrived: list[tuple[dict[str, Any], list[int]]] = []
    while len(arrived) < 4:
        arrived += two.receive() or []
    assert [(message["id"], len(fds)) for message, fds in arrived] == [(1, 0), (2, 1), (3, MAX_FDS), (4, 0)]
    assert arrived[2][0]["fds"] == MAX_FDS
    assert [os.pread(fd, 1, 0)[0] for fd in arrived[2][1]] == list(range(MAX_FDS))
    for fd in arrived[1][1] + arrived[2][1]:
        assert fcntl.fcntl(fd, fcntl.F_GETFD) & fcntl.FD_CLOEXEC
        os.close(fd)
    for fd in files:
        os.close(fd)


def test_a_large_frame_with_descriptors_comes_in_pieces(pair: tuple[Channel, Channel, socket.socket]) -> None:
    one, two, _ = pair
    message = {"id": 1, "text": "x" * 900_000}
    fd = os.memfd_create("f")
    sender = threading.Thread(target=one.send, args=(message, [fd]))
    sender.start()
    rounds, arrived = 0, []
    while not arrived:
        arrived = two.receive() or []
        rounds += 1
    sender.join()
    assert rounds > 1
    assert arrived[0][0]["text"] == message["text"]
    os.close(arrived[0][1][0])
    os.close(fd)


def test_a_socket_that_does_not_block_waits_for_room_and_sends_descriptors_once(
    pair: tuple[Channel, Channel, socket.socket],
) -> None:
    one, two, left = pair
    left.setblocking(False)
    left.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    fd = os.memfd_create("f")
    arrived: list[tuple[dict[str, Any], list[int]]] = []

    def read() -> None:
        time.sleep(0.05)  # so that the sender meets a full buffer
        while len(arrived) < 20:
            arrived.extend(two.receive() or [])

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(20):
        one.send({"id": number, "text": "x" * 30_000}, [fd])
    reader.join(10)
    assert [(message["id"], len(fds)) for message, fds in arrived] == [(number, 1) for number in range(20)]
    for _, fds in arrived:
        os.close(fds[0])
    os.close(fd)


@pytest.mark.parametrize("promise", [1, 5, -1, "1", 1.0, None, True, [1], 2**70])
def test_promised_descriptors_that_did_not_come_end_it(
    pair: tuple[Channel, Channel, socket.socket], promise: Any
) -> None:
    one, two, _ = pair
    one.send({"id": 1, "fds": promise})
    with pytest.raises(ProtocolError, match="did not come"):
        two.receive()


def test_an_error_after_good_frames_leaves_no_descriptor_open(pair: tuple[Channel, Channel, socket.socket]) -> None:
    _, two, left = pair
    fd = os.memfd_create("f")
    before = open_fds()
    # In one read: a good frame with a descriptor, then one that is not.
    misbehave(left, pack({"id": 1, "fds": 1}) + HEADER.pack(3) + b"bad", [fd])
    with pytest.raises(ProtocolError, match="not JSON"):
        two.receive()
    assert open_fds() == before
    os.close(fd)


@pytest.mark.parametrize("data", [pack({"id": 1}), pack({"id": 1, "fds": 1}) + pack({"id": 2})])
def test_descriptors_that_no_frame_promises_end_it_and_are_closed(
    pair: tuple[Channel, Channel, socket.socket], data: bytes
) -> None:
    _, two, left = pair
    files = [os.memfd_create("f") for _ in range(2)]
    before = open_fds()
    misbehave(left, data, files)
    with pytest.raises(ProtocolError, match="no frame promises"):
        two.receive()
    two.close()
    assert open_fds() < before
    for fd in files:
        os.close(fd)


def test_descriptors_cannot_pile_up_behind_a_frame_that_never_ends(
    pair: tuple[Channel, Channel, socket.socket],
) -> None:
    _, two, left = pair
    files = [os.memfd_create("f") for _ in range(10)]
    misbehave(left, HEADER.pack(1000) + b"x", files)
    assert two.receive() == []
    misbehave(left, b"x", files)
    with pytest.raises(ProtocolError, match="no frame promises"):
        two.receive()
    for fd in files:
        os.close(fd)


def test_more_descriptors_than_a_frame_may_carry_are_not_sent(pair: tuple[Channel, Channel, socket.socket]) -> None:
    one, two, _ = pair
    with pytest.raises(ProtocolError, match="more than"):
        one.send({"id": 1}, [0] * (MAX_FDS + 1))
    one.send({"id": 2})
    assert two.receive() == [({"id": 2}, [])]


def test_a_message_too_large_is_not_sent_in_part(pair: tuple[Channel, Channel, socket.socket]) -> None:
    one, two, _ = pair
    with pytest.raises(ProtocolError, match="larger than"):
        one.send({"id": 1, "text": "x" * MAX_FRAME})
    one.send({"id": 2})
    assert two.receive() == [({"id": 2}, [])]


def test_the_end_of_the_connection_is_none_and_sending_is_an_oserror(
    pair: tuple[Channel, Channel, socket.socket],
) -> None:
    one, two, left = pair
    one.send({"id": 1})
    left.shutdown(socket.SHUT_RDWR)
    assert two.receive() == [({"id": 1}, [])]
    assert two.receive() is None
    with pytest.raises(OSError) as raised:
        two.send({"id": 2})
    assert raised.value.errno in (errno.EPIPE, errno.ECONNRESET)


def test_half_a_frame_then_the_end(pair: tuple[Channel, Channel, socket.socket]) -> None:
    _, two, left = pair
    left.sendall(pack({"id": 1})[:-1])
    left.shutdown(socket.SHUT_WR)
    assert two.receive() == []
    assert two.receive() is None


def test_a_plain_descriptor_carries_frames_and_no_descriptors() -> None:
    """The vm kind: a serial line."""
    master, slave = os.openpty()
    import tty

    tty.setraw(master)
    tty.setraw(slave)
    one, two = Channel(fd=master), Channel(fd=slave)
    assert not one.carries_fds
    with pytest.raises(ProtocolError, match="carries no descriptors"):
        one.send({"id": 1}, [0])
    one.send({"id": 1, "a": [1]})
    two.send({"id": 2})
    assert two.receive() == [({"id": 1, "a": [1]}, [])]
    assert one.receive() == [({"id": 2}, [])]
    one.close()
    two.close()


def test_header_is_four_bytes() -> None:
    assert HEADER.size == 4
    assert struct.unpack("!I", pack({"id": 1})[:4]) == (8,)
