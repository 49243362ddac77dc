"""Playing a case: the whole network, the fault, the verdict, and the mending."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass

from nsmagic import Lab
from nsmagic.why.verdict import Verdict
from tests.why.matrix import Case
from tests.why.scenes import SCENES, Scene

#: So many verdicts, each mended as it says, are enough for one fault and what it has taken with it.
_STEPS = 6


@dataclass
class Played:
    """What came of a case: before the fault, with it, and after the verdict's own mending; ``fixes``: of so many verdicts."""

    whole: Verdict
    broken: Verdict
    mended: Verdict
    fixes: int = 0


def build(lab: Lab, scene: Scene) -> None:
    """Make a scene in an empty lab."""
    lab.run(scene.commands).check()


@contextlib.contextmanager
def serving(lab: Lab, words: str, proto: str = "tcp") -> Iterator[None]:
    """Somebody listens: ``NS ADDRESS PORT``, for TCP unless the protocol is UDP."""
    if words in ("", "-"):
        yield
        return
    ns, address, port = words.split()
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with lab.socket(ns, family, socket.SOCK_DGRAM if proto == "udp" else socket.SOCK_STREAM) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((address, int(port)))
        if proto != "udp":
            server.listen()
        yield


def settle(lab: Lab) -> None:
    """Until no IPv6 address is tentative any more: without duplicate address detection too, the kernel makes them usable a moment later, in
    a work queue that a busy machine keeps waiting (``addrconf_dad_work``)."""
    end = time.monotonic() + 30
    while any(row.flags & 0x40 and not row.flags & 0x08 for row in lab.snapshot("addrs").addrs):
        assert time.monotonic() < end, "addresses stay tentative"
        time.sleep(0.01)


def play(case: Case, lab: Lab | None = None) -> Played:
    """Build it, ask, break it, ask, mend it as the verdict says, ask; in a lab of its own, or in an empty one of the right kind."""
    scene = SCENES[case.scene]
    dst = case.dst or scene.dst
    with contextlib.nullcontext(lab) if lab is not None else Lab(sandbox=scene.sandbox) as lab:
        build(lab, scene)
        settle(lab)

        def ask() -> Verdict:
            return lab.why(scene.src, dst, case.port, case.proto, case.size)

        with serving(lab, case.serve, case.proto):
            whole = ask()
        if case.broken:
            lab.run(case.broken).check()
            if case.cause != "address-tentative":
                settle(lab)
        with serving(lab, case.broken_serve or case.serve, case.proto):
            mended = broken = ask()
            fixes = 0
            for _ in range(_STEPS):
                # What a fault has taken with it (the routes of a link that went down) is the next verdict's business.
                if (mended.reachable and not mended.cause) or not mended.fix:
                    break
                lab.run("\n".join(mended.fix)).check()
                mended = ask()
                fixes += 1
    return Played(whole, broken, mended, fixes)
