"""The cell: steps, prompts, sudo, shells that are entered, batches, scripts."""

from __future__ import annotations

import pytest

from nsmagic.commands.cell import batch_lines, split
from nsmagic.commands.command import Batch, Command, Program, Step
from nsmagic.errors import CommandSyntaxError


def seen(text: str, ns: str | None = None) -> list[tuple[int, str, str | None]]:
    """Line, text and namespace of each step."""
    cell = split(text, ns)
    assert cell.script is None, cell.script
    return [(step.line, step.text, getattr(step.run, "ns", None)) for step in cell.steps]


def script(text: str) -> str:
    cell = split(text)
    assert cell.script is not None
    return cell.script.text


def test_an_empty_cell_has_no_steps() -> None:
    for text in ("", "\n\n", "  \n\t", "# nothing\n", "$ \n$"):
        assert split(text).steps == ()
        assert split(text).script is None


def test_steps_keep_line_text_and_condition() -> None:
    cell = split("\nip netns add red && ip netns || true; ip a &\n")
    assert [(step.line, step.text, step.after, step.background) for step in cell.steps] == [
        (2, "ip netns add red", "always", False),
        (2, "ip netns", "success", False),
        (2, "true", "failure", False),
        (2, "ip a", "always", True),
    ]


def test_a_continued_command_is_one_step() -> None:
    assert seen("ip link add veth-red \\\n   type veth \\\n   peer name veth-blue") == [
        (1, "ip link add veth-red type veth peer name veth-blue", None)
    ]


@pytest.mark.parametrize(
    "prompt",
    ["$ ", "user@host:~$ ", "user@host:/etc/netns$ ", "root@host:~# ", "[root@host ~]# ", "[me@host dir]$ ", "  $ ", "host> ",
     "root@ubuntu-xenial:/home/vagrant# ", "(venv) me@host:~/lab$ ", "root@h:# ", "me@host % ", "# "],
)  # fmt: skip
def test_prompts_are_taken_away(prompt: str) -> None:
    assert seen(f"{prompt}sudo ip netns add red\n{prompt}ip netns") == [
        (1, "sudo ip netns add red", None),
        (2, "ip netns", None),
    ]


def test_a_prompt_alone_on_its_line_is_nothing() -> None:
    assert seen("user@host:~$\n$\nroot@h:~# \nuser@host:~$ ip a") == [(4, "ip a", None)]


def test_the_second_prompt_of_a_continued_line_goes_too() -> None:
    assert seen("$ ip link \\\n> show lo") == [(1, "ip link show lo", None)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# ip netns add red\nip netns", [(2, "ip netns", None)]),
        ("# create the rooms\n# ip netns add red\nip netns", [(3, "ip netns", None)]),
        ("#ip netns add red", []),
        ("# the rooms of the house", []),
        ("# the rooms\n# ip netns add red\n# ip netns", [(2, "ip netns add red", None), (3, "ip netns", None)]),
        ("# sudo ip netns add red\n\n#\n# exit", [(1, "sudo ip netns add red", None)]),
    ],
)
def test_a_hash_is_a_prompt_only_when_every_line_has_it(text: str, expected: list[tuple[int, str, str | None]]) -> None:
    assert seen(text) == expected


def test_text_that_only_looks_like_a_prompt_stays() -> None:
    assert seen("ssh user@host") == [(1, "ssh user@host", None)]
    assert seen("echo 'x\n$ y'") == [(1, "echo 'x\n$ y'", None)]
    assert split("echo > file").script is not None


def test_windows_line_ends() -> None:
    assert seen("ip a\r\nip r\r\n") == [(1, "ip a", None), (2, "ip r", None)]


def test_the_cell_s_namespace() -> None:
    assert seen("ip a\nip netns exec blue ip a", "red") == [(1, "ip a", "red"), (2, "ip netns exec blue ip a", "blue")]


@pytest.mark.parametrize(
    "enter",
    ["ip netns exec red bash", "sudo ip netns exec red bash", "ip netns exec red /bin/sh", "nsenter --net=/run/netns/red bash",
     "sudo nsenter --net=/var/run/netns/red", "ip netns exec red bash --norc", "$ ip netns exec red bash", "ip netns exec red su"],
)  # fmt: skip
def test_the_lines_after_a_shell_run_in_its_namespace(enter: str) -> None:
    cell = split(f"{enter}\nip link\nexit\nip addr")
    assert [(step.line, step.run.ns) for step in cell.steps] == [(1, "red"), (2, "red"), (4, None)]  # type: ignore[union-attr]
    # The first checks that there is such a namespace, where it was named.
    assert cell.steps[0].run == Program(("true",), "red")


def test_shells_nest_and_a_plain_one_changes_nothing() -> None:
    text = "bash\nip netns exec red bash\nip netns exec blue sh\nip a\nexit\nip b\nbash\nip c\nexit 0\nip d\nlogout\nip e\nexit\nip f"
    steps = [(step.text, step.run.ns) for step in split(text).steps if step.run.argv != ("true",)]  # type: ignore[union-attr]
    assert steps == [
        ("ip a", "blue"),
        ("ip b", "red"),
        ("ip c", "red"),
        ("ip d", "red"),
        ("ip e", None),
        ("ip f", None),
    ]


@pytest.mark.parametrize("enter", ["sudo -i", "sudo su", "sudo su -", "su", "sudo -s", "bash -l"])
def test_becoming_root_changes_nothing(enter: str) -> None:
    assert seen(f"{enter}\nip a\nexit\nip r") == [(2, "ip a", None), (4, "ip r", None)]


def test_exit_outside_of_a_shell_ends_the_cell_quietly() -> None:
    assert seen("ip a\nexit\nip r\n'") == [(1, "ip a", None)]


@pytest.mark.parametrize(
    "text",
    ["ip netns exec red bash -c 'ip a'", "ip netns exec red bash script.sh", "bash &", "bash; ip a", "sudo su nobody"],
)
def test_these_do_not_enter_a_shell(text: str) -> None:
    assert isinstance(split(text).steps[0].run, Program)
    assert split(text).steps[0].run != Program(("true",), "red")


def test_a_batch_takes_the_rest_of_the_cell() -> None:
    cell = split("ip a\nip -force -b -\nnetns add red # x\nlink 'set lo up | cat")
    assert [type(step.run).__name__ for step in cell.steps] == ["Command", "Batch"]
    assert cell.steps[1].run == Batch("-", ("netns add red # x", "link 'set lo up | cat"), force=True)


def test_a_batch_from_a_heredoc_is_native() -> None:
    cell = split("ip -n red -batch - <<'EOF'\nlink set $x up\nEOF\nip a")
    assert cell.steps[0].run == Batch("-", ("link set $x up",), ns="red")
    assert cell.steps[1].line == 4
    assert script("ip -b - <<EOF\nlink set $x up\nEOF") == "ip -b - <<EOF\nlink set $x up\nEOF"
    assert "cat" in script("cat <<EOF\nx\nEOF")


def test_batch_lines_are_read_as_iproute2_reads_them() -> None:
    steps = batch_lines(
        [
            "netns add red # room",
            "",
            "# nothing",
            "link add dev a type \\",
            "veth peer name b",
            "link set lo alias 'a b'",
            "-n red link",
        ]
    )
    assert [(step.line, step.text) for step in steps] == [
        (1, "netns add red"), (4, "link add dev a type veth peer name b"), (6, "link set lo alias 'a b'"), (7, "-n red link"),
    ]  # fmt: skip
    runs = [step.run for step in steps]
    assert isinstance(runs[1], Command)
    assert runs[1].args["peer"] == {"ifname": "b"}
    assert isinstance(runs[2], Command)
    assert runs[2].args["alias"] == "a b"
    assert isinstance(runs[3], Program)
    assert 'Object "-n" is unknown' in str(runs[3].why)


def test_batch_lines_take_the_options_and_the_namespace_of_the_batch() -> None:
    (step,) = batch_lines(["neigh show"], prefix=("-6",), ns="red")
    assert isinstance(step, Step)
    assert isinstance(step.run, Command)
    assert (step.run.args, step.run.ns) == ({"family": "inet6"}, "red")


@pytest.mark.parametrize(
    ("lines", "message"), [(["link 'x"], "Unterminated quoted string"), (["link \\"], "Missing continuation line")]
)
def test_batch_lines_refuse(lines: list[str], message: str) -> None:
    with pytest.raises(CommandSyntaxError, match=message):
        batch_lines(lines)


def test_a_script_keeps_its_lines_without_prompts_and_sudo() -> None:
    text = "$ sudo ip a | sudo tee f\n# sudo in a comment\n$ for i in 1; do sudo -E ip l; done && sudo -u root id\necho sudo 'sudo x' \"$(sudo id)\""
    assert (
        script(text)
        == "ip a | tee f\n# sudo in a comment\nfor i in 1; do ip l; done && id\necho sudo 'sudo x' \"$(id)\""
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("if sudo ip a; then sudo b; else sudo c; fi | cat", "if ip a; then b; else c; fi | cat"),
        ("X=1 sudo ip a", "X=1 ip a"),
        ("sudo -u nobody id | cat", "sudo -u nobody id | cat"),
        ("sudo -- ip a | cat", "ip a | cat"),
        ("f() { sudo ip a; }; f", "f() { ip a; }; f"),
        ("while ! sudo ip a; do sleep 1; done", "while ! ip a; do sleep 1; done"),
        ("cat <<EOF | sudo tee f\nsudo x\nEOF", "cat <<EOF | tee f\nsudo x\nEOF"),
        ("sudo bash -c 'sudo x' | cat", "bash -c 'sudo x' | cat"),
        ("(sudo a; sudo b)", "(a; b)"),
        ("echo `sudo a`", "echo `sudo a`"),
    ],
)
def test_sudo_is_taken_away_where_it_is_a_command(text: str, expected: str) -> None:
    assert script(text) == expected


def test_the_reason_and_its_line_are_named() -> None:
    found = split("ip a\nip b\nip c | cat\necho $x").script
    assert found is not None
    assert (found.why, found.line) == ("a pipe", 3)
    assert split("ip a || exit 1").script is not None


def test_shells_entered_in_a_script_read_the_lines_that_follow() -> None:
    text = "sudo ip netns exec red bash\necho $USER\nbash\nid\n$ exit # out\nexit\nip link | cat"
    assert script(text) == (
        "ip netns exec red bash <<'END-OF-SHELL-1'\necho $USER\nbash <<'END-OF-SHELL-2'\nid\nEND-OF-SHELL-2\nEND-OF-SHELL-1\nip link | cat"
    )
    assert script("sudo -i\nid | cat") == "bash <<'END-OF-SHELL-1'\nid | cat\nEND-OF-SHELL-1\n"
    for unchanged in (
        "if true; then\nip netns exec red bash\nfi",
        "f() {\nbash\n}",
        "for i in 1\ndo\nbash\nexit\ndone",
        "function f {\nbash\n}",
    ):
        assert script(unchanged) == unchanged


@pytest.mark.parametrize(
    ("enter", "read"),
    [
        ("unshare -n bash", "unshare -n bash <<"), ("sudo unshare --net --mount", "unshare --net --mount bash <<"),
        ("nsenter -t 17 -n sh", "nsenter -t 17 -n sh <<"), ("unshare -Urn -w /tmp bash -l", "unshare -Urn -w /tmp bash -l <<"),
    ],
)  # fmt: skip
def test_a_shell_of_a_namespace_without_a_name_reads_the_lines_that_follow(enter: str, read: str) -> None:
    assert script(f"{enter}\nip link\nexit\nip addr") == f"{read}'END-OF-SHELL-1'\nip link\nEND-OF-SHELL-1\nip addr"
    assert split("unshare -n ip link").script is None


def test_a_shell_is_entered_beside_a_loop_too() -> None:
    loop = "for ns in red blue; do\n  ip -n $ns link set lo up\ndone\n"
    assert (
        script(f"{loop}ip netns exec red bash\nip route\nexit\n{loop}ip link")
        == f"{loop}ip netns exec red bash <<'END-OF-SHELL-1'\nip route\nEND-OF-SHELL-1\n{loop}ip link"
    )


def test_names_stay_data() -> None:
    (step,) = split("ip netns add '$(reboot);<b>&'").steps
    assert isinstance(step.run, Command)
    assert step.run.args == {"name": "$(reboot);<b>&"}


def test_a_syntax_error_refuses_the_whole_cell() -> None:
    with pytest.raises(CommandSyntaxError, match="line 2, character 6"):
        split("ip netns add red\necho 'x")
