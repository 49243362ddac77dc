"""Captures as files that Wireshark opens: pcapng, with each interface's name and namespace.

Written here and not by dpkt, whose writer knows one interface only and puts the captured length in the place of the real one.
The format: draft-ietf-opsawg-pcapng; ``tests/trace/test_pcapng.py`` has the files read by tcpdump, tshark and dpkt.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import BinaryIO

from nsmagic.printable import printable
from nsmagic.trace.frame import Frame

_SECTION, _INTERFACE, _PACKET = 0x0A0D0D0A, 1, 6
_ORDER = 0x1A2B3C4D
_ETHERNET, _RAW = 1, 101
_COMMENT, _END = 1, 0
_IF_NAME, _IF_DESCRIPTION, _IF_RESOLUTION = 2, 3, 9
_FLAGS = 2
_APPLICATION = 4
#: ``epb_flags``: direction, then whom it was for.
_DIRECTION = {"in": 1, "out": 2}
_RECEPTION = {"us": 1 << 2, "group": 2 << 2, "all": 3 << 2, "others": 4 << 2}


def write(file: BinaryIO, frames: Iterable[Frame], snaplen: int, comment: str = "") -> int:
    """Write frames; returns how many. Interfaces are named ``red:veth-red`` and described as ``namespace red``.

    >>> import io
    >>> write(io.BytesIO(), [Frame(0, "red", "veth-red", "out", "out", True, 0x0806, 42, bytes(42))], 262144)
    1
    """
    options = _option(_APPLICATION, b"nsmagic") + (_option(_COMMENT, _text(comment)) if comment else b"")
    file.write(_block(_SECTION, struct.pack("<IHHq", _ORDER, 1, 0, -1), options))
    known: dict[tuple[str, str, bool], int] = {}
    number = 0
    for frame in frames:
        key = (frame.ns, frame.dev, frame.ethernet)
        if key not in known:
            known[key] = len(known)
            body = struct.pack("<HHI", _ETHERNET if frame.ethernet else _RAW, 0, snaplen)
            options = _option(_IF_NAME, _text(f"{frame.ns}:{frame.dev}"))
            options += _option(_IF_DESCRIPTION, _text(f"namespace {frame.ns}")) + _option(_IF_RESOLUTION, b"\x09")
            file.write(_block(_INTERFACE, body, options))
        body = struct.pack(
            "<IIIII", known[key], frame.time >> 32, frame.time & 0xFFFFFFFF, len(frame.data), frame.length
        )
        flags = _DIRECTION[frame.direction] | _RECEPTION.get(frame.to, 0)
        file.write(_block(_PACKET, body + _padded(frame.data), _option(_FLAGS, struct.pack("<I", flags))))
        number += 1
    return number


def _block(kind: int, body: bytes, options: bytes = b"") -> bytes:
    if options:
        options += struct.pack("<HH", _END, 0)
    size = 12 + len(body) + len(options)
    return struct.pack("<II", kind, size) + body + options + struct.pack("<I", size)


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + _padded(value)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _text(text: str) -> bytes:
    return printable(text).encode(errors="replace")
