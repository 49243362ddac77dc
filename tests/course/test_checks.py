"""Checks of tasks say what is so at the moment at which the learner asks."""

from __future__ import annotations

import time

import pytest

from nsmagic import Lab
from nsmagic.course import checks


@pytest.mark.sandbox
def test_what_has_just_been_put_right_is_given_two_seconds() -> None:
    """A port of a switch may wake up a second late, and a room is asked for its MAC once a second. How early an answer comes depends on
    the machine's load; how long one is waited for does not."""
    with Lab() as lab:
        lab.run("ip netns add red\nip link add v0 type veth peer name v1 netns red").check()
        lab.run("ip link set v0 up\nip -n red link set v1 up\nip -n red addr add 192.168.15.1/24 dev v1").check()
        began = time.monotonic()
        with pytest.raises(checks.NotYet):
            checks.reaches(lab, "red", "192.168.15.2")
        assert time.monotonic() - began >= 2
