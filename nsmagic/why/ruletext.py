"""A rule that the probe met, in the words of the tool that made it, and with its place in the chain."""

from __future__ import annotations

import re
from dataclasses import replace

from nsmagic.agent.client import Client
from nsmagic.why.programs import lines_of
from nsmagic.why.situation import Step, Translation, ip

#: The tables that iptables makes.
_IPTABLES = frozenset({"filter", "nat", "mangle", "raw", "security"})
_OTHER_PORT = re.compile(r"(?:REDIRECT --to-ports|redirect to) :?(\d+)(?:\s|$)")
_TO = re.compile(r"(?:--to-destination|dnat(?: ip6?)? to) \[?([0-9a-fA-F.:]+?)\]?(?::(\d+))?(?:\s|$)")


def worded(client: Client, step: Step) -> Step:
    """A rule that dropped, as its tool writes it, with its place in the chain."""
    if step.verdict != "drop" and not (step.table == "nat" and step.type == "rule"):
        return step
    place, text = _nft_rule(client, step)
    step = replace(step, text=text)
    tool = {"ip": "iptables", "ip6": "ip6tables"}.get(step.family)
    if tool is None or step.table not in _IPTABLES:
        return step
    lines = lines_of(client, step.ns, [tool, "-t", step.table, "-S", step.chain])
    rules = [line for line in lines if line.startswith("-A ")]
    policies = [line for line in lines if line.startswith(("-P ", "-N "))]
    if step.type == "policy" and policies:
        return replace(step, tool=tool, text=policies[0])
    if place and len(rules) >= place:
        return replace(step, tool=tool, text=rules[place - 1], place=place)
    return step


def _nft_rule(client: Client, step: Step) -> tuple[int, str]:
    """The place of a rule in its chain, from 1, and its text; 0 when it cannot be known."""
    lines = lines_of(client, step.ns, ["nft", "-a", "list", "chain", step.family, step.table, step.chain])
    rules = [
        line.strip()
        for line in lines
        if re.search(r"# handle \d+$", line) and not line.rstrip().endswith("{") and "{ # handle" not in line
    ]
    for place, line in enumerate(rules, 1):
        text, _, handle = line.rpartition(" # handle ")
        if handle.strip() == str(step.handle):
            return place, re.sub(r" counter packets \d+ bytes \d+", "", f" {text}").strip()
    return 0, ""


def translation(step: Step, src: str, dst: str, port: int = 0, *, own: bool = False) -> Translation | None:
    """Where a rule of NAT that the packet met sends it, when nothing is remembered of it because it got no further.

    ``own``: the namespace has the address ``dst`` itself.
    """
    found = _TO.search(step.text) if step.ours else None
    if found is None:
        other = _OTHER_PORT.search(step.text) if step.ours and port else None
        # What is not for the namespace itself would be given to it: by which address, only the kernel knows.
        return Translation(src, dst, dst, src, (), port, int(other[1])) if other is not None and own else None
    try:
        new = int(found[2] or 0) if port else 0
        return Translation(src, dst, str(ip(found[1])), src, (), *((port, new) if new not in (0, port) else (0, 0)))
    except ValueError:
        return None
