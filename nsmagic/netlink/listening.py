"""The sockets that wait to be talked to, from the kernel's ``sock_diag``: TCP in state LISTEN, UDP that is not connected.

``/proc/net/tcp`` says the same, but walks the machine's whole table of connections for it, which takes ten milliseconds.
Layouts are those of ``include/uapi/linux/inet_diag.h``.
"""

from __future__ import annotations

import socket
import struct

from nsmagic.netlink.socket import HEADER, NLM_F_DUMP, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR

_SOCK_DIAG, _BY_FAMILY = 4, 20
_LISTEN, _CLOSE = 10, 7
_ASKED = (
    ("tcp", socket.AF_INET, socket.IPPROTO_TCP, _LISTEN), ("tcp6", socket.AF_INET6, socket.IPPROTO_TCP, _LISTEN),
    ("udp", socket.AF_INET, socket.IPPROTO_UDP, _CLOSE), ("udp6", socket.AF_INET6, socket.IPPROTO_UDP, _CLOSE),
)  # fmt: skip


def listening() -> list[tuple[str, str, int]]:
    """``(protocol, address, port)`` of the namespace that we are in; the protocol is ``tcp``, ``tcp6``, ``udp`` or ``udp6``.

    Raises
    ------
    OSError
        The kernel has no sock_diag, or not for one of the protocols.
    """
    found: list[tuple[str, str, int]] = []
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _SOCK_DIAG) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("@ll", 5, 0))
        for name, family, proto, state in _ASKED:
            body = struct.pack("=BBBxI48x", family, proto, 0, 1 << state)
            sock.send(HEADER.pack(16 + len(body), _BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, 1, 0) + body)
            while not _read(sock.recv(1 << 16), name, family, found):
                pass
    return found


def _read(data: bytes, name: str, family: int, found: list[tuple[str, str, int]]) -> bool:
    """Take the rows of a datagram; True when it was the last."""
    at = 0
    while at + 16 <= len(data):
        length, kind, _, _, _ = HEADER.unpack_from(data, at)
        if kind == NLMSG_DONE:
            return True
        if kind == NLMSG_ERROR:
            code = -struct.unpack_from("=i", data, at + 16)[0]
            raise OSError(code, "sock_diag")
        (port,) = struct.unpack_from(">H", data, at + 20)
        address = data[at + 24 : at + (28 if family == socket.AF_INET else 40)]
        if data[at + 16] == family and port:
            found.append((name, socket.inet_ntop(family, address), port))
        at += max((length + 3) & ~3, 16)
    return False
