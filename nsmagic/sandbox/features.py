"""Single requests to the kernel, each for one thing that lessons use and a kernel may lack.

Each function makes the thing in the network namespace it is called in and raises the kernel's refusal as an OSError. Used by
``trial.py`` inside namespaces of its own. Standard library only.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import struct
import subprocess

#: Kinds of link that lessons use → the kind's own data and whether it needs a link to stand on.
KINDS: dict[str, tuple[bytes, bool]] = {
    "veth": (b"", False),
    "bridge": (b"", False),
    "vxlan": (struct.pack("=HHI", 8, 1, 10), False),
    "macvlan": (b"", True),
    "vlan": (struct.pack("=HHHxx", 6, 1, 10), True),
    "dummy": (b"", False),
    "vrf": (struct.pack("=HHI", 8, 1, 10), False),
    "ifb": (b"", False),
    "ipvlan": (b"", True),
    "wireguard": (b"", False),
    "bond": (b"", False),
}
#: In the order shown. ``tun`` is made through its device, ``iptables`` needs the tool.
FEATURES = (*KINDS, "tun", "netem", "nftables", "nftables nat", "iptables nat", "packet capture")

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
LOWER = 100  # the index given to the veth that other kinds stand on

_ACK = 0x405  # NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE
RTM_NEWLINK, _RTM_NEWQDISC = 16, 36
_IFLA_LINK, _IFLA_LINKINFO, _INFO_KIND, _INFO_DATA = 5, 18, 1, 2


def attribute(kind: int, data: bytes) -> bytes:
    """A netlink attribute, padded.

    >>> attribute(1, b"ab")
    b'\\x06\\x00\\x01\\x00ab\\x00\\x00'
    """
    return struct.pack("=HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)


def message(kind: int, flags: int, body: bytes, seq: int = 1) -> bytes:
    """A netlink message."""
    return struct.pack("=IHHII", 16 + len(body), kind, flags, seq, 0) + body


def ask(netlink: socket.socket, kind: int, flags: int, body: bytes) -> None:
    """Send one request and take its ACK; raises the kernel's refusal as an OSError."""
    netlink.settimeout(5.0)
    netlink.send(message(kind, flags, body))
    _take_ack(netlink.recv(1 << 16))


def _take_ack(data: bytes) -> None:
    (number,) = struct.unpack_from("=i", data, 16)
    if number:
        raise OSError(-number, os.strerror(-number))


def new_link(netlink: socket.socket, kind: str, data: bytes, stands: bool = False, index: int = 0) -> None:
    """``ip link add … type KIND``, with a name that the kernel gives."""
    info = attribute(_INFO_KIND, kind.encode() + b"\0") + (attribute(_INFO_DATA, data) if data else b"")
    body = struct.pack("=BxHiII", 0, 0, index, 0, 0) + attribute(_IFLA_LINKINFO, info)
    if stands:
        body += attribute(_IFLA_LINK, struct.pack("=I", LOWER))
    ask(netlink, RTM_NEWLINK, _ACK | 0x200, body)


def tun() -> None:
    """``ip tuntap add mode tun``: through /dev/net/tun, which this user must be allowed to open."""
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.ioctl(fd, 0x400454CA, struct.pack("=16sH22x", b"", 0x1001))  # TUNSETIFF, IFF_TUN | IFF_NO_PI
    finally:
        os.close(fd)


def netem(netlink: socket.socket) -> None:
    """``tc qdisc add dev … root netem``: delay and loss."""
    head = struct.pack("=BxxxiIII", 0, LOWER, 0, 0xFFFFFFFF, 0)
    options = struct.pack("=6I", 0, 1000, 0, 0, 0, 0)
    ask(netlink, _RTM_NEWQDISC, _ACK | 0x200, head + attribute(1, b"netem\0") + attribute(2, options))


def nftables(*, nat: bool) -> None:
    """A table of nftables, or one with a chain that translates addresses."""
    name = attribute(1, b"trial\0")
    batch = message(0x10, 1, struct.pack("=BB", 0, 0) + struct.pack("!H", 10))
    if nat:
        hook = attribute(1, struct.pack("!I", 4)) + attribute(2, struct.pack("!I", 100))
        # A table first, so that this does not depend on the other trial.
        batch += message(0xA00, 0x401, struct.pack("=BBH", 2, 0, 0) + name, 2)
        chain = name + attribute(3, b"nat\0") + attribute(4 | 0x8000, hook) + attribute(7, b"nat\0")
        batch += message(0xA03, _ACK, struct.pack("=BBH", 2, 0, 0) + chain, 3)
    else:
        batch += message(0xA00, _ACK, struct.pack("=BBH", 2, 0, 0) + name, 3)
    batch += message(0x11, 1, struct.pack("=BB", 0, 0) + struct.pack("!H", 10), 4)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 12) as netfilter:
        netfilter.settimeout(5.0)
        netfilter.send(batch)
        _take_ack(netfilter.recv(1 << 16))


def iptables_tool() -> str | None:
    """Where iptables is; None: nowhere."""
    return next((f"{folder}/iptables" for folder in _PATH.split(":") if os.access(f"{folder}/iptables", os.X_OK)), None)


def iptables(tool: str) -> None:
    """The note's own line, ``iptables -t nat -A POSTROUTING -j MASQUERADE``; a tool that hangs is ETIMEDOUT."""
    environment = {"PATH": _PATH, "LC_ALL": "C"}
    if "XTABLES_LOCKFILE" in os.environ:
        environment["XTABLES_LOCKFILE"] = os.environ["XTABLES_LOCKFILE"]
    try:
        done = subprocess.run(
            [tool, "-t", "nat", "-A", "POSTROUTING", "-j", "MASQUERADE"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=5.0, check=False,
            env=environment,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise OSError(errno.ETIMEDOUT, "iptables does not end") from None
    if done.returncode:
        raise OSError(errno.ENOENT, "iptables failed")
