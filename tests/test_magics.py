"""The magics as a person types them, in an IPython shell: what is shown, what is given, what goes wrong and how it says so."""

from __future__ import annotations

import sys
from typing import Any

import pandas as pd
import pytest

from nsmagic import errors
from tests.conftest import Notebook, Run

pytestmark = pytest.mark.sandbox

CABLE = """%%netns
ip netns add red
ip netns add blue
ip link add veth-red netns red type veth peer name veth-blue netns blue
"""


def lines(text: str) -> list[str]:
    return text.strip().splitlines()


# Four ways


def test_commands_by_every_way(run: Run) -> None:
    came = run("ip netns add red\nip -n red addr add 10.0.0.1/8 dev lo\nip -n red addr show dev lo")
    assert came.ok
    assert "+ namespace red" in lines(came.text)
    assert "+ addr red/lo  10.0.0.1/8" in lines(came.text)
    assert "10.0.0.1" in lines(came.text)[-1]


def test_an_error_by_every_way(run: Run) -> None:
    came = run("ip link set veth-rad up")
    assert not came.ok
    assert lines(came.text)[:2] == ['Cannot find device "veth-rad"', "hint: host has lo"]
    assert "Traceback" not in came.text


def test_the_next_line_runs_by_every_way(run: Run) -> None:
    came = run("ip link set nothing up\nip netns add red")
    assert not came.ok
    assert "+ namespace red" in lines(came.text)


# Cells


def test_cell_shows_changes_and_gives_the_last_table(notebook: Notebook) -> None:
    ran = notebook.cell("%%netns\nip netns add red\nip netns add blue\nip netns")
    assert lines(ran.out)[:2] == ["+ namespace red", "+ namespace blue"]
    assert isinstance(ran.value, pd.DataFrame)
    assert list(ran.value.ns) == ["blue", "red"]


def test_cell_in_a_namespace(notebook: Notebook) -> None:
    notebook.cell("%netns ip netns add red")
    ran = notebook.cell("%%netns red\nip link")
    assert list(ran.value.ns) == ["red"]
    assert lines(ran.out)[-3:] == [
        "links of red",
        "ifname  kind      admin  operstate  mac                master  peer  peer_ns  addresses",
        "lo      loopback  DOWN   DOWN       00:00:00:00:00:00",
    ]


def test_pasted_text(notebook: Notebook) -> None:
    ran = notebook.cell(
        "%%netns\n$ sudo ip netns add red   # a room\n\nuser@host:~$ ip link add \\\n   v1 type veth peer name v2\n"
        "ip link set v1 netns red && ip -n red link show v1"
    )
    assert ran.ok, ran.text
    assert list(ran.value.ifname) == ["v1"]


def test_tables_before_the_last_are_shown_in_their_place(notebook: Notebook) -> None:
    ran = notebook.cell("%%netns\nip netns add red\nip -n red link\nip netns add blue")
    said = lines(ran.out)
    assert said.index("links of red") < said.index("+ namespace blue")
    assert ran.value is None


def test_line_gives_its_value(notebook: Notebook) -> None:
    notebook.cell(CABLE)
    ran = notebook.cell("links = %netns red ip link\nlinks[links.kind == 'veth'].peer_ns.item()")
    assert ran.value == "blue"
    assert "links of red" not in ran.out


def test_script_cell(notebook: Notebook) -> None:
    ran = notebook.cell("%%netns\nfor each in red blue; do ip netns add $each; done\nip netns | sort | head -n 1")
    assert ran.ok, ran.text
    assert "blue" in lines(ran.out)
    assert {"+ namespace red", "+ namespace blue"} <= set(lines(ran.out))


def test_inner_shell(notebook: Notebook) -> None:
    ran = notebook.cell(
        "%%netns\nip netns add red\nip netns exec red bash\nip addr add 10.0.0.1/8 dev lo\nexit\nip addr"
    )
    assert "+ addr red/lo  10.0.0.1/8" in lines(ran.out)
    assert "10.0.0.1" not in set(ran.value.address)


def test_two_notebooks_are_two_labs(notebook: Notebook) -> None:
    notebook.cell("%netns --lab one ip netns add red")
    assert notebook.cell("%netns --lab two ip netns add red").ok
    assert "namespaces  1: red" in notebook.cell("%lab status --lab two").out
    for name in ("three", "four"):
        assert notebook.cell(f"%netns --lab {name} true").ok
    ran = notebook.cell("%netns --lab five true")
    assert lines(ran.out) == ["this notebook has four labs already", "hint: %lab reset --lab NAME ends one"]


# Options


def test_out(notebook: Notebook) -> None:
    ran = notebook.cell("%%netns --out found\nip netns add red\nip netns")
    assert ran.value is None
    assert list(notebook.shell.user_ns["found"].ns) == ["red"]
    notebook.cell("%netns --out said echo hello")
    assert notebook.shell.user_ns["said"] == "hello\n"
    notebook.cell("%netns --out rtt ping -c 1 127.0.0.1")
    assert notebook.shell.user_ns["rtt"].received == 1


def test_fill(notebook: Notebook) -> None:
    notebook.shell.user_ns.update(where="red", nets=["10.0.0.1/8"])
    assert notebook.cell("%netns --fill ip netns add {where}").ok
    ran = notebook.cell("%%netns --fill {where}\nip addr add {nets[0]} dev lo")
    assert lines(ran.out) == ["+ addr red/lo  10.0.0.1/8"]
    # Without it, braces and dollars are the shell's.
    assert lines(notebook.cell("%%netns\nx=1; echo {where} $x").out) == ["{where} 1"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{nobody}", "--fill: there is no Python variable nobody"),
        ("{}", "--fill: {} names no Python variable"),
        ("{7}", "--fill: {} names no Python variable"),
        ("{number[0]}", "--fill: 'int' object is not subscriptable"),
        ("{number.nothing}", "--fill: 'int' object has no attribute 'nothing'"),
        ("{number:nonsense}", "--fill: Invalid format specifier 'nonsense' for object of type 'int'"),
        ("{", "--fill: Single '{' encountered in format string"),
    ],
)
def test_fill_refused(notebook: Notebook, source: str, message: str) -> None:
    notebook.shell.user_ns["number"] = 5
    ran = notebook.cell(f"%netns --fill echo {source}")
    said = lines(ran.out)
    assert said[1:] == ["hint: {name} takes a Python variable; write {{ and }} for braces of the shell"]
    assert said[0].split(" for object")[0] == message.split(" for object")[0]


def test_quiet(notebook: Notebook) -> None:
    ran = notebook.cell("%%netns --quiet\nip netns add red\necho hello\nip netns")
    assert (ran.out, ran.err, ran.value) == ("", "", None)
    assert lines(notebook.cell("%netns --quiet ip link set x up").out)[0] == 'Cannot find device "x"'


def test_no_raise_error(notebook: Notebook) -> None:
    ran = notebook.cell("%%netns --no-raise-error\nip link set x up\nip netns add red")
    assert ran.ok
    assert lines(ran.out) == ['Cannot find device "x"', "hint: host has lo", "+ namespace red"]


def test_stop(notebook: Notebook) -> None:
    ran = notebook.cell("%%netns --stop\nfalse\nip netns add red")
    assert lines(ran.out) == ["false: exit status 1", "line 1 failed: false"]
    assert "namespaces  0" in notebook.cell("%lab status").out


def test_text_and_config(notebook: Notebook) -> None:
    brief = "lo               UNKNOWN        00:00:00:00:00:00 <LOOPBACK,UP,LOWER_UP> "
    ran = notebook.cell("%netns --text ip -br link")
    assert (ran.out, ran.value) == (brief + "\n", None)
    notebook.cell("%config Netns.show = 'both'")
    ran = notebook.cell("%netns ip -br link")
    assert brief in lines(ran.out)
    assert list(ran.value.ifname) == ["lo"]
    notebook.cell("%config Netns.show = 'text'")
    assert notebook.cell("%netns ip -br link").value is None
    notebook.cell("%config Netns.changes = False")
    assert notebook.cell("%netns ip netns add red").out == ""


def test_all(notebook: Notebook) -> None:
    some, everything = notebook.cell("%netns ip link"), notebook.cell("%netns --all ip link")
    assert " mtu " not in some.out
    assert " mtu " in everything.out
    assert list(some.value.columns) == list(everything.value.columns)


def test_json(notebook: Notebook) -> None:
    ran = notebook.cell("import json\nsaid = %netns ip -j link\njson.loads(said)[0]['ifname']")
    assert ran.value == "lo"
    ran = notebook.cell("%%netns\nip -j link\nip -j -4 addr")
    assert ran.out.count('"ifname":"lo"') == 2
    assert '"addr_info"' in ran.value
    assert "\\n" not in ran.out
    ran = notebook.cell("%netns ip -j link show nothing")
    assert 'Device "nothing" does not exist.' in lines(ran.out)
    assert isinstance(ran.error, errors.NsmagicError)


def test_timeout(notebook: Notebook) -> None:
    ran = notebook.cell("%netns --timeout 0.2 sleep 30")
    assert lines(ran.out) == [
        "ended after 0.2 s: sleep 30",
        "hint: --timeout SECONDS gives it longer; --bg lets it run beside the next cells",
    ]
    assert isinstance(ran.error, errors.CommandTimeout)


def test_background(notebook: Notebook) -> None:
    ran = notebook.cell("job = %netns --bg sh -c 'echo ready; exec sleep 1000'\njob.running")
    assert ran.value is True
    assert lines(ran.out)[0].startswith("job 1 in host: sh -c")
    notebook.cell("%netns --timeout 10 sh -c 'until pgrep -x sleep; do :; done'")
    assert lines(notebook.cell("%lab log 1").out) == ["ready"]
    assert "(runs)" in notebook.cell("%lab status").out
    assert lines(notebook.cell("%lab stop 1").out) == ["job 1 has ended"]
    assert notebook.cell("job.running").value is False


# Python in a namespace

SERVER = """%%netns red --python
import socket
server = socket.create_server(("10.0.0.1", 80))
server.getsockname()
"""
CLIENT = """%%netns red --python --out peer
with socket.create_connection(("10.0.0.1", 80), timeout=5) as client:
    peer = client.getpeername()
peer
"""


def test_python_sockets_live_in_the_namespace(notebook: Notebook) -> None:
    notebook.cell("%%netns\nip netns add red\nip -n red addr add 10.0.0.1/8 dev lo\nip -n red link set lo up")
    assert notebook.cell(SERVER).value == ("10.0.0.1", 80)
    assert notebook.cell(CLIENT).ok
    assert notebook.shell.user_ns["peer"] == ("10.0.0.1", 80)
    # Behind the block a socket is the machine's again, where nobody has this address.
    ran = notebook.cell("plain = socket.socket()\ntry:\n    plain.bind(('10.0.0.1', 80))\nfinally:\n    plain.close()")
    assert isinstance(ran.error, OSError)
    notebook.cell("server.close()")


def test_python_errors_are_pythons(notebook: Notebook) -> None:
    ran = notebook.cell("%%netns --python\none = 1\none / 0")
    assert isinstance(ran.error, ZeroDivisionError)
    assert "----> 2 one / 0" in ran.out
    assert "magics.py" not in ran.out


# Errors


def test_a_namespace_that_was_there_a_moment_ago_is_no_longer_known(notebook: Notebook) -> None:
    notebook.cell("%%netns\nip netns add rouge")
    assert notebook.cell("%netns rouge ip link").ok
    notebook.cell("%%netns\nip netns del rouge")
    for source in (
        "%netns rouge ip link",
        "%netns rouge ip link set lo up",
        "%netns rouge true",
        "%netns rouge ping -c1 ::1",
    ):
        ran = notebook.cell(source)
        assert isinstance(ran.error, errors.NamespaceNotFound), source
        assert '"rouge"' in str(ran.error)
    assert '"rouge" is neither a command nor a namespace' in str(notebook.cell("%netns rouge ip link").error)
    assert 'there is no namespace "rouge"' in str(notebook.cell("%%netns rouge\nip link").error)


def test_a_name_of_a_namespace_that_is_gone_may_be_a_program_now(notebook: Notebook) -> None:
    notebook.cell("%%netns\nip netns add echo")
    notebook.cell("%netns echo ip link")
    notebook.cell("%%netns\nip netns del echo")
    assert notebook.cell("%netns echo ip link").out == "ip link\n"


@pytest.mark.parametrize(
    ("source", "said", "kind"),
    [
        ("%netns rad ip link", [
            '"rad" is neither a command nor a namespace',
            "hint: did you mean red? namespaces: blue, red; commands: ip, ping, arp, route …",
        ], errors.NamespaceNotFound),
        ("%%netns rad\nip link", ['there is no namespace "rad"', "hint: did you mean red? There are: blue, red"], errors.NamespaceNotFound),
        ("%links rad", ['there is no namespace "rad"', "hint: did you mean red? There are: blue, red"], errors.NamespaceNotFound),
        ("%links -n red", ["there is no option -n", "hint: did you mean --ns?"], errors.CommandSyntaxError),
        ("%sniff red lo --count 1", ["lo is an interface of red, and no filter", "hint: an interface stands behind a colon:  %sniff red:lo"],
         errors.CommandSyntaxError),
        ("%trace red 10.0.0.2 --port 80", [
            "10.0.0.2 --port 80: no command",
            "hint: an address alone is one ping; more is a command, as in ping -c 3 10.0.0.2 or curl http://10.0.0.2:8080/",
        ], errors.CommandSyntaxError),
        ("%%netns --txt\nip link", ["there is no option --txt", "hint: did you mean --text?"], errors.CommandSyntaxError),
        ("%netns", ["there is no command on the line", "hint: %netns red ip route"], errors.CommandSyntaxError),
        ("%lab nonsense", [
            "%lab nonsense is not known", "hint: %lab status | reset | world | break | script | needs | doctor | log | stop",
        ], errors.CommandSyntaxError),
        ("%lab log 7", ["there is no job 7", "hint: jobs of this lab: none"], errors.NsmagicError),
        ("%netns ip netns add red", [
            'Cannot create namespace file "/var/run/netns/red": File exists',
            "hint: the namespace red exists already (made by cell 1); run %lab reset and the cells again, or:  ip netns del red",
        ], errors.KernelRefused),
        ("%%netns\nip link set x up\nfalse\nip netns add green", [
            'Cannot find device "x"', "hint: host has lo", "false: exit status 1", "+ namespace green",
            "2 commands failed:", "  line 1: ip link set x up", "  line 2: false",
        ], errors.CellFailed),
        ("%%netns\nip link set x up && ip netns add green", [
            'Cannot find device "x"', "hint: host has lo", "line 1 failed: ip link set x up",
        ], errors.CellFailed),
        ("%%netns\nip link add 'x", ["unfinished quote ' (line 1, character 13)", "hint: close it with another '"], errors.CommandSyntaxError),
        ("%netns false", ["false: exit status 1"], errors.CommandFailed),
    ],
)  # fmt: skip
def test_errors_are_short(notebook: Notebook, source: str, said: list[str], kind: type[Exception]) -> None:
    notebook.shell.execution_count = 1
    notebook.cell("%netns --quiet ip netns add red")
    notebook.cell("%netns --quiet ip netns add blue")
    ran = notebook.cell(source)
    assert lines(ran.out) == said
    assert isinstance(ran.error, kind)
    assert ran.err == ""


def test_an_unanswered_ping_is_a_result(notebook: Notebook) -> None:
    ran = notebook.cell("answer = %netns ping -c 1 -W 1 192.0.2.1\nbool(answer), answer.received")
    assert ran.ok
    assert ran.value == (False, 0)
    assert "ping: connect: Network is unreachable" in lines(ran.out)
    assert "+ namespace red" not in notebook.cell("%%netns\nping -c 1 -W 1 192.0.2.1 && ip netns add red").out


# Slips


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        ("ip link add v1 type veth", "hint: put %%netns on the first line"),
        ("$ sudo ip netns add red", "hint: put %%netns on the first line"),
        ("# the cable\n%%netns\nip link", "hint: %%netns must be the very first line; move what is above it below"),
    ],
)
def test_the_magic_in_the_wrong_place(notebook: Notebook, source: str, hint: str) -> None:
    ran = notebook.cell(source)
    assert isinstance(ran.error, SyntaxError)
    assert hint in ran.err


def test_python_with_a_syntax_error_gets_no_hint(notebook: Notebook) -> None:
    ran = notebook.cell("ip = (1,")
    assert isinstance(ran.error, SyntaxError)
    assert ran.err == ""


def test_shell_escapes_are_warned_of_once(notebook: Notebook) -> None:
    warning = "hint: !ip acts on the machine, not on the lab; in the lab it is:  %netns ip …"
    assert lines(notebook.cell("!ip -V > /dev/null").err) == [warning]
    assert notebook.cell("!ip -V > /dev/null").err == ""


def test_shell_escapes_that_touch_no_network_are_silent(notebook: Notebook) -> None:
    assert notebook.cell("!true ip").err == ""
    assert notebook.cell("%%bash\necho an ip address > /dev/null").err == ""
    assert notebook.cell("%%bash\nip -V > /dev/null").err.startswith("hint: %%bash runs ip on the machine")


# Tables and %lab


def test_tables(notebook: Notebook) -> None:
    notebook.cell(CABLE)
    notebook.cell("%%netns\nip -n red addr add 10.0.0.1/24 dev veth-red\nip -n red link set veth-red up")
    assert set(notebook.cell("%links").value.ns) == {"host", "red", "blue"}
    assert list(notebook.cell("%links blue").value.ifname) == ["lo", "veth-blue"]
    assert list(notebook.cell("%addrs red").value.address) == ["10.0.0.1"]
    assert list(notebook.cell("%routes red").value.dst) == ["10.0.0.0/24"]
    assert list(notebook.cell("%arp").value.columns) == ["ns", "address", "mac", "dev", "state", "family"]
    assert "mtu" in notebook.cell("%links --all").out
    assert list(notebook.cell("%links host").value.ifname) == ["lo"]
    for cell in ("ip addr show lo\nip link set nope up", "ip link set nope up\nip addr show lo"):
        assert notebook.cell(f"%%netns\n{cell}").out.count("addresses of host") == 1


def test_topology(notebook: Notebook) -> None:
    notebook.cell(CABLE)
    assert "   ├─ veth-red        DOWN  ⇄ blue/veth-blue".replace("├", "└") in notebook.cell("%topology").out


def test_script_rebuilds_the_lab(notebook: Notebook) -> None:
    def tables() -> list[str]:
        return [repr(notebook.cell(f"%{table} --all").value) for table in ("links", "addrs", "routes")]

    notebook.cell(CABLE)
    notebook.cell(
        "%%netns red\nip link set veth-red up\nip addr add 10.0.0.1/24 dev veth-red\nip link set nothing up\nip addr"
    )
    before = tables()
    script = notebook.cell("%lab script").out
    assert lines(script)[0] == "%%netns"
    assert "nothing" not in script
    notebook.cell("%lab reset")
    assert notebook.cell(script).ok
    assert tables() == before


def test_reset_empties_the_lab(notebook: Notebook) -> None:
    notebook.cell("%netns ip netns add red")
    pid = notebook.cell("get_ipython().magics_manager.registry['Netns'].lab_of().pid").value
    assert lines(notebook.cell("%lab reset").out) == ["the lab is empty: everything in it is gone"]
    assert "namespaces  0" in notebook.cell("%lab status").out
    assert notebook.cell("get_ipython().magics_manager.registry['Netns'].lab_of().pid").value != pid


@pytest.mark.not_in_vm("speaks of the kind that serves by itself")
def test_doctor(notebook: Notebook) -> None:
    assert "A lab works here: sandbox rootless" in notebook.cell("%lab doctor").out


# Completion


def test_completion(notebook: Notebook) -> None:
    assert notebook.complete("%netns --ti") == ["--timeout"]
    assert "--python" in notebook.complete("%%netns --")
    # No lab is started to complete, so no namespace is offered yet.
    assert "red" not in notebook.complete("%%netns\nip -n r")
    assert not notebook.shell.magics_manager.registry["Netns"].labs
    notebook.cell(CABLE)
    assert notebook.complete("%%netns r") == ["red"]
    assert notebook.complete("%netns re") == ["red"]
    assert notebook.complete("%links b") == ["blue"]
    assert notebook.complete("%%netns\nip -n b") == ["blue"]
    assert notebook.complete("%%netns\nip netns exec re") == ["red"]
    assert notebook.complete("%%netns\nip -n red link set ve") == ["veth-red"]
    assert notebook.complete("%%netns blue\nip addr add 10.0.0.1/8 dev v") == ["veth-blue"]
    assert notebook.complete("%netns red ip link set v") == ["veth-red"]
    assert notebook.complete("links = %netns blue ip link show v") == ["veth-blue"]
    assert notebook.complete("%lab sc") == ["script"]
    assert notebook.complete("%%netns --lab other\nip -n b") != ["blue"]
    assert {"add", "del", "set", "show"} <= set(notebook.complete("%%netns\nip link "))
    assert "netns" in notebook.complete("%%netns\nip ")
    assert "veth" in notebook.complete("%%netns\nip link add a type ")


def test_completion_leaves_python_alone(notebook: Notebook) -> None:
    notebook.cell("red_thing = 1")
    assert notebook.complete("red_th") == ["red_thing"]
    assert "link" not in notebook.complete("ip li")
    assert notebook.complete("%%netns --python\nred_th") == ["red_thing"]


# Load and unload


def matchers(notebook: Notebook) -> int:
    return len(notebook.shell.Completer.custom_matchers)


def state(notebook: Notebook) -> dict[str, Any]:
    """All that an extension can leave in a shell."""
    shell = notebook.shell
    return {
        "magics": {kind: sorted(table) for kind, table in shell.magics_manager.magics.items()},
        "registry": sorted(shell.magics_manager.registry),
        "events": {name: len(hooks) for name, hooks in shell.events.callbacks.items()},
        "matchers": matchers(notebook),
        "configurables": len(shell.configurables),
        "loaded": sorted(shell.extension_manager.loaded),
    }


def test_unload_leaves_nothing_and_reload_is_one(notebook: Notebook) -> None:
    notebook.cell("%netns true")
    loaded = state(notebook)
    lab = notebook.shell.magics_manager.registry["Netns"].labs["lab"]
    notebook.cell("%reload_ext nsmagic")
    assert state(notebook) == loaded
    assert not lab.running
    notebook.cell("%unload_ext nsmagic")
    bare = state(notebook)
    assert "netns" not in bare["magics"]["line"] + bare["magics"]["cell"]
    assert "Netns" not in bare["registry"]
    assert bare["matchers"] == loaded["matchers"] - 1
    assert bare["configurables"] == loaded["configurables"] - 1
    notebook.cell("%load_ext nsmagic")
    assert state(notebook) == loaded
    assert notebook.cell("%netns ip netns add red").ok


def test_manual(notebook: Notebook) -> None:
    text = notebook.shell.magics_manager.registry["Netns"].netns.__doc__
    from nsmagic.magic_line import OPTIONS

    for name, (argument, words) in OPTIONS.items():
        assert f"{name} {argument}".strip() in text
        assert words in text
    assert max(len(line) for line in text.splitlines()) <= 160


def test_the_magics_need_no_terminal(notebook: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert lines(notebook.cell("%netns cat").out) == []
