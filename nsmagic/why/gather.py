"""Reading a lab for ``%why``: a few requests to the agent, a probe, and then the kernel's answers as the reasoning asks for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nsmagic.agent.client import Client
from nsmagic.errors import NsmagicError
from nsmagic.model import make_row
from nsmagic.sentences import say
from nsmagic.snapshot import Snapshot
from nsmagic.why import addresses, judge, legacy, programs, routes, ruletext, wire
from nsmagic.why.reading import Request, read
from nsmagic.why.sentences import explain, nudge
from nsmagic.why.situation import (
    Answer,
    Listener,
    Probe,
    Sighting,
    Situation,
    Step,
    Translation,
    Unasked,
    Unread,
    family_of,
)
from nsmagic.why.size import data_of
from nsmagic.why.target import requested, together
from nsmagic.why.verdict import SURE, Verdict

if TYPE_CHECKING:
    from nsmagic.lab import Lab

#: What the reasoning looks at.
_TABLES = ("namespaces", "links", "addrs", "routes", "neighbours", "rules", "fdb")
PROTOCOLS = ("icmp", "tcp", "udp")
_MOST_QUESTIONS = 500
#: Bytes of data that the longest packet of IPv4 holds, under the longest headers that we send.
_LARGEST = 65_535 - 44
#: So many namespaces are watched, those on the way always: to close a socket that hears everything takes the kernel some milliseconds.
_WATCHED = 16
#: Seconds without a sign after which a probe is given up that waits for a neighbour.
_PATIENT = 1.15
_FACTS = frozenset({"ms", "ns", "dev", "dir", "what", "src", "dst"})


def why(lab: Lab, src: str, dst: str, port: int | None = None, proto: str = "icmp", size: int | None = None) -> Verdict:
    """Why a packet from a namespace arrives at an address or a namespace, or does not; with ``size``, one of so many bytes of data.

    Raises
    ------
    NsmagicError
        The target is neither; or the port, protocol or size is none.
    """
    proto = "tcp" if port is not None and proto == "icmp" else proto
    _check(port, proto, size)
    snapshot = lab.snapshot(*_TABLES)
    client = lab.client
    request = requested(lab, snapshot, src, dst, port or 0, proto)
    request = replace(request, size=size or 0)
    names = together(snapshot, request.ns, request.dst)
    read = client.request("situation", ns=names)
    situation = _situation(snapshot, read)
    if not request.dst:
        return _nowhere(situation, request)
    # As far as can be read before anything is sent: those on the way are watched, and of a large lab not all the others.
    read_first, situation = _judged(lab, situation, request)
    names = [*dict.fromkeys([*(hop[2] for hop in read_first.hops), *names])]
    names = names[: max(_WATCHED, len({hop[2] for hop in read_first.hops}))]
    situation = _probed(lab, situation, request, names)
    verdict, situation = _judged(lab, situation, request)
    for quiet in (_PATIENT, 0.0):
        if verdict.cause != "unknown" or not _still_asking(situation, names):
            break
        # A neighbour did not answer a moment ago, and the kernel asks for it once a second: the probe waited behind that. When it has asked
        # for the last time, it gives up what waits; the next packet is asked for at once.
        situation = _probed(lab, replace(situation, answers={}), request, names, quiet)
        verdict, situation = _judged(lab, situation, request)
    if verdict.cause == "wrong-listen-address":
        verdict, situation = _judged(lab, _known_better(lab, situation, verdict.where), request)
    if verdict.reachable and verdict.confidence not in SURE:
        # What was read was true a moment ago (an address was still tentative): read once more before doubting the probe.
        read = client.request("situation", ns=names)
        fresh = _situation(lab.snapshot(*_TABLES), read)
        situation = replace(fresh, probe=situation.probe, conntrack=situation.conntrack)
        verdict, situation = _judged(lab, situation, request)
    if verdict.reachable:
        large = _large(lab, situation, request, verdict, names)
        if large is not None:
            verdict, _ = _judged(lab, replace(situation, large=large), request)
    return verdict


def _large(lab: Lab, s: Situation, request: Request, verdict: Verdict, names: list[str]) -> Probe | None:
    """A large packet after the small one: of the size asked for, or as large as a wire whose parts do not agree should take."""
    if request.size:
        return _sent(lab, s, request, names, request.size)
    if verdict.cause or request.proto != "icmp":
        return None
    odd = judge.unequal(s, read(s, request))
    if odd is None:
        return None
    return _probe(lab.client, request, names, (), data_of(family_of(request.dst), "icmp", odd.size))


def _known_better(lab: Lab, s: Situation, ns: str) -> Situation:
    """With the programs that wait in a namespace, which are read for the mending alone."""
    return replace(s, listeners={**s.listeners, ns: programs.known(lab.client, ns, s.listeners.get(ns, ()))})


def _check(port: int | None, proto: str, size: int | None) -> None:
    if proto not in PROTOCOLS:
        raise NsmagicError(
            f'"{proto}" is no protocol that %why can send', hint=say("protocols", known=", ".join(PROTOCOLS))
        )
    if port is not None and not (isinstance(port, int) and 0 < port < 65536):
        raise NsmagicError(f"{port!r} is no port", hint=say("ports"))
    if port is None and proto != "icmp":
        raise NsmagicError(f"{proto} needs a port", hint=f"--proto {proto} --port 80")
    if size is not None and not (isinstance(size, int) and 0 < size <= _LARGEST):
        raise NsmagicError(f"{size!r} is no size of a packet's data", hint=say("sizes", most=_LARGEST))


def _nowhere(s: Situation, request: Request) -> Verdict:
    """The namespace that was named has no address at all."""
    cables = s.cables(request.target)
    if not cables:
        found = routes.not_plugged(s, request.target, request.ns)
    else:
        dev = next((link for link in cables if link.up and not link.master), cables[0])
        near = next(iter(s.addresses(request.ns, automatic=False)), None)
        mine = {place for link in s.cables(request.ns) for place in wire.reach(s, request.ns, link.ifname)}
        linked = [link for link in cables if wire.Place(link.ns, link.ifname) in mine]
        dev = linked[0] if linked else dev
        near = next((row for row in s.addresses(request.ns, automatic=False) if row.ifname != "lo"), near)
        found = addresses.no_address(s, request.target, dev.ifname, near)
        if not dev.up:
            found = replace(found, fix=(*found.fix,))
    return Verdict(
        request.ns,
        request.label,
        False,
        found.code,
        found.where,
        explain(found),
        found.see,
        found.fix,
        "",
        "read",
        nudge(found),
    )


def _situation(snapshot: Snapshot, read: Mapping[str, Mapping[str, Any]]) -> Situation:
    return Situation(
        snapshot,
        {ns: each["sysctls"] for ns, each in read.items()},
        {ns: tuple(Listener(*row) for row in each["sockets"]) for ns, each in read.items()},
        {ns: {name: tuple(map(tuple, vlans)) for _, name, vlans in each["vlans"]} for ns, each in read.items()},
        {ns: frozenset(each["tables"]) for ns, each in read.items()},
        frozenset(ns for ns, each in read.items() if each["legacy"]),
        typed=next((each["typed"] for each in read.values()), {}),
    )


def _still_asking(s: Situation, names: list[str]) -> bool:
    return any(row.state == "INCOMPLETE" and row.ns in names for row in s.snapshot.neighbours)


def _sent(lab: Lab, s: Situation, request: Request, names: list[str], size: int = 0, quiet: float = 0.0) -> Probe:
    """Send a packet, with the rules that it meets: as the kernel traces them, and by the counters of the old iptables."""
    old = sorted(s.legacy)
    before = legacy.rules(lambda ns: lab.snapshot("firewall", ns=ns).firewall.rows, old)
    probe = _probe(lab.client, request, names, [ns for ns in names if s.tables.get(ns)], size, quiet)
    after = legacy.rules(lambda ns: lab.snapshot("firewall", ns=ns).firewall.rows, old)
    counted = legacy.steps(before, after, s.typed)
    return replace(probe, steps=(*(ruletext.worded(lab.client, step) for step in probe.steps), *counted))


def _probed(lab: Lab, s: Situation, request: Request, names: list[str], quiet: float = 0.0) -> Situation:
    """Send the probe, and read what it left in conntrack."""
    client, filtering, old = lab.client, [ns for ns in names if s.tables.get(ns)], sorted(s.legacy)
    probe = _sent(lab, s, request, names, quiet=quiet)
    found: dict[str, tuple[Translation, ...]] = {}
    if filtering or old:
        rows = client.request("conntrack", ns=sorted({*filtering, *old}))
        found = {ns: _translations(entries, request, probe) for ns, entries in rows.items()}
        for step in probe.steps:
            own = any(row.ns == step.ns for row in s.owners(request.dst))
            new = ruletext.translation(step, probe.src, request.dst, request.port, own=own)
            if not found.get(step.ns) and new is not None:
                found[step.ns] = (new,)
    return replace(s, probe=probe, conntrack=found)


def _probe(
    client: Client, request: Request, watch: list[str], trace: Iterable[str], size: int = 0, quiet: float = 0.0
) -> Probe:
    args = {"proto": request.proto, "port": request.port, "dev": request.oif, "size": size, "quiet": quiet}
    data = client.request("probe", ns=request.ns, dst=request.dst, args=args, watch=watch, trace=list(trace))
    ours = {(step["ns"], step["id"]) for step in data["traces"] if step["ours"] or step["family"] == "arp"}
    # The kernel tells what a packet is with the first rule of a chain; later ones refer to it by its number.
    packets: dict[tuple[str, int], dict[str, Any]] = {}
    for step in data["traces"]:
        if step["what"]:
            packets[step["ns"], step["id"]] = step["what"]
    return Probe(
        data["src"], data["errno"], data["words"], data["answer"], data.get("sport", 0),
        tuple(
            Sighting(each["ms"], each["ns"], each["dev"], each["dir"], each["what"], each.get("src", ""), each.get("dst", ""),
                     {key: value for key, value in each.items() if key not in _FACTS})
            for each in data["sightings"]
        ),
        tuple(
            _step(step, packets.get((step["ns"], step["id"]), {}), (step["ns"], step["id"]) in ours)
            for step in data["traces"]
        ),
        data["ms"],
    )  # fmt: skip


def _step(step: Mapping[str, Any], packet: Mapping[str, Any], ours: bool) -> Step:
    return Step(
        step["ns"], step["family"], step["table"], step["chain"], step["handle"], step["type"], step["verdict"],
        packet.get("what", ""), step["iif"], step["oif"], ours=ours, src=packet.get("src", ""), dst=packet.get("dst", ""),
        dport=packet.get("dport", 0), mtu=packet.get("mtu", 0),
    )  # fmt: skip


def _translations(rows: Iterable[list[str]], request: Request, probe: Probe) -> tuple[Translation, ...]:
    """The entries of this flow: of its protocol, with its port or number of echo."""
    name = {"icmp": ("icmp", "icmpv6", "ipv6-icmp"), "tcp": ("tcp",), "udp": ("udp",)}[request.proto]
    found = []
    for proto, src, dst, back_src, back_dst, ports in rows:
        each = tuple(ports.split(","))
        if proto in name and str(probe.sport) in each:
            # In TCP and UDP: the ports of the flow, then those of its answers.
            port, back_port = (int(each[1]), int(each[2])) if len(each) == 4 and request.proto != "icmp" else (0, 0)
            changed = (port, back_port) if port != back_port else (0, 0)
            found.append(Translation(src, dst, back_src, back_dst, each, *changed))
    return tuple(found)


def _judged(lab: Lab, s: Situation, request: Request) -> tuple[Verdict, Situation]:
    """Judge, asking the kernel for each route that the reasoning needs, and reading the rules of each firewall."""
    for _ in range(_MOST_QUESTIONS):
        try:
            return judge.judge(s, request), s
        except Unasked as unasked:
            question = unasked.what
            data = lab.client.request("ask_routes", questions=[question.to_data()])[0]
            route = make_row("routes", data["route"]) if data.get("route") else None
            s = replace(s, answers={**s.answers, question: Answer(data["errno"], data.get("words", ""), route)})
        except Unread as unread:
            rows = tuple(lab.snapshot("firewall", ns=unread.what).firewall)
            s = replace(s, firewall={**s.firewall, unread.what: rows})
    raise NsmagicError("the way has no end", hint=say("bug"))
