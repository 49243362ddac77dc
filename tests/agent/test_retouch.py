"""Changes in the memory of a User Mode Linux that begins: what they change, and that nothing else is."""

from __future__ import annotations

import contextlib
import os
import signal
import struct
import subprocess
from collections.abc import Iterator

import pytest

from nsmagic import syscalls as sys_
from nsmagic.agent import retouch
from nsmagic.sandbox import vm


@pytest.fixture
def kernel() -> str:
    found = vm.find()
    assert found is not None, "no User Mode Linux here: binder/needs.py installs it"
    return found[0]


@contextlib.contextmanager
def begun(kernel: str) -> Iterator[int]:
    """The kernel's process, which has not run an instruction of it yet."""
    child = subprocess.Popen([kernel, "--version"], stdout=subprocess.DEVNULL, preexec_fn=sys_.be_traced)
    os.waitpid(child.pid, 0)  # its stop, which Popen would take for its end
    try:
        yield child.pid
    finally:
        child.kill()
        child.wait()


def memory(pid: int, address: int, size: int) -> bytes:
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as file:
        file.seek(address)
        return file.read(size)


def test_as_many_bytes_of_registers_are_restored_as_the_machine_wants(kernel: str) -> None:
    with retouch._image(kernel) as image:
        (found,) = retouch._RESTORES.finditer(image)
        address = retouch._address_of(image, found.start(1))
    with begun(kernel) as pid:
        before = memory(pid, address - 64, 128)
        assert before[64:68] == struct.pack("<I", 2696)
        assert retouch._restore_so_many(pid, kernel, 11008)
        assert memory(pid, address - 64, 128) == before[:64] + struct.pack("<I", 11008) + before[68:]


def test_a_program_in_which_that_place_is_not_stays_as_it_is(kernel: str) -> None:
    with begun(kernel) as pid:
        assert not retouch._restore_so_many(pid, "/bin/sh", 11008)


def test_the_machine_says_how_many_bytes_its_registers_have(kernel: str) -> None:
    with begun(kernel) as pid:
        assert sys_.size_of_registers(pid, retouch._NT_X86_XSTATE) >= 512 + 64  # the legacy area and the header


def test_what_has_been_let_go_runs_on_by_itself(kernel: str) -> None:
    child = subprocess.Popen([kernel, "--version"], stdout=subprocess.PIPE, preexec_fn=sys_.be_traced, text=True)
    retouch.when_it_begins(child.pid, kernel)
    said, _ = child.communicate(timeout=30)
    assert said[0].isdigit()
    assert child.returncode == 0


def test_what_has_ended_before_is_left_to_who_waits_for_it(kernel: str) -> None:
    child = subprocess.Popen(["false"])
    retouch.when_it_begins(child.pid, kernel)
    assert child.wait() == 1
    assert child.returncode != -signal.SIGTRAP
