"""What would be read of a firewall after a fix: on data."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nsmagic.model import FirewallRule
from nsmagic.why.situation import Situation, Translation, Unread
from nsmagic.why.supposing import mended
from tests.why.data import cable, situation

_POST = FirewallRule("red", "iptables", "ip", "nat", "POSTROUTING", "nat", "postrouting", 100, target="ACCEPT")
_WRONG = replace(_POST, position=1, match="out at eth0", target="SNAT to 10.0.0.99", rule="-A POSTROUTING -o eth0 …")


def plain(*rules: FirewallRule, **more: object) -> Situation:
    return situation(
        cable("red/eth0", "blue/eth0", 2), ["red eth0 10.0.0.1/24", "blue eth0 10.0.0.2/24"],
        firewall={"red": rules}, tables={"red": frozenset({"ip"})}, conntrack={"red": (Translation("a", "b", "c", "d"),)},
        **more,
    )  # fmt: skip


def after(s: Situation, *commands: str) -> list[tuple[str, int, str, str]]:
    found = mended(s, commands)
    assert found is not None
    assert found[0].conntrack == {}, "what was done to the probe would be done otherwise"
    return [(row.chain, row.position, row.match, row.target) for row in found[0].firewall["red"]]


def test_a_rule_in_the_place_of_another() -> None:
    s = plain(_POST, _WRONG, replace(_WRONG, position=2, target="MASQUERADE"))
    typed = "ip netns exec red iptables -t nat -R POSTROUTING 1 -s 10.0.0.0/24 -o eth0 -j SNAT --to-source 10.0.0.1"
    assert after(s, typed) == [
        ("POSTROUTING", 0, "", "ACCEPT"),
        ("POSTROUTING", 1, "from 10.0.0.0/24, out at eth0", "SNAT to 10.0.0.1"),
        ("POSTROUTING", 2, "out at eth0", "MASQUERADE"),
    ]
    assert mended(s, [typed.replace("POSTROUTING 1", "POSTROUTING 3")]) is None


def test_a_rule_behind_the_others() -> None:
    typed = "ip netns exec red iptables -t nat -A POSTROUTING -o eth0 -j MASQUERADE"
    made = ("POSTROUTING", 0, "", "ACCEPT"), ("POSTROUTING", 1, "out at eth0", "MASQUERADE")
    assert after(plain(_POST), typed) == [*made]
    assert after(plain(_POST, _WRONG), typed)[2:] == [("POSTROUTING", 2, "out at eth0", "MASQUERADE")]
    none = replace(plain(), firewall={}, tables={})
    assert after(none, typed) == [*made], "iptables makes the chain"
    then = mended(none, [typed])
    assert then is not None
    assert then[0].tables == {"red": frozenset({"ip"})}


def test_a_rule_of_nft_with_our_own_address() -> None:
    head = replace(_POST, tool="nft", table="way", chain="out")
    rule = replace(head, position=1, target="SNAT to 10.0.0.99", rule="handle 3")
    commands = (
        "ip netns exec red nft delete rule ip way out handle 3",
        "ip netns exec red nft add rule ip way out oifname eth0 masquerade",
    )
    assert after(plain(head, rule), *commands) == [("out", 0, "", "ACCEPT"), ("out", 1, "out at eth0", "MASQUERADE")]


def test_the_rules_are_read_first() -> None:
    unread = replace(plain(), firewall={})
    for command in ("-D INPUT 1", "-A INPUT -j DROP", "-P INPUT ACCEPT", "-R INPUT 1 -j DROP"):
        with pytest.raises(Unread) as caught:
            mended(unread, [f"ip netns exec red iptables {command}"])
        assert caught.value.what == "red"
