"""Scenes to be drawn: what is typed to build each, and the snapshots recorded from them.

``python -m tests.topology.scenes`` builds each on the real kernel and records it anew; the tests compare both.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from nsmagic.model import Change
from nsmagic.snapshot import Snapshot

RECORDED = Path(__file__).with_name("recorded")

#: What the kernel takes for a name: bytes, and as Python reads them.
NAMES = st.one_of(
    st.text(st.characters(exclude_characters="/", exclude_categories=["Cs"]), min_size=1, max_size=15),
    st.binary(min_size=1, max_size=15).map(lambda name: name.replace(b"/", b"-").decode(errors="surrogateescape")),
)

_CABLE = """
ip netns add red
ip netns add blue
ip link add veth-red type veth peer name veth-blue
ip link set veth-red netns red
ip link set veth-blue netns blue
ip -n red addr add 192.168.15.1/24 dev veth-red
ip -n blue addr add 192.168.15.2/24 dev veth-blue
ip -n red link set veth-red up
ip -n blue link set veth-blue up
"""

ROOMS = ("red", "blue", "orange", "gray")


def _plugged(ns: str, bridge: str, address: str) -> str:
    return f"""
ip netns add {ns}
ip link add veth-{ns} type veth peer name veth-{ns}-br
ip link set veth-{ns} netns {ns}
ip link set veth-{ns}-br master {bridge}
ip -n {ns} addr add {address} dev veth-{ns}
ip -n {ns} link set veth-{ns} up
ip link set veth-{ns}-br up
"""


_SWITCH = "ip link add v-net-0 type bridge\nip link set v-net-0 up\n" + "".join(
    _plugged(ns, "v-net-0", f"192.168.15.{number}/24") for number, ns in enumerate(ROOMS, 1)
)

_NAT = (
    _SWITCH
    + "ip addr add 192.168.15.5/24 dev v-net-0\nsysctl -w net.ipv4.ip_forward=1\n"
    + "".join(f"ip -n {ns} route add default via 192.168.15.5\n" for ns in ROOMS)
)

_THIRTY = "".join(
    f"ip link add br{at} type bridge\nip addr add 10.{at}.0.254/24 dev br{at}\nip link set br{at} up\n"
    + "".join(_plugged(f"h{at}{room}", f"br{at}", f"10.{at}.0.{room + 1}/24") for room in range(10))
    for at in range(3)
)

_VXLAN = """
ip netns add left
ip netns add right
ip link add wire-l type veth peer name wire-r
ip link set wire-l netns left
ip link set wire-r netns right
ip -n left addr add 10.0.0.1/24 dev wire-l
ip -n right addr add 10.0.0.2/24 dev wire-r
ip -n left link set wire-l up
ip -n right link set wire-r up
ip -n left link add vx0 type vxlan id 42 local 10.0.0.1 remote 10.0.0.2 dstport 4789 dev wire-l
ip -n right link add vx0 type vxlan id 42 local 10.0.0.2 remote 10.0.0.1 dstport 4789 dev wire-r
ip -n left addr add 172.16.0.1/24 dev vx0
ip -n right addr add 172.16.0.2/24 dev vx0
ip -n left link set vx0 up
ip -n right link set vx0 up
ip -n left link add mv0 link wire-l type macvlan mode bridge
"""

_DOWN = (
    _SWITCH
    + "ip -n red link set veth-red down\nip link set veth-blue-br down\nip -n gray link set lo up\n"
    + "ip link add lone type veth peer name lonely\nip link set lone up\n"
)

_ROUTER = """
ip netns add red
ip netns add router
ip netns add blue
ip link add eth0 netns red type veth peer name left netns router
ip link add eth0 netns blue type veth peer name right netns router
ip -n red addr add 10.0.1.2/24 dev eth0
ip -n blue addr add 10.0.2.2/24 dev eth0
ip -n router addr add 10.0.1.1/24 dev left
ip -n router addr add 10.0.2.1/24 dev right
ip -n red link set eth0 up
ip -n blue link set eth0 up
ip -n router link set left up
ip -n router link set right up
ip -n red route add default via 10.0.1.1
ip -n blue route add default via 10.0.2.1
ip netns exec router sysctl -w net.ipv4.ip_forward=1
"""

#: Names that people may type and the kernel takes, each to break something else.
HOSTILE_ROOMS = (
    "<script>alert(1)",
    'a"b\\',
    "x\\N\\G",
    "&lt;b&gt;",
    "new\nline",
    "room;{}[]--",
    "\u202eder",
    "網路",
    "😀😀😀",
    "-->",
)
HOSTILE_LINKS = ("<b>&amp;", '"\\N";]', "%3C'", "}--{", "éèü", "😀😀😀abc", "\\\\", "a->b", "0x41", "node")


@dataclass(frozen=True)
class Scene:
    """What builds it: commands, the world around it, and a command left running (for a namespace that a process holds)."""

    commands: str
    world: str | None = None
    held: str = ""
    last: str = ""


SCENES: dict[str, Scene] = {
    "empty": Scene(""),
    "room": Scene("ip netns add red"),
    "rooms": Scene("".join(f"ip netns add {ns}\n" for ns in ROOMS)),
    "cable": Scene(_CABLE),
    "switch": Scene(_SWITCH, "home-lan"),
    "nat": Scene(_NAT, "home-lan"),
    "thirty": Scene(_THIRTY),
    "vxlan": Scene(_VXLAN),
    "inside": Scene(_CABLE, held="red"),
    "down": Scene(_DOWN),
    "router": Scene(_ROUTER),
    "changed": Scene(
        _SWITCH,
        "home-lan",
        last=_plugged("green", "v-net-0", "192.168.15.6/24")
        + "ip link del veth-orange-br\nip netns del orange\nip -n red link set veth-red down\nip -n blue addr add 10.9.9.9/8 dev veth-blue\n"
        "ip link del veth-gray-br\nip route del default\n",
    ),
}


def build(lab: Any, scene: Scene) -> None:
    """Type what builds a scene; in a lab made with the scene's world."""
    if scene.commands:
        lab.run(scene.commands).check()
    if scene.held:
        # A room in a room: unshared by a process there, and wired to it.
        lab.run("unshare --net sleep 600", scene.held, background=True).check()
        pid = next(row.pids[0] for row in _until_unnamed(lab))
        lab.run(
            f"ip link add inner type veth peer name outer\nip link set outer netns {pid}\nip link set inner up",
            scene.held,
        ).check()
    if scene.last:
        lab.run(scene.last).check()


def _until_unnamed(lab: Any) -> list[Any]:
    for _ in range(400):
        found = [row for row in lab.snapshot("namespaces").namespaces if row.ns.startswith("(unnamed")]
        if found:
            return found
        lab.run("sleep 0.02").check()
    raise AssertionError("the process has made no namespace")


@dataclass(frozen=True)
class Recorded:
    """A snapshot as recorded, who forwards packets in it, and what the last cell changed."""

    snapshot: Snapshot
    forwarding: frozenset[str]
    changes: tuple[Change, ...]


#: What a picture reads of a link's options; others count and time.
_KEPT = frozenset(["id", "local", "remote", "port", "mode"])


def of(lab: Any) -> Recorded:
    """What a lab has now, without what no picture shows or what differs from one build to the next (inodes, pids)."""
    data = lab.snapshot("namespaces", "links", "addrs", "routes").to_data()
    data["namespaces"] = [[row[0], 0, row[2], []] for row in data["namespaces"]]
    data["routes"] = [row for row in data["routes"] if row[2] == "default"]
    for row in data["links"]:
        row[-2:] = [{name: value for name, value in row[-2].items() if name in _KEPT}, {}]
    names = [row[0] for row in data["namespaces"]]
    return Recorded(Snapshot.from_data(data), frozenset(lab._forwarding(names)), lab.history.last_changes())


def recorded(name: str) -> Recorded:
    """A scene as it was recorded."""
    data = json.loads((RECORDED / f"{name}.json").read_text())
    return Recorded(
        Snapshot.from_data(data["snapshot"]),
        frozenset(data["forwarding"]),
        tuple(map(Change.from_data, data["changes"])),
    )


def hostile() -> Snapshot:
    """Rooms and links with the worst names, two links in each room, wired in a ring."""
    rooms, links, addrs = [["host", 1]], [["host", 1, "lo", "loopback", 9, "DOWN"]], []
    count = len(HOSTILE_ROOMS)
    for at, (ns, ifname) in enumerate(zip(HOSTILE_ROOMS, HOSTILE_LINKS, strict=True)):
        after, before = HOSTILE_ROOMS[(at + 1) % count], HOSTILE_ROOMS[at - 1]
        rooms.append([ns, at + 2])
        links.append(
            [ns, 2, ifname, "veth", 0x10043, "UP", "02:00:00:00:00:01", 1500, "", "", f"to-{at}", after, ifname]
        )
        links.append(
            [ns, 3, f"to-{(at - 1) % count}", "veth", 0, "DOWN", "", 1500, "", "", HOSTILE_LINKS[at - 1], before]
        )
        addrs.append([ns, 2, ifname, "inet", f"10.0.0.{at}", 24])
    return Snapshot.from_data({"namespaces": rooms, "links": links, "addrs": addrs})


def record() -> None:
    """Build every scene on the real kernel and write down what the kernel has."""
    from nsmagic import Lab

    RECORDED.mkdir(exist_ok=True)
    for name, scene in SCENES.items():
        with Lab(world=scene.world) as lab:
            build(lab, scene)
            found = of(lab)
            changes = [[each.op, each.table, _values(each.old), _values(each.new)] for each in found.changes]
            data = {"snapshot": found.snapshot.to_data(), "forwarding": sorted(found.forwarding), "changes": changes}
            (RECORDED / f"{name}.json").write_text(_lines(data))


def _values(row: Any) -> list[Any] | None:
    if row is None:
        return None
    return [
        0 if field == "inode" else () if field == "pids" else getattr(row, field) for field in row.__dataclass_fields__
    ]


def _lines(data: dict[str, Any]) -> str:
    """JSON with a row on each line, so that a difference can be read."""
    tables = ",\n".join(
        f'"{table}": [\n' + ",\n".join(json.dumps(row) for row in rows) + "\n]"
        for table, rows in data["snapshot"].items()
    )
    changes = ",\n".join(json.dumps(change) for change in data["changes"])
    return f'{{"snapshot": {{\n{tables}\n}},\n"forwarding": {json.dumps(data["forwarding"])},\n"changes": [\n{changes}\n]}}\n'


if __name__ == "__main__":
    record()
