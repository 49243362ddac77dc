"""``%why``, ``%trace``, ``%sniff`` and tcpdump in the kind vm, where the kernel has VLANs and only the old iptables, and descriptors do not travel.

One machine for all of them; each test leaves it as it was. The other cases of ``matrix.py`` that need it: ``pytest -m heavy``.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nsmagic import Lab
from tests.why.play import build
from tests.why.scenes import VLAN_SWITCH

pytestmark = pytest.mark.sandbox


@pytest.fixture(scope="module")
def machine() -> Iterator[Lab]:
    """red and blue in VLAN 7 of a switch, green in VLAN 8, the host their router."""
    with Lab(sandbox="vm", folder="/tmp") as lab:
        build(lab, VLAN_SWITCH)
        yield lab


def test_a_vlan_that_a_port_does_not_carry(machine: Lab) -> None:
    whole = machine.why("red", "10.7.0.2")
    assert (whole.reachable, whole.cause) == (True, ""), whole
    machine.run("bridge vlan del dev blue-br vid 7\nbridge vlan add dev blue-br vid 8 pvid untagged").check()
    broken = machine.why("red", "10.7.0.2")
    assert (broken.cause, broken.where, broken.reachable) == ("vlan-mismatch", "host/blue-br", False)
    assert broken.fix == ("bridge vlan add dev blue-br vid 7 pvid untagged",)
    machine.run("\n".join(broken.fix)).check()
    mended = machine.why("red", "10.7.0.2")
    assert (mended.reachable, mended.cause) == (True, ""), mended


def test_a_rule_of_the_old_iptables(machine: Lab) -> None:
    machine.run("iptables -A FORWARD -i br0.7 -j DROP").check()
    broken = machine.why("red", "10.8.0.3")
    assert (broken.cause, broken.where) == ("dropped-by-rule", "host: chain FORWARD of ip filter, rule 1")
    machine.run("\n".join(broken.fix)).check()
    assert machine.why("red", "10.8.0.3").reachable


def test_the_journey_between_the_vlans(machine: Lab) -> None:
    journey = machine.trace("red", "10.8.0.3")
    assert journey.answered
    there = [each.frame.place for each in journey.steps if "echo request" in each.what.words]
    assert there[0] == ("red", "eth0")
    assert there[-1] == ("green", "eth0")
    assert {("host", "br0.7"), ("host", "br0.8")} <= set(there)


def test_what_tcpdump_and_sniff_hear(machine: Lab) -> None:
    with machine.sniff("host:br0.7", "icmp", background=True) as capture:
        job = machine.run("ping -i 0.2 10.8.0.3", "red", background=True).value
        heard = machine.run("tcpdump -n --immediate-mode -c 2 -i eth0 icmp", "green").check()
        job.stop()
    assert heard.text.count("ICMP echo") == 2
    packets = capture.packets
    assert set(packets["dev"]) == {"br0.7"}
    assert packets["info"].str.startswith("ICMP echo").all()
    assert len(packets) >= 2
