"""Filters of packets: tcpdump's language, compiled by libpcap into a program that the kernel runs for each packet.

libpcap is the machine's own library, called by ctypes: whoever has tcpdump has it, and nothing has to be built for it (the
bindings on PyPI need a compiler and libpcap's headers, and would open the sockets as well). ``compile_text`` runs in a child
of the agent (``aside.py``): libpcap looks up the names that a filter mentions, which may wait and must ask the servers of the
namespace, and a fault in its parser would take pid 1, and with it the lab, away.

A namespace may have links with an Ethernet header and links without any (tun, WireGuard). One socket hears both, so the program
begins with a look at the link's type and goes on with one of two programs (``join``).
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Sequence

from nsmagic.errors import CommandSyntaxError, NsmagicError
from nsmagic.sentences import say

#: An instruction of classic BPF: code, jump if true, jump if false, constant.
Instruction = tuple[int, int, int, int]

_INSTRUCTION = struct.Struct("=HBBI")
#: Link types as libpcap numbers them on Linux.
_DLT_EN10MB, _DLT_RAW = 1, 12
_NAMES = ("libpcap.so.0.8", "libpcap.so.1")
_NETMASK_UNKNOWN = 0xFFFFFFFF
#: ARPHRD_ETHER, ARPHRD_LOOPBACK: the types of links whose packets begin with an Ethernet header.
ETHERNET = (1, 772)
_LOAD, _JUMP_EQUAL, _JUMP, _RETURN = 0x20, 0x15, 0x05, 0x06
#: Where the kernel shows a filter the type of the link (SKF_AD_OFF + SKF_AD_HATYPE in linux/filter.h).
_LINK_TYPE = 0xFFFFF000 + 28
#: What the kernel takes (BPF_MAXINSNS).
_MOST = 4096


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint), ("instructions", ctypes.c_void_p))


def _library() -> ctypes.CDLL:
    for name in _NAMES:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    raise NsmagicError(
        "a filter needs libpcap, which is not installed here",
        hint=say("filter-libpcap"),
    )


def compile_text(text: str, snaplen: int) -> list[Instruction]:
    """The program of a filter: how many bytes of a packet to keep, 0 for one that does not pass.

    Raises
    ------
    CommandSyntaxError
        In libpcap's words.
    NsmagicError
        There is no libpcap.
    """
    library = _library()
    ethernet = _compile(library, text, _DLT_EN10MB, snaplen)
    try:
        raw = _compile(library, text, _DLT_RAW, snaplen)
    except CommandSyntaxError:
        raw = keep(0)  # ``arp``, ``ether host``: no packet without an Ethernet header can be one
    return join(ethernet, raw)


def _compile(library: ctypes.CDLL, text: str, link_type: int, snaplen: int) -> list[Instruction]:
    library.pcap_open_dead.restype = library.pcap_geterr.restype = ctypes.c_void_p
    handle = ctypes.c_void_p(library.pcap_open_dead(link_type, snaplen))
    program = _Program()
    encoded = ctypes.c_char_p(text.encode(errors="surrogateescape"))
    try:
        if library.pcap_compile(handle, ctypes.byref(program), encoded, 1, ctypes.c_uint32(_NETMASK_UNKNOWN)) != 0:
            words = ctypes.string_at(library.pcap_geterr(handle)).decode(errors="replace")
            raise CommandSyntaxError(f"filter {text!r}: {words}", text=text, hint=say("filter-form"))
        data = ctypes.string_at(program.instructions, program.length * _INSTRUCTION.size)
        library.pcap_freecode(ctypes.byref(program))
    finally:
        library.pcap_close(handle)
    return [(code, yes, no, constant) for code, yes, no, constant in _INSTRUCTION.iter_unpack(data)]


def keep(snaplen: int) -> list[Instruction]:
    """The program that lets everything pass and keeps so many bytes of it."""
    return [(_RETURN, 0, 0, snaplen)]


def join(ethernet: Sequence[Instruction], raw: Sequence[Instruction]) -> list[Instruction]:
    """One program for both sorts of links.

    >>> len(join(keep(96), keep(0)))
    6
    """
    start: list[Instruction] = [
        (_LOAD, 0, 0, _LINK_TYPE),
        (_JUMP_EQUAL, 2, 0, ETHERNET[0]),
        (_JUMP_EQUAL, 1, 0, ETHERNET[1]),
        (_JUMP, 0, 0, len(ethernet)),
    ]
    program = [*start, *ethernet, *raw]
    if len(program) > _MOST:
        raise NsmagicError(f"the filter is too long: {len(program)} instructions, and the kernel takes {_MOST}")
    return program


def pack(program: Sequence[Sequence[int]]) -> ctypes.Array[ctypes.c_char]:
    """The program's bytes, in memory that the kernel can read."""
    data = b"".join(_INSTRUCTION.pack(*each) for each in program)
    return ctypes.create_string_buffer(data, len(data))


def attachment(packed: ctypes.Array[ctypes.c_char]) -> bytes:
    """What ``setsockopt(SO_ATTACH_FILTER)`` takes (``struct sock_fprog``)."""
    return struct.pack("@HP", len(packed) // _INSTRUCTION.size, ctypes.addressof(packed))
