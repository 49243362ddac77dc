"""The bytes of ping, and nothing but bytes: echo requests, replies, the kernel's error reports, filters, record route.

Layouts are those of RFC 792 and RFC 4443, of ``struct sock_extended_err`` (``include/uapi/linux/errqueue.h``) and of the
filters in ``include/uapi/linux/{icmp,icmpv6,filter}.h``. Nothing here opens a socket.
"""

from __future__ import annotations

import socket
import struct
from array import array
from typing import NamedTuple

ECHO_REPLY, UNREACHABLE, QUENCH, REDIRECT, ECHO, EXCEEDED, PARAMETER = 0, 3, 4, 5, 8, 11, 12
ECHO6, ECHO_REPLY6 = 128, 129

#: ``ee_origin`` of an error report: the kernel itself, or an ICMP message.
LOCAL, ICMP, ICMP6 = 1, 2, 3

_ECHO = struct.Struct("!BBHHH")
_EXTENDED = struct.Struct("=IBBBBII")
#: The time of sending, at the head of the data (``struct timeval``).
STAMP = struct.Struct("=qq" if struct.calcsize("l") == 8 else "=ii")


def checksum(data: bytes | bytearray) -> int:
    """The Internet checksum, as the number whose native bytes stand in the packet.

    >>> hex(socket.ntohs(checksum(bytes.fromhex("0800 0000 0001 0001".replace(" ", "")))))
    '0xf7fd'
    """
    words = array("H", bytes(data) + b"\0" if len(data) & 1 else data)
    total = sum(words)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def payload(size: int, pattern: str = "") -> bytearray:
    """The data of a request: ``size`` bytes that count up, or a pattern of hex digits over and over.

    >>> payload(4).hex(), payload(5, "dee").hex()
    ('00010203', 'de0ede0ede')
    """
    if not pattern:
        return bytearray(i & 0xFF for i in range(size))
    unit = pattern_bytes(pattern)
    return bytearray((unit * (size // len(unit) + 1))[:size])


def pattern_bytes(pattern: str) -> bytes:
    """The bytes of a pattern: two digits each, a single last digit is a byte of its own.

    >>> pattern_bytes("ddeef").hex()
    'ddee0f'
    """
    return bytes(int(pattern[i : i + 2], 16) for i in range(0, len(pattern), 2))


def echo_request(family: int, ident: int, seq: int, data: bytes | bytearray) -> bytes:
    """An echo request. IPv6's checksum covers addresses that only the kernel knows: it fills it in.

    >>> echo_request(socket.AF_INET, 1, 2, b"").hex()
    '0800f7fc00010002'
    """
    if family == socket.AF_INET6:
        return _ECHO.pack(ECHO6, 0, 0, ident, seq) + data
    packet = bytearray(_ECHO.pack(ECHO, 0, 0, ident, seq) + data)
    packet[2:4] = struct.pack("=H", checksum(packet))
    return bytes(packet)


class Icmp(NamedTuple):
    """An ICMP message that arrived.

    ``size`` counts from the ICMP header on; ``ttl`` is -1 when unknown; ``info`` is the header's second word (gateway, MTU);
    ``quoted`` is what an error quotes of the packet at fault: its destination, identifier and number.
    """

    kind: int
    code: int
    ident: int
    seq: int
    size: int
    ttl: int
    data: bytes
    options: bytes = b""
    info: bytes = b"\0\0\0\0"
    quoted: tuple[str, int, int] | None = None


def read_ipv4(packet: bytes) -> Icmp | None:
    """The message in a datagram of a raw IPv4 socket (IP header included); None when it is too short to be one."""
    length = (packet[0] & 0xF) * 4 if packet else 0
    if length < 20 or len(packet) < length + 8:
        return None
    kind, code, _, ident, seq = _ECHO.unpack_from(packet, length)
    body = packet[length + 8 :]
    quoted = None
    if kind in (UNREACHABLE, QUENCH, REDIRECT, EXCEEDED, PARAMETER) and len(body) >= 28:
        inner = (body[0] & 0xF) * 4
        if len(body) >= inner + 8 and body[inner] == ECHO:
            number = _ECHO.unpack_from(body, inner)
            quoted = (socket.inet_ntop(socket.AF_INET, body[16:20]), number[3], number[4])
    info = packet[length + 4 : length + 8]
    return Icmp(kind, code, ident, seq, len(packet) - length, packet[8], body, packet[20:length], info, quoted)


def read_ipv6(packet: bytes, hops: int) -> Icmp | None:
    """The message in a datagram of a raw ICMPv6 socket; ``hops`` came beside it."""
    if len(packet) < 8:
        return None
    kind, code, _, ident, seq = _ECHO.unpack_from(packet)
    return Icmp(kind, code, ident, seq, len(packet), hops, packet[8:])


class Report(NamedTuple):
    """What the kernel's error queue says of a packet of ours: from where, why, and which one it was (None: not an echo)."""

    origin: int
    errno: int
    kind: int
    code: int
    info: int
    offender: str
    scope: int
    echo: tuple[int, int] | None


def read_report(extended: bytes, packet: bytes) -> Report:
    """An error report from its control message, and the head of the packet at fault."""
    errno, origin, kind, code, _, info, _ = _EXTENDED.unpack_from(extended)
    sender = extended[_EXTENDED.size :]
    offender, scope = "", 0
    family = struct.unpack_from("=H", sender)[0] if len(sender) >= 8 else 0
    if family == socket.AF_INET:
        offender = socket.inet_ntop(socket.AF_INET, sender[4:8])
    elif family == socket.AF_INET6 and len(sender) >= 28:
        offender = socket.inet_ntop(socket.AF_INET6, sender[8:24])
        scope = struct.unpack_from("=I", sender, 24)[0]
    echo = None
    if len(packet) >= 8 and packet[0] in (ECHO, ECHO6):
        echo = _ECHO.unpack_from(packet)[3:5]
    return Report(origin, errno, kind, code, info, offender, scope, echo)


def icmp_filter(*kinds: int) -> bytes:
    """The value of ICMP_FILTER that lets only these types in.

    >>> icmp_filter(ECHO_REPLY, UNREACHABLE) == struct.pack("=I", 0xFFFFFFF6)
    True
    """
    passed = 0
    for kind in kinds:
        passed |= 1 << kind
    return struct.pack("=I", ~passed & 0xFFFFFFFF)


def icmp6_filter(kind: int) -> bytes:
    """The value of ICMP6_FILTER that lets only one type in (a set bit blocks)."""
    words = [0xFFFFFFFF] * 8
    words[kind >> 5] &= ~(1 << (kind & 31)) & 0xFFFFFFFF
    return struct.pack("=8I", *words)


def reply_filter(family: int, ident: int) -> bytes:
    """A socket filter that drops the echo replies meant for other pings, so that these do not wake ours.

    Classic BPF, eight bytes an instruction. A raw IPv4 socket sees the IP header first, which has a length of its own.
    """
    if family == socket.AF_INET:
        start, word, byte, kind = [(0xB1, 0, 0, 0)], 0x48, 0x50, ECHO_REPLY  # ldxb 4*([0]&0xf); ldh/ldb [x+k]
    else:
        start, word, byte, kind = [], 0x28, 0x30, ECHO_REPLY6  # ldh/ldb [k]
    program = [
        *start,
        (byte, 0, 0, 0),
        (0x15, 0, 2, kind),  # not an echo reply: pass
        (word, 0, 0, 4),
        (0x15, 0, 1, ident),  # not our number: drop
        (0x06, 0, 0, 0xFFFFFFFF),
        (0x06, 0, 0, 0),
    ]
    return b"".join(struct.pack("=HBBI", *step) for step in program)


#: The IP option that asks routers to write their address: NOP, then RR with room for nine.
RECORD_ROUTE = bytes([1, 7, 39, 4]) + bytes(36)


def recorded(options: bytes) -> list[tuple[str, bytes]]:
    """The IP options of a reply, one after the other: ``("nop", b"")``, ``("rr", addresses)``, ``("unknown", its number)``.

    >>> recorded(bytes([7, 7, 8, 10, 0, 0, 1, 0]))
    [('rr', b'\\n\\x00\\x00\\x01')]
    """
    found: list[tuple[str, bytes]] = []
    at = 0
    while at < len(options) and options[at] != 0:
        if options[at] == 1:
            found.append(("nop", b""))
            at += 1
            continue
        length = options[at + 1] if at + 1 < len(options) else 0
        if length < 2 or at + length > len(options):
            break
        if options[at] == 7:
            end = min(options[at + 2], length + 1) - 4 if length > 2 else 0
            # A pointer at its start says that nobody has written anything.
            if end > 0:
                found.append(("rr", options[at + 3 : at + 3 + end]))
        else:
            found.append(("unknown", options[at : at + 1]))
        at += length
    return found
