"""Worlds: read with care, built as they say, and their servers are real."""

from __future__ import annotations

import re
import struct
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nsmagic import Lab, worlds
from nsmagic.agent.servers import answer, page
from nsmagic.errors import LabError

README = Path(worlds.__file__).parent / "README.md"
NAMES = {"www.example.com": "203.0.113.80", "v6.example.com": "2001:db8::1"}


def question(name: str, kind: int = 1) -> bytes:
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    return struct.pack(">6H", 99, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">2H", kind, 1)


def test_the_name_server_answers() -> None:
    said = answer(question("WWW.example.com"), NAMES)
    number, flags, _, count = struct.unpack_from(">4H", said)
    assert (number, flags & 0xF, count, said[-4:]) == (99, 0, 1, bytes([203, 0, 113, 80]))
    assert struct.unpack_from(">4H", answer(question("www.example.com", 28), NAMES))[3] == 0
    assert answer(question("v6.example.com", 28), NAMES)[-1:] == b"\x01"
    assert answer(question("no.example.com"), NAMES)[3] & 0xF == 3
    assert answer(question("80.113.0.203.in-addr.arpa", 12), NAMES).endswith(b"\x03www\x07example\x03com\0")


@given(st.binary(max_size=80))
def test_no_query_is_too_strange(query: bytes) -> None:
    said = answer(query, NAMES)
    assert said == b"" or said[:2] == query[:2]


@given(st.binary(max_size=80))
def test_no_request_is_too_strange(request: bytes) -> None:
    assert page("hello", request).startswith((b"HTTP/1.0 200 ", b"HTTP/1.0 400 "))


def test_the_readme_shows_a_world(tmp_path: Path) -> None:
    (text,) = re.findall(r"^```toml\n(.*?)^```$", README.read_text(), flags=re.MULTILINE | re.DOTALL)
    file = tmp_path / "school.toml"
    file.write_text(text)
    world = worlds.read(str(file))
    assert (world.name, world.outside, world.resolver) == ("school", ("router",), "8.8.8.8")
    # Every key that a world may have is in it.
    assert set(tomllib.loads(text)) == worlds._KEYS
    assert {key for room in tomllib.loads(text)["room"] for key in room} == worlds._ROOM_KEYS


WRONG = {
    'room = [{name = "a", nmaes = {}}]': 'a room has no "nmaes"',
    "rooms = []": 'a world has no "rooms"',
    'room = [{name = "a", names = {"x" = "10.0.0.300"}}]': "10.0.0.300",
    'room = []\ncable = [{ends = ["host/eth0", "(b)/x"]}]': "no room/interface",
    "room = [{}]": "name",
    "room = [": "Invalid|Unclosed|Expected|end",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_no_world_is_refused_by_name(text: str, tmp_path: Path) -> None:
    file = tmp_path / "bad.toml"
    file.write_text(text)
    with pytest.raises(LabError, match=WRONG[text]):
        worlds.read(str(file))
    with pytest.raises(LabError, match="there is no world"):
        worlds.read(str(tmp_path / "none.toml"))


@pytest.mark.sandbox
def test_home_lan_is_what_the_note_assumes() -> None:
    with Lab(world="home-lan") as lab:
        assert lab.names() == []
        assert lab.run("ip netns").value.empty
        assert lab.addrs[lab.addrs.ifname == "eth0"].address[2] == "192.168.1.2"
        assert lab.routes.gateway.dropna().tolist() == ["192.168.1.1"]
        for address in ("192.168.1.1", "192.168.1.3", "8.8.8.8", "www.example.com", "pc.home.arpa"):
            assert lab.run(f"ping -c 1 -W 1 {address}").value.received == 1, address
        assert lab.run("ping -c 1 nowhere.example.com").value.received == 0
        assert "You have reached the internet" in lab.run("curl -s http://www.example.com/").text
        assert lab.run("getent hosts 203.0.113.80").text.split() == ["203.0.113.80", "www.example.com"]
        with lab["host"].python():
            import socket

            assert socket.gethostbyname("www.example.com") == "203.0.113.80"
        # Its rooms are the outside: not listed, drawn as one cloud, and no process of the learner's.
        assert "8.8.8.8" not in str(lab.topology())
        assert [room.ns for room in lab.topology(all=True).graph.rooms if room.world] == [
            "(internet)",
            "(lan)",
            "(pc)",
            "(router)",
        ]
        assert len(lab.topology().graph.outers) == 1
        assert lab.status()["processes"] == []
        assert lab.run("ping -c 1 192.168.1.2", "(pc)").value.received == 1


@pytest.mark.sandbox
def test_the_servers_stand_rough_visitors_and_end_with_the_lab() -> None:
    with Lab(world="home-lan") as lab:
        with lab.socket("host") as silent:
            silent.settimeout(5)
            silent.connect(("203.0.113.80", 80))
            silent.sendall(b"nonsense\r\n\r\n")
            assert silent.recv(100).startswith(b"HTTP/1.0 400")
        with lab.socket("host") as hurried:
            hurried.connect(("203.0.113.80", 80))
        assert "You have reached" in lab.run("curl -s http://203.0.113.80/").text
        lab.world("home-lan")
        assert "You have reached" in lab.run("curl -s http://203.0.113.80/").text
        lab.reset()
        assert lab.run("ping -c 1 8.8.8.8").value.received == 0


@pytest.mark.sandbox
def test_without_mounts_addresses_work() -> None:
    with Lab(world="home-lan", sandbox="rootless-nomount") as lab:
        assert lab.run("ping -c 1 8.8.8.8").value.received == 1
        assert "You have reached" in lab.run("curl -s http://203.0.113.80/").text
