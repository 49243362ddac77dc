"""What would stop the packet, or its answer, once the first thing is mended: that more follow is said at once.

The first thing's own fix is supposed to have been typed (``supposing``), and the way is read anew, out and back, with the rules of firewalls
on it (``passing``), which may give the packet other addresses. Only what is certain is told.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from nsmagic.why import passing
from nsmagic.why.answering import supposed
from nsmagic.why.finding import Finding
from nsmagic.why.reading import Reading, Request, read
from nsmagic.why.situation import Situation
from nsmagic.why.supposing import mended

_MOST_TRANSLATIONS = 16
#: What is mended at both ends at once.
_TOGETHER = frozenset({"vxlan", "no-address-link-local"})


def after(s: Situation, request: Request, reading: Reading, found: Finding | None) -> Finding | None:
    """The next thing, if there is one for certain.

    Raises
    ------
    Unasked, Unread
        Something has to be read first.
    """
    if found is None or found.soft or s.probe is None:
        return None
    then = mended(s, found.fix)
    if then is None:
        same_wire = (each for each in reading.out.more if each.code != found.code and not each.ns.startswith("("))
        return next(same_wire, None) if found == reading.finding and found.say not in _TOGETHER else None
    situation, changed = then
    # Of the probe counts where it was sent from, if that is still so.
    probe = replace(
        s.probe, src="" if request.ns in changed else s.probe.src, sightings=(), steps=(), errno=0, answer=""
    )
    situation = supposed(replace(situation, probe=probe), changed)
    for each in _found(situation, request):
        if each.soft or each.ns.startswith("("):
            return None  # outside: whether it is at fault is seen when the packet gets there
        return None if (each.code, each.where, each.fix) == (found.code, found.where, found.fix) else each
    return None


def _found(s: Situation, request: Request) -> Iterator[Finding]:
    """What stops the packet, in its order; addresses are translated on its way as the rules say."""
    heeded: set[tuple[str, str]] = set()
    for _ in range(_MOST_TRANSLATIONS):
        reading = read(s, request)
        out = passing.along(s, reading.out, "out", heeded=heeded)
        if out.translation is None or out.visit is None:
            break
        ns = out.visit.ns
        heeded.add((ns, out.visit.hook))
        s = replace(s, conntrack={**s.conntrack, ns: (*s.conntrack.get(ns, ()), out.translation)})
    if out.finding is not None:
        yield out.finding
    if out.translated:
        return
    if reading.out.finding is not None:
        yield reading.out.finding
    if reading.back is None:
        return
    back = passing.along(s, reading.back, "back", reading.out.routers)
    if back.finding is not None:
        yield back.finding
    if reading.back.finding is not None and not back.translated:
        yield reading.back.finding
