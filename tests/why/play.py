"""Playing a case: the whole network, the fault, the verdict, and the mending."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass

from nsmagic import Lab
from nsmagic.why.verdict import Verdict
from tests.why.matrix import Case
from tests.why.scenes import SCENES, Scene

#: So many verdicts, each mended as it says, are enough for one fault and what it has taken with it.
_STEPS = 4


@dataclass
class Played:
    """What came of a case: before the fault, with it, and after the verdict's own mending."""

    whole: Verdict
    broken: Verdict
    mended: Verdict | None


def build(lab: Lab, scene: Scene) -> None:
    """Make a scene in an empty lab."""
    lab.run(scene.commands).check()


@contextlib.contextmanager
def serving(lab: Lab, words: str) -> Iterator[None]:
    """Somebody listens: ``NS ADDRESS PORT``, for TCP."""
    if words in ("", "-"):
        yield
        return
    ns, address, port = words.split()
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with lab.socket(ns, family, socket.SOCK_STREAM) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((address, int(port)))
        server.listen()
        yield


def play(case: Case) -> Played:
    """Build it, ask, break it, ask, mend it as the verdict says, ask."""
    scene = SCENES[case.scene]
    dst = case.dst or scene.dst
    with Lab() as lab:
        build(lab, scene)

        def ask() -> Verdict:
            return lab.why(scene.src, dst, case.port, case.proto)

        with serving(lab, case.serve):
            whole = ask()
        lab.run(case.broken).check()
        with serving(lab, case.broken_serve or case.serve):
            broken = ask()
            mended = None
            if case.fixed:
                mended = broken
                for _ in range(_STEPS):
                    # What a fault has taken with it (the routes of a link that went down) is the next verdict's business.
                    if (mended.reachable and not mended.cause) or not mended.fix:
                        break
                    lab.run("\n".join(mended.fix)).check()
                    mended = ask()
    return Played(whole, broken, mended)
