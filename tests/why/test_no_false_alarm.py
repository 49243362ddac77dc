"""Of a network that works, ``%why`` says so; and of any, what a ping says, there and back.

More of them: ``pytest -m heavy tests/why/test_no_false_alarm.py`` (500 networks).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nsmagic import Lab
from nsmagic.errors import LabDied
from nsmagic.why.verdict import SURE
from tests.why.play import settle
from tests.why.random_labs import Plan, plans

pytestmark = pytest.mark.sandbox

_FEW = settings(max_examples=6, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
_MANY = settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
#: What may happen to any network: none of them need stop the two that talk.
_FAULTS = (
    "ip -n {ns} link set {dev} down", "ip -n {ns} addr flush dev {dev}", "ip -n {ns} route flush table main",
    "ip netns exec {ns} sysctl -q -w net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0",
    "ip netns exec {ns} iptables -A FORWARD -j DROP", "ip netns exec {ns} iptables -A INPUT -j REJECT",
    "ip netns exec {ns} ip6tables -A INPUT -p icmpv6 --icmpv6-type echo-request -j DROP", "ip -n {ns} link del {dev}",
    "ip -n {ns} link set {dev} mtu 1280", "ip -n {ns} rule del priority 32766",
)  # fmt: skip


def agrees(lab: Lab, src: str, dst: str) -> tuple[bool, bool, str]:
    """What ``%why`` says, what a ping says, and the whole verdict for a failure's message."""
    verdict = lab.why(src, dst)
    pinged = lab.run(f"ping -c 1 -W 1 {dst}", src).value
    return (
        verdict.reachable,
        bool(pinged and pinged.received),
        f"{src} to {dst}: {verdict} ({verdict.confidence})\n{verdict.evidence}",
    )


def _pair(data: st.DataObject, plan: Plan) -> tuple[str, str, str]:
    rooms = sorted(plan.rooms)
    src, other = data.draw(st.sampled_from(rooms)), data.draw(st.sampled_from(rooms))
    return src, other, data.draw(st.sampled_from(sorted(plan.rooms[other].values())))


def _built(plan: Plan) -> Lab:
    """The network. A lab that did not come up in time, on a machine with far more to do than it can, says nothing of ``%why``: once more."""
    for last in (False, False, True):
        lab = Lab()
        try:
            lab.run("\n".join(plan.commands)).check()
            settle(lab)
        except LabDied:
            lab.close()
            if last:
                raise
        except BaseException:
            lab.close()
            raise
        else:
            return lab
    raise AssertionError("three tries")


def _works(plan: Plan, data: st.DataObject) -> list[str]:
    """Ask there and back; what was asked and came out, for the figure."""
    src, other, dst = _pair(data, plan)
    asked = []
    with _built(plan) as lab:
        for start, goal in ((src, dst), (other, plan.rooms[src][6 if ":" in dst else 4])):
            verdict = lab.why(start, goal)
            pinged = lab.run(f"ping -c 1 -W 1 {goal}", start).value
            words = f"{start} to {goal}: {verdict} ({verdict.confidence})\n{verdict.evidence}"
            asked += ["IPv6" if ":" in goal else "IPv4", "reachable" if verdict.reachable else "not reachable"]
            if pinged is None or not pinged.received:
                assert not verdict.reachable, words  # translation in the middle may forbid one of the two directions
                continue
            assert verdict.reachable, words
            assert verdict.cause == "", words
            assert verdict.confidence in SURE, words
    return asked


def _any(plan: Plan, data: st.DataObject) -> list[str]:
    src, _, dst = _pair(data, plan)
    with _built(plan) as lab:
        links = [link for link in lab.snapshot("links").links if link.kind != "loopback" and link.ns != "host"]
        for _ in range(data.draw(st.integers(1, 2))):
            link = data.draw(st.sampled_from([(link.ns, link.ifname) for link in links]))
            lab.run(data.draw(st.sampled_from(_FAULTS)).format(ns=link[0], dev=link[1]))
        said, pinged, words = agrees(lab, src, dst)
        assert said == pinged, words
        assert "unknown" not in words.splitlines()[0], words
    return ["IPv6" if ":" in dst else "IPv4", "reachable" if said else "not reachable"]


@given(plans(), st.data())
@_FEW
def test_a_network_that_works(plan: Plan, data: st.DataObject) -> None:
    _works(plan, data)


@given(plans(), st.data())
@_FEW
def test_a_network_to_which_something_has_happened(plan: Plan, data: st.DataObject) -> None:
    _any(plan, data)


@pytest.mark.heavy
@pytest.mark.parametrize("asks", [_works, _any], ids=["that work", "to which something has happened"])
def test_five_hundred_networks(
    asks: Callable[[Plan, st.DataObject], list[str]],
    request: pytest.FixtureRequest,
    record_property: Callable[[str, Any], None],
) -> None:
    """``NSMAGIC_RESULTS=1 pytest -m heavy tests/why/test_no_false_alarm.py``"""
    seen: Counter[str] = Counter()

    @given(plans(), st.data())
    @_MANY
    def each(plan: Plan, data: st.DataObject) -> None:
        came = asks(plan, data)
        seen["networks"] += 1
        seen.update(came)

    each()
    asked = seen["IPv4"] + seen["IPv6"]
    words = (
        f"{seen['networks']} networks, {asked} verdicts ({seen['IPv4']} IPv4, {seen['IPv6']} IPv6): all as the ping beside them, "
        f"{seen['reachable']} reachable, {seen['not reachable']} not"
    )
    record_property("figure", (f"%why in random networks {request.node.callspec.id}", words))
