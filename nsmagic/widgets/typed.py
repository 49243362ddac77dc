"""The commands behind the explorer's buttons, as one would type them on the lab's host. What was typed into a field is a value: quoted,
never syntax.
"""

from __future__ import annotations

import shlex

from nsmagic.model import HOST


def _words(*words: str) -> str:
    return " ".join(map(shlex.quote, words))


def _ip(ns: str, *words: str) -> str:
    """A line of ``ip`` for a namespace."""
    return _words("ip", *words) if ns == HOST else _words("ip", "-n", ns, *words)


def namespace(name: str) -> str:
    """
    >>> namespace("red"), namespace("my room; reboot")
    ('ip netns add red', "ip netns add 'my room; reboot'")
    """
    return _words("ip", "netns", "add", name)


def cable(ns: str, ifname: str, peer_ns: str, peer: str) -> str:
    """
    >>> cable("red", "veth-red", "host", "veth-red-br")
    'ip link add veth-red netns red type veth peer name veth-red-br'
    """
    here = ["netns", ns] if ns != HOST else []
    there = ["netns", peer_ns] if peer_ns != HOST else []
    return _words("ip", "link", "add", ifname, *here, "type", "veth", "peer", "name", peer, *there)


def bridge(ns: str, name: str) -> str:
    """
    >>> bridge("host", "v-net-0")
    'ip link add v-net-0 type bridge'
    """
    return _ip(ns, "link", "add", name, "type", "bridge")


def plug(ns: str, dev: str, into: str) -> str:
    """
    >>> plug("host", "veth-red-br", "v-net-0"), plug("host", "veth-red-br", "")
    ('ip link set veth-red-br master v-net-0', 'ip link set veth-red-br nomaster')
    """
    return _ip(ns, "link", "set", dev, *(["master", into] if into else ["nomaster"]))


def switch(ns: str, dev: str, up: bool) -> str:
    """
    >>> switch("red", "veth-red", True)
    'ip -n red link set veth-red up'
    """
    return _ip(ns, "link", "set", dev, "up" if up else "down")


def address(ns: str, dev: str, value: str) -> str:
    """
    >>> address("red", "veth-red", "192.168.15.1/24")
    'ip -n red addr add 192.168.15.1/24 dev veth-red'
    """
    return _ip(ns, "addr", "add", value, "dev", dev)


def ping(ns: str, target: str) -> str:
    """
    >>> ping("red", "192.168.15.2"), ping("host", "192.168.15.1")
    ('ip netns exec red ping -c 1 192.168.15.2', 'ping -c 1 192.168.15.1')
    """
    inside = [] if ns == HOST else ["ip", "netns", "exec", ns]
    return _words(*inside, "ping", "-c", "1", target)
