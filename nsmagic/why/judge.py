"""From a situation to a verdict: what was read, held against what the probe met.

The probe has the last word on whether the packet arrives, and tracing on which rule took it: a packet is stopped once only.
Everything else that may stop it leaves no trace but that it is seen no more, and there what was read says why.
"""

from __future__ import annotations

from dataclasses import replace

from nsmagic.sentences import say_verdict
from nsmagic.why import filters, following, size, sockets, wire
from nsmagic.why.finding import Finding, Hop, inside, ip
from nsmagic.why.reading import Reading, Request, read
from nsmagic.why.sentences import explain, nudge
from nsmagic.why.situation import Probe, Sighting, Situation, family_of
from nsmagic.why.verdict import SURE, Verdict

_GOOD = {"icmp": ("echo-reply",), "tcp": ("syn-ack",), "udp": ("udp",)}
_ASKS = {"icmp": "echo-request", "tcp": "syn", "udp": "udp"}
_ANSWERS = frozenset({"echo-reply", "syn-ack", "rst"})
_ICMP_REJECTS = frozenset({9, 10, 13})


def judge(s: Situation, request: Request) -> Verdict:
    """The verdict.

    Raises
    ------
    Unasked
        The kernel has to be asked about a route first.
    Unread
        The rules of a firewall have to be read first.
    """
    reading = read(s, request)
    probe = s.probe or Probe()
    arrived = probe.answer in _GOOD[request.proto] or (request.proto == "udp" and _came(s, request, reading))
    found, confidence = _found(s, request, reading, probe, arrived)
    more = following.after(s, request, reading, found)
    if request.size and s.large is not None and arrived and (found is None or found.soft):
        found, probe, more = _sized(s, request, reading, s.large) or found, s.large, None
        arrived = found is None or found.soft
    stranger = _stranger(s, request, probe) if arrived else None
    if stranger is not None:
        found, arrived, more = stranger, False, None
    return _verdict(s, request, reading, probe, found, arrived, confidence, more)


def _found(s: Situation, request: Request, reading: Reading, probe: Probe, arrived: bool) -> tuple[Finding | None, str]:
    finding, sure = reading.finding, SURE[0]
    if arrived:
        if finding is not None:
            return None, f"the probe was answered, though what was read says {finding.code} at {finding.where}"
        soft = next((each for each in reading.warnings if not each.idle), None) or _large(s, reading)
        return soft, sure
    dropped = filters.dropped(s, reading.routers, reading.tunnels) or _unheard(s, reading)
    if dropped is not None:
        return dropped, sure
    if probe.answer in ("rst", "error 111"):
        end = reading.out.end or request.ns
        closed = sockets.waits(s, end, reading.out.packet.dst, request.proto, reading.out.packet.port)
        return closed or _rejected(reading.out.end or request.ns), sure
    if finding is not None:
        if probe.errno:
            return finding, SURE[1]
        return finding, _agrees(s, request, finding, probe) or sure
    soft = next(iter(reading.warnings), None)
    if soft is not None:
        return replace(soft, soft=False), sure
    ring = wire.circle(s, {row.ns for row in s.snapshot.links})
    if ring is not None:
        return ring, sure
    rejecting = next(
        (each for each in probe.sightings if each.what == "unreachable" and each.facts.get("code") in _ICMP_REJECTS),
        None,
    )
    if rejecting is not None:
        owner = next((row.ns for row in s.owners(rejecting.src)), rejecting.ns)
        return _rejected(owner), sure
    return _unknown(s, request, probe), "nothing that was read explains what the probe met"


def _unheard(s: Situation, reading: Reading) -> Finding | None:
    """A rule that takes the question for the next one's MAC: the packet waits for the answer, and no rule has seen it."""
    if ":" not in reading.out.packet.dst:
        return None  # ARP is no IP: what takes it is traced as ours
    trails = [("out", reading.out), *([("back", reading.back)] if reading.back is not None else [])]
    legs = [(way, ns, dev, path.end) for way, trail in trails for ns, dev, path in trail.legs]
    return filters.unheard(s, legs, reading.routers)


def _rejected(ns: str) -> Finding:
    facts = {"what": say_verdict("what-packet"), "rule": "which one is not known", "ns": ns}
    return Finding("rejected-by-rule", ns, "", facts, (inside(ns, "iptables", "-S"),))


def _unknown(s: Situation, request: Request, probe: Probe) -> Finding:
    del s
    mine = [each for each in probe.sightings if each.what in (_ASKS[request.proto], *_ANSWERS)]
    last = mine[-1] if mine else None
    way = "back" if last is not None and last.what in _ANSWERS else "out"
    if last is None:
        return Finding("unknown", request.ns, "", {}, (ip(request.ns, "route", "get", request.dst),))
    return Finding("unknown", last.ns, last.dev, {}, (ip(last.ns, "-s", "link", "show", last.dev),), way=way)


def _agrees(s: Situation, request: Request, finding: Finding, probe: Probe) -> str:
    """A word when the probe came further than it could have, by what was read."""
    if finding.way == "back" or finding.code in (
        "port-closed",
        "wrong-listen-address",
        "echo-ignored",
        "duplicate-mac",
    ):
        return ""
    owners = {row.ns for row in s.owners(request.dst)} - {finding.ns, request.ns}
    came = [
        each for each in probe.sightings if each.what == _ASKS[request.proto] and each.ns in owners and each.dir == "in"
    ]
    if came and not came[-1].facts.get("other"):
        return f"the probe was seen at {came[-1].ns}/{came[-1].dev}, which is further than what was read allows"
    return ""


def _came(s: Situation, request: Request, reading: Reading) -> bool:
    """Of UDP nothing comes back by itself: the datagram was seen where a program waits, and nobody complained."""
    probe = s.probe
    if probe is None or probe.answer.startswith("error") or reading.finding is not None or probe.errno:
        return False
    if any(step.verdict == "drop" for step in probe.steps):
        return False
    end = reading.out.end
    return (
        any(each.what == "udp" and each.ns == end and each.dir == "in" for each in probe.sightings) or end == request.ns
    )


def _stranger(s: Situation, request: Request, probe: Probe) -> Finding | None:
    """The answer came from another namespace than the one that was named."""
    if not request.target or len({row.ns for row in s.owners(request.dst)}) < 2:
        return None
    came = {each.ns for each in probe.sightings if each.what in _ANSWERS and each.dir == "out"}
    others = [row for row in s.owners(request.dst) if row.ns in came and row.ns != request.target]
    if request.target in came or not others:
        return None
    row = others[0]
    facts = {"address": request.dst, "places": f"{request.target} and {row.ns}/{row.ifname}"}
    fix = (ip(row.ns, "addr", "del", f"{row.address}/{row.prefixlen}", "dev", row.ifname),)
    return Finding(
        "duplicate-address", row.ns, row.ifname, facts, (ip(row.ns, "addr", "show", "dev", row.ifname),), fix
    )


def _large(s: Situation, reading: Reading) -> Finding | None:
    """A cable or switch on the way whose parts do not agree on the largest packet, and a large probe that was lost."""
    if s.large is None or s.large.answer or s.large.errno:
        return None
    odd = unequal(s, reading)
    if odd is None:
        return None
    facts = {"size": odd.size, "mtu": odd.link.mtu}
    fix = (ip(odd.link.ns, "link", "set", odd.link.ifname, "mtu", str(odd.size)),)
    see = (ip(odd.link.ns, "link", "show", odd.link.ifname),)
    return Finding("mtu", odd.link.ns, odd.link.ifname, facts, see, fix, soft=True)


def _sized(s: Situation, request: Request, reading: Reading, large: Probe) -> Finding | None:
    """What became of the packet of the size that was asked about."""
    if large.answer in _GOOD[request.proto]:
        return None
    if request.proto == "udp" and not large.answer and _seen_at(large, reading.out.end):
        return None
    return size.lost(s, reading.out, reading.back, large, request.length)


def _seen_at(probe: Probe, ns: str) -> bool:
    return any(each.what == "udp" and each.ns == ns and each.dir == "in" for each in probe.sightings)


def unequal(s: Situation, reading: Reading) -> size.Narrow | None:
    """Where on the way, out or back, somebody sends larger packets than the next on the same wire takes."""
    return size.unequal(s, [reading.out, *([reading.back] if reading.back else [])])


def _verdict(
    s: Situation,
    request: Request,
    reading: Reading,
    probe: Probe,
    found: Finding | None,
    arrived: bool,
    confidence: str,
    more: Finding | None,
) -> Verdict:
    dst = request.label or request.dst
    rows = _rows(s, _hops(reading, probe, request, found), probe, request)
    if found is None:
        text = _success(request, reading, probe) if arrived else ""
        then = "" if request.size else _narrower(s, request, reading)
        return Verdict(request.ns, dst, arrived, explanation=text, then=then, confidence=confidence, hops=rows)
    then = _then(found, more) if more is not None else ""
    return Verdict(
        request.ns,
        dst,
        arrived,
        found.code,
        found.where,
        explain(found),
        found.see,
        found.fix,
        then,
        confidence,
        nudge(found),
        rows,
    )


def _then(found: Finding, next_one: Finding) -> str:
    if next_one.code == found.code and next_one.ns != found.ns:
        return say_verdict("then-same", ns=next_one.ns)
    return say_verdict("then", cause=next_one.code, where=next_one.where)


def _narrower(s: Situation, request: Request, reading: Reading) -> str:
    """A word on a way that is narrower than its beginning: large packets have to be tried by themselves, since what comes of them stays in the
    sender's memory (its path MTU) for some minutes."""
    narrow = size.narrowest(s, reading.out)
    if narrow is None or not narrow.routed:
        return ""
    port = f" --port {request.port}" if request.port else ""
    proto = " --proto udp" if request.proto == "udp" else ""
    data = size.data_of(family_of(request.dst), request.proto, narrow.size)
    place = f"{narrow.link.ns}/{narrow.link.ifname}"
    command = f"%why {request.ns} {request.dst}{port}{proto} --size {data}"
    return say_verdict("then-narrower", mtu=narrow.link.mtu, where=place, command=command)


def _success(request: Request, reading: Reading, probe: Probe) -> str:
    if request.proto == "udp" and not probe.answer:
        return say_verdict("arrived-udp", ns=reading.out.end)
    hops = [ns for ns in dict.fromkeys(reading.out.routers[1:]) if ns != reading.out.end]
    code = f"answered-{request.proto}"
    words = say_verdict(f"{code}-by", hops=f" {say_verdict('and')} ".join(hops)) if hops else say_verdict(code)
    return say_verdict("answered-sized", words=words.rstrip("."), size=request.size) if request.size else words


def _hops(reading: Reading, probe: Probe, request: Request, found: Finding | None) -> list[Hop]:
    """The hops as far as the packet came: what was read knows nothing of a rule that took it."""
    if found is None or found.soft or found == reading.finding:
        return reading.hops
    seen = _seen(probe, request)[found.way]
    hops = [hop for hop in reading.hops if hop.way == found.way]
    last = max((at for at, hop in enumerate(hops) if (hop.ns, hop.dev) in seen), default=-1)
    before = [hop for hop in reading.out.hops if found.way == "back"]
    return [*before, *hops[: last + 1], Hop(found.ns, found.dev, f"stops here: {found.code}", False, found.way)]


def _seen(probe: Probe, request: Request) -> dict[str, set[tuple[str, str]]]:
    """Where the probe, and where its answer, was seen."""
    seen: dict[str, set[tuple[str, str]]] = {"out": set(), "back": set()}
    for each in probe.sightings:
        if each.what == _ASKS[request.proto] and not _is_answer(each, request, probe):
            seen["out"].add((each.ns, each.dev))
        elif each.what in _ANSWERS or each.what == "udp":
            seen["back"].add((each.ns, each.dev))
    return seen


def _rows(s: Situation, hops: list[Hop], probe: Probe, request: Request) -> tuple[tuple[object, ...], ...]:
    """The hops as rows of the evidence, with what the probe says of each."""
    seen = _seen(probe, request)
    rows = []
    for number, hop in enumerate(hops, 1):
        link = s.link(hop.ns, hop.dev)
        # What a switch passes on is seen at its ports, not at itself.
        passes = link is not None and link.kind == "bridge" and not hop.routes
        known = (hop.ns, hop.dev) in seen[hop.way] if hop.dev and not passes else None
        rows.append((number, hop.way, hop.ns, hop.dev, hop.what, known, hop.ok))
    return tuple(rows)


def _is_answer(each: Sighting, request: Request, probe: Probe) -> bool:
    return request.proto == "udp" and each.facts.get("dport") == probe.sport
