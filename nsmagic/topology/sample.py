"""Two small made-up snapshots, for documentation, tests and ``python -m nsmagic.topology``."""

from __future__ import annotations

from nsmagic.model import IFF_BROADCAST, IFF_LOOPBACK, IFF_LOWER_UP, IFF_MULTICAST, IFF_UP
from nsmagic.snapshot import Snapshot

_ETHER = IFF_BROADCAST | IFF_MULTICAST
_ON = IFF_UP | 0x40 | IFF_LOWER_UP
_LO = [1, "lo", "loopback", IFF_LOOPBACK, "DOWN", "00:00:00:00:00:00", 65536]
_LO_UP = [1, "lo", "loopback", IFF_LOOPBACK | _ON, "UNKNOWN", "00:00:00:00:00:00", 65536]


def cable() -> Snapshot:
    """Two rooms with a cable between them, as made: everything down, no address.

    >>> [link.ifname for link in cable().links.rows if link.ns == "red"]
    ['lo', 'veth-red']
    """
    return Snapshot.from_data(
        {
            "namespaces": [["host", 1], ["blue", 3], ["red", 2]],
            "links": [
                ["host", *_LO_UP],
                ["blue", *_LO],
                _veth("blue", 2, "veth-blue", "02:00:00:00:00:02", "veth-red", "red"),
                ["red", *_LO],
                _veth("red", 3, "veth-red", "02:00:00:00:00:01", "veth-blue", "blue"),
            ],
            "addrs": [["host", 1, "lo", "inet", "127.0.0.1", 8, "", "host", "lo"]],
        }
    )


def switch() -> Snapshot:
    """Two rooms plugged into a bridge of the host, which is their gateway; gray's cable hangs loose on its side.

    >>> sorted({link.master for link in switch().links.rows})
    ['', 'v-net-0']
    """
    links = [
        ["host", *_LO_UP],
        ["host", 2, "v-net-0", "bridge", _ETHER | _ON, "UP", "02:00:00:00:00:0a", 1500],
        _veth("host", 3, "veth-blue-br", "02:00:00:00:00:0b", "veth-blue", "blue", up=True, master="v-net-0"),
        _veth("host", 4, "veth-gray-br", "02:00:00:00:00:0c", "veth-gray", "gray", half=True, master="v-net-0"),
        _veth("host", 5, "veth-red-br", "02:00:00:00:00:0d", "veth-red", "red", up=True, master="v-net-0"),
    ]
    addrs = [["host", 2, "v-net-0", "inet", "192.168.15.5", 24, "", "global", "v-net-0"]]
    routes: list[list[object]] = [["host", "inet", "192.168.15.0/24", "", "v-net-0", "192.168.15.5", "kernel", "link"]]
    for number, (ns, up) in enumerate((("blue", True), ("gray", False), ("red", True)), 1):
        end = f"veth-{ns}"
        links.append([ns, *_LO])
        links.append(_veth(ns, 2, end, f"02:00:00:00:00:0{number}", f"{end}-br", "host", up=up))
        if up:
            addrs.append([ns, 2, end, "inet", f"192.168.15.{number}", 24, "", "global", end])
            routes.append([ns, "inet", "192.168.15.0/24", "", end, f"192.168.15.{number}", "kernel", "link"])
            routes.append([ns, "inet", "default", "192.168.15.5", end, "", "boot", "global"])
    return Snapshot.from_data(
        {
            "namespaces": [["host", 1], ["blue", 2], ["gray", 3], ["red", 4]],
            "links": links,
            "addrs": addrs,
            "routes": routes,
        }
    )


def _veth(
    ns: str,
    ifindex: int,
    ifname: str,
    mac: str,
    peer: str,
    peer_ns: str,
    *,
    up: bool = False,
    half: bool = False,
    master: str = "",
) -> list[object]:
    """One end of a cable: down, up, or up while the other end is not (``half``)."""
    flags, state = (_ON, "UP") if up else (IFF_UP, "LOWERLAYERDOWN") if half else (0, "DOWN")
    return [ns, ifindex, ifname, "veth", _ETHER | flags, state, mac, 1500, master, "", peer, peer_ns]
