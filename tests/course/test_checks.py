"""Checks of tasks say what is so at the moment at which the learner asks."""

from __future__ import annotations

import pytest

from nsmagic import Lab
from nsmagic.course import checks


@pytest.mark.sandbox
def test_what_has_just_been_put_right_may_take_a_moment() -> None:
    """A port of a switch may wake up a second late, and a room is asked for its MAC once a second."""
    with Lab() as lab:
        lab.run(
            """ip netns add red
            ip netns add blue
            ip link add v0 netns red type veth peer name v1 netns blue
            ip -n red addr add 10.0.0.1/24 dev v0
            ip -n blue addr add 10.0.0.2/24 dev v1
            ip -n red link set v0 up"""
        ).check()
        # A job is let alone after a second.
        lab.run("sleep 2.5 && ip -n blue link set v1 up", background=True)
        assert checks.reaches(lab, "red", "10.0.0.2")
