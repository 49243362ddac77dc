"""Our requests are the ones that ``ip`` and ``bridge`` send, attribute by attribute, also for kinds this kernel lacks.

The real tool runs with a small library preloaded that writes down what it sends; the same line goes through our grammar and
planner, with a lab that gives neither numbers nor MACs. The order of attributes is free, everything else is compared.
"""

from __future__ import annotations

import os
import shlex
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from requests_table import GROUPS, SETUP
from sandboxed import Child, LocalLab, SandboxUnavailable

from nsmagic.commands.command import Command
from nsmagic.commands.parse import parse
from nsmagic.netlink.apply import can_pipeline, prepare

#: Message types that only look something up, and dumps.
_READS = {18, 22, 26, 30, 34}
#: Where attributes begin, by message type.
_HEADERS = {
    16: 16,
    17: 16,
    18: 16,
    19: 16,
    20: 8,
    21: 8,
    24: 12,
    25: 12,
    26: 12,
    28: 12,
    29: 12,
    30: 12,
    32: 12,
    33: 12,
    108: 16,
    109: 16,
}
#: What holds attributes: (message type, path of attribute numbers). Data of a kind is one level down; multipath is not opened.
_NESTED = {(18,), (18, 2), (18, 5), (26,), (26, 10), (8,), (52,), (12,)}
_NLM_F_REQUEST, _NLM_F_ACK = 1, 4


@pytest.fixture(scope="session")
def preload(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("gcc") is None:
        pytest.skip("gcc is needed to build the library that writes down what a tool sends")
    built = tmp_path_factory.mktemp("preload") / "sent.so"
    source = Path(__file__).with_name("sent.c")
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", built, source, "-ldl"], check=True, timeout=60)
    os.chmod(built.parent, 0o755)
    return built


def _sent_by_tool(lines: list[str], library: str) -> list[list[bytes]]:
    for line in SETUP.strip().splitlines():
        subprocess.run(shlex.split(line), check=True, timeout=30)
    found = []
    for line in lines:
        path = Path("/run/sent")
        path.unlink(missing_ok=True)
        subprocess.run(
            shlex.split(line),
            env={**os.environ, "LD_PRELOAD": library, "SENT": str(path)},
            capture_output=True,
            timeout=30,
            check=False,
        )
        messages = [bytes.fromhex(one) for one in path.read_text().split()] if path.exists() else []
        found.append([one for one in messages if not _probe(one)])
    return found


def _probe(message: bytes) -> bool:
    """Look-ups, and the empty RTM_NEWLINK with which iproute2 asks whether the kernel knows it."""
    kind = struct.unpack_from("=H", message, 4)[0]
    return (kind in _READS and kind not in (26, 30)) or (kind == 16 and message[16:] == bytes(16))


def _sent_by_us(lines: list[str]) -> list[list[bytes]]:
    for line in SETUP.strip().splitlines():
        subprocess.run(shlex.split(line), check=True, timeout=30)
    lab = LocalLab(indexes=False, macs=False)
    found = []
    for line in lines:
        command = parse(tuple(shlex.split(line)), None)
        assert isinstance(command, Command), f"not native: {line}: {command}"
        assert can_pipeline(command.verb, command.tool, command.args), line
        plan = prepare(lab, command.ns, command.verb, command.args, command.tool)
        found.append([
            struct.pack("=IHHII", 16 + len(one.body), one.type, one.flags | _NLM_F_REQUEST | _NLM_F_ACK, 0, 0) + one.body
            for one in plan.messages
        ])  # fmt: skip
    return found


def _tree(message: bytes) -> Any:
    """A message as type, flags, header and its attributes in order of number."""
    _, kind, flags, _, _ = struct.unpack_from("=IHHII", message)
    size = _HEADERS[kind]
    header = message[16 : 16 + size]
    return kind, flags | _NLM_F_ACK, header.hex(" ", 4), _attributes(kind, message[16 + size :], ())


def _attributes(kind: int, data: bytes, path: tuple[int, ...]) -> list[Any]:
    found = []
    at = 0
    while at + 4 <= len(data):
        size, number = struct.unpack_from("=HH", data, at)
        number &= 0x3FFF
        value = data[at + 4 : at + size]
        here = (*path, number)
        if here == (18, 1) or (here == (20,) and kind == 16):  # kinds and aliases, with or without their NUL
            value = value.rstrip(b"\0")
        if here == (9,) and kind in (24, 25):
            found.append((number, _nexthops(kind, value)))
        elif here in _NESTED and (kind in (16, 17, 19, 108, 109) or (here == (8,) and kind in (24, 25))):
            found.append((number, _attributes(kind, value, here)))
        else:
            found.append((number, value.hex()))
        at += (size + 3) & ~3
    repeated = path == (26,)  # a range of VLANs is two attributes of one number, in order
    return found if repeated else sorted(found, key=lambda item: (item[0], str(item[1])))


def _nexthops(kind: int, data: bytes) -> list[Any]:
    """``RTA_MULTIPATH``: what is between two next hops is padding that the tool does not clear."""
    found = []
    while len(data) >= 8:
        size = struct.unpack_from("=H", data)[0]
        found.append((data[2:8].hex(), _attributes(kind, data[8:size], (9,))))
        data = data[(size + 3) & ~3 :]
    return found


@pytest.mark.sandbox
@pytest.mark.parametrize("group", GROUPS, ids=str)
def test_requests(group: str, preload: Path, record_property: Callable[[str, Any], None]) -> None:
    lines = [line for line in GROUPS[group].strip().splitlines() if line.strip()]
    if shutil.which("ip") is None:
        pytest.skip("the real ip is not installed")
    with Child() as real, Child() as ours:
        try:
            theirs: list[list[bytes]] = real.call(_sent_by_tool, lines, str(preload))
        except SandboxUnavailable as error:
            pytest.skip(str(error))
        said: list[list[bytes]] = ours.call(_sent_by_us, lines)
    wrong = []
    for line, left, right in zip(lines, theirs, said, strict=True):
        assert left, f"the tool sent nothing: {line}"
        a, b = [_tree(one) for one in left], [_tree(one) for one in right]
        if a != b:
            wrong.append(f"{line}\n  tool: {a}\n  ours: {b}")
    assert not wrong, "\n".join(["other requests:", *wrong])
    record_property("parity_forms", [])
    record_property("parity_messages", len(lines))
