"""Firewalls in labs: read alike whoever made the rules, changes told, rebuilt by the script, seen in the picture."""

from __future__ import annotations

import contextlib
import io

import pytest

from nsmagic import Lab
from nsmagic.course import checks
from nsmagic.errors import NsmagicError
from tests.conftest import Notebook

pytestmark = pytest.mark.sandbox

MASQUERADE = "iptables -t nat -A POSTROUTING -s 192.168.15.0/24 -j MASQUERADE"
#: The same three rules by three tools.
MADE = {
    "iptables": """iptables-nft -A INPUT -s 10.0.0.0/8 -p tcp --dport 22 -j ACCEPT
iptables-nft -A INPUT -i lo -j DROP
iptables-nft -t nat -A POSTROUTING -s 10.0.0.0/8 -j MASQUERADE""",
    "iptables-legacy": """iptables-legacy -A INPUT -s 10.0.0.0/8 -p tcp --dport 22 -j ACCEPT
iptables-legacy -A INPUT -i lo -j DROP
iptables-legacy -t nat -A POSTROUTING -s 10.0.0.0/8 -j MASQUERADE""",
    "nft": """nft add table inet filter
nft add chain inet filter INPUT '{ type filter hook input priority 0; }'
nft add rule inet filter INPUT ip saddr 10.0.0.0/8 tcp dport 22 counter accept
nft add rule inet filter INPUT iifname lo counter drop
nft add table inet nat
nft add chain inet nat POSTROUTING '{ type nat hook postrouting priority 100; }'
nft add rule inet nat POSTROUTING ip saddr 10.0.0.0/8 counter masquerade""",
}


def lines(lab: Lab, text: str, ns: str | None = None) -> list[str]:
    result = lab.run(text, ns)
    assert result.ok, result.text
    return [" ".join(line.split()) for line in result.text.splitlines()]


@pytest.mark.parametrize("kind", ["rootless", "rootless-nomount"])
@pytest.mark.parametrize("tool", MADE)
def test_whoever_made_the_rules_they_read_alike(kind: str, tool: str) -> None:
    with Lab(sandbox=kind) as lab:
        lab.run(MADE[tool]).check()
        lab.run("ping -c 2 -W 0.2 127.0.0.1")
        rules = lab.firewall[lab.firewall.position.notna()]
        assert set(rules.tool) == {tool}
        shown = rules[["table", "chain", "hook", "position", "match", "target"]].values.tolist()
        assert shown == [
            ["nat", "POSTROUTING", "postrouting", 1, "from 10.0.0.0/8", "MASQUERADE"],
            ["filter", "INPUT", "input", 1, "from 10.0.0.0/8, tcp, to port 22", "ACCEPT"],
            ["filter", "INPUT", "input", 2, "in at lo", "DROP"],
        ]
        assert rules.packets.tolist()[1:] == [0, 2]
        assert rules.bytes.tolist()[2] == 2 * 84
        assert lab.nat.target.tolist() == ["MASQUERADE"]


def test_a_room_has_its_own(lab: Lab) -> None:
    lab.run("ip netns add red\nip netns add blue\nip netns exec red iptables -A INPUT -p icmp -j DROP").check()
    assert set(lab.firewall.ns) == {"red"}
    assert len(lab["blue"].firewall) == 0
    assert lab["red"].firewall.match.tolist() == ["icmp", "everything else"]
    with pytest.raises(NsmagicError, match="no namespace"):
        lab.frame("firewall", "green")


@pytest.mark.not_in_vm("User Mode Linux has no nftables for IPv4")
def test_changes_are_told_line_by_line(lab: Lab) -> None:
    assert lines(lab, MASQUERADE) == ["+ nat POSTROUTING: from 192.168.15.0/24 → MASQUERADE"]
    assert lines(lab, "iptables -P FORWARD DROP") == ["~ filter FORWARD: policy DROP"]
    assert lines(lab, "iptables -P FORWARD ACCEPT") == ["~ filter FORWARD: policy ACCEPT"]
    assert lines(lab, "iptables -t nat -D POSTROUTING 1") == ["- nat POSTROUTING: from 192.168.15.0/24 → MASQUERADE"]
    assert lines(lab, "for n in 1 2; do iptables -A INPUT -s 10.0.0.$n -j DROP; done") == [
        "+ filter INPUT: from 10.0.0.1/32 → DROP",
        "+ filter INPUT: from 10.0.0.2/32 → DROP",
    ]
    assert lines(lab, "iptables -I INPUT -j LOG") == ["+ filter INPUT: everything → LOG"]
    assert lines(lab, "nft add table inet mine") == ["+ inet mine: table"]
    assert lines(lab, "iptables-legacy -A INPUT -j DROP") == ["+ filter INPUT: everything → DROP"]
    assert lines(lab, "true") == []
    # A table of iptables' name with a chain of nft's own: iptables-save does not say what is in it.


@pytest.mark.not_in_vm("User Mode Linux has no nftables for IPv4")
@pytest.mark.parametrize("made", ["nft", "iptables"])
def test_chains_of_nft_in_a_table_of_iptables_name(lab: Lab, made: str) -> None:
    """``iptables-save`` does not say what is in them, and lists chains that nobody made."""
    if made == "nft":
        assert lines(lab, "nft add table ip nat") == ["+ nat: table"]
    else:
        lab.run(MASQUERADE).check()
    chain = "nft add chain ip nat post '{ type nat hook postrouting priority 100 ; }'"
    assert lines(lab, chain) == ["+ nat post: policy ACCEPT"]
    rule = "nft add rule ip nat post ip saddr 10.0.0.1 masquerade"
    assert lines(lab, rule) == ["+ nat post: from 10.0.0.1 → MASQUERADE"]
    assert set(lab.frame("firewall").chain) == ({"post"} if made == "nft" else {"POSTROUTING", "post"})


def test_a_room_made_and_guarded_in_one_script_is_told_too(lab: Lab) -> None:
    told = lines(lab, "for ns in red blue; do ip netns add $ns; ip netns exec $ns iptables -P INPUT DROP; done")
    assert sorted(told) == [
        "+ namespace blue", "+ namespace red", "~ filter INPUT of blue: policy DROP", "~ filter INPUT of red: policy DROP",
    ]  # fmt: skip
    assert lines(lab, "ip netns del red") == ["- namespace red"]


def test_what_a_background_job_did_is_not_told_of_the_next_program(lab: Lab) -> None:
    job = lab.run("iptables -A INPUT -p udp -j DROP", background=True).value
    assert job.wait() == 0
    assert lines(lab, "iptables -A INPUT -p tcp -j DROP") == ["+ filter INPUT: tcp → DROP"]


def test_legacy_rules_of_a_background_job_are_seen_when_asked_for(lab: Lab) -> None:
    lab.run("true").check()
    assert len(lab.firewall) == 0
    assert lab.run("iptables-legacy -A INPUT -p udp -j DROP", background=True).value.wait() == 0
    assert lab.firewall.target.tolist()[:1] == ["DROP"]


def test_legacy_rules_are_read_again_only_when_they_are_others(lab: Lab) -> None:
    """A tool for each namespace after each script is a tenth of a second for each in a virtual machine. Whoever hides the tool's name
    from us is found out all the same."""

    def last_pid() -> int:
        return int(lab.run("bash -c 'echo $$ && true'").text)

    made = "iptables-legacy -A INPUT -p udp -j DROP"
    lab.run(f"ip netns add red\n{made}\nip netns exec red {made}").check()
    first = last_pid()
    lab.run("bash -c 'echo not about rules'").check()
    assert last_pid() - first <= 2 + 2, "a tool was started"
    hidden = "x=bles-legacy; for each in 1; do ipta$x -A INPUT -p tcp -j DROP; done"
    assert lines(lab, hidden)[-1:] == ["+ filter INPUT: tcp → DROP"]
    assert lines(lab, "iptables-legacy -Z INPUT") == []


@pytest.mark.not_in_vm("User Mode Linux has no nftables for IPv4")
def test_the_script_rebuilds_the_rules(lab: Lab) -> None:
    text = "\n".join(MADE.values())
    lab.run("ip netns add red").check()
    lab.run(f"iptables -P FORWARD DROP\n{text}").check()
    lab.run("iptables -N MINE\niptables -A INPUT -j MINE", "red").check()
    with Lab() as other:
        other.run(lab.script()).check()
        assert other.firewall.equals(lab.firewall)


@pytest.mark.not_in_vm("User Mode Linux has no nftables for IPv4")
def test_looking_changes_nothing(lab: Lab) -> None:
    lab.run(MASQUERADE).check()
    before = lab.run("nft list ruleset", show="text").text
    for _ in range(3):
        assert len(lab.firewall)
    assert lab.run("nft list ruleset", show="text").text == before
    assert lab.run("cat /proc/net/ip_tables_names").text == ""


def test_listing_gives_a_table_and_text_on_request(lab: Lab) -> None:
    lab.run(MASQUERADE).check()
    assert lab.run("iptables -t nat -L").value.target.tolist().count("MASQUERADE") == 1
    assert "counters" not in lab.run("iptables -t nat -L").text
    words = lab.run("iptables -t nat -L -n", show="text")
    assert words.text.startswith("Chain PREROUTING (policy ACCEPT)")
    both = lab.run("iptables -t nat -S", show="both").text
    assert both.count("-A POSTROUTING -s 192.168.15.0/24 -j MASQUERADE") == 2
    failed = lab.run("iptables -t nope -L")
    assert "does not exist" in failed.errors[0].message
    assert lab.run("iptables -L | head -1").text.startswith("Chain INPUT")


def test_connections_have_both_tuples() -> None:
    with Lab(world="home-lan") as lab:
        lab.run(
            "ip netns add red\nip link add veth-red netns red type veth peer name veth-red-br\nip link set veth-red-br up\n"
            "ip addr add 192.168.15.5/24 dev veth-red-br\nip -n red addr add 192.168.15.1/24 dev veth-red\n"
            "ip -n red link set veth-red up\nip -n red route add default via 192.168.15.5\nsysctl -w net.ipv4.ip_forward=1\n"
            + MASQUERADE
        ).check()
        assert lab.run("ping -c 1 8.8.8.8", "red").value.received == 1
        (row,) = lab["host"].conntrack.to_dict("records")
        assert (row["protocol"], row["src"], row["dst"]) == ("icmp", "192.168.15.1", "8.8.8.8")
        assert (row["reply_src"], row["reply_dst"], row["nat"]) == ("8.8.8.8", "192.168.1.2", "source")
        listed = lab.run("conntrack -L").value
        assert listed.reply_dst.tolist() == ["192.168.1.2"]
        assert "NAT from 192.168.15.0/24 → MASQUERADE" in str(lab.topology())
        assert "src=192.168.15.1 dst=8.8.8.8" in lab.run("conntrack -L", show="text").text


@pytest.mark.parametrize(("asks", "out", "seen"), [(1, "", "5"), (1, "-o eth0", "1"), (0, "", "1")])
def test_masquerading_between_rooms(lab: Lab, asks: int, out: str, seen: str) -> None:
    """What notebook 07 says in the end: a switch that asks the firewall has the rooms' own talk masqueraded, too."""
    lab.run(f"""
        ip link add v-net-0 type bridge
        ip link set v-net-0 up
        ip addr add 192.168.15.5/24 dev v-net-0
        for room in red blue; do
          ip netns add $room
          ip link add veth-$room netns $room type veth peer name veth-$room-br
          ip link set veth-$room-br master v-net-0 up
          ip -n $room link set veth-$room up
        done
        ip -n red addr add 192.168.15.1/24 dev veth-red
        ip -n blue addr add 192.168.15.2/24 dev veth-blue
        sysctl -q -w net.bridge.bridge-nf-call-iptables={asks}
        iptables -t nat -A POSTROUTING -s 192.168.15.0/24 {out} -j MASQUERADE
    """).check()
    checks.seen_as(lab, "red", "192.168.15.2", "blue", f"192.168.15.{seen}")


@pytest.mark.not_in_vm("User Mode Linux has no nftables for IPv4")
def test_a_missing_tool_is_named_and_the_picture_does_not_need_it(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.run("nft add table inet mine\nip netns add red").check()
    # The lab sees the machine's files; one that is not there is made so by hiding it inside.
    assert lab.run("mount -t tmpfs none /usr/sbin").ok
    with pytest.raises(NsmagicError, match=r"nft.*not installed") as raised:
        lab.frame("firewall")
    assert "nftables" in str(raised.value.hint)
    assert "red" in str(lab.topology())


def test_a_listing_stands_where_it_was_asked_for(notebook: Notebook) -> None:
    ran = notebook.cell("%%netns\necho before\niptables -S\nip addr\niptables -L\necho behind")
    places = [ran.out.index(words) for words in ("before", "firewall rules of host", "addresses of host", "behind")]
    assert (places, ran.out.count("firewall rules of host"), ran.value) == (sorted(places), 2, None)


def test_the_magics(notebook: Notebook) -> None:
    notebook.cell(f"%%netns\nip netns add red\n{MASQUERADE}")
    assert notebook.cell("%nat").value.target.tolist() == ["MASQUERADE"]
    assert "packets" in repr(notebook.cell("%firewall --all").value)
    assert "packets" not in repr(notebook.cell("%firewall").value)
    assert len(notebook.cell("%firewall red").value) == 0
    assert notebook.complete("%nat r") == ["red"]
    with contextlib.redirect_stdout(io.StringIO()):
        assert notebook.cell("%netns iptables -L").value is not None
