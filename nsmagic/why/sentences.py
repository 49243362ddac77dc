"""What a finding says: its cause in two sentences for a beginner, and the first thing to look at, for ``--hint``.

The words stand with all others in ``sentences.toml``, under ``[why]`` and ``[look]``. A code with several shapes has a sentence for
each, named by ``Finding.say``. Fields are filled from the finding's facts, with ``ns``, ``dev``, ``where`` always there.
"""

from __future__ import annotations

from nsmagic.sentences import say_look, say_why
from nsmagic.why.finding import Finding


def explain(finding: Finding) -> str:
    """The sentences of a finding.

    >>> explain(Finding("bridge-down", "host", "v-net-0"))
    'The switch v-net-0 in host is down, so no frame passes through it. Its ports may be up all the same.'
    """
    facts = {"ns": finding.ns, "dev": finding.dev or finding.ns, "where": finding.where, **finding.facts}
    return say_why(finding.say or finding.code, **{name: str(value) for name, value in facts.items()})


def nudge(finding: Finding) -> str:
    """The first step of ``--hint``: where to look, and no more."""
    return say_look(finding.code, ns=finding.ns, dev=finding.dev or finding.ns)
