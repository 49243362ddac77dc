"""What the tests of ``ip`` share: reading a line, and asking the real ``ip`` many lines in one sandbox.

The sandbox is ``unshare -Urnm`` with a tmpfs on /run: nothing of the machine is touched.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from functools import cache
from typing import Any

import pytest

from nsmagic.commands.command import Command, Program, Runnable
from nsmagic.commands.ip import parse
from nsmagic.errors import CommandSyntaxError

SETUP = (
    "mount -t tmpfs none /run", "mkdir -p /run/netns", "ip link set lo up", "ip link add v0 type veth peer name v1",
    "ip link add p0 type veth peer name p1", "ip link add br0 type bridge", "ip link set p0 master br0",
    "ip link set v0 up", "ip link set v1 up", "ip addr add 192.168.1.1/24 dev v0", "ip netns add red",
    "ip neigh add 192.168.1.9 lladdr 02:00:00:00:00:09 dev v0", "ip rule add pref 50 from 10.0.0.0/8 table 100",
)  # fmt: skip

_ASK = """
import json, shlex, subprocess, sys
setup, fresh, lines = json.load(sys.stdin)
def run(line):
    done = subprocess.run(shlex.split(line), capture_output=True, text=True, timeout=20)
    return done.returncode, (done.stderr or done.stdout).strip()
for line in setup:
    run(line)
answers = []
for line in lines:
    answers.append(run(line))
    for undo in fresh:
        run(undo)
print(json.dumps(answers))
"""


@cache
def sandbox_missing() -> str:
    """Why the real tool cannot be asked here, ``""`` when it can."""
    done = subprocess.run(["unshare", "-Urnm", "ip", "-V"], capture_output=True, text=True, check=False)
    return done.stderr.strip() if done.returncode else ""


needs_ip = pytest.mark.skipif(bool(sandbox_missing()), reason=f"no sandbox with a real ip here: {sandbox_missing()}")


def ask(lines: list[str], fresh: tuple[str, ...] = ()) -> list[tuple[int, str]]:
    """Status and words of the real tool for each line, one after the other in one sandbox (``fresh`` runs after each)."""
    done = subprocess.run(
        ["unshare", "-Urnm", sys.executable, "-I", "-c", _ASK], input=json.dumps([SETUP, fresh, lines]),
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    return [(status, words) for status, words in json.loads(done.stdout)]


def read(line: str, ns: str | None = None) -> Runnable:
    return parse(tuple(shlex.split(line)), ns)


def command(line: str) -> tuple[str, dict[str, Any]]:
    """Verb and arguments of a line that must be native."""
    run = read(line)
    assert isinstance(run, Command), f"{line}: {run}"
    json.dumps(run.to_data())
    return run.verb, dict(run.args)


def args(line: str) -> dict[str, Any]:
    return command(line)[1]


def refusal(line: str) -> CommandSyntaxError:
    """The error that a line must give; it always says where, and has a hint."""
    with pytest.raises(CommandSyntaxError) as caught:
        read(line)
    error = caught.value
    assert error.text == " ".join(shlex.split(line))
    assert 0 <= error.at <= len(error.text)
    return error


def at_word(error: CommandSyntaxError) -> str:
    """The word at which an error points."""
    return error.text[error.at :].split(" ")[0]


def left_to_the_tool(line: str) -> bool:
    """Whether the line is a form that we leave to the real tool, without a complaint."""
    run = read(line)
    return isinstance(run, Program) and run.why is None
