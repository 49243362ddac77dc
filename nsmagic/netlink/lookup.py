"""From the name of a link to its number, by asking the kernel: one small request, no dump."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from nsmagic.netlink import decode
from nsmagic.netlink.context import NoSuchDevice
from nsmagic.netlink.encode import LINK, attrs
from nsmagic.netlink.socket import NetlinkError, RouteSocket
from nsmagic.netlink.words import RTM_GETLINK

_EINVAL, _ENODEV, _ERANGE = 22, 19, 34
#: No VFs, no counters: RTEXT_FILTER_VF is what iproute2 asks for, RTEXT_FILTER_SKIP_STATS saves a kilobyte.
_SKIP_STATS = 8
_IFNAMSIZ = 16
_NUMBERED = re.compile(r"if([1-9][0-9]{0,9})\Z")


class Found(NamedTuple):
    """A link as far as writing needs it."""

    ifindex: int
    ifname: str
    flags: int
    kind: str
    master: int


def link(sock: RouteSocket, name: str, ns: str) -> Found:
    """The link with that name or alternative name.

    Raises
    ------
    NoSuchDevice

    >>> link(RouteSocket.open(), "lo", "host").ifindex
    1
    """
    key = "ifname" if len(name.encode(errors="surrogateescape")) < _IFNAMSIZ else "altname"
    return _ask(sock, decode.IFINFO.pack(0, 0, 0, 0, 0) + attrs(LINK, {"ext_mask": _SKIP_STATS, key: name}), name, ns)


def _ask(sock: RouteSocket, body: bytes, name: str, ns: str) -> Found:
    try:
        _, answer = sock.get(RTM_GETLINK, 0, body)
    except NetlinkError as error:
        if error.errno in (_ENODEV, _EINVAL, _ERANGE):  # the last two: nothing that could be a name
            raise NoSuchDevice(name, ns) from None
        raise
    row: Any = decode.link(answer, 0, len(answer))
    return Found(row.ifindex, row.ifname, row.flags, row.kind, row.master)


def find(sock: RouteSocket, name: str, ns: str) -> int:
    """The number of the link with that name or alternative name; ``if7`` is number 7, as in iproute2.

    Raises
    ------
    NoSuchDevice
    """
    try:
        return link(sock, name, ns).ifindex
    except NoSuchDevice:
        found = _NUMBERED.match(name)
        if found is None or int(found[1]) > 0x7FFFFFFF:
            raise
        return int(found[1])


def by_index(sock: RouteSocket, index: int, ns: str) -> Found:
    """The link with that number.

    Raises
    ------
    NoSuchDevice
    """
    body = decode.IFINFO.pack(0, 0, index, 0, 0) + attrs(LINK, {"ext_mask": _SKIP_STATS})
    return _ask(sock, body, f"if{index}", ns)
