"""What the surroundings of a notebook say to its labs: the environment variables of graders, class rooms and tests."""

from __future__ import annotations

import os

from nsmagic.errors import LabError

#: Seconds that a command may take under pytest (nbval) when nothing else is asked; interactively there is no limit.
_UNDER_TEST = 60.0


def default_seed() -> int:
    """The learner's own number: ``NSMAGIC_SEED``, which graders and class rooms set, else 0.

    Raises
    ------
    LabError
        It is no whole number.
    """
    said = os.environ.get("NSMAGIC_SEED", "0")
    if not said.isdecimal():
        raise LabError(f"NSMAGIC_SEED is {said!r}, and must be a whole number")
    return int(said)


def default_timeout() -> float | None:
    """No limit for people; 60 s under pytest (nbval) and wherever NSMAGIC_TIMEOUT says so."""
    said = os.environ.get("NSMAGIC_TIMEOUT")
    if said:
        return float(said)
    return _UNDER_TEST if "PYTEST_VERSION" in os.environ else None
