"""Which typed commands only list: those give a table; every other form keeps the tool's own words."""

from __future__ import annotations

import pytest

from nsmagic.commands.listing import Listing, listing

IPTABLES = ("iptables", "iptables-legacy")
LISTINGS = {
    "iptables -L": Listing("firewall", {"family": ("ip",), "tool": IPTABLES, "table": ("filter",)}, {"counters": False, "typed": False}),
    "iptables -t nat -nvL": Listing("firewall", {"family": ("ip",), "tool": IPTABLES, "table": ("nat",)}, {"counters": True, "typed": False}),
    "iptables -tnat -L POSTROUTING --line-numbers": Listing(
        "firewall", {"family": ("ip",), "tool": IPTABLES, "table": ("nat",), "chain": ("POSTROUTING",)}, {"counters": False, "typed": False}),
    "/usr/sbin/iptables-legacy -S INPUT": Listing(
        "firewall", {"family": ("ip",), "tool": ("iptables-legacy",), "table": ("filter",), "chain": ("INPUT",)}, {"counters": False, "typed": True}),
    "ip6tables --list --verbose -w 5": Listing("firewall", {"family": ("ip6",), "tool": IPTABLES, "table": ("filter",)}, {"counters": True, "typed": False}),
    "nft list ruleset": Listing("firewall"),
    "nft -a list table inet mine": Listing("firewall", {"family": ("inet",), "table": ("mine",)}),
    "nft list chain nat POSTROUTING": Listing("firewall", {"family": ("ip",), "table": ("nat",), "chain": ("POSTROUTING",)}),
    "conntrack -L": Listing("conntrack"),
}  # fmt: skip
OTHERS = (
    "iptables", "iptables -A INPUT -j DROP", "iptables -L -Z", "iptables -F", "iptables -P FORWARD DROP", "iptables --version",
    "iptables -L INPUT 1 extra", "iptables-save", "iptables -N L", "nft flush ruleset", "nft list", "nft list sets",
    "nft -j list ruleset", "conntrack -L -p tcp", "conntrack -D", "ip link", "iptables -t",
)  # fmt: skip


@pytest.mark.parametrize("text", LISTINGS)
def test_listings(text: str) -> None:
    assert listing(text.split()) == LISTINGS[text]


@pytest.mark.parametrize("text", OTHERS)
def test_what_is_none(text: str) -> None:
    assert listing(text.split()) is None
