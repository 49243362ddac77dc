"""The hidden namespace: numbers for all others, one socket that hears them all, one that asks about links.

Nobody sees it: it has no name, no process, no descriptor, and only these sockets keep it alive.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import socket
import struct
from collections.abc import Iterator, Sequence

from nsmagic.netlink import decode, netfilter, nftrace
from nsmagic.netlink.socket import (
    CLONE_NEWNET,
    HEADER,
    NETLINK_ADD_MEMBERSHIP,
    NETLINK_DROP_MEMBERSHIP,
    NETLINK_LISTEN_ALL_NSID,
    SOL_NETLINK,
    NetlinkError,
    RouteSocket,
    setns,
)
from nsmagic.netlink.words import RTM_GETNSID, RTM_NEWLINK, RTM_NEWNSID

#: RTNLGRP_*: links, neighbours, then addresses, routes and rules of IPv4 and IPv6, numbers of namespaces.
_GROUPS = (1, 3, 5, 7, 8, 9, 11, 19, 28)
_NEIGHBOURS = 3
_SIOCGSKNS = 0x894C
_EEXIST, _ENOBUFS = 17, 105
_NETNSA_NSID, _NETNSA_FD = 1, 3
#: Numbers given on purpose start here; those that the kernel gives by itself start at 0.
_FIRST_NSID = 1_000_000
_MOST = 20_000  # datagrams read at one go; the rest waits for the next
_RECEIVE_BUFFER = 1 << 25

#: ``(namespace id, message type, buffer, start of body, end)``; the buffer holds the next message soon.
Event = tuple[int, int, bytearray, int, int]


class Hidden:
    """The hidden namespace's two sockets.

    Raises
    ------
    OSError
        No namespace can be made here, or it may not listen to others.
    """

    def __init__(self, home_fd: int) -> None:
        namespace = _new_namespace(home_fd)
        try:
            self.ask = RouteSocket.open(namespace, home_fd)
            self._events = RouteSocket.open(namespace, home_fd).sock
        finally:
            os.close(namespace)
        self._loopback = False
        _listen(self._events, _GROUPS)
        self._buffer = bytearray(1 << 16)
        self._next_nsid = _FIRST_NSID
        self._firewall: RouteSocket | None = None
        self._home = home_fd

    def fileno(self) -> int:
        """The event socket."""
        return self._events.fileno()

    def listener(self) -> socket.socket:
        """One more socket that hears of links, addresses, routes, rules and numbers of namespaces everywhere; the caller closes it.
        Neighbours are left out: every packet may change one."""
        sock = self.one_more().sock
        _listen(sock, [group for group in _GROUPS if group != _NEIGHBOURS])
        return sock

    def listen(self, now: bool) -> None:
        """Have the kernel send events from now on, or none."""
        for group in _GROUPS:
            self._events.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP if now else NETLINK_DROP_MEMBERSHIP, group)

    def loopback(self) -> int:
        """A new descriptor of the hidden namespace, its loopback up: a place to try what the kernel does with a packet. The caller
        closes it: what stays open could be entered through ``/proc/1/fd``."""
        if not self._loopback:
            # struct ifinfomsg of interface 1, IFF_UP wanted.
            self.ask.request(RTM_NEWLINK, 0, struct.pack("=BxHiII", 0, 0, 1, 1, 1))
            self._loopback = True
        return self._open()

    def _open(self) -> int:
        descriptor: int = fcntl.ioctl(self.ask.sock, _SIOCGSKNS)
        return descriptor

    def close(self) -> None:
        self.ask.close()
        self._events.close()
        if self._firewall is not None:
            self._firewall.close()

    def number(self, nsfd: int) -> int:
        """Give a namespace a number. One that the kernel has numbered already (a veth ended in it) keeps that."""
        return give_number(self.ask, nsfd, self.reserve(1))

    def reserve(self, count: int) -> int:
        """The first of so many numbers that nobody else gives to a namespace."""
        self._next_nsid += count
        return self._next_nsid - count

    def one_more(self) -> RouteSocket:
        """One more socket to ask with, for somebody else; who takes it closes it."""
        namespace = self._open()
        try:
            return RouteSocket.open(namespace, self._home)
        finally:
            os.close(namespace)

    def events(self) -> Iterator[Event | None]:
        """The events that are there, of all numbered namespaces; None where some were lost."""
        return waiting(self._events, self._buffer)

    def watch_firewall(self) -> bool:
        """Begin to hear of changes of nft's rules; False where the kernel has no netfilter. Not done at the start, since the
        kernel may load a module for it."""
        if self._firewall is None:
            namespace = self._open()
            try:
                self._firewall = netfilter.open_socket(namespace, self._home)
            finally:
                os.close(namespace)
            if self._firewall is not None:
                sock = self._firewall.sock
                sock.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, netfilter.NFNLGRP_NFTABLES)
                sock.setsockopt(SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, 1)
                sock.setblocking(False)
        return self._firewall is not None

    def firewall_touched(self) -> set[int] | None:
        """The numbers of the namespaces whose nft rules were changed since the last call; None when events were lost."""
        found: set[int] = set()
        lost = False
        while self._firewall is not None:
            try:
                size, ancillary, flags, _ = self._firewall.sock.recvmsg_into([self._buffer], 64)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != _ENOBUFS:
                    raise
                lost = True
                continue
            if not flags & socket.MSG_TRUNC and nftrace.is_ours(bytes(self._buffer[:size])):
                continue
            found |= {
                struct.unpack_from("=i", data)[0]
                for level, kind, data in ancillary
                if level == SOL_NETLINK and kind == NETLINK_LISTEN_ALL_NSID
            }
        return None if lost else found


def give_number(ask: RouteSocket, nsfd: int, nsid: int) -> int:
    """Give a namespace a number where a socket lives, unless it has one there; the number that it has."""
    by_fd = struct.pack("=B3xHHI", 0, 8, _NETNSA_FD, nsfd)
    try:
        ask.request(RTM_NEWNSID, 0, by_fd + struct.pack("=HHi", 8, _NETNSA_NSID, nsid))
    except NetlinkError as error:
        if error.errno != _EEXIST:
            raise
        _, body = ask.get(RTM_GETNSID, 0, by_fd)
        nsid = struct.unpack_from("=i", body, decode.attributes(body, 4, len(body))[_NETNSA_NSID])[0]
    return nsid


def _listen(sock: socket.socket, groups: Sequence[int]) -> None:
    with contextlib.suppress(OSError):  # the kernel gives what its limit (net.core.rmem_max) allows
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
    for group in groups:
        sock.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group)
    sock.setsockopt(SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, 1)
    sock.setblocking(False)


def waiting(sock: socket.socket, buffer: bytearray) -> Iterator[Event | None]:
    """The events that wait in a socket that hears all namespaces; None where some were lost.

    What happens in the hidden namespace itself has no number and is left out.
    """
    for _ in range(_MOST):
        try:
            size, ancillary, _, _ = sock.recvmsg_into([buffer], 64)
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno != _ENOBUFS:
                raise
            yield None
            continue
        nsid = -1
        for level, kind, data in ancillary:
            if level == SOL_NETLINK and kind == NETLINK_LISTEN_ALL_NSID:
                nsid = struct.unpack_from("=i", data)[0]
        at = 0
        while nsid >= 0 and at + 16 <= size:
            length, kind, _, _, _ = HEADER.unpack_from(buffer, at)
            if length < 16:
                break
            yield nsid, kind, buffer, at + 16, at + length
            at += (length + 3) & ~3


def _new_namespace(home_fd: int) -> int:
    """A descriptor of a new network namespace; where we are stays the same.

    SIOCGSKNS asks a socket for its namespace, which needs no /proc (in a sandbox without mounts /proc is not ours).
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
            fd = fcntl.ioctl(sock, _SIOCGSKNS)
    finally:
        setns(home_fd)
    os.set_inheritable(fd, False)
    return fd
