"""What a listener makes of the kernel's events before the agent has told of them."""

from __future__ import annotations

import struct
from typing import Any

from nsmagic.model import IFF_UP, Change
from nsmagic.netlink.early import Early
from nsmagic.netlink.words import AF_BRIDGE, RTM_DELLINK, RTM_NEWADDR, RTM_NEWLINK

_NSID, _INDEX = 5, 7
_RUNNING = 0x40


def _attribute(number: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), number) + value + b"\0" * (-len(value) & 3)


def _event(
    early: Early,
    flags: int = 0,
    mtu: int = 1500,
    name: str = "v0",
    *,
    family: int = 0,
    counted: int = 0,
    more: bytes = b"",
) -> Change | None:
    """A veth's event, as the kernel writes it. ``counted``: what its counters say; ``more``: attributes in front."""
    body = struct.pack("=BxHiII", family, 1, _INDEX, flags, 0xFFFFFFFF)
    body += more + _attribute(23, struct.pack("=Q", counted)) + _attribute(35, struct.pack("=I", counted))
    body += _attribute(3, name.encode() + b"\0") + _attribute(4, struct.pack("=I", mtu)) + _attribute(16, b"\2")
    body += _attribute(1, bytes.fromhex("020000000001")) + _attribute(5, struct.pack("=I", 8))
    body += _attribute(18, _attribute(1, b"veth\0"))
    return early.event(_NSID, RTM_NEWLINK, bytearray(body), 0, len(body))


def _gone(early: Early, family: int = 0) -> Change | None:
    body = struct.pack("=BxHiII", family, 1, _INDEX, 0, 0)
    return early.event(_NSID, RTM_DELLINK, bytearray(body), 0, len(body))


def _row(flags: int = 0, mtu: int = 1500, name: str = "v0", operstate: str = "DOWN") -> list[Any]:
    return [
        "red", _INDEX, name, "veth", flags, operstate, "02:00:00:00:00:01", mtu, "", "", "v1", "host", "", "", 0, 0, 0, [], {}, {},
    ]  # fmt: skip


_FACTS = [_NSID, 0, 8, {}]


def _relayed(early: Early, op: str, old: Any, new: Any) -> list[Any]:
    return _said(early.relayed([[op, "links", old, new]], [_FACTS if new else None]))


def _said(changes: tuple[Change, ...] | list[Change | None]) -> list[Any]:
    """Changes as (up before, up after, MTU after)."""
    return [
        None if each is None else (each.old and bool(each.old.flags & IFF_UP), each.new and bool(each.new.flags & IFF_UP), each.new and each.new.mtu)
        for each in changes
    ]  # fmt: skip


def _known(states: bool = False) -> Early:
    """One that knows the link, which is down."""
    early = Early(states)
    assert _event(early) is None, "nothing is known of it"
    assert early.waits
    assert _relayed(early, "+", None, _row()) == [(None, False, 1500)]
    assert early.caught_up() == ()
    return early


def test_a_known_link_is_told_of_at_once_and_only_once() -> None:
    early = _known()
    assert _said([_event(early, IFF_UP)]) == [(False, True, 1500)]
    assert _relayed(early, "~", _row(), _row(IFF_UP)) == []
    assert _said([_event(early, 0), _event(early, 0, 1400)]) == [(True, False, 1500), (False, False, 1400)]
    assert _event(early, 0, 1400) is None, "the kernel sends some twice"
    assert not early.waits
    assert _relayed(early, "~", _row(IFF_UP), _row(0, 1400)) == [], "the agent tells two together"


def test_a_link_that_was_there_is_known_from_the_beginning() -> None:
    early = Early(states=False)
    early.knows([(_row(), _FACTS)])
    assert _said([_event(early, IFF_UP)]) == [(False, True, 1500)]
    early.knows([(_row(), _FACTS)])
    assert _event(early, IFF_UP) is None, "what is known of it is newer"
    assert _relayed(early, "~", _row(), _row(IFF_UP)) == []
    assert not early.waits


def test_what_an_event_says_beside_its_counters_is_read_once_for_each_form_of_it() -> None:
    early = _known()
    # IFLA_STATS64 (23) and IFLA_CARRIER_CHANGES (35) grow; the answer is the same, and its rows are the same objects.
    first, _, again = (_event(early, IFF_UP * (at % 2 == 0), counted=at) for at in range(3))
    assert first is not None
    assert again is not None
    assert (again.old, again.new) == (first.old, first.new)
    assert again.new is first.new
    # Other things in as many bytes: an attribute that is not known, then the MTU, then the name; none is taken for what was read.
    assert _event(early, IFF_UP, counted=3, more=_attribute(99, b"\1\0\0\0")) is None, "it says the same"
    assert _said([_event(early, IFF_UP, 1400, counted=3)]) == [(True, True, 1400)]
    assert _event(early, IFF_UP, 1400, "v7", counted=3) is None
    assert early.waits, "who is called that, the agent tells"


def test_very_many_forms_of_an_event_are_not_all_kept() -> None:
    early = _known()
    for mtu in range(100, 400):
        assert _said([_event(early, 0, mtu)])[0][2] == mtu
        assert _relayed(early, "~", _row(0, mtu - 1), _row(0, mtu)) == []
    (known,) = early._links.values()
    assert len(known.said) < 20


def test_weather_is_told_when_asked_for() -> None:
    assert _event(_known(), _RUNNING) is None
    change = _event(_known(states=True), _RUNNING)
    assert change is not None
    assert change.new.flags == _RUNNING


def test_the_agent_may_be_ahead() -> None:
    early = _known()
    assert _relayed(early, "~", _row(), _row(IFF_UP)) == [(False, True, 1500)]
    assert _event(early, IFF_UP) is None
    assert not early.waits


def test_what_the_agent_tells_begins_where_the_last_word_ended() -> None:
    early = _known()
    assert _said([_event(early, IFF_UP)]) == [(False, True, 1500)]
    assert _relayed(early, "~", _row(), _row(IFF_UP, 1400)) == [(True, True, 1400)]


def test_other_names_and_other_events_wait_for_the_agent() -> None:
    early = _known()
    assert _event(early, IFF_UP, name="other") is None
    assert early.waits
    assert _event(early, IFF_UP) is None, "nothing overtakes what waits"
    early = _known()
    assert early.event(_NSID, RTM_NEWADDR, bytearray(64), 0, 64) is None
    assert early.waits
    early = _known()
    assert _event(early, IFF_UP, family=AF_BRIDGE) is None
    assert early.waits


def test_what_changed_back_while_the_agent_was_waited_for_is_told() -> None:
    early = _known()
    assert _said([_event(early, IFF_UP)]) == [(False, True, 1500)]
    early.event(_NSID, RTM_NEWADDR, bytearray(64), 0, 64)
    assert _event(early, 0) is None
    # For the agent the link has not changed at all.
    assert _said(early.caught_up()) == [(True, False, 1500)]
    assert early.caught_up() == ()


def test_a_new_link_with_the_number_of_one_that_is_gone_is_not_taken_for_it() -> None:
    early = _known()
    assert _said([_event(early, IFF_UP)]) == [(False, True, 1500)]
    assert _gone(early) is None
    assert _event(early, 0) is None
    assert _relayed(early, "-", _row(), None) == [(True, None, None)], "as it was last"
    assert _relayed(early, "+", None, _row()) == [(None, False, 1500)]
    assert _said(early.caught_up()) == []
    assert _said([_event(early, IFF_UP)]) == [(False, True, 1500)]


def test_a_port_that_leaves_its_bridge_is_not_gone() -> None:
    early = _known()
    assert _gone(early, AF_BRIDGE) is None
    early.caught_up()
    assert _said([_event(early, IFF_UP)]) == [(False, True, 1500)]


def test_names_of_others_are_asked_for_again_when_one_has_changed() -> None:
    early = _known()
    early.relayed([["~", "links", _row(name="x"), _row(name="y")]], [[9, 0, 8, {}]])
    assert _event(early, IFF_UP) is None
    assert early.waits


def test_after_a_loss_the_agent_tells() -> None:
    early = _known()
    early.lost()
    assert _event(early, IFF_UP) is None
    assert _relayed(early, "~", _row(), _row(IFF_UP)) == [(False, True, 1500)]
