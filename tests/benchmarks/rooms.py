"""The lab that is built everywhere: N namespaces, each a veth to one bridge, address, up, default route. As typed commands."""

from __future__ import annotations

GATEWAY = "10.0.0.1"


def address(number: int) -> str:
    """The address of host ``number`` (10.0.1.0 and on, in one /16).

    >>> address(0), address(300)
    ('10.0.1.0', '10.0.2.44')
    """
    return f"10.0.{(256 + number) // 256}.{(256 + number) % 256}"


def once() -> list[str]:
    """The commands for the bridge."""
    return ["ip link add br0 type bridge", "ip link set br0 up", f"ip addr add {GATEWAY}/16 dev br0"]


def each(number: int) -> list[str]:
    """The eight commands for one namespace."""
    ns, port = f"h{number}", f"v{number}"
    return [
        f"ip netns add {ns}",
        f"ip link add {port} type veth peer name eth0 netns {ns}",
        f"ip link set {port} master br0",
        f"ip link set {port} up",
        f"ip -n {ns} link set lo up",
        f"ip -n {ns} addr add {address(number)}/16 dev eth0",
        f"ip -n {ns} link set eth0 up",
        f"ip -n {ns} route add default via {GATEWAY}",
    ]


def cell(count: int) -> str:
    """All of it as one cell."""
    return "\n".join([*once(), *(line for number in range(count) for line in each(number))])


def description(count: int) -> dict[str, object]:
    """The same as data for ``Lab.build``."""
    numbers = range(count)
    return {
        "switch": [{"name": "br0", "addresses": f"{GATEWAY}/16"}],
        "room": [
            {"name": f"h{number}", "addresses": {"eth0": f"{address(number)}/16"}, "gateway": GATEWAY}
            for number in numbers
        ],
        "cable": [{"ends": [f"h{number}/eth0", f"host/v{number}"], "switch": "br0"} for number in numbers],
    }
