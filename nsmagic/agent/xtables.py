"""Whether the rules of the old iptables are as they were: the kernel tells nobody when they change.

A tool that lists them (``iptables-legacy-save``) is a process for each family and namespace, a tenth of a second of a virtual machine. The
kernel's own table (``IPT_SO_GET_ENTRIES``, net/ipv4/netfilter/ip_tables.c, include/uapi/linux/netfilter_{ipv4,ipv6}) is one call. It is
only compared: what it says, the tool reads.
"""

from __future__ import annotations

import ctypes
import socket
import struct
import sys
from typing import NamedTuple

from nsmagic import syscalls

_GET_INFO, _GET_ENTRIES = 64, 65
_NAME = 32
#: ``struct ipt_getinfo``: a name, which hooks, eleven places, how many entries, their size.
_INFO = struct.Struct(f"={_NAME}s12II")
_COUNTERS = bytes(16)


class _Family(NamedTuple):
    """Of ``struct ipt_entry``, ``struct ip6t_entry``: where the size of an entry stands, and where its counters begin."""

    domain: socket.AddressFamily
    level: int
    next: int
    counters: int


_FAMILIES = {
    "ip": _Family(socket.AF_INET, socket.IPPROTO_IP, 90, 96),
    "ip6": _Family(socket.AF_INET6, socket.IPPROTO_IPV6, 142, 152),
}


def contents(family: str, table: str) -> bytes:
    """What is the same as long as the rules of a table are, in the namespace that we are in; how often they were met does not count.

    Raises
    ------
    OSError
        The kernel has no such table, or another one is put in its place this moment.
    """
    kind = _FAMILIES[family]
    with socket.socket(kind.domain, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.IPPROTO_RAW) as sock:
        name = table.encode()
        info = bytearray(name.ljust(_INFO.size, b"\0"))
        syscalls.getsockopt(sock, kind.level, _GET_INFO, info)
        size = _INFO.unpack(info)[-1]
        # The entries are aligned as their counters are.
        head = -(-(_NAME + 4) // ctypes.alignment(ctypes.c_uint64)) * ctypes.alignment(ctypes.c_uint64)
        data = bytearray(struct.pack(f"={_NAME}sI", name, size).ljust(head + size, b"\0"))
        syscalls.getsockopt(sock, kind.level, _GET_ENTRIES, data)
    at = head
    while at + kind.counters + 16 <= len(data):
        data[at + kind.counters : at + kind.counters + 16] = _COUNTERS
        step = int.from_bytes(data[at + kind.next : at + kind.next + 2], sys.byteorder)
        at += max(step, 1)
    return bytes(data)
