"""The servers of a world: a name server and a web page, each a small process in its room. Standard library only.

Their sockets are opened by the agent, so that they listen before anybody can ask; a forked child then serves them, enters the room
as every command does, and ends with the lab.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import struct
from collections.abc import Mapping

from nsmagic import syscalls as sys_
from nsmagic.agent import process
from nsmagic.agent.namespaces import Namespaces

_A, _PTR, _AAAA = 1, 12, 28
_NXDOMAIN, _NOT_IMPLEMENTED = 3, 4
_TTL = 60
_IP_PKTINFO = 8
#: Seconds that a visitor of the web page may take to say what is wanted.
_PATIENCE = 2.0


def answer(query: bytes, names: Mapping[str, str]) -> bytes:
    """The answer of a name server (RFC 1035) to a query: addresses of the names, names of the addresses, else that there are none.

    An empty answer, which is not to be sent, for what is no query.

    >>> header = struct.pack(">6H", 7, 0x0100, 1, 0, 0, 0)
    >>> answer(header + b"\\x03www\\x04test\\0" + struct.pack(">2H", 1, 1), {"www.test": "10.0.0.1"})[-4:]
    b'\\n\\x00\\x00\\x01'
    """
    if len(query) < 17:
        return b""
    number, flags, questions = struct.unpack_from(">3H", query)
    at, labels = 12, list[str]()
    while at < len(query) and query[at] and query[at] < 64:
        labels.append(query[at + 1 : at + 1 + query[at]].decode("ascii", "replace").lower())
        at += 1 + query[at]
    if flags & 0x8000 or questions != 1 or at + 5 > len(query) or query[at]:
        return b""
    kind, _ = struct.unpack_from(">2H", query, at + 1)
    question = query[12 : at + 5]
    name = ".".join(labels)
    known = name in names or any(_reverse(address) == name for address in names.values())
    data = _data(kind, name, names)
    code = 0 if known else _NXDOMAIN
    if flags & 0x7800:
        code, data = _NOT_IMPLEMENTED, []
    head = struct.pack(">6H", number, 0x8580 | (flags & 0x0100) | code, 1, len(data), 0, 0)
    records = [struct.pack(">3HIH", 0xC00C, kind, 1, _TTL, len(each)) + each for each in data]
    return head + question + b"".join(records)


def _data(kind: int, name: str, names: Mapping[str, str]) -> list[bytes]:
    if kind in (_A, _AAAA) and name in names:
        import ipaddress

        address = ipaddress.ip_address(names[name])
        return [address.packed] if address.version == (4 if kind == _A else 6) else []
    if kind == _PTR:
        return [
            b"".join(bytes([len(part)]) + part.encode() for part in each.split(".")) + b"\0"
            for each, address in names.items()
            if _reverse(address) == name
        ][:1]
    return []


def _reverse(address: str) -> str:
    import ipaddress

    return ipaddress.ip_address(address).reverse_pointer


def page(text: str, request: bytes) -> bytes:
    """The answer of a web server that has one page.

    >>> page("hello", b"GET / HTTP/1.1\\r\\n\\r\\n").split(b"\\r\\n")[0]
    b'HTTP/1.0 200 OK'
    """
    words = request.split(b"\r\n", 1)[0].split(b" ")
    if len(words) != 3 or words[0] not in (b"GET", b"HEAD"):
        return b"HTTP/1.0 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
    body = text.encode()
    head = (
        f"HTTP/1.0 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
        "Connection: close\r\n\r\n"
    ).encode()
    return head + (body if words[0] == b"GET" else b"")


def start(namespaces: Namespaces, place: process.Place, ns: str, names: Mapping[str, str], text: str) -> int:
    """Serve names (port 53) and a page (port 80, when there is one) in a room; the pid of the process.

    Raises
    ------
    OSError
        A port is taken.
    LimitReached
        The lab can have no further process.
    """
    with contextlib.ExitStack() as stack:
        with namespaces.inside(namespaces.nsfd(ns)):
            asked = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) if names else None
            door = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) if text else None
        if asked is not None:
            asked.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
            asked.bind(("0.0.0.0", 53))
        if door is not None:
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            door.bind(("0.0.0.0", 80))
            door.listen(16)
        pid = process.fork()
        if pid:
            return pid
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            os.setsid()
            if not place.plain:
                sys_.prctl(sys_.PR_SET_PDEATHSIG, signal.SIGKILL)
            mine = [each.fileno() for each in (asked, door) if each is not None]
            process.close_all_but(*mine, *([place.nsfd] if place.nsfd is not None else []))
            process.enter(place)
            process.bound(place)
            with contextlib.suppress(OSError):
                process.write_file("/proc/self/comm", "world-server")
            _serve(asked, door, names, text)
        finally:
            os._exit(1)


def _serve(asked: socket.socket | None, door: socket.socket | None, names: Mapping[str, str], text: str) -> None:
    waiting = selectors.DefaultSelector()
    for each in (asked, door):
        if each is not None:
            waiting.register(each, selectors.EVENT_READ)
    while True:
        for key, _ in waiting.select():
            # Whoever asks strangely, or leaves before the answer, must not end the server.
            with contextlib.suppress(OSError):
                if key.fileobj is asked and asked is not None:
                    _answer_from_where_it_was_asked(asked, names)
                elif door is not None:
                    visitor, _ = door.accept()
                    with visitor:
                        visitor.settimeout(_PATIENCE)
                        request = b""
                        while b"\r\n\r\n" not in request and len(request) < 1 << 14 and (more := visitor.recv(4096)):
                            request += more
                        visitor.sendall(page(text, request))


def _answer_from_where_it_was_asked(asked: socket.socket, names: Mapping[str, str]) -> None:
    """A room may have several addresses; an answer from another than was asked is nobody's."""
    query, ancillary, _, who = asked.recvmsg(4096, 64)
    said = answer(query, names)
    # struct in_pktinfo (ip(7)): interface, the address to answer from, the address asked
    mine = [struct.unpack("=I4s4s", data)[2] for level, kind, data in ancillary if (level, kind) == (0, _IP_PKTINFO)]
    if said and mine:
        asked.sendmsg([said], [(0, _IP_PKTINFO, struct.pack("=I4s4s", 0, mine[0], bytes(4)))], 0, who)
