"""What is not netlink but files and mounts (``ip netns``, ``sysctl``), side by side: one lab's lines go to the real tools, another's are done
natively, and both labs are the same afterwards, with the same refusals."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Any

import pytest
from sides import form

from nsmagic import Lab
from nsmagic.commands.cell import split
from nsmagic.commands.command import Command, Program

CASES: dict[str, str] = {
    "namespaces": """
        ip netns add red
        ip netns add blue
        ip netns add red
        ip netns del green
        ip netns del red
        ip netns del red
        ip netns add red
        ip netns delete blue
    """,
    "a namespace with a cable": """
        ip netns add red
        ip link add v0 type veth peer name v1 netns red
        ip netns del red
    """,
    "all namespaces": """
        ip netns add red
        ip netns add blue
        ip -all netns del
    """,
    "odd names": """
        ip netns add a/b
        ip netns add .
        ip netns add 'a b'
        ip netns add --
        ip netns del 'a b'
    """,
    "parameters": """
        sysctl -w net.ipv4.ip_forward=1
        sysctl -w net/ipv4/conf/lo/rp_filter=2 net.ipv4.ip_default_ttl=70
        sysctl net.ipv4.conf.all.proxy_arp=1
        sysctl -w net.ipv4.ip_forward=yes
        sysctl -w net.ipv4.nosuch=1
        sysctl -w net.ipv4.ip_forward
        sysctl -w net.ipv6.conf.all.forwarding=1
    """,
    "parameters of a namespace": """
        ip netns add red
        ip netns exec red sysctl -w net.ipv4.ip_forward=1
        ip netns exec red sysctl -q -w net.ipv4.conf.all.forwarding=0
    """,
}  # fmt: skip
_PARAMETERS = (
    "net.ipv4.ip_forward net.ipv4.conf.lo.rp_filter net.ipv4.ip_default_ttl net.ipv4.conf.all.proxy_arp net.ipv4.conf.all.forwarding "
    "net.ipv6.conf.all.forwarding"
)


def state(lab: Lab) -> Any:
    found = lab.snapshot("links", "namespaces")
    names = [row.ns for row in found.namespaces if row.named or row.ns == "host"]
    values = {ns: lab.run(f"sh -c 'sysctl {_PARAMETERS}'", ns).text for ns in names}
    links = [(row.ns, row.ifname, row.kind, row.peer_ns, row.flags & 1) for row in found.links]
    return names, links, values, lab.run("sh -c 'ls -a /run/netns'").text


@pytest.mark.sandbox
@pytest.mark.parametrize("name", CASES)
def test_parity(name: str, record_property: Callable[[str, Any], None]) -> None:
    lines = [line.strip() for line in CASES[name].splitlines() if line.strip()]
    forms, refused = set(), 0
    with Lab() as real, Lab() as ours:
        for line in lines:
            theirs, said = real.run(f"sh -c {shlex.quote(line)}", changes=False), ours.run(line, changes=False)
            assert said.ok == theirs.ok, line
            if not theirs.ok:
                refused += 1
                words = theirs.errors[0].message if "exit status" not in theirs.errors[0].message else theirs.text
                assert said.errors[0].message.replace("/var/run/", "/run/") in words.replace("/var/run/", "/run/"), line
            for step in split(line).steps:
                if isinstance(step.run, Command):
                    forms.add(form(step.run))
                else:  # what our grammar refuses, the tool refuses itself
                    assert isinstance(step.run, Program), line
                    assert step.run.why is not None, line
        assert state(ours) == state(real)
    record_property("parity_forms", sorted(forms))
    record_property("parity_lines", len(lines))
    record_property("parity_refusals", refused)
