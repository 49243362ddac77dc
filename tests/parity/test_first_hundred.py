"""The hundred forms that people type most, by rank: each is done natively, or stands here with the reason why it is not.

Ranked by use in 130 public tutorials on namespaces, bridges, NAT and container networks (4,490 networking commands, of which these are 93 %).
That the native ones leave what the real tools leave is ``test_parity.py``'s part, that they show what those show that of ``tests/words``,
and of pings of ``tests/agent/test_ping.py``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from forms import CASES
from sides import form
from test_in_labs import CASES as IN_LABS

from nsmagic.commands.cell import split
from nsmagic.commands.command import Command, Program
from nsmagic.commands.command import Sequence as Several
from nsmagic.errors import CommandSyntaxError

#: Why a form is not done natively.
REASONS = {
    "program": "a program of the lab: it has no form in netlink that a learner would miss, and its own words are what the notes show",
    "shell": "bash does it: a redirection or a pipe",
    "shell entered": "no command by itself: the lines below it are run in that namespace, natively",
}
#: Rank, form, an example of it, and the reason where it is not native.
FORMS: list[tuple[int, str, str, str]] = [
    (1, 'ip link set up', 'ip link set eth0 up', ''),
    (2, 'ip addr add', 'ip addr add 10.0.0.1/24 dev eth0', ''),
    (3, 'ip netns add', 'ip netns add red', ''),
    (4, 'ip link set netns', 'ip link set eth0 netns red', ''),
    (5, 'ip link add type veth [peer name]', 'ip link add v0 type veth peer name v1', ''),
    (6, 'ping -c', 'ping -c 1 10.0.0.2', ''),
    (7, 'ip link set master', 'ip link set v0 master br0', ''),
    (8, 'ip link show', 'ip link show', ''),
    (9, 'ping (no count)', 'ping 10.0.0.2', ''),
    (10, 'ip netns del', 'ip netns del red', ''),
    (11, 'curl', 'curl http://10.0.0.2/', 'program'),
    (12, 'ip link del', 'ip link del v0', ''),
    (13, 'ip link add type bridge', 'ip link add br0 type bridge', ''),
    (14, 'sysctl -w', 'sysctl -w net.ipv4.ip_forward=1', ''),
    (15, 'ip netns list', 'ip netns list', ''),
    (16, 'ip route add default via', 'ip route add default via 10.0.0.1', ''),
    (17, 'ip route show', 'ip route show', ''),
    (18, 'tcpdump', 'tcpdump -i v0 -c 1', 'program'),
    (19, 'ip addr show', 'ip addr show', ''),
    (20, 'brctl addif', 'brctl addif br0 v0', ''),
    (21, '(inner shell)', 'ip netns exec red bash', 'shell entered'),
    (22, 'ip link set down', 'ip link set v0 down', ''),
    (23, 'iptables -t filter -A FORWARD -j ACCEPT', 'iptables -A FORWARD -j ACCEPT', 'program'),
    (24, 'iptables -t nat -A POSTROUTING -j MASQUERADE', 'iptables -t nat -A POSTROUTING -j MASQUERADE', 'program'),
    (25, 'ip link show DEV', 'ip link show v0', ''),
    (26, 'telnet', 'telnet 10.0.0.2', 'program'),
    (27, 'ip route add default via dev', 'ip route add default via 10.0.0.1 dev v0', ''),
    (28, 'ip route add PREFIX via dev', 'ip route add 10.1.0.0/16 via 10.0.0.1 dev v0', ''),
    (29, 'arp show', 'arp -n', ''),
    (30, 'bridge vlan add', 'bridge vlan add vid 10 dev v0', ''),
    (31, 'ip route add PREFIX via', 'ip route add 10.1.0.0/16 via 10.0.0.1', ''),
    (32, 'ifconfig show', 'ifconfig', ''),
    (33, 'route -n', 'route -n', ''),
    (34, 'ip link set nomaster', 'ip link set v0 nomaster', ''),
    (35, 'ip link set type bridge ATTRS', 'ip link set br0 type bridge stp_state 1', ''),
    (36, 'bridge vlan del', 'bridge vlan del vid 10 dev v0', ''),
    (37, 'brctl show', 'brctl show', ''),
    (38, 'iptables -t nat -A PREROUTING -j DNAT', 'iptables -t nat -A PREROUTING -p tcp --dport 80 -j DNAT --to-destination 10.0.0.2', 'program'),
    (39, 'sysctl (read)', 'sysctl net.ipv4.ip_forward', ''),
    (40, 'route show', 'route', ''),
    (41, 'ip addr add IPv6', 'ip addr add fd00::1/64 dev v0', ''),
    (42, 'iptables -t nat -L', 'iptables -t nat -L', 'program'),
    (43, 'nsenter --net=FILE (shell)', 'nsenter --net=/run/netns/red bash', 'shell entered'),
    (44, 'ip link add type veth [peer name peer-netns]', 'ip link add v0 type veth peer name v1 netns red', ''),
    (45, 'brctl addbr', 'brctl addbr br0', ''),
    (46, 'ping -I -c', 'ping -I v0 -c 1 10.0.0.2', ''),
    (47, 'bridge fdb append', 'bridge fdb append 00:00:00:00:00:00 dev vx dst 10.0.0.2', ''),
    (48, 'brctl showstp', 'brctl showstp br0', ''),
    (49, 'wget', 'wget http://10.0.0.2/', 'program'),
    (50, 'iptables -t filter -D FORWARD -j ACCEPT', 'iptables -D FORWARD -j ACCEPT', 'program'),
    (51, 'ip link add type vlan [id]', 'ip link add link v0 name v0.10 type vlan id 10', ''),
    (52, 'iptables -t filter -I FORWARD -j ACCEPT', 'iptables -I FORWARD -j ACCEPT', 'program'),
    (53, 'ip addr show DEV', 'ip addr show v0', ''),
    (54, 'iptables -t nat -A OUTPUT -j DNAT', 'iptables -t nat -A OUTPUT -p tcp --dport 80 -j DNAT --to-destination 10.0.0.2', 'program'),
    (55, 'iptables -t filter -C -j ACCEPT', 'iptables -C FORWARD -j ACCEPT', 'program'),
    (56, 'iptables -t filter -L', 'iptables -L', 'program'),
    (57, 'bridge link', 'bridge link', ''),
    (58, 'brctl showmacs', 'brctl showmacs br0', ''),
    (59, 'ip link add type veth [netns peer name peer-netns]', 'ip link add v0 netns red type veth peer name v1 netns blue', ''),
    (60, 'bridge vlan show', 'bridge vlan show', ''),
    (61, 'ip link add type veth [netns peer DEV]', 'ip link add v0 netns red type veth peer v1', ''),
    (62, 'ip addr add [brd]', 'ip addr add 10.0.0.1/24 brd + dev v0', ''),
    (63, 'tee /proc/sys/…', 'echo 1 | tee /proc/sys/net/ipv4/ip_forward', 'shell'),
    (64, 'ip route add PREFIX dev', 'ip route add 10.1.0.0/16 dev v0', ''),
    (65, 'ip neigh add', 'ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:01 dev v0', ''),
    (66, 'iptables -t nat -C -j DNAT', 'iptables -t nat -C PREROUTING -j DNAT --to-destination 10.0.0.2', 'program'),
    (67, 'unshare --net --uts', 'unshare --net --uts true', 'program'),
    (68, 'iptables -t nat -A CUSTOM -j DNAT', 'iptables -t nat -A MINE -j DNAT --to-destination 10.0.0.2', 'program'),
    (69, 'ip addr del', 'ip addr del 10.0.0.1/24 dev v0', ''),
    (70, 'ip netns exec', 'ip netns exec red true', 'program'),
    (71, 'nft list ruleset', 'nft list ruleset', 'program'),
    (72, 'echo > /etc/…', 'echo 10.0.0.2 web >> /etc/hosts', 'shell'),
    (73, 'iptables -t filter -P FORWARD', 'iptables -P FORWARD DROP', 'program'),
    (74, 'nft -f', 'nft -f rules.nft', 'program'),
    (75, 'iptables -t nat -D POSTROUTING -j MASQUERADE', 'iptables -t nat -D POSTROUTING -j MASQUERADE', 'program'),
    (76, 'ip neigh show', 'ip neigh show', ''),
    (77, 'ip route get', 'ip route get 10.0.0.2', ''),
    (78, 'iptables -t nat -D OUTPUT -j DNAT', 'iptables -t nat -D OUTPUT -j DNAT --to-destination 10.0.0.2', 'program'),
    (79, 'ip link add type veth [peer DEV]', 'ip link add v0 type veth peer v1', ''),
    (80, 'ip link show TYPE', 'ip link show type bridge', ''),
    (81, 'ip link add type vxlan [local remote]', 'ip link add vx type vxlan id 42 local 10.0.0.1 remote 10.0.0.2 dstport 4789', ''),
    (82, 'route add', 'route add default gw 10.0.0.1', ''),
    (83, 'iptables -t nat -A POSTROUTING -j SNAT', 'iptables -t nat -A POSTROUTING -j SNAT --to-source 10.0.0.1', 'program'),
    (84, 'conntrack -L', 'conntrack -L', 'program'),
    (85, 'nc', 'nc -l 80', 'program'),
    (86, 'ovs-vsctl set', 'ovs-vsctl set port v0 tag=10', 'program'),
    (87, 'iptables -t nat -I POSTROUTING -j MASQUERADE', 'iptables -t nat -I POSTROUTING -j MASQUERADE', 'program'),
    (88, 'echo > /proc/sys…', 'echo 1 > /proc/sys/net/ipv4/ip_forward', 'shell'),
    (89, 'iptables -t nat -N', 'iptables -t nat -N MINE', 'program'),
    (90, 'bridge fdb', 'bridge fdb', ''),
    (91, 'ip link set name', 'ip link set v0 name v1', ''),
    (92, 'iptables -t filter -D FORWARD', 'iptables -D FORWARD 1', 'program'),
    (93, 'iptables -t nat -C -j SNAT', 'iptables -t nat -C POSTROUTING -j SNAT --to-source 10.0.0.1', 'program'),
    (94, 'ip route show default -o', 'ip -o route show default', ''),
    (95, 'ip addr show DEV -4 -o', 'ip -4 -o addr show v0', ''),
    (96, 'brctl delif', 'brctl delif br0 v0', ''),
    (97, 'dnsmasq', 'dnsmasq --version', 'program'),
    (98, 'dhclient', 'dhclient v0', 'program'),
    (99, 'ip link add type veth [netns peer DEV peer-netns]', 'ip link add v0 netns red type veth peer v1 netns blue', ''),
    (100, 'ip link add type veth [peer DEV peer-netns]', 'ip link add v0 type veth peer v1 netns red', ''),
]  # fmt: skip


def commands_of(line: str) -> list[Command]:
    """The native commands of a line; none when it is run by a program or by bash."""
    found: list[Command] = []
    for step in split(line).steps:
        if isinstance(step.run, Command):
            found.append(step.run)
        elif isinstance(step.run, Several):
            found += step.run.commands
    return found


def test_there_are_a_hundred() -> None:
    assert [rank for rank, *_ in FORMS] == list(range(1, 101))


@pytest.mark.parametrize(("typed", "reason"), [row[2:] for row in FORMS], ids=[row[1] for row in FORMS])
def test_native_or_with_the_reason(typed: str, reason: str) -> None:
    cell = split(typed + "\nip link\nexit" if reason == "shell entered" else typed)
    match reason:
        case "":
            assert commands_of(typed)
            assert cell.script is None
        case "program":
            assert [type(step.run) for step in cell.steps] == [Program]
            assert isinstance(cell.steps[0].run, Program)
            assert cell.steps[0].run.why is None, "our grammar should know it"
        case "shell":
            assert cell.script is not None
        case "shell entered":
            [inside] = [step.run for step in cell.steps if isinstance(step.run, Command)]
            assert inside.ns == "red"
        case _:
            raise AssertionError(reason)


def test_changing_ones_are_compared_with_the_real_tools() -> None:
    compared = set()
    lines = [line for case in CASES for line in case.lines]
    for line in (*lines, *(line for script in IN_LABS.values() for line in script.splitlines())):
        try:
            compared |= {form(command) for command in commands_of(line.strip())}
        except CommandSyntaxError:
            continue
    missing = [
        f"{rank} {name}: {form(command)}"
        for rank, name, typed, reason in FORMS
        if not reason
        for command in commands_of(typed)
        if command.changes and form(command) not in compared
    ]
    assert not missing, "\n".join(missing)


def test_summary(record_property: Callable[[str, Any], None]) -> None:
    count = Counter(reason for *_, reason in FORMS)
    by_rank = [rank for rank, _, _, reason in FORMS if reason]
    record_property(
        "figure",
        (
            "the hundred forms that people type most",
            f"{count['']} native; {count['program']} programs of the lab, {count['shell']} bash, {count['shell entered']} "
            f"shells entered (ranks {', '.join(map(str, by_rank))}; reasons in test_first_hundred.py)",
        ),
    )
    assert count[""] + sum(count[reason] for reason in REASONS) == 100
