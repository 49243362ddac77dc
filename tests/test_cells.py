"""A cell behaves as text pasted at a terminal does: order, failures, lists, shells, scripts, jobs (DESIGN 2)."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest

from nsmagic import Lab
from nsmagic.errors import (
    CellFailed,
    CommandFailed,
    CommandNotFound,
    CommandSyntaxError,
    CommandTimeout,
    KernelRefused,
    NamespaceNotFound,
    NsmagicError,
)
from nsmagic.result import Job, PingResult, Result

pytestmark = pytest.mark.sandbox


@pytest.fixture(scope="module")
def shared() -> Iterator[Lab]:
    """One lab for the tests that leave it as it was."""
    with Lab() as made:
        made.run("ip netns add red\nip link add v1 type veth peer name v2 netns red\nip -n red link set lo up").check()
        yield made


def errors(result: Result) -> list[str]:
    return [f"{type(error).__name__}: {error.message}" for error in result.errors]


# Order and failures


def test_a_failing_line_in_the_middle_ends_nothing(lab: Lab) -> None:
    result = lab.run(
        """\
        ip netns add red
        ip link add v1 type veth peer name v2
        ip link set v2 netns red
        ip link set nosuch up
        ip -n red link set v2 up
        ip link set v1 up"""
    )
    assert result.text == (
        "+ namespace red\n"
        "+ link host/v1  veth, other end host/v2\n"
        "+ link host/v2  veth, other end host/v1\n"
        "~ link host/v2  moved to red\n"
        'Cannot find device "nosuch"\n'
        "hint: host has lo, v1\n"
        "~ link red/v2   up, no carrier: the other end is down\n"
        "~ link host/v1  up, carrier on both ends\n"
    )
    assert [outcome.line for outcome in result.outcomes if outcome.failed] == [4]
    with pytest.raises(CellFailed) as raised:
        result.check()
    assert raised.value.lines == [4]
    assert raised.value.message == "line 4 failed: ip link set nosuch up"


def test_stop_ends_at_the_first_failing_line(lab: Lab) -> None:
    result = lab.run("ip netns add red\nip link set nosuch up\nip netns add blue\necho never", stop=True)
    assert errors(result) == ['KernelRefused: Cannot find device "nosuch"']
    assert lab.names() == ["red"]
    assert "never" not in result.text
    result = lab.run("echo one\nfalse\necho never", stop=True)
    assert result.text.startswith("one\n")
    assert "never" not in result.text


def test_several_failing_lines_are_named_together(shared: Lab) -> None:
    result = shared.run("ip link set x1 up\ntrue\nip link set x2 up")
    with pytest.raises(CellFailed) as raised:
        result.check()
    assert raised.value.lines == [1, 3]
    assert raised.value.message == "2 commands failed:\n  line 1: ip link set x1 up\n  line 3: ip link set x2 up"


def test_a_cell_of_one_command_raises_its_own_error(shared: Lab) -> None:
    with pytest.raises(KernelRefused, match="Cannot find device"):
        shared.run("ip link set nosuch up").check()


def test_output_and_tables_come_in_the_order_typed(shared: Lab) -> None:
    text = shared.run("echo one\nip netns\necho two\nping -c1 127.0.0.1\nip -n red link show lo\nls /three").text
    found = [text.index(word) for word in ("one\n", "ns\nred\n", "two\n", "PING ", "links of red", "/three")]
    assert found == sorted(found)


def test_our_own_words_start_a_line_of_their_own(shared: Lab) -> None:
    result = shared.run("printf abc\nip link set nosuch up\nprintf def; printf ghi")
    assert result.text == 'abc\nCannot find device "nosuch"\nhint: host has lo, v1\ndefghi'


def test_the_same_cure_is_said_once(shared: Lab) -> None:
    result = shared.run("ip link set nosuch up\nip link set nosuch down\nip link set nosuch mtu 1400")
    assert result.text.count('Cannot find device "nosuch"') == 3
    assert result.text.count("hint: ") == 1
    assert all(error.hint == "host has lo, v1" for error in result.errors)


# Lists


@pytest.mark.parametrize(
    ("text", "expected", "ok"),
    [
        ("true && echo one || echo two", "one\n", True),
        ("false || echo two", "two\n", True),
        ("false && echo no || echo three", "three\n", True),
        ("false && echo no; echo after", "false: exit status 1\nafter\n", False),
        ("echo a; echo b", "a\nb\n", True),
        ("echo a && echo b && echo c", "a\nb\nc\n", True),
        ("false || false || echo last", "last\n", True),
        ("true || echo no; echo b", "b\n", True),
        ("ip link set nosuch up || echo then", 'Cannot find device "nosuch"\nthen\n', True),
        ("ip link show v1 > /dev/null && echo there", "there\n", True),
        ("ping -c1 -W1 10.99.0.1 > /dev/null 2>&1 || echo no way", "no way\n", True),
        ("ip -n red link set lo up && echo up", "up\n", True),
        ("nosuchprogram || echo none", "nosuchprogram: command not found\nnone\n", True),
    ],
)
def test_lists(shared: Lab, text: str, expected: str, ok: bool) -> None:
    result = shared.run(text)
    assert result.text == expected
    assert result.ok is ok


def test_a_failure_that_is_taken_care_of_is_no_failure_of_the_cell(lab: Lab) -> None:
    """The idiom of scripts that may run twice."""
    result = lab.run("ip netns del red || true\nip netns add red")
    result.check()
    assert result.outcomes[0].error is not None
    assert result.text.splitlines()[0].startswith("Cannot remove namespace file")
    assert "hint" not in result.text
    assert lab.names() == ["red"]


def test_a_ping_without_reply_is_false_but_no_error(shared: Lab) -> None:
    result = shared.run("ping -c1 -W1 10.99.0.1 && echo never\necho after")
    assert "never" not in result.text
    assert result.text.endswith("after\n")
    assert result.ok
    assert result.text.startswith("ping: connect: Network is unreachable\nhint: %why 10.99.0.1 explains\n")


# Background


def test_a_background_job_and_its_handle(lab: Lab) -> None:
    result = lab.run("sleep 1000 &\necho at once")
    job = result.value
    assert isinstance(job, Job)
    assert result.text == "job 1 in host: sleep 1000   (%lab status shows it; it ends with the lab)\nat once\n"
    assert job.running
    assert lab.status()["jobs"][0]["command"] == "sleep 1000"
    assert job.stop() == 130
    assert not job.running
    with pytest.raises(NsmagicError, match="there is no job 7") as raised:
        lab.client.request("job_log", job=7)
    assert raised.value.hint == "jobs of this lab: 1"


def test_a_job_of_the_cell_by_its_number(shared: Lab) -> None:
    result = shared.run("sleep 1000 &\nkill %1\nwait\necho done")
    assert (result.ok, result.text) == (True, "done\n")


def test_a_server_that_was_started_is_there_for_the_next_line(lab: Lab) -> None:
    lab.run("ip netns add red\nip -n red link set lo up").check()
    server = (
        "import socket; s = socket.create_server(('127.0.0.1', 80)); c, _ = s.accept(); c.sendall(b'hello'); c.close()"
    )
    client = "import socket; print(socket.create_connection(('127.0.0.1', 80)).recv(9).decode())"
    result = lab.run(f'python3 -c "{server}" &\npython3 -c "{client}"', "red")
    assert result.text.endswith("hello\n")
    assert result.ok


def test_and_so_it_is_for_the_next_line_of_a_script(shared: Lab) -> None:
    """Somebody who types is slower than a server that starts; a cell is not."""
    server = (
        "import socket; s = socket.create_server(('127.0.0.1', 81)); c, _ = s.accept(); c.sendall(b'hello'); c.close()"
    )
    client = "import socket; print(socket.create_connection(('127.0.0.1', 81)).recv(9).decode())"
    result = shared.run(
        f'set -x\npython3 -c "{server}" & # in the background\npython3 -c "{client}" | cat; echo $LINENO', "red"
    )
    assert (result.ok, "settled" in result.text) == (True, False), result.text
    assert result.text.splitlines()[-3:] == ["hello", "+ echo 3", "3"]
    result = shared.run("sleep 0.01 & echo $!x | tr -d 0-9\nsleep 0 &\nfalse\nwait")
    assert (result.text.splitlines()[0], [error.lines for error in result.errors]) == ("x", [[3]])


def test_the_whole_cell_in_the_background(lab: Lab) -> None:
    job = lab.run("for i in 1 2 3; do echo $i; done; exit 3", background=True).value
    assert job.wait() == 3
    assert job.log == "1\n2\n3\n"


def test_a_native_command_with_an_ampersand_is_done_at_once(lab: Lab) -> None:
    lab.run("ip netns add red &\nip -n red link set lo up &").check()
    assert lab.names() == ["red"]


# Time limits


def test_a_time_limit(shared: Lab) -> None:
    began = time.monotonic()
    result = shared.run("echo before\nsleep 100\necho after", timeout=0.5)
    assert time.monotonic() - began < (3.0 if shared.kind != "vm" else 10.0)
    assert result.text == (
        "before\nended after 0.5 s: sleep 100\n"
        "hint: --timeout SECONDS gives it longer; --bg lets it run beside the next cells\nafter\n"
    )
    assert isinstance(result.errors[0], CommandTimeout)


def test_a_time_limit_of_a_script_and_of_a_ping(shared: Lab) -> None:
    result = shared.run("for i in 1 2 3; do sleep 100; done", timeout=0.5)
    assert errors(result) == ["CommandTimeout: ended after 0.5 s: for i in 1 2 3; do sleep 100; done"]
    result = shared.run("ping -i 0.1 127.0.0.1", timeout=0.5)
    assert result.ok
    assert result.value.received >= 2
    assert result.text.splitlines()[-1] == (
        "hint: ended after 0.5 s; ping goes on until it is stopped, and -c 3 sends three"
    )
    result = shared.run("ping -i 0.2 127.0.0.1 | cat", timeout=0.5)
    assert result.errors[0].hint == "ping goes on until it is stopped; -c 3 sends three"


# Entered shells, nesting, all namespaces


def test_lines_of_an_entered_shell_run_there(lab: Lab) -> None:
    result = lab.run(
        """\
        ip netns add red
        ip netns exec red bash
        ip link add r1 type veth peer name r2
        ip link set lo up
        hostname
        exit
        ip link add h1 type veth peer name h2"""
    )
    result.check()
    assert set(lab["red"].links.ifname) == {"lo", "r1", "r2"}
    assert set(lab["host"].links.ifname) == {"lo", "h1", "h2"}


def test_entered_shells_nest_and_exit_ends_the_cell(lab: Lab) -> None:
    lab.run("ip netns add red\nip netns add blue").check()
    result = lab.run(
        "ip netns exec red bash\nip netns exec blue sh\nip link add b1 type veth peer name b2\nexit\n"
        "ip link add r1 type veth peer name r2\nexit\necho host\nexit\necho never"
    )
    assert result.ok
    assert result.text.endswith("host\n")
    assert set(lab["blue"].links.ifname) == {"lo", "b1", "b2"}
    assert set(lab["red"].links.ifname) == {"lo", "r1", "r2"}


def test_an_entered_shell_in_a_script(shared: Lab) -> None:
    result = shared.run("ip netns exec red bash\necho $0\nip link set nosuch up\nexit\nip -br link | wc -l")
    assert result.text == (
        'bash\nCannot find device "nosuch"\n2\n'
        "line 3 failed (exit status 1): ip link set nosuch up\nhint: red has lo, v2\n"
    )


def test_nested_exec(shared: Lab) -> None:
    result = shared.run("ip netns exec red ip netns exec red ip netns exec red ip link show v2")
    assert result.value.ns.tolist() == ["red"]
    assert errors(shared.run("ip netns exec red ip netns exec nosuch ip link")) == [
        'NamespaceNotFound: Cannot open network namespace "nosuch": No such file or directory'
    ]
    assert shared.run("ip netns exec red sh -c 'ip -br link show v2 | wc -l'").text == "1\n"


def test_all_namespaces(lab: Lab) -> None:
    lab.run("ip netns add red\nip netns add blue").check()
    result = lab.run("ip -all netns exec ip link set lo up")
    assert result.text == "\nnetns: blue\n~ link blue/lo  up\n\nnetns: red\n~ link red/lo  up\n"
    assert lab.run("ip -all netns exec echo hi").text == "\nnetns: blue\nhi\n\nnetns: red\nhi\n"
    assert lab.run("ip -a netns exec ping -c1 127.0.0.1").text.count("1 received") == 2


# Batches


def test_a_batch_from_a_file_of_an_earlier_cell(lab: Lab) -> None:
    lab.run("cat > /tmp/batch <<EOF\nlink add w1 type veth peer name w2\n\n# comment\nlink set w1 up\nEOF").check()
    result = lab.run("ip -batch /tmp/batch")
    result.check()
    assert result.text == (
        "+ link host/w1  veth, other end host/w2\n+ link host/w2  veth, other end host/w1\n"
        "~ link host/w1  up, no carrier: the other end is down\n"
    )


def test_a_batch_ends_at_a_refusal_unless_forced(lab: Lab) -> None:
    lab.run("printf 'netns add red\\nlink set nosuch up\\nnetns add blue\\n' > /tmp/batch").check()
    result = lab.run("ip -batch /tmp/batch")
    assert result.text == (
        '+ namespace red\nCannot find device "nosuch"\nhint: host has lo\nCommand failed /tmp/batch:2\n'
    )
    assert lab.names() == ["red"]
    lab.run("ip netns del red").check()
    result = lab.run("ip -force -batch /tmp/batch")
    assert not result.ok
    assert lab.names() == ["blue", "red"]


def test_a_batch_in_the_cell(lab: Lab) -> None:
    lab.run(
        "ip -b - <<EOF\nnetns add red\nlink add v1 type veth peer name v2 netns red\nEOF\nip netns add blue"
    ).check()
    assert lab.names() == ["blue", "red"]
    result = lab.run("ip -n red -b -\nlink set lo up\naddr show dev lo")
    assert result.value.address.tolist() == ["127.0.0.1", "::1"]
    assert errors(lab.run("ip -b /tmp/nosuch")) == [
        'NsmagicError: Cannot open file "/tmp/nosuch" for reading: No such file or directory'
    ]


# Scripts


def test_a_script_names_its_failing_lines(shared: Lab) -> None:
    result = shared.run("x=5\necho $x\nip link set dev$x up\nip link show nosuch 2> /dev/null\necho after")
    assert result.text == (
        '5\nCannot find device "dev5"\nafter\n'
        "2 lines failed:\n"
        "  line 3 (exit status 1): ip link set dev$x up\n"
        "  line 4 (exit status 1): ip link show nosuch 2> /dev/null\n"
        "hint: host has lo, v1\n"
    )
    error = result.errors[0]
    assert isinstance(error, CellFailed)
    assert error.lines == [3, 4]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("for i in 1 2; do\n  false\ndone", [2]),
        ("f() {\n  false\n}\nf", [2]),
        ("f() { return 3; }\nf", [2]),
        ("if true; then\n  false\nfi\necho x", [2]),
        ("while read x; do\n  grep -q nothing $x\ndone <<EOF\n/etc/hosts\nEOF", [2]),
        ("(exit 4)\necho next", [1]),
        ("set -e\nfalse\necho never", [2]),
        ("{\nfalse\n}", [2]),
        ("false | true\ntrue | false", [2]),
        ("x=$(false)\necho $x", [1]),
        # What is no failure at a terminal either
        ("echo $(false)", []),
        ("if false; then echo a; fi", []),
        ("! true\necho x", []),
        ("false || true\necho $HOME", []),
        ("while false; do :; done", []),
        ("[ a = b ] || echo differs", []),
        ("(false; true)", []),
    ],
)
def test_which_lines_of_a_script_fail(shared: Lab, text: str, lines: list[int]) -> None:
    result = shared.run(text)
    assert [getattr(error, "lines", error.message) for error in result.errors] == ([lines] if lines else [])


@pytest.mark.parametrize(
    "text",
    [
        "ping -c1 -W1 10.99.0.1 | cat\necho $?",
        "ping -c1 -W1 10.99.0.1 2>&1\nx=1",
        "for a in 10.99.0.1 10.99.0.2; do ping -c1 -W1 $a; done",
        "reach() {\n  ping -c1 -W1 $1\n}\nreach 10.99.0.1",
        "x=$(ping -c1 -W1 10.99.0.1)",
    ],
)
def test_a_ping_without_reply_is_no_failure_of_a_script(shared: Lab, text: str) -> None:
    assert shared.run(text).errors == []


def test_heredocs_functions_loops_and_variables(lab: Lab) -> None:
    result = lab.run(
        """\
#!/bin/bash
set -u
NAMES="red blue"
make() {
    local ns=$1
    ip netns add "$ns"
    ip -n "$ns" link set lo up
}
for ns in $NAMES; do
    make "$ns"
done
cat <<END
there are $(ip netns list | wc -l)
END
case $NAMES in red*) echo begins with red;; esac"""
    )
    assert result.errors == []
    assert "there are 2\nbegins with red\n" in result.text
    assert lab.names() == ["blue", "red"]


def test_change_lines_of_a_script_say_what_is_left(lab: Lab) -> None:
    result = lab.run("for n in a1 b1; do ip netns add $n; ip -n $n link set lo up; done; ip netns del a1")
    assert [change for change in result.text.splitlines() if change[0] in "+-~"] == ["+ namespace b1"]


def test_namespaces_of_a_script_are_told_as_they_were_made_and_before_what_is_in_them(lab: Lab) -> None:
    result = lab.run(
        "for n in c a b; do ip netns add $n; done\nip link add v0 netns a type veth peer name v0 netns b\nip -n b link set v0 up"
    )
    assert result.text.splitlines()[:3] == ["+ namespace c", "+ namespace a", "+ namespace b"]
    assert "v0" in result.text


def test_whom_an_interface_answers_for_is_a_change(lab: Lab) -> None:
    """No event of the kernel tells of it."""
    lab.run("ip link add v0 type veth peer name v1").check()
    assert lab.run("ip neigh add proxy 10.0.0.9 dev v0").text == "+ neighbour host  v0 answers for 10.0.0.9\n"
    assert lab.run("arp -Ds 10.0.0.7 v0 pub").text == "+ neighbour host  v0 answers for 10.0.0.7\n"
    assert lab.run("ip neigh add proxy 10.0.0.5 dev v0 | cat").text == "+ neighbour host  v0 answers for 10.0.0.5\n"
    assert lab.run("ip neigh del proxy 10.0.0.9 dev v0").text == "- neighbour host  v0 answers for 10.0.0.9\n"


def test_a_script_that_cannot_be_read(shared: Lab) -> None:
    result = shared.run("if true\nthen")
    assert result.text == (
        "line 3: syntax error: unexpected end of file\nbash: exit status 2\n"
        "hint: if wants fi, for and while want done, case wants esac, { wants }; one of them is missing\n"
    )
    assert errors(result) == ["CommandFailed: bash: exit status 2"]


def test_bash_names_the_line_and_not_our_file(shared: Lab) -> None:
    result = shared.run("echo $HOME\nnosuchprogram | cat\nnosuchprogram")
    assert "/dev/fd" not in result.text
    assert "line 2: nosuchprogram: command not found\n" in result.text
    # the name of that file is cut from output only where it stands at a message
    assert shared.run("echo -n /dev/fd/; sleep 0.3; echo 9x").text == "/dev/fd/9x\n"


# Values


def test_values(shared: Lab) -> None:
    assert shared.run("ip link").value.ifname.tolist() == ["lo", "v1"]
    ping = shared.run("ping -c2 -i 0.1 127.0.0.1").value
    assert isinstance(ping, PingResult)
    assert (ping.sent, ping.received, ping.loss, len(ping.rtts)) == (2, 2, 0.0, 2)
    assert bool(ping)
    assert shared.run("echo hi").value is None
    assert shared.run("ip link\necho hi").value is not None
    assert json.loads(shared.run("ip -j link show v1").value)[0]["ifname"] == "v1"
    assert json.loads(shared.run("ip -j -d link show v1").value)[0]["linkinfo"]["info_kind"] == "veth"
    assert shared.run("").value is None
    assert shared.run("# only a comment").outcomes == []


@pytest.mark.parametrize(
    "command", ["ip addr", "ip -n red link", "ip route", "ip netns", "ip -br link", "ip -d link", "ip neigh"]
)
def test_text_is_the_tools_own(shared: Lab, command: str) -> None:
    ours = shared.run(command, show="text").text
    real = shared.run(f"{command} | cat").text
    assert ours == real


def test_both_gives_the_table_and_the_words(shared: Lab) -> None:
    result = shared.run("ip link show v1", show="both")
    assert result.text.index("links of host") < result.text.index("<BROADCAST")
    assert result.value.ifname.tolist() == ["v1"]


WITHOUT = """\
mkdir /tmp/none
for folder in /usr/sbin /usr/local/sbin /usr/local/bin; do mount --bind /tmp/none $folder; done
for tool in ip ping; do mount --bind /dev/null /usr/bin/$tool; done"""


@pytest.fixture(scope="module")
def bare() -> Iterator[Lab]:
    """A lab in which iproute2, net-tools, bridge-utils, procps' sysctl and iputils are not installed."""
    with Lab() as made:
        made.run(WITHOUT).check()
        assert made.client.request("which", names=["ip", "ping", "arp", "brctl", "sysctl", "bridge"]) == dict.fromkeys(
            ["ip", "ping", "arp", "brctl", "sysctl", "bridge"]
        )
        made.run(
            "ip netns add red\nip link add v1 type veth peer name v2 netns red\nip addr add 10.0.0.1/24 dev v1\n"
            "ip -n red addr add 10.0.0.2/24 dev v2\nip link set v1 up\nip -n red link set v2 up\nip link add br0 type bridge"
        ).check()
        yield made


def test_the_native_forms_need_no_tool(bare: Lab) -> None:
    result = bare.run(
        "ip route\nip netns exec red ping -c1 10.0.0.1\narp -n\nbrctl show\nsysctl -w net.ipv4.ip_forward=1"
    )
    assert result.ok
    assert "1 received" in result.text
    assert bare["red"].addrs.address.tolist()[:1] == ["10.0.0.2"]


@pytest.mark.parametrize(
    ("command", "pattern"),
    [
        ("ip addr show dev v1", r"^2: v1@if\d+: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 .*\n    link/ether .*\n    inet 10\.0\.0\.1/24 scope global v1\n"),
        ("ip route", r"^10\.0\.0\.0/24 dev v1 proto kernel scope link src 10\.0\.0\.1 \n$"),
        ("ip -br link show v1", r"^v1@if\d+ +UP +02:\S+ <BROADCAST,MULTICAST,UP,LOWER_UP> \n$"),
        ("ip netns", r"^red( \(id: \d+\))?\n$"),
    ],
)  # fmt: skip
def test_text_without_the_tool(bare: Lab, command: str, pattern: str) -> None:
    alone = bare.run(command, show="text").text
    assert re.match(pattern, alone)
    both = bare.run(command, show="both")
    assert alone in both.text
    assert len(both.value) == alone.count("inet") or len(both.value) == 1


def test_json_without_the_tool(bare: Lab) -> None:
    [link] = json.loads(bare.run("ip -j link show br0").value)
    assert (link["ifname"], link["mtu"], link["operstate"]) == ("br0", 1500, "DOWN")
    # The number of red as the host sees it is not known to us: no half answer, and no table in its place.
    result = bare.run("ip -j link show v1")
    assert result.errors[0].render() == (
        "ip: command not found\nhint: ip is in the Debian package iproute2:  sudo apt install iproute2"
    )


def test_a_form_that_only_the_tool_knows_says_that_it_is_missing(bare: Lab) -> None:
    result = bare.run("ip mptcp endpoint show")
    assert not result.ok
    assert result.errors[0].hint is not None
    result = bare.run("ip link sett v1 up")
    assert errors(result) == ['CommandSyntaxError: Command "sett" is unknown, try "ip link help".']
    assert (
        bare.run("conntrack -L").errors[0].hint
        == "conntrack is in the Debian package conntrack:  sudo apt install conntrack"
    )


def test_each_step_of_a_command_that_is_several_says_what_it_met(lab: Lab) -> None:
    result = lab.run("ifconfig eth7 10.5.0.1 netmask 255.255.255.0")
    assert result.text.splitlines() == [
        "SIOCSIFADDR: No such device",
        "hint: host has lo",
        "eth7: ERROR while getting interface flags: No such device",
        "SIOCSIFNETMASK: No such device",
    ]
    with pytest.raises(CellFailed, match=r"^line 1 failed: ifconfig eth7 10\.5\.0\.1 netmask 255\.255\.255\.0$"):
        result.check()
    lab.run("ip link add eth7 type veth peer name eth8").check()
    assert "SIOCSIFMTU" in lab.run("ifconfig eth7 mtu 70000 up").text


def test_the_parameters_that_could_be_read_or_set_are_told_beside_the_one_that_is_not_there(lab: Lab) -> None:
    missing = "sysctl: cannot stat /proc/sys/net/ipv4/nothing: No such file or directory"
    wrote = lab.run("sysctl -w net.ipv4.ip_forward=1 net.ipv4.nothing=2")
    assert wrote.text.splitlines()[:2] == ["net.ipv4.ip_forward = 1", "~ sysctl host  net.ipv4.ip_forward 0 → 1"]
    assert (wrote.errors[0].message, "ip_forward=1" in lab.script()) == (missing, True)
    read = lab.run("sysctl net.ipv4.nothing net.ipv4.ip_forward")
    assert (read.text.splitlines()[0], read.errors[0].message) == ("net.ipv4.ip_forward = 1", missing)


def test_what_timeout_ended_is_a_result_and_false(lab: Lab) -> None:
    result = lab.run("timeout 0.01 sleep 9\ntimeout 0.01 sleep 9 || echo ended\ntimeout 0.01 sleep 9 && echo done")
    assert (result.check().text, [outcome.ok for outcome in result.outcomes]) == (
        "ended\n",
        [False, False, True, False],
    )
    assert lab.run("timeout 0.01 sleep 9 # $x\necho $?\n").check().text == "124\n"
    with pytest.raises(CommandFailed, match="timeout: exit status 1"):
        lab.run("timeout 5 false").check()


def test_a_hint_is_about_the_lab_as_the_refused_line_met_it(lab: Lab) -> None:
    result = lab.run(
        "ip link add eth7 type veth peer name eth8\nip addr add 10.0.0.1/24 dev eth7\nip addr del 10.0.0.9/24 dev eth7\nip addr flush dev eth7"
    )
    assert result.errors[0].hint == "eth7 has 10.0.0.1/24"
    result = lab.run("ip link set eth7 up\nip link set eth9 up\nip link set eth8 name eth9")
    assert result.errors[0].hint == "host has lo, eth7, eth8; did you mean eth8?"


# Text as it is copied


def test_output_that_was_pasted_along_is_not_run_and_that_is_said(lab: Lab) -> None:
    result = lab.run(
        "$ sudo ip netns add red\n$ ip netns\nred\n$ ip netns exec red true | cat\nCannot open it\nat all\n$ ip -n red link set lo up"
    )
    assert result.ok
    assert result.text.splitlines()[0] == (
        "notice: lines 3, 5-6 have no prompt, so they are taken for output and not run; to run one, put $ and a blank before it"
    )
    assert list(lab["red"].links.admin) == ["UP"]
    assert "\nred" not in lab.script()


def test_a_shell_without_a_name_is_another_network(lab: Lab) -> None:
    result = lab.run("unshare -n bash\nip -br link\nip link set nothing up\nexit\nip -br link")
    assert [line.split()[:2] for line in result.text.splitlines() if line.startswith("lo")] == [
        ["lo", "DOWN"],
        ["lo", "UNKNOWN"],
    ]
    assert "hint" not in result.text
    assert result.errors[0].hint is None


def test_a_script_has_aliases_and_its_trace_is_its_own(lab: Lab) -> None:
    result = lab.run("alias list='echo one'\nset -x\nlist\nfalse\nset +x")
    failed = "line 4 failed (exit status 1): false"
    assert result.text.splitlines() == ["+ echo one", "one", "+ false", "+ set +x", failed]


def test_prompts_sudo_comments_and_continuations(lab: Lab) -> None:
    result = lab.run(
        """\
        $ sudo ip netns add red
        user@host:~$ ip netns add blue     # a room
        # a comment

        ip link add name br0 type bridge \\
            stp_state 1
        sudo ip netns exec red \\
            ip link set lo up"""
    )
    result.check()
    assert lab.names() == ["blue", "red"]
    assert [outcome.line for outcome in result.outcomes] == [1, 2, 5, 7]
    assert lab.run("echo a\r\necho b\r\n").text == "a\nb\n"


def test_a_cell_that_cannot_be_read_runs_nothing(lab: Lab) -> None:
    with pytest.raises(CommandSyntaxError) as raised:
        lab.run("ip netns add red\necho 'no end")
    assert raised.value.render() == "unfinished quote ' (line 2, character 6)\nhint: close it with another '"
    assert lab.names() == []
    with pytest.raises(CommandSyntaxError, match="NUL character"):
        lab.run("ip netns add red\0")


def test_help_and_version_of_the_real_tools(shared: Lab) -> None:
    assert shared.run("ip -V").text.startswith("ip utility, iproute2")
    result = shared.run("ip link help")
    assert "Usage: ip link add" in result.text
    assert result.ok


# Programs


@pytest.mark.parametrize(
    ("text", "kind", "message", "hint"),
    [
        ("bash -c 'exit 3'", CommandFailed, "bash: exit status 3", None),
        ("bash -c 'kill -9 $$'", CommandFailed, "bash: ended by signal 9 (Killed)", None),
        ("nosuchprogram", CommandNotFound, "nosuchprogram: command not found", None),
        ("ip netns exec red nosuchprogram", CommandNotFound, "nosuchprogram: command not found", None),
        ("ip netns exec nosuch ls", NamespaceNotFound, 'Cannot open network namespace "nosuch": No such file or directory',
         "the namespaces are red; make it with:  ip netns add nosuch"),
        ("vim notes", CommandFailed, "vim: needs a terminal, and a cell is none",
         "nsmagic shell in JupyterLab's Terminal opens one in this lab; a cell writes a file with:  cat > FILE <<'EOF'"),
        ("watch ip link", CommandFailed, "watch: needs a terminal, and a cell is none",
         "nsmagic shell in JupyterLab's Terminal opens one in this lab; a cell writes a file with:  cat > FILE <<'EOF'"),
        ("top", CommandFailed, "top: exit status 1", "a cell is no terminal; top -b -n 1 prints its table once"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_programs_that_fail(shared: Lab, text: str, kind: type[NsmagicError], message: str, hint: str | None) -> None:
    [error] = shared.run(text).errors
    assert type(error) is kind
    assert error.message == message
    assert error.hint == hint


def test_programs_get_no_control_codes_and_no_colours(shared: Lab) -> None:
    text = shared.run(
        "ls --color=auto /\nip -c=auto link | cat\ngrep --color=auto root /etc/passwd\npython3 -q < /dev/null"
    ).text
    assert "\x1b" not in text


def test_curl_speaks_as_at_a_terminal(shared: Lab) -> None:
    """It shows its progress where what it fetches goes to a pipe, and a cell is one."""
    result = shared.run("curl http://127.0.0.1:9/", "red")
    assert result.text.startswith("curl: (7) Failed to connect to 127.0.0.1"), result.text
    assert "% Total" in shared.run("curl http://127.0.0.1:9/ | head -1", "red").text


def test_the_kernels_answer_for_an_address_shows_the_source_that_it_takes(shared: Lab) -> None:
    assert str(shared.run("ip route get 127.0.0.2", "red").outcomes[0].value) == (
        "routes of red\ndst        gateway  dev  prefsrc    type\n127.0.0.2           lo   127.0.0.1  local"
    )


def test_the_environment_is_the_labs_own(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "x")
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    variables = dict(line.split("=", 1) for line in lab.run("env").text.splitlines())
    assert "SECRET_TOKEN" not in variables
    assert "PYTHONPATH" not in variables
    assert variables["HOME"] == "/root"
    assert variables["LC_ALL"] == "C.UTF-8"


def test_commands_of_all_ways_change_the_same_lab(lab: Lab) -> None:
    """A namespace made by a program is known to the next native command, and the other way round."""
    result = lab.run(
        "bash -c 'ip netns add red'\nip -n red link set lo up\nip netns exec red sh -c 'ip link add r1 type veth peer name r2'\nip -n red link show r1"
    )
    result.check()
    assert result.value.ifname.tolist() == ["r1"]
    assert result.text.splitlines()[:2] == ["+ namespace red", "~ link red/lo  up"]


def test_changes_can_be_left_out(lab: Lab) -> None:
    result = lab.run("ip netns add red", changes=False)
    assert result.text == ""
    assert [change.op for change in result.changes] == ["+"]


def test_a_large_cell(lab: Lab) -> None:
    lines = [f"ip netns add n{number}" if number % 40 == 0 else f"# line {number}" for number in range(6000)]
    result = lab.run("\n".join(lines))
    result.check()
    assert len(lab.names()) == 150
    assert result.outcomes[-1].line == 5961


def test_a_cell_of_two_megabytes(lab: Lab) -> None:
    result: Any = None
    try:
        result = lab.run("cat > /tmp/big <<EOF\n" + "x" * (2 << 20) + "\nEOF\nwc -c < /tmp/big")
    except NsmagicError as error:
        assert error.render().startswith("the request is too large")  # noqa: PT017
    else:
        assert result.text == f"{(2 << 20) + 1}\n"
    assert lab.run("echo next").text == "next\n"
