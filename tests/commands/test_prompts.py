"""Prompts, and the output that a note has between them."""

from __future__ import annotations

import pytest

from nsmagic.commands.cell import split
from nsmagic.commands.command import Cell


def run(text: str) -> tuple[list[str], tuple[int, ...]]:
    """What of a text is run, and the lines that are not."""
    cell = split(text)
    assert cell.script is None, cell.script
    return [step.text for step in cell.steps], cell.skipped


NOTE = """\
$ sudo ip netns add red
$ sudo ip netns list
red
blue (id: 1)
$ ip netns exec red ping -c 1 10.0.0.2
PING 10.0.0.2 (10.0.0.2) 56(84) bytes of data.
64 bytes from 10.0.0.2: icmp_seq=1 ttl=64 time=0.045 ms

--- 10.0.0.2 ping statistics ---
1 packets transmitted, 1 received, 0% packet loss, time 0ms
rtt min/avg/max/mdev = 0.045/0.045/0.045/0.000 ms
$ ip -n red addr
1: lo: <LOOPBACK> mtu 65536 qdisc noop state DOWN group default qlen 1000
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
    inet 10.0.0.1/24 scope global veth-red
       valid_lft forever preferred_lft forever
$ ip -n red link"""


@pytest.mark.parametrize(
    "prompt",
    [
        "$ ",
        "vagrant@box:~$ ",
        "root@box:~# ",
        "[root@box ~]# ",
        "bash-5.1# ",
        "/ # ",
        "~ $ ",
        "% ",
        "➜  ~ ",
        "➜  lab git:(main) ✗ ",
        "# ",
        "R1# ",
        "host1$ ",
    ],
)
def test_what_a_note_shows_between_its_prompts_is_not_run(prompt: str) -> None:
    commands, skipped = run(NOTE.replace("$ ", prompt))
    assert commands == [
        "sudo ip netns add red",
        "sudo ip netns list",
        "ip netns exec red ping -c 1 10.0.0.2",
        "ip -n red addr",
        "ip -n red link",
    ]
    assert skipped == (3, 4, 6, 7, 9, 10, 11, 13, 14, 15, 16)


@pytest.mark.parametrize(
    "printed",
    [
        "RTNETLINK answers: File exists", "ping: connect: Network is unreachable", "connect: Network is unreachable", "^C", "red", "veth0",
        "10.0.0.0/24 dev veth0 proto kernel scope link src 10.0.0.1", "default via 10.0.0.1 dev veth0", "fe80::/64 dev veth0 metric 256",
        "local 10.0.0.1 dev veth0 proto kernel", "veth0@if3        UP             10.0.0.1/24", "lo UNKNOWN 127.0.0.1/8",
        "net.ipv4.ip_forward = 1", "traceroute to 10.0.0.2 (10.0.0.2), 30 hops max, 60 byte packets", "bridge name\tbridge id\tSTP enabled",
        "br0\t\t8000.000000000000\tno", "-P INPUT ACCEPT", "Chain INPUT (policy ACCEPT)", "target     prot opt source", '[{"ifname":"lo"}]',
        "table ip nat {\n\tchain POSTROUTING {\n\t\ttype nat hook postrouting priority srcnat; policy accept;\n\t}\n}",
        "eth0: flags=4163<UP,BROADCAST,RUNNING,MULTICAST>  mtu 1500\n        inet 10.0.0.1  netmask 255.255.255.0",
        "tcp   LISTEN 0      5            0.0.0.0:80", "Cannot open network namespace \"red\": No such file or directory",
        "it's a `quote (that nothing closes",
    ],
)  # fmt: skip
def test_what_programs_print_is_known(printed: str) -> None:
    commands, skipped = run(f"$ ip netns exec red true\n{printed}\n$ ip link")
    assert commands == ["ip netns exec red true", "ip link"]
    assert len(skipped) == len(printed.split("\n"))


@pytest.mark.parametrize(
    "line",
    [
        "ip netns add blue",
        "sudo ip link",
        "./setup.sh",
        "/usr/sbin/tcpdump -n",
        "python3 server.py",
        "iptables -L",
        "sleep 1",
    ],
)
def test_a_command_that_was_added_without_a_prompt_is_run(line: str) -> None:
    cell = split(f"$ ip netns add red\n{line}")
    assert (len(cell.steps), cell.skipped) == (2, ())


def test_before_the_first_prompt_and_without_one_nothing_is_guessed_at() -> None:
    assert run("frobnicate\nred") == (["frobnicate", "red"], ())
    assert run("frobnicate\n$ ip link\nred") == (["frobnicate", "ip link"], (3,))


def test_what_cat_shows_is_no_command_up_to_the_next_prompt() -> None:
    assert run("$ cat setup.sh\n#!/bin/bash\nip netns add red\n$ ip link") == (["cat setup.sh", "ip link"], (3,))
    assert split("$ echo 1 > /proc/sys/net/ipv4/ip_forward\nip netns").skipped == ()


@pytest.mark.parametrize(
    "text",
    [
        "# ip link show\npython3 server.py",  # a command that was commented out
        "# ip netns add red\nip netns",
        "# the rooms\nred",
        "# ip link shows the links\n10.0.0.1",
        "10.0.0.0/24 dev veth0\n# ip route",
    ],
)
def test_a_comment_is_no_prompt_unless_what_follows_can_only_be_output(text: str) -> None:
    assert split(text).skipped == ()
    assert all(not step.text.startswith(("ip link show", "ip netns add", "ip route")) for step in split(text).steps)


def test_below_a_shell_that_was_entered_a_hash_is_its_prompt() -> None:
    text = "$ sudo ip netns exec red bash\n# ip addr\n1: lo: <LOOPBACK>\n# a remark\n# exit\nexit\n$ ip link"
    cell = split(text)
    assert [(step.text, step.run.ns) for step in cell.steps if step.line > 1] == [("ip addr", "red"), ("ip link", None)]  # type: ignore[union-attr]
    assert cell.skipped == (3, 6)


def test_a_script_has_the_same_lines_with_those_that_were_printed_empty() -> None:
    text = "$ for ns in red blue; do\n>   ip netns add $ns\n> done\n$ ip netns | cat\nblue\nred\n$ echo $?\n0"
    cell = split(text)
    assert cell == Cell(script=cell.script, skipped=(5, 6, 8))
    assert cell.script is not None
    assert cell.script.text == "for ns in red blue; do\n  ip netns add $ns\ndone\nip netns | cat\n\n\necho $?\n"


@pytest.mark.parametrize(
    "body",
    [
        "for i in 1 2; do\n  red $i\ndone",
        "if true; then\n  red\nelse\n  blue\nfi",
        "while true; do\nred\nbreak\ndone",
        "f() {\nred\n}",
        "case $1 in\na)\nred;;\nesac",
        "true &&\nred",
        "cat <<EOF\nred\nEOF",
        'echo "a\nred"',
        "red \\\nblue",
    ],
)
def test_lines_within_a_construct_of_the_shell_are_its_own(body: str) -> None:
    assert split(f"$ {body}\n$ ip link").skipped == ()


def test_the_second_prompt_goes_wherever_a_line_goes_on() -> None:
    for typed, read in [
        ("$ cat <<EOF > f\n> one\n>\n> two\n> EOF\n$ cat f", "cat <<EOF > f\none\n\ntwo\nEOF\ncat f"),
        ("$ true &&\n> ip a | cat", "true &&\nip a | cat"),
        ("$ (ip a\n> ip r)", "(ip a\nip r)"),
        ("$ cat <<EOF | cat\n> quoted\nplain\nEOF", "cat <<EOF | cat\n> quoted\nplain\nEOF"),
    ]:
        cell = split(typed)
        assert cell.script is not None
        assert cell.script.text == read


def test_the_second_prompt_goes_within_quotes_too() -> None:
    for quote in "'\"":
        (step,) = split(f"$ ip netns exec red bash -c {quote}\n> ip link\n>\n> ip addr{quote}").steps
        assert step.run.argv == ("bash", "-c", "\nip link\n\nip addr")  # type: ignore[union-attr]
        assert step.text == f"ip netns exec red bash -c {quote}\nip link\n\nip addr{quote}"
        (step,) = split(f"echo {quote}a\n> b{quote}").steps
        assert step.run.argv == ("echo", "a\n> b")  # type: ignore[union-attr]
