"""The figures of the study note: where each is run, and what must be seen there. ``python -m tests.notebooks.figures`` writes notebooks/FIGURES.md.

A step names lines that are typed in one cell, exactly so, and what its stored outputs show, in order; nbval sees to it that the
stored outputs are what the kernel gives. Steps follow one another in the notebook.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.notebooks.reading import FOLDER, Cell, cells


@dataclass(frozen=True)
class Step:
    """Lines typed in one cell, what is seen below it (regular expressions, in order), and that in words."""

    typed: tuple[str, ...]
    seen: tuple[str, ...]
    words: str


@dataclass(frozen=True)
class Figure:
    name: str
    topic: str
    notebook: str
    steps: tuple[Step, ...]


def step(typed: str, seen: str | tuple[str, ...], words: str) -> Step:
    return Step(tuple(typed.strip().splitlines()), (seen,) if isinstance(seen, str) else seen, words)


REPLY, LOST, UNREACHABLE = ", 0% packet loss", ", 100% packet loss", "Network is unreachable"
NB = {name[:2]: name for name in sorted(path.stem for path in FOLDER.glob("0*-*.ipynb"))}

FIGURES = (
    Figure("nn-1", "the house and its rooms", NB["01"], (
        step("%topology", ("host", "├─ blue", "└─ red"), "the picture has the host and both rooms"),
        step("%links", ("host  lo", "blue  lo", "red   lo"), "the owner sees the interfaces of all rooms"),
        step("%%netns red\nip link", ("links of red\n.*\nlo .*$",), "a room sees its own `lo` and nothing else"),
    )),
    Figure("nn-2", "processes inside", NB["01"], (
        step('nsenter --target "$sleeper" --pid --mount ps aux', (r"root +1 .*sleep 1000", r"root +2 .*ps aux$"),
             "only its own processes, numbered from 1"),
    )),
    Figure("nn-3", "the same from the host", NB["01"], (
        step("ps aux | grep -v grep | grep 'sleep'", r"root +[1-9]\d* .* sleep 1000", "the host sees the process, too"),
        step("%%netns --out numbers", r"sleep +(?!1 )\d+ +1$", "both pids side by side: another one on the host, 1 inside"),
    )),
    Figure("nn-4", "the host: interface, routes, ARP", NB["02"], (
        step("ip addr", r"eth0 +192\.168\.1\.2 +24", "eth0 has 192.168.1.2/24"),
        step("route", r"default +192\.168\.1\.1 +eth0", "default via 192.168.1.1"),
        step("ping -c 1 192.168.1.1\nping -c 1 192.168.1.3\narp", (r"192\.168\.1\.1 +02:", r"192\.168\.1\.3 +02:"),
             "ARP entries after traffic"),
    )),
    Figure("nn-5", "add namespaces", NB["02"], (
        step("ip netns add red\nip netns add blue", (r"\+ namespace red", r"\+ namespace blue"), "two rooms appear"),
    )),
    Figure("nn-6", "list them", NB["02"], (step("ip netns", r"ns\nblue\nred$", "blue and red are listed"),)),
    Figure("nn-7", "the host's interfaces", NB["02"], (
        step("%%netns\nip link", ("links of host", r"\nlo ", r"\neth0 "), "lo and eth0"),
    )),
    Figure("nn-8", "a room's interfaces, by exec", NB["02"], (
        step("ip netns exec red ip link", r"links of red\n.*\nlo +loopback +DOWN.*$", "lo alone, DOWN"),
    )),
    Figure("nn-9", "a room's interfaces, by -n", NB["02"], (
        step("ip -n red link", r"links of red\n.*\nlo +loopback +DOWN.*$", "the same"),
        step("inside.equals(outside)", "^True$", "shown to be equal to nn-8"),
    )),
    Figure("nn-10", "ARP: host against room", NB["02"], (
        step("%%netns\narp", r"192\.168\.1\.1 +02:", "the host has entries"),
        step("ip netns exec red arp", "neighbours of red: none", "the room has none"),
    )),
    Figure("nn-11", "routes: host against room", NB["02"], (
        step("%%netns\nroute", r"default +192\.168\.1\.1", "the host has entries"),
        step("ip netns exec red route", "routes of red: none", "the room has none"),
    )),
    Figure("nn-12", "a virtual cable", NB["03"], (
        step("ip link add veth-red type veth peer name veth-blue", (r"\+ link host/veth-red ", r"\+ link host/veth-blue "),
             "both ends come into being on the host"),
        step("ip link", (r"veth-red .* veth-blue +host", r"veth-blue .* veth-red +host"), "each is the other's peer"),
    )),
    Figure("nn-13", "plug in", NB["03"], (
        step("ip link set veth-red netns red\nip link set veth-blue netns blue", ("moved to red", "moved to blue"), "each end moves"),
        step("ip link", r"links of host\n.*\nlo .*$", "both are gone from the host"),
        step("%links", (r"blue +veth-blue", r"red +veth-red"), "one in each room"),
    )),
    Figure("nn-14", "addresses", NB["03"], (
        step("ip -n red addr add 192.168.15.1/24 dev veth-red\nip -n blue addr add 192.168.15.2/24 dev veth-blue",
             (r"red/veth-red +192\.168\.15\.1/24", r"blue/veth-blue +192\.168\.15\.2/24"), "each end has its address"),
    )),
    Figure("nn-15", "switch on", NB["03"], (
        step("ip -n red link set veth-red up", "no carrier: the other end is down", "one end alone is not alive"),
        step("ip -n blue link set veth-blue up", "carrier on both ends", "alive when both are up"),
        step("%links", (r"veth-blue +veth +UP +UP", r"veth-red +veth +UP +UP"), "UP on both sides"),
    )),
    Figure("nn-16", "ping and ARP", NB["03"], (
        step("ip netns exec red ping -c 1 192.168.15.2", REPLY, "a reply"),
        step("ip netns exec red arp\nip netns exec blue arp", (r"192\.168\.15\.2 +02:", r"192\.168\.15\.1 +02:"),
             "each is the other's neighbour, with its MAC"),
        step("%%netns\narp", "neighbours of host: none", "the host knows neither"),
    )),
    Figure("remark: the netmask", "an address without /24", NB["03"], (
        step("ip addr add 192.168.15.1 dev veth-red", r"192\.168\.15\.1/32", "it becomes /32"),
        step("ip route", "routes of red: none", "no connected route"),
        step("ping -c 1 192.168.15.2", UNREACHABLE, "\"Network is unreachable\""),
        step("%why red 192.168.15.2", "prefix-length at red/veth-red", "`%why` names it"),
        step("ip addr add 192.168.15.1/24 dev veth-red\nping -c 1 192.168.15.2", REPLY, "mended: a reply"),
    )),
    Figure("remark: the firewall", "a rule in the way", NB["04"], (
        step("iptables -A INPUT -p icmp -j DROP", r"\+ filter INPUT of blue: +icmp → DROP", "a rule in blue's INPUT chain"),
        step("%netns red ping -c 1 -W 1 192.168.15.2", LOST, "the ping is lost"),
        step("iptables -L INPUT -v -n", r"icmp +DROP +1 +84", "the rule's counter has risen: one packet of 84 bytes"),
        step("%trace red ping -c 1 -W 1 192.168.15.2", "chain INPUT: -p icmp -j DROP", "`%trace` names the rule and its chain"),
        step("%why red 192.168.15.2", "dropped-by-rule at blue: chain INPUT", "so does `%why`"),
        step("iptables -I INPUT -s 192.168.15.1 -j ACCEPT", r"\+ filter INPUT", "a rule above it"),
        step("%netns red ping -c 1 -W 1 192.168.15.2", REPLY, "mended: a reply"),
    )),
    Figure("remark: the firewall", "FORWARD on the host, with bridge-nf-call-iptables", NB["05"], (
        step("sysctl net.bridge.bridge-nf-call-iptables", r"bridge-nf-call-iptables +1", "what is switched goes through iptables"),
        step("iptables -A FORWARD -j DROP", r"\+ filter FORWARD: +everything → DROP", "a rule on the host"),
        step("%%netns red\nping -c 1 -W 1 192.168.15.2", LOST, "a ping between two rooms is lost"),
        step("iptables -L FORWARD -v -n", r"everything +DROP +1 +84", "the rule's counter has risen"),
        step("%why red 192.168.15.2", "bridge-netfilter at host: chain FORWARD", "`%why` names rule and chain"),
        step("iptables -I FORWARD -i v-net-0 -o v-net-0 -j ACCEPT", "ACCEPT", "a rule above it"),
        step("%%netns red\nping -c 1 -W 1 192.168.15.2", REPLY, "mended: a reply"),
    )),
    Figure("nn-17", "a virtual switch", NB["05"], (
        step("ip link add v-net-0 type bridge", r"\+ link host/v-net-0 +bridge", "it is made"),
        step("ip link", r"v-net-0 +bridge +DOWN", "one more interface on the host, down"),
        step("ip link set dev v-net-0 up", "host/v-net-0 +up", "switched on"),
    )),
    Figure("nn-18", "unplug", NB["05"], (
        step("ip -n red link del veth-red", r"- link red/veth-red +with its other end blue/veth-blue", "the other end is gone, too"),
        step("%links", r"^(?![\s\S]*veth-(red|blue))", "no end of it is left anywhere"),
    )),
    Figure("nn-19", "new cables", NB["05"], (
        step("ip link add veth-red type veth peer name veth-red-br\nip link add veth-blue type veth peer name veth-blue-br",
             ("host/veth-red ", "host/veth-red-br", "host/veth-blue ", "host/veth-blue-br"), "a cable for each room"),
    )),
    Figure("nn-20", "red into room and switch", NB["05"], (
        step("ip link set veth-red netns red\nip link set veth-red-br master v-net-0", ("moved to red", "plugged into v-net-0"),
             "one end in the room, one in the switch"),
        step("%topology", (r"v-net-0", r"│  └─ veth-red-br"), "a port of the switch in the picture"),
    )),
    Figure("nn-21", "blue into room and switch", NB["05"], (
        step("ip link set veth-blue netns blue\nip link set veth-blue-br master v-net-0", ("moved to blue", "plugged into v-net-0"),
             "the same for blue"),
        step("bridge link", (r"veth-red-br .*v-net-0", r"veth-blue-br .*v-net-0"), "both are ports of the switch"),
    )),
    Figure("nn-22", "addresses, up, four rooms", NB["05"], (
        step("ip -n red addr add 192.168.15.1/24 dev veth-red\nip -n red link set veth-red up", r"192\.168\.15\.1/24", "red's address, up"),
        step("ip link set veth-red-br up\nip link set veth-blue-br up", ("carrier on both ends", "carrier on both ends"),
             "alive when the ends at the switch are up"),
        step("ip netns exec red ping -c 1 192.168.15.2", REPLY, "red and blue ping"),
        step("ip -n orange addr add 192.168.15.3/24 dev veth-orange\nip -n gray addr add 192.168.15.4/24 dev veth-gray",
             (r"192\.168\.15\.3/24", r"192\.168\.15\.4/24"), "orange and gray join"),
        step("print(answered.to_string())", (r"red +(yes *){3}\n", r"blue +(yes *){3}\n", r"orange +(yes *){3}\n", r"gray +(yes *){3}$"),
             "all twelve pings are answered"),
        step("fdb = %netns bridge fdb show br v-net-0", (r"02:\S+ +veth-blue-br", r"02:\S+ +veth-red-br"), "the switch has learned their MACs"),
    )),
    Figure("nn-23", "the host joins", NB["06"], (
        step("%%netns\nping -c 1 192.168.15.1", UNREACHABLE, "before: unreachable"),
        step("ip addr add 192.168.15.5/24 dev v-net-0", r"\+ addr host/v-net-0", "an address for the host's side of the switch"),
        step("%%netns\nping -c 1 192.168.15.1", REPLY, "then a reply"),
    )),
    Figure("nn-24", "gateway to the LAN", NB["06"], (
        step("%%netns blue\nping -c 1 192.168.1.3", UNREACHABLE, "from blue: unreachable"),
        step("ip netns exec blue ip route add 192.168.1.0/24 via 192.168.1.2", "Nexthop has invalid gateway",
             "the host's other address cannot be the gateway"),
        step("ip netns exec blue ip route add 192.168.1.0/24 via 192.168.15.5", r"\+ route blue", "the one that blue sees can"),
        step("%%netns blue\nping -c 1 -W 1 192.168.1.3", LOST, "now sent, no reply"),
        step("sysctl net.ipv4.ip_forward", r"net\.ipv4\.ip_forward +0", "the host does not forward"),
        step("sysctl -w net.ipv4.ip_forward=1", "0 → 1", "it does"),
        step("%%netns blue\nping -c 1 -W 1 192.168.1.3", LOST, "still no reply"),
        step("door.stop()", (r"out +ICMP +192\.168\.15\.2 +192\.168\.1\.3", "1 packet$"), "the request leaves the house, nothing comes back"),
        step("%%netns (pc)\nip route", r"^(?![\s\S]*192\.168\.15)", "the LAN has no way back"),
    )),
    Figure("nn-25", "NAT", NB["07"], (
        step("iptables -t nat -A POSTROUTING -s 192.168.15.0/24 -j MASQUERADE",
             r"\+ nat POSTROUTING: +from 192\.168\.15\.0/24 → MASQUERADE", "the rule"),
        step("%%netns blue\nping -c 1 -W 1 192.168.1.3", REPLY, "the PC answers"),
        step("heard.stop()", r"\(pc\) .*192\.168\.1\.2 +192\.168\.1\.3", "the LAN machine sees the host's address"),
        step("conntrack -L", r"192\.168\.15\.2 +192\.168\.1\.3 +192\.168\.1\.3 +192\.168\.1\.2$", "the connection's two tuples"),
        step("%%netns blue\nping -c 1 8.8.8.8", UNREACHABLE, "8.8.8.8 before the default route"),
        step("ip netns exec blue ip route add default via 192.168.15.5", r"default via 192\.168\.15\.5", "the default route"),
        step("%%netns blue\nping -c 1 8.8.8.8", REPLY, "the reply"),
    )),
    Figure("remark: and vice versa", "from the LAN to blue", NB["08"], (
        step("%%netns (pc)\nping -c 1 -W 1 192.168.15.2", LOST, "from the PC: no reply"),
        step("ip route add 192.168.15.0/24 via 192.168.1.2", r"\+ route \(pc\)", "a route on the PC"),
        step("%%netns (pc)\nping -c 1 192.168.15.2", REPLY, "a reply"),
        step("iptables -t nat -A PREROUTING -p tcp --dport 80 -j DNAT --to-destination 192.168.15.2:80",
             r"DNAT to 192\.168\.15\.2:80", "port forwarding"),
        step('print(urllib.request.urlopen("http://192.168.1.2", timeout=5).read().decode())', "Hello from blue",
             "the PC gets blue's page from the host's address"),
        step("connections = %netns conntrack -L", r"destination 192\.168\.1\.3 192\.168\.1\.2 192\.168\.15\.2 192\.168\.1\.3",
             "both tuples of that connection"),
    )),
)  # fmt: skip


def find(figure: Figure) -> list[Cell]:
    """The cells of a figure's steps.

    Raises
    ------
    AssertionError
        A step is not there, or what must be seen is not seen.
    """
    all_cells = cells(FOLDER / f"{figure.notebook}.ipynb")
    found: list[Cell] = []
    for each in figure.steps:
        after = found[-1].number if found else _begin(figure)
        fitting = [
            cell
            for cell in all_cells
            if cell.number > after
            and cell.kind == "code"
            and _typed(each.typed, cell.source)
            and _seen(each.seen, cell.output)
        ]
        assert fitting, (
            f"{figure.name}: no cell after {after} of {figure.notebook} types {each.typed} and shows {each.seen}"
        )
        found.append(fitting[0])
    return found


def _begin(figure: Figure) -> int:
    """The cell after which a figure begins: numbered ones follow one another."""
    at = FIGURES.index(figure) if figure in FIGURES else 0
    before = FIGURES[at - 1] if at else figure
    in_order = (
        before is not figure and before.notebook == figure.notebook and before.name[:2] == figure.name[:2] == "nn"
    )
    return find(before)[-1].number if in_order else 0


def _typed(lines: tuple[str, ...], source: str) -> bool:
    there = source.splitlines()
    # The line of the magic tells where; such a step is the whole cell.
    if lines[0].startswith("%%"):
        return there[: len(lines)] == list(lines) and len(lines) in (1, len(there))
    return all(line in there for line in lines)


def _seen(patterns: tuple[str, ...], output: str) -> bool:
    at = 0
    for pattern in patterns:
        match = re.compile(pattern, re.MULTILINE if not pattern.startswith("^(?!") else 0).search(output.rstrip(), at)
        if match is None:
            return False
        at = match.end()
    return True


def page() -> str:
    """notebooks/FIGURES.md."""
    lines = [
        "# The figures of the note, and where they run",
        "",
        "Written by `python -m tests.notebooks.figures`; a test finds every step in its cell, with what it must show, and compares this page.",
        "",
        "| figure | topic | notebook | cell | typed | seen |",
        "|---|---|---|---|---|---|",
    ]
    for figure in FIGURES:
        for number, (each, cell) in enumerate(zip(figure.steps, find(figure), strict=True)):
            first = (
                (figure.name, figure.topic, f"[{figure.notebook}]({figure.notebook}.ipynb)")
                if not number
                else ("", "", "")
            )
            typed = "<br>".join(f"`{line}`".replace("|", "\\|") for line in each.typed)
            lines.append(f"| {' | '.join(first)} | {cell.number} | {typed} | {each.words} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    (FOLDER / "FIGURES.md").write_text(page())
