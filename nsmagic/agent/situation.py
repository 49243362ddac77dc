"""What decides over packets and is in no table of the monitor: kernel parameters, sockets that listen, VLANs of bridges, what
conntrack remembers. Read for ``%why``, from inside each namespace.

Layouts are those of ``/proc/net/{tcp,udp}{,6}`` (net/ipv4/tcp_ipv4.c) and ``/proc/net/nf_conntrack``.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from collections.abc import Iterable, Sequence
from typing import Any

from nsmagic.agent.namespaces import Namespaces
from nsmagic.agent.process import executable
from nsmagic.netlink import ask_route, dump, listening, nftrace
from nsmagic.netlink.monitor import Monitor

_SYS = "/proc/sys/net"
_OF_NAMESPACE = (
    "ipv4/ip_forward", "ipv4/ip_default_ttl", "ipv4/icmp_echo_ignore_all", "ipv6/icmp/echo_ignore_all",
    "ipv6/conf/all/forwarding", "ipv6/conf/all/disable_ipv6", "ipv4/conf/all/rp_filter", "ipv4/conf/all/arp_ignore",
    "ipv4/conf/all/proxy_arp", "bridge/bridge-nf-call-iptables", "bridge/bridge-nf-call-ip6tables",
)  # fmt: skip
_OF_LINK4 = ("forwarding", "rp_filter", "accept_local", "arp_ignore", "proxy_arp")
_OF_LINK6 = ("disable_ipv6", "hop_limit")
_LISTENS = {"tcp": "0A", "tcp6": "0A", "udp": "07", "udp6": "07"}
_MOST_LINES = 4000


def read(monitor: Monitor, namespaces: Namespaces, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """For each namespace: ``sysctls`` (by their path below ``net``), ``sockets``, ``vlans``, ``tables``: the families of nftables,
    ``legacy``: the tables of the old iptables, and ``typed``: by which word a person calls that here."""
    found = {}
    typed = _typed()
    for name in names:
        with namespaces.inside(namespaces.nsfd(name)):
            found[name] = {
                "sysctls": _sysctls(), "sockets": _sockets(), "tables": sorted(_families()), "legacy": _legacy(),
                "typed": typed,
            }  # fmt: skip
        found[name]["vlans"] = dump.vlans(monitor.socket(name))
    return found


def answers(monitor: Monitor, namespaces: Namespaces, questions: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    """The kernel's answers to ``[ns, dst, src, iif, oif, mark, [protocol, sport, dport] or None]``; interfaces by name."""
    given = []
    for ns, dst, src, iif, oif, mark, transport in questions:
        first = namespaces.first_name(ns)
        into, out = (namespaces.ifindex(ns, name) if name else 0 for name in (iif, oif))
        ports = (transport[0], transport[1], transport[2]) if transport else None
        given.append(ask_route.ask(monitor.socket(first), ns, dst, src, into, out, mark, ports))
    return given


def conntrack(namespaces: Namespaces, names: Iterable[str]) -> dict[str, list[list[str]]]:
    """What conntrack of each namespace remembers: ``[protocol, src, dst, src, dst]``, the last two of the way back."""
    found = {}
    for name in names:
        with namespaces.inside(namespaces.nsfd(name)):
            found[name] = _conntrack()
    return found


def _text(path: str) -> str | None:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None  # a kernel without it, or a link that has just gone
    try:
        return os.read(fd, 4096).decode(errors="replace").strip()
    except OSError:
        return None
    finally:
        os.close(fd)


def _sysctls() -> dict[str, str]:
    names = list(_OF_NAMESPACE)
    for family, each in (("ipv4", _OF_LINK4), ("ipv6", _OF_LINK6)):
        with contextlib.suppress(FileNotFoundError):
            links = set(os.listdir(f"{_SYS}/{family}/conf")) - {"all", "default"}
            names += [f"{family}/conf/{link}/{word}" for link in sorted(links) for word in each]
    return {name: value for name in names if (value := _text(f"{_SYS}/{name}")) is not None}


def _sockets() -> list[list[Any]]:
    """``[protocol, address, port]`` of each socket that waits to be talked to."""
    try:
        return [list(row) for row in listening.listening()]
    except OSError:
        pass  # no sock_diag in this kernel
    found: list[list[Any]] = []
    for table, state in _LISTENS.items():
        with contextlib.suppress(OSError), open(f"/proc/thread-self/net/{table}") as file:
            for _, line in zip(range(_MOST_LINES), file, strict=False):
                fields = line.split()
                if len(fields) > 3 and fields[3] == state:
                    address, _, port = fields[1].partition(":")
                    found.append([table, _address(address), int(port, 16)])
    return found


def _address(text: str) -> str:
    """An address as /proc writes it: words of 32 bits in the machine's order.

    >>> _address("0100007F")
    '127.0.0.1'
    """
    raw = b"".join(struct.pack("=I", int(text[at : at + 8], 16)) for at in range(0, len(text), 8))
    return socket.inet_ntop(socket.AF_INET if len(raw) == 4 else socket.AF_INET6, raw)


def _families() -> set[str]:
    try:
        sock = nftrace.open_socket()
    except OSError:
        return set()
    with sock:
        return nftrace.families(sock)


def _legacy() -> list[str]:
    names = []
    for file in ("ip_tables_names", "ip6_tables_names"):
        text = _text(f"/proc/thread-self/net/{file}")
        names += [f"{file[:-13]}:{name}" for name in text.split()] if text else []
    return names


def _typed() -> dict[str, str]:
    """The old iptables by family: plain ``iptables`` where that is it (``update-alternatives``, and the kind vm)."""
    found = {}
    for family, name in (("ip", "iptables"), ("ip6", "ip6tables")):
        plain = executable(name)
        found[family] = name if plain and "legacy" in os.path.basename(os.path.realpath(plain)) else f"{name}-legacy"
    return found


def _conntrack() -> list[list[str]]:
    found = []
    with contextlib.suppress(OSError), open("/proc/thread-self/net/nf_conntrack") as file:
        for _, line in zip(range(_MOST_LINES), file, strict=False):
            fields = line.split()
            tuples = [word for word in fields if word.startswith(("src=", "dst="))]
            if len(tuples) == 4:
                plain = [str(_canonical(word[4:])) for word in tuples]
                ports = [word.partition("=")[2] for word in fields if word.startswith(("sport=", "dport=", "id="))]
                found.append([fields[2], *plain, ",".join(ports)])
    return found


def _canonical(address: str) -> str:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.inet_ntop(family, socket.inet_pton(family, address))
