"""Captures on the real kernel: what is seen where, when, and what is lost; how one ends; what it leaves."""

from __future__ import annotations

import signal
import threading
import time

import pytest

from nsmagic import Lab
from nsmagic.errors import CommandSyntaxError, KernelRefused, LimitReached, NamespaceNotFound, NsmagicError
from nsmagic.trace.capture import Capture
from tests.conftest import Notebook

pytestmark = pytest.mark.sandbox

CABLE = """
ip netns add red
ip netns add blue
ip link add veth-red netns red type veth peer name veth-blue netns blue
ip -n red addr add 192.168.15.1/24 dev veth-red
ip -n blue addr add 192.168.15.2/24 dev veth-blue
ip -n red link set veth-red up
ip -n blue link set veth-blue up
"""


@pytest.fixture
def cable(lab: Lab) -> Lab:
    lab.run(CABLE).check()
    return lab


def seen(capture: Capture) -> list[tuple[str, str, str, str]]:
    """Where, which way, and the words without numbers that vary; what IPv6 does by itself is left out."""
    table = capture.packets
    rows = zip(table["ns"], table["dev"], table["dir"], table["info"], strict=True)
    return [(ns, dev, way, info.split(" id ")[0]) for ns, dev, way, info in rows if "ICMP6" not in info]


@pytest.mark.parametrize("kind", ["rootless", "rootless-nomount"])
def test_every_interface_of_every_namespace_in_the_kernels_order(kind: str) -> None:
    with Lab(sandbox=kind) as lab:
        lab.run(CABLE).check()
        with lab.sniff(background=True) as capture:
            lab.run("ping -c 1 192.168.15.2", "red")
        mac = {row.ifname: row.mac for row in lab.snapshot("links").links}
        red, blue = ("red", "veth-red"), ("blue", "veth-blue")
        ask = "ARP who has 192.168.15.2? tell 192.168.15.1"
        answer = f"ARP 192.168.15.2 is at {mac['veth-blue']}"
        assert seen(capture) == [
            (*red, "out", ask), (*blue, "in", ask), (*blue, "out", answer), (*red, "in", answer),
            (*red, "out", "ICMP echo request"), (*blue, "in", "ICMP echo request"),
            (*blue, "out", "ICMP echo reply"), (*red, "in", "ICMP echo reply"),
        ]  # fmt: skip
        assert (capture.dropped, capture.why, capture.running) == (0, "asked", False)


def test_times_are_the_kernels(cable: Lab) -> None:
    """A packet is stamped when the kernel handles it, not when it is read: the agent is busy with the ping meanwhile."""
    before = time.time_ns()
    with cable.sniff("red", "icmp", background=True) as capture:
        result = cable.run("ping -c 3 -i 0.01 192.168.15.2", "red")
    ping = result.outcomes[0].ping
    assert ping is not None
    times = [frame.time for frame in capture]
    assert len(times) == 6
    assert before < times[0] < times[-1] < time.time_ns()
    for number, rtt in enumerate(ping.rtts):
        assert 0 < (times[2 * number + 1] - times[2 * number]) / 1e6 < rtt


def test_one_interface_and_a_filter(cable: Lab) -> None:
    cable.run("ip -n red addr add 10.9.9.9/32 dev lo\nip -n red link set lo up").check()
    with cable.sniff("red:veth-red", background=True) as one, cable.sniff("red:lo", "icmp", background=True) as other:
        cable.run("ping -c 1 192.168.15.2\nping -c 1 10.9.9.9", "red")
    assert {dev for _, dev, _, _ in seen(one)} == {"veth-red"}
    assert [(dev, way) for _, dev, way, _ in seen(other)] == [("lo", "out"), ("lo", "in")] * 2


@pytest.mark.parametrize(
    ("filter", "words"),
    [
        ("icmp", {"ICMP echo request", "ICMP echo reply"}),
        ("arp", {"ARP who has 192.168.15.2? tell 192.168.15.1"}),
        ("icmp[icmptype] == icmp-echo", {"ICMP echo request"}),
        ("src host 192.168.15.2 and icmp", {"ICMP echo reply"}),
        ("ether broadcast", {"ARP who has 192.168.15.2? tell 192.168.15.1"}),
        ("greater 2000", set()),
    ],
)
def test_filters(cable: Lab, filter: str, words: set[str]) -> None:
    with cable.sniff("blue", filter, background=True) as capture:
        cable.run("ping -c 1 192.168.15.2", "red")
    assert {info for _, _, _, info in seen(capture) if " is at " not in info} == words


def test_names_in_a_filter_are_those_of_the_namespace(cable: Lab) -> None:
    cable.run("echo 192.168.15.2 blue-host >> /etc/hosts")
    with cable.sniff("red", "icmp and dst host blue-host", background=True) as capture:
        cable.run("ping -c 1 192.168.15.2", "red")
    assert [info for _, _, _, info in seen(capture)] == ["ICMP echo request"]


def test_count_timeout_and_snaplen(cable: Lab) -> None:
    with cable.sniff("red", "icmp", count=3, snaplen=40, background=True) as capture:
        cable.run("ping -c 4 -i 0.01 192.168.15.2", "red")
        assert capture.wait(5).why == "count"
    assert [(len(frame.data), frame.length) for frame in capture] == [(40, 98)] * 3
    started = time.monotonic()
    empty = cable.sniff("blue", "tcp", timeout=0.2)
    assert (len(empty), empty.why) == (0, "timeout")
    assert 0.2 <= time.monotonic() - started < 2


def test_a_flood_is_bounded_and_what_is_lost_is_counted(cable: Lab) -> None:
    """Each packet is either there or counted as dropped, whether or not the agent keeps up."""
    number = 4000
    with cable.sniff("red:veth-red", "udp", background=True) as capture:
        sender = cable.socket("red", type=2)
        for _ in range(number):
            sender.sendto(b"x" * 100, ("192.168.15.2", 9))
        sender.close()
    assert len(capture) + capture.dropped == number
    assert len(capture) >= 100


def test_what_is_wrong_is_named(cable: Lab) -> None:
    with pytest.raises(NamespaceNotFound, match="rad"):
        cable.sniff("rad")
    with pytest.raises(KernelRefused, match='Cannot find device "veth-rad" in red') as error:
        cable.sniff("red:veth-rad")
    assert error.value.hint == "red has lo, veth-red"
    with pytest.raises(CommandSyntaxError, match="syntax error"):
        cable.sniff("red", "icmp or or")
    capture = cable.sniff("red", timeout=0.01)
    with pytest.raises(NsmagicError, match="there is no packet 99"):
        capture.show(99)
    with pytest.raises(NsmagicError, match="which form"):
        capture.save("/tmp/x.png")


def test_captures_have_an_upper_number(cable: Lab) -> None:
    from nsmagic.agent.capture import MOST

    captures = [cable.sniff("red", background=True) for _ in range(MOST)]
    with pytest.raises(LimitReached, match="captures"):
        cable.sniff("red", timeout=1)
    captures[0].stop()
    assert cable.sniff("red", timeout=0.01).why == "timeout"
    for capture in captures:
        capture.stop()


def test_a_deleted_namespace_is_let_go_and_a_new_one_is_heard(cable: Lab) -> None:
    capture = cable.sniff(background=True)
    cable.run("ip netns del red").check()
    limit = time.monotonic() + 3
    while any(link.ifname == "veth-blue" for link in cable.snapshot("links").links):
        assert time.monotonic() < limit, "the capture keeps the namespace alive"
        time.sleep(0.02)
    cable.run("ip netns add green\nip -n green link set lo up").check()
    cable.run("ping -c 1 127.0.0.1", "green")
    capture.stop()
    assert {ns for ns, _, _, info in seen(capture) if info.startswith("ICMP")} == {"green"}


def test_it_ends_with_the_lab() -> None:
    with Lab() as lab:
        capture = lab.sniff("host", background=True)
        assert capture.running
    assert capture.wait(5).why == "the lab has ended"


def test_an_interrupt_of_a_cell_leaves_a_background_capture_alone(cable: Lab) -> None:
    capture = cable.sniff("red", "icmp", background=True)

    def cell() -> None:
        threading.Timer(0.5, _interrupt).start()
        cable.run("sleep 20\nsleep 20")

    with pytest.raises(KeyboardInterrupt):
        cell()
    assert capture.running
    cable.run("ping -c 1 192.168.15.2", "red")
    assert len(capture.stop()) == 2


def test_an_interrupted_capture_keeps_what_it_has(cable: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting: list[Capture] = []
    wait = Capture.wait

    def wait_noted(capture: Capture, timeout: float | None = None) -> Capture:
        waiting.append(capture)
        return wait(capture, timeout)

    def interrupt_later() -> None:
        limit = time.monotonic() + 20
        while (not waiting or len(waiting[0]) < 3) and time.monotonic() < limit:
            time.sleep(0.02)
        _interrupt()

    monkeypatch.setattr(Capture, "wait", wait_noted)
    cable.run("ping -i 0.05 192.168.15.2", "red", background=True)
    interrupter = threading.Thread(target=interrupt_later)
    interrupter.start()
    capture = cable.sniff("red", "icmp")
    interrupter.join()
    assert len(capture) >= 3
    assert not capture.running


def _interrupt() -> None:
    main = threading.main_thread().ident
    assert main is not None
    signal.pthread_kill(main, signal.SIGINT)


def test_it_changes_nothing(cable: Lab) -> None:
    before = cable.snapshot("links", "addrs", "routes")
    with cable.sniff(background=True):
        during = cable.snapshot("links", "addrs", "routes")
    assert list(before.links) == list(during.links)


def test_the_magic(notebook: Notebook) -> None:
    assert notebook.cell("%%netns\n" + CABLE).ok
    ran = notebook.cell("capture = %sniff red icmp --bg")
    assert ran.ok
    running = notebook.cell("capture")
    assert repr(running.value) == "packets of red: running, 0 packets so far"
    notebook.cell("%netns red ping -c 1 192.168.15.2")
    table = notebook.cell("capture.stop()")
    lines = repr(table.value).splitlines()
    assert lines[0].split() == ["time", "ns", "dev", "dir", "proto", "src", "dst", "info", "length"]
    assert lines[-1] == "packets of red: 2 packets"
    assert "<table" in table.value._repr_html_()
    assert (
        "echo request" in notebook.cell("capture.show(1)").value or "type 8" in notebook.cell("capture.show(1)").value
    )
    wrong = notebook.cell("%sniff")
    assert wrong.error is not None
    assert "%sniff where?" in str(wrong.error)
    assert notebook.cell("%sniff any tcp --timeout 0.05 --out none").ok
    assert len(notebook.shell.user_ns["none"]) == 0
