"""The files that captures write, read by others."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import dpkt
import pytest

from nsmagic import Lab
from nsmagic.trace import pcapng
from nsmagic.trace.frame import Frame

FRAMES = [
    Frame(1_700_000_000_123_456_789, "red", "veth-red", "out", "out", True, 0x0806, 42, b"\xff" * 12 + b"\x08\x06" + bytes(28)),
    Frame(1_700_000_000_123_456_999, "(lan)", "tun0", "in", "us", False, 0x0800, 1500, b"\x45" + bytes(19)),
    Frame(1_700_000_001_000_000_001, "red", "veth-red", "in", "all", True, 0x0806, 43, b"\xff" * 12 + b"\x08\x06" + bytes(29)),
]  # fmt: skip


def test_dpkt_reads_back_what_was_written() -> None:
    file = io.BytesIO()
    assert pcapng.write(file, FRAMES, 1500, "a comment") == 3
    file.seek(0)
    read = list(dpkt.pcapng.Reader(file))
    assert [data for _, data in read] == [frame.data for frame in FRAMES]
    assert [round(when, 3) for when, _ in read] == [1700000000.123, 1700000000.123, 1700000001.0]


@pytest.mark.sandbox
def test_tcpdump_reads_a_capture(lab: Lab, tmp_path: Path) -> None:
    with lab.sniff("host:lo", "icmp", background=True) as capture:
        lab.run("ping -c 1 127.0.0.1")
    path = capture.save(tmp_path / "ping.pcapng")
    done = subprocess.run(["tcpdump", "-nr", path], capture_output=True, text=True, check=True)
    assert [line.split()[1:5] for line in done.stdout.splitlines()] == [["IP", "127.0.0.1", ">", "127.0.0.1:"]] * 4


@pytest.mark.heavy
def test_wireshark_knows_interfaces_namespaces_times_and_directions(tmp_path: Path) -> None:
    """``pytest -m heavy tests/trace/test_pcapng.py``; needs Debian's package tshark."""
    path = tmp_path / "frames.pcapng"
    with path.open("wb") as file:
        pcapng.write(file, FRAMES, 1500)
    names = ["frame.interface_name", "frame.interface_description", "frame.packet_flags_direction", "frame.len", "frame.cap_len", "frame.time_epoch"]  # fmt: skip
    fields = [word for name in names for word in ("-e", name)]
    done = subprocess.run(["tshark", "-r", path, "-T", "fields", *fields], capture_output=True, text=True, check=True)
    assert [line.split("\t") for line in done.stdout.splitlines()] == [
        ["red:veth-red", "namespace red", "0x00000002", "42", "42", "1700000000.123456789"],
        ["(lan):tun0", "namespace (lan)", "0x00000001", "1500", "20", "1700000000.123456999"],
        ["red:veth-red", "namespace red", "0x00000001", "43", "43", "1700000001.000000001"],
    ]
    info = subprocess.run(["capinfos", path], capture_output=True, text=True, check=True).stdout
    assert "Number of interfaces in file: 2" in info
