"""Which rule of nftables (and so of ``iptables-nft``) decided over a packet: tracing, switched on for a moment.

A table of our own, owned by our socket (``NFT_TABLE_F_OWNER``), marks the packets that the hooks see first; the kernel then
tells each rule that they meet (``nf_tables_trace.c``). The table goes with the socket, whatever becomes of us: the rules of the
namespace are the same before and after. Numbers are those of ``include/uapi/linux/netfilter/nf_tables.h``.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from nsmagic.netlink.encode import attr, nest, text
from nsmagic.netlink.socket import (
    HEADER,
    NLM_F_ACK,
    NLM_F_CREATE,
    NLM_F_DUMP,
    NLM_F_REQUEST,
    NLMSG_DONE,
    NLMSG_ERROR,
    SOL_NETLINK,
    NetlinkError,
    ack_error,
)

_NETLINK_NETFILTER, _ADD_MEMBERSHIP, _DROP_MEMBERSHIP, _TRACE_GROUP = 12, 1, 2, 9
_BATCH_BEGIN, _BATCH_END, _NFTABLES = 16, 17, 10
_NEWTABLE, _GETTABLE, _NEWCHAIN, _NEWRULE, _GETRULE, _NEWGEN, _TRACE = 0, 1, 3, 6, 7, 15, 17
_OWNER = 2
#: Family → its number, the number of the table's own family (``inet`` is both of IP), and its hooks by which packets come in.
_FAMILIES = {"ip": 1, "ip6": 1, "inet": 1, "arp": 3, "bridge": 7}
_HOOKS = {1: (0, 3), 3: (0, 1), 7: (0, 3)}
FAMILY_NAMES = {1: "inet", 2: "ip", 3: "arp", 5: "netdev", 7: "bridge", 10: "ip6"}
_FIRST = -(2**31) + 1
#: The name of our table, which is none of the namespace's rules.
NAME = "nsmagic-why"
_TYPES = {1: "policy", 2: "return", 3: "rule"}
_VERDICTS = {0: "drop", 1: "accept", 2: "stolen", 3: "queue", 4: "repeat", 0xFFFFFFFF: "continue", 0xFFFFFFFD: "jump",
             0xFFFFFFFC: "goto", 0xFFFFFFFB: "return"}  # fmt: skip
_be32 = struct.Struct(">I")


def open_socket() -> socket.socket:
    """A netfilter socket of the namespace that we are in."""
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_NETFILTER)
    sock.bind((0, 0))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("@ll", 5, 0))
    return sock


def families(sock: socket.socket) -> set[str]:
    """The families in which the namespace has tables; none where the kernel has no nftables."""
    body = struct.pack("=BBH", 0, 0, 0)
    kind = _NFTABLES << 8 | _GETTABLE
    sock.send(HEADER.pack(16 + len(body), kind, NLM_F_REQUEST | NLM_F_DUMP, 1, 0) + body)
    found: set[str] = set()
    while True:
        for number, data in _messages(sock.recv(1 << 16)):
            if number in (NLMSG_DONE, NLMSG_ERROR):
                return found
            found.add(FAMILY_NAMES.get(data[0], str(data[0])))


def stop(sock: socket.socket) -> dict[tuple[str, str, str], list[int]]:
    """Let nothing more be told to a tracing socket, and say what stands where: family, table and chain with the handles of the
    rules, in their order. The table of ours goes when the socket is closed."""
    sock.setsockopt(SOL_NETLINK, _DROP_MEMBERSHIP, _TRACE_GROUP)
    sock.setblocking(True)
    kind = _NFTABLES << 8 | _GETRULE
    sock.send(HEADER.pack(20, kind, NLM_F_REQUEST | NLM_F_DUMP, 2, 0) + struct.pack("=BBH", 0, 0, 0))
    found: dict[tuple[str, str, str], list[int]] = {}
    while True:
        for number, data in _messages(sock.recv(1 << 16)):
            if number in (NLMSG_DONE, NLMSG_ERROR):
                return found
            if number == _NFTABLES << 8 | _NEWRULE:
                parts = _attributes(data, 4)
                place = FAMILY_NAMES.get(data[0], str(data[0])), _text(parts.get(1, b"")), _text(parts.get(2, b""))
                found.setdefault(place, []).append(int.from_bytes(parts.get(3, b""), "big"))


def is_ours(data: bytes) -> bool:
    """Whether all that the kernel tells of changed rules in a datagram is that our table came or went."""
    for kind, body in _messages(data):
        # That there is a new generation of rules is told with each change.
        if kind != _NFTABLES << 8 | _NEWGEN and _text(_attributes(body, 4).get(1, b"")) != NAME:
            return False
    return True


class Skipped(Protocol):
    """Packets that are not to be traced: a protocol above IP, and tests of what stands there: offset, bytes, and whether they must be so."""

    @property
    def protocol(self) -> int: ...

    @property
    def tests(self) -> Sequence[tuple[int, bytes, bool]]: ...


def start(sock: socket.socket, used: set[str], skipped: Sequence[Skipped] = ()) -> None:
    """Have the packets of the namespace traced, in these families and but for those skipped; until the socket is closed.

    Raises
    ------
    NetlinkError
        The kernel cannot do it.
    """
    sock.setsockopt(SOL_NETLINK, _ADD_MEMBERSHIP, _TRACE_GROUP)
    messages = [_message(_BATCH_BEGIN, 0, struct.pack(">BBH", 0, 0, _NFTABLES), 1)]
    for family in sorted({_FAMILIES[each] for each in used if each in _FAMILIES}):
        messages += _table(family, len(messages) + 1, skipped if family != _FAMILIES["arp"] else ())
    if len(messages) == 1:
        return
    messages[-1] = _with_ack(messages[-1])
    messages.append(_message(_BATCH_END, 0, struct.pack(">BBH", 0, 0, _NFTABLES), len(messages) + 1))
    sock.send(b"".join(messages))
    data = sock.recv(1 << 16)
    for number, body in _messages(data):
        if number == NLMSG_ERROR and struct.unpack_from("=i", body)[0]:
            raise ack_error(body, 0, len(body), 0) or NetlinkError(71)


def _table(family: int, seq: int, skipped: Sequence[Skipped]) -> list[bytes]:
    kind = _NFTABLES << 8
    header = struct.pack(">BBH", family, 0, 0)
    name = attr(1, text(NAME))
    made = [_message(kind | _NEWTABLE, NLM_F_CREATE, header + name + attr(2, _be32.pack(_OWNER)), seq)]
    for hook in _HOOKS[family]:
        chain = attr(3, text(f"hook{hook}"))
        where = nest(0x8000 | 4, attr(1, _be32.pack(hook)), attr(2, struct.pack(">i", _FIRST)))
        body = header + name + chain + where + attr(7, text("filter"))
        made.append(_message(kind | _NEWCHAIN, NLM_F_CREATE, body, seq + len(made)))
        for each in skipped:
            rule = header + name + attr(2, text(f"hook{hook}")) + nest(0x8000 | 4, *_skip(each))
            made.append(_message(kind | _NEWRULE, NLM_F_CREATE | 0x800, rule, seq + len(made)))
        one = nest(0x8000 | 2, nest(0x8000 | 1, attr(1, b"\x01")))  # NFTA_IMMEDIATE_DATA: NFTA_DATA_VALUE
        load = _expression("immediate", attr(1, _be32.pack(1)) + one)
        trace = _expression(
            "meta", attr(2, _be32.pack(12)) + attr(3, _be32.pack(1))
        )  # NFT_META_NFTRACE from register 1
        rule = header + name + attr(2, text(f"hook{hook}")) + nest(0x8000 | 4, load, trace)
        made.append(_message(kind | _NEWRULE, NLM_F_CREATE | 0x800, rule, seq + len(made)))
    return made


def _skip(each: Skipped) -> list[bytes]:
    """The expressions of a rule that takes these packets past our chain: NFT_META_L4PROTO, bytes of the transport header, NF_ACCEPT."""
    found = [
        _expression("meta", attr(1, _be32.pack(1)) + attr(2, _be32.pack(16))),
        _compare(bytes([each.protocol]), True),
    ]
    for offset, value, same in each.tests:
        where = [attr(number, _be32.pack(word)) for number, word in ((1, 1), (2, 2), (3, offset), (4, len(value)))]
        found += [_expression("payload", b"".join(where)), _compare(value, same)]
    accept = nest(0x8000 | 2, nest(0x8000 | 2, attr(1, _be32.pack(1))))
    return [*found, _expression("immediate", attr(1, _be32.pack(0)) + accept)]


def _compare(value: bytes, same: bool) -> bytes:
    data = nest(0x8000 | 3, attr(1, value))
    return _expression("cmp", attr(1, _be32.pack(1)) + attr(2, _be32.pack(0 if same else 1)) + data)


def _expression(name: str, data: bytes) -> bytes:
    return nest(0x8000 | 1, attr(1, text(name)), attr(0x8000 | 2, data))


def _message(kind: int, flags: int, body: bytes, seq: int) -> bytes:
    return HEADER.pack(16 + len(body), kind, NLM_F_REQUEST | flags, seq, 0) + body


def _with_ack(message: bytes) -> bytes:
    size, kind, flags, seq, port = HEADER.unpack_from(message)
    return HEADER.pack(size, kind, flags | NLM_F_ACK, seq, port) + message[16:]


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 16 <= len(data):
        length, kind, _, _, _ = HEADER.unpack_from(data, at)
        if length < 16:
            return
        yield kind, data[at + 16 : at + length]
        at += (length + 3) & ~3


def read(data: bytes) -> Iterator[dict[str, Any]]:
    """The steps that a datagram of a tracing socket tells: family, table, chain, handle, verdict, and the packet's headers
    with the first step in a chain."""
    for kind, body in _messages(data):
        if kind != _NFTABLES << 8 | _TRACE:
            continue
        parts = _attributes(body, 4)
        table = _text(parts.get(1, b""))
        if table == NAME:
            continue
        verdict, target = _verdict(parts.get(5, b""))
        kind_ = _TYPES.get(_number(parts.get(4, b"")), "")
        if kind_ == "policy":
            verdict = _VERDICTS.get(_number(parts.get(16, b"")), verdict)
        yield {
            "id": _number(parts.get(6, b"")), "family": FAMILY_NAMES.get(body[0], str(body[0])), "table": table,
            "chain": _text(parts.get(2, b"")), "handle": int.from_bytes(parts.get(3, b""), "big"), "type": kind_,
            "verdict": verdict, "target": target, "iif": _number(parts.get(10, b"")), "oif": _number(parts.get(12, b"")),
            "network": parts.get(8, b""), "transport": parts.get(9, b""),
        }  # fmt: skip


def _verdict(data: bytes) -> tuple[str, str]:
    parts = _attributes(data, 0)
    return _VERDICTS.get(_number(parts.get(1, b"")), ""), _text(parts.get(2, b""))


def _attributes(data: bytes, at: int) -> Mapping[int, bytes]:
    found: dict[int, bytes] = {}
    while at + 4 <= len(data):
        size, kind = struct.unpack_from("=HH", data, at)
        if size < 4:
            break
        found[kind & 0x3FFF] = data[at + 4 : at + size]
        at += (size + 3) & ~3
    return found


def _number(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _text(data: bytes) -> str:
    return data.rstrip(b"\0").decode(errors="replace")
