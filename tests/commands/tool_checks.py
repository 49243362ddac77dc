"""What the tests of the tools share: the real tool in a sandbox of its own, and one test function for each kind of table.

The sandbox is ``unshare -Urnm``: new user, network and mount namespaces, so that nothing of the machine is touched.
"""

from __future__ import annotations

import shlex
import subprocess
from functools import cache
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tool_tables import FORMS, LEFT, REFUSED, Form

from nsmagic.commands.command import Batch, Command, Program, Runnable, Sequence
from nsmagic.errors import CommandSyntaxError
from tests.fuzz import examples

#: One process for all of it: the tests start many sandboxes.
SETUP = """
mount -t sysfs sysfs /sys
mount --bind /dev/null /etc/resolv.conf
ip -force -batch - <<END
link set lo up
link add v0 address 02:00:00:00:00:01 type veth peer name v1
link add p0 type veth peer name p1
link add v0.5 type veth peer name v5
link add br0 type bridge
link add vx0 type vxlan id 5 dstport 4789 dev v1
link set p0 master br0
addr add 10.0.0.1/24 dev v0
link set v0 up
link set v1 up
link set p0 up
link set p1 up
link set br0 up
neigh add 10.0.0.7 lladdr 02:00:00:00:00:07 dev v0
addr add fd00::7/64 dev v0
route add 10.9.0.0/16 dev v0
route add 10.5.5.5 dev v0
route add default via 10.0.0.3
route add 2001:db8:3::/48 dev v0 metric 1
END
bridge fdb add 02:aa:00:00:00:02 dev p0 master
"""


@cache
def sandbox_missing() -> str:
    """Why the real tools cannot be asked here, ``""`` when they can."""
    done = subprocess.run(["unshare", "-Urnm", "true"], capture_output=True, text=True, check=False)
    return done.stderr.strip() if done.returncode else ""


def real(line: str, before: str = "") -> tuple[int, str]:
    """What the real tool does in a sandbox where ``SETUP`` and ``before`` have run: its status and all it says."""
    script = f"({SETUP}\n{before}) >/dev/null 2>&1\nexec timeout 10 {line}"
    done = subprocess.run(
        ["unshare", "-Urnm", "bash", "-c", script], capture_output=True, text=True, timeout=30, check=False
    )
    return done.returncode, done.stdout + done.stderr


def read(module: str, line: str, ns: str | None = None) -> Runnable:
    """The line as the tool's grammar reads it."""
    runnable: Runnable = import_module(f"nsmagic.commands.{module}").parse(tuple(shlex.split(line)), ns)
    return runnable


def steps(runnable: Runnable) -> list[tuple[str, dict[str, Any]]]:
    commands = runnable.commands if isinstance(runnable, Sequence) else (runnable,)
    found = []
    for command in commands:
        assert isinstance(command, Command)
        found.append((command.verb, dict(command.args)))
    return found


def ids(value: object) -> str | None:
    return value if isinstance(value, str) else None


def checks_of(module: str, *, forms: list[Form] | None = None, not_asked: tuple[str, ...] = ()) -> dict[str, Any]:
    """The test functions that each tool has, by name: to be put into the test module's own names.

    ``not_asked`` are accepted lines that the real tool cannot do here, for a reason of the machine's kernel.
    """
    table = forms or FORMS[module]
    needs_sandbox = pytest.mark.skipif(bool(sandbox_missing()), reason=f"no sandbox here: {sandbox_missing()}")

    @pytest.mark.parametrize(("line", "expected"), [form[1:] for form in table], ids=ids)
    def test_reads(line: str, expected: list[tuple[str, dict[str, Any]]]) -> None:
        runnable = read(module, line, "red")
        assert steps(runnable) == expected
        for command in runnable.commands if isinstance(runnable, Sequence) else [runnable]:
            assert isinstance(command, Command)
            assert (command.ns, command.tool, command.argv) == ("red", line.split()[0], tuple(line.split()))

    @needs_sandbox
    @pytest.mark.parametrize("line", [form[1] for form in FORMS[module] if form[1] not in not_asked], ids=ids)
    def test_the_real_tool_takes_it_too(line: str) -> None:
        status, said = real(line)
        assert status == 0, said
        assert "sage" not in said.split("\n")[0]

    @pytest.mark.parametrize(("line", "words"), REFUSED[module], ids=ids)
    def test_refuses(line: str, words: str | None) -> None:
        with pytest.raises(CommandSyntaxError) as caught:
            read(module, line)
        assert words is None or words in caught.value.message
        assert caught.value.text == line
        assert 0 <= caught.value.at <= len(line)

    @needs_sandbox
    @pytest.mark.parametrize(("line", "words"), REFUSED[module], ids=ids)
    def test_the_real_tool_refuses_it_too(line: str, words: str | None) -> None:
        status, said = real(line)
        # route prints its usage and ends with 0.
        assert status != 0 or "Usage:" in said, said
        if words is not None:
            assert words in said

    @pytest.mark.parametrize("line", LEFT[module] or ["none"], ids=ids)
    def test_leaves_to_the_real_tool(line: str) -> None:
        if line == "none":
            assert not LEFT[module]
            return
        assert read(module, line, "red") == Program(tuple(line.split()), "red")

    vocabulary = sorted(
        {word for form in FORMS[module] for word in form[1].split()}
        | {w for line, _ in REFUSED[module] for w in line.split()}
    )
    words = st.one_of(
        st.sampled_from(vocabulary),
        st.text(max_size=12),
        st.sampled_from(
            [
                "",
                "-",
                "--",
                "--=",
                "-c",
                "=",
                "/",
                ":",
                "::",
                "%",
                "{x}",
                "$(id)",
                "é" * 8,
                "\0",
                "\udc80",
                "9" * 40,
                "1e999",
            ]
        ),
    )

    @examples(500, module, texts=2)
    @given(st.lists(words, max_size=8))
    def test_never_an_internal_error(rest: list[str]) -> None:
        for each in (rest, rest[::-1]):
            is_read(each)

    def is_read(rest: list[str]) -> None:
        tool = table[0][1].split()[0]
        error: CommandSyntaxError | None = None
        runnable: Runnable | None = None
        try:
            runnable = import_module(f"nsmagic.commands.{module}").parse((tool, *rest), None)
        except CommandSyntaxError as refusal:
            error = refusal
        if error is None:
            assert isinstance(runnable, Command | Sequence | Program | Batch)
        else:
            assert error.message
            assert 0 <= error.at <= len(error.text)

    return {name: function for name, function in locals().items() if name.startswith("test_")}
