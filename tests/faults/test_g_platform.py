"""FAULTS.md 5.G, what the doctor's tests do not show."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
import warnings

import pytest

from nsmagic import Lab
from tests.sandbox import observe
from tests.sandbox.outside import notebook

pytestmark = pytest.mark.sandbox


def test_076_no_unshare_in_python() -> None:
    """Python before 3.12 has no os.unshare: ours are system calls through ctypes, whichever Python it is."""
    said = notebook(
        """
for name in ("unshare", "setns"):
    if hasattr(os, name):
        delattr(os, name)
with Lab() as lab:
    say(ok=lab.run("ip netns add red; ip netns exec red ip link").ok)
"""
    )
    assert said["ok"]
    assert sys.version_info >= (3, 11)


def test_078_somebody_else_holds_a_namespace() -> None:
    """A descriptor outside pins the lab's network: close() ends everything else and does not wait for that."""
    lab = Lab(sandbox="rootless")
    lab.run("ip netns add red").check()
    [init] = observe.children(lab.pid)
    held = os.open(f"/proc/{init}/ns/net", os.O_RDONLY)
    try:
        begun = time.monotonic()
        with observe.handle(init) as first:
            with pytest.warns(UserWarning, match="the kernel keeps a network namespace"):
                lab.close()
            assert time.monotonic() - begun < 2.0
            assert observe.ended(first, 1.0)
    finally:
        os.close(held)


def test_079_who_holds_a_namespace_is_named() -> None:
    """What this process or one that it started has open: the namespace itself, a socket, somebody who is in it."""
    lab = Lab(sandbox="rootless")
    lab.run("ip netns add red\nip -n red link set lo up").check()
    [init] = observe.children(lab.pid)
    with contextlib.ExitStack() as stack:
        own = lab.socket("red")
        kept = os.dup(own.fileno())
        stack.callback(os.close, kept)
        file = os.open(f"/proc/{init}/ns/net", os.O_RDONLY)
        stack.callback(os.close, file)
        heir = subprocess.Popen(["sleep", "60"], pass_fds=(kept,))
        stack.callback(heir.wait, 10)
        stack.callback(heir.kill)
        with pytest.warns(UserWarning, match="as long as this is there") as warned:
            lab.close()
        [words] = [str(each.message) for each in warned]
    assert own.fileno() == -1, "what is known to be the lab's is closed, and not named"
    named = words.partition("as long as this is there: ")[2].split("; ")
    assert sorted(named) == sorted(
        [
            f"descriptor {kept} of this process (a socket)",
            f"descriptor {file} of this process (the namespace itself)",
            f"descriptor {kept} of process {heir.pid} (sleep) (a socket)",
        ]
    )


def test_079_somebody_who_is_in_it_is_named() -> None:
    """As root who typed nsenter in a terminal: no descriptor of ours, and named all the same."""
    lab = Lab(sandbox="rootless")
    lab.run("ip netns add red").check()
    [init] = observe.children(lab.pid)
    enter = ["nsenter", f"--user=/proc/{init}/ns/user", f"--net=/proc/{init}/ns/net", "--preserve-credentials"]
    with subprocess.Popen([*enter, "sh", "-c", "echo in; exec sleep 60"], stdout=subprocess.PIPE, text=True) as inside:
        try:
            assert inside.stdout is not None
            assert inside.stdout.readline() == "in\n"
            with pytest.warns(UserWarning, match=rf"process {inside.pid} \(\w+\), which is in it"):
                lab.close()
        finally:
            inside.kill()


def test_079_nobody_else_is_named() -> None:
    """A lab of the same notebook, a socket of the machine's, a lab that was closed before: nothing to say."""
    with Lab(sandbox="rootless") as other, socket.socket() as machines, warnings.catch_warnings():
        warnings.simplefilter("error")
        other.run("ip netns add red").check()
        with other.socket("red") as theirs:
            for kind in ("rootless", "rootless-nomount"):
                with Lab(sandbox=kind) as lab:
                    lab.run("ip netns add red").check()
            assert theirs.fileno() >= 0
            assert machines.fileno() >= 0
