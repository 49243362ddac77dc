"""The masks for nbval: what truly varies becomes equal, and nothing else does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

FILE = Path(__file__).resolve().parent.parent / "nsmagic" / "sanitize.cfg"
#: The pairs as nbval reads them.
PAIRS = re.findall(r"^regex: (.*)$\n^replace: (.*)$", FILE.read_text(), flags=re.MULTILINE)


def masked(text: str, pairs: list[tuple[str, str]] = PAIRS) -> str:
    for regex, replace in pairs:
        text = re.sub(regex, replace, text)
    return text


#: Two runs of the same thing.
SAME = {
    "the place of a live picture": (
        '<div data-nsmagic-live="0123456789abcdef"><img',
        '<div data-nsmagic-live="fedcba9876543210"><img',
    ),
    "ping's lines": (
        "64 bytes from 192.168.15.2: icmp_seq=1 ttl=64 time=0.053 ms\n",
        "64 bytes from 192.168.15.2: icmp_seq=1 ttl=64 time=12.4 ms\n",
    ),
    "ping's summary": (
        "2 packets transmitted, 2 received, 0% packet loss, time 1003ms\n",
        "2 packets transmitted, 2 received, 0% packet loss, time 999ms\n",
    ),
    "ping's figures": (
        "rtt min/avg/max/mdev = 0.045/0.048/0.052/0.002 ms\n",
        "rtt min/avg/max/mdev = 10.045/10.048/10.052/0.002 ms, pipe 2\n",
    ),
    "ping's figures as a value": (
        "PingResult(sent=2, received=2, loss=0.0, rtt=(0.05, 0.06, 0.07, 0.01), rtts=(0.05, 0.07), status=0, error='')",
        "PingResult(sent=2, received=2, loss=0.0, rtt=(0.15, 0.2, 0.25, 0.05), rtts=(0.15, 0.25), status=0, error='')",
    ),
    "neighbour states": (
        "192.168.15.2 dev veth-red lladdr 02:00:00:00:00:01 REACHABLE \n",
        "192.168.15.2 dev veth-red lladdr 02:00:00:00:00:01 STALE \n",
    ),
    "neighbour states in HTML": ("<td>DELAY</td><td>inet</td>", "<td>PROBE</td><td>inet</td>"),
    "padding of neighbour states": (
        "red  10.0.0.2  02:00:00:00:00:01  eth0  REACHABLE  inet\nred  10.0.0.3                     eth0  FAILED     inet\n",
        "red  10.0.0.2  02:00:00:00:00:01  eth0  STALE   inet\nred  10.0.0.3                     eth0  FAILED  inet\n",
    ),
    "heading of neighbour states": (
        "ns   address   mac                dev   state      family\nred  10.0.0.2  02:00:00:00:00:01  eth0  REACHABLE  inet\n",
        "ns   address   mac                dev   state  family\nred  10.0.0.2  02:00:00:00:00:01  eth0  STALE  inet\n",
    ),
    "ps aux": (
        "root           1  0.0  0.0   5464   880 ?        S    04:13   0:00 sleep 1000\n",
        "root          17  105  0.1  15464  1880 ?        S+   Nov23   0:01 sleep 1000\n",
    ),
    "ps -ef": (
        "root           1       0  0 04:13 ?        00:00:00 sleep 1000\n",
        "root          21      20  1 05:59 ?        00:00:01 sleep 1000\n",
    ),
    "a picture in HTML": (
        '<img alt="one room" src="data:image/svg+xml;base64,PHN2Zz4=">',
        '<img alt="one room" src="data:image/svg+xml;base64,PHN2ZyB3aWR0aD0+">',
    ),
    "a picture": ('<svg width="10">\n<text>a</text></svg>\n', '<svg width="11">\n<text>a</text>\n</svg>\n'),
    "ps": ("    12 ?        00:00:00 sleep\n", "   1234 ?        00:00:10 sleep\n"),
    "a process with its pid outside and inside": ("sleep      12       1\n", "sleep      1234     2\n"),
    "a job of bash": ("[1] 12\n", "[1] 4711\n"),
    "pids in words": ("listening (pid 12)\n", "listening (pid 4711)\n"),
    "inodes of namespaces": ("net:[4026532345]\n4026532345 red\n", "net:[4026531999]\n4026531999 red\n"),
    "date": ("Mon Nov 23 04:13:01 UTC 2026\n", "Tue Dec  1 23:59:59 UTC 2026\n"),
    "date of a header": ("Date: Mon, 23 Nov 2026 04:13:01 GMT\n", "Date: Tue, 01 Dec 2026 23:59:59 GMT\n"),
    "ls -l": ("drwxr-xr-x 2 root root 40 Nov 23 04:13 netns\n", "drwxr-xr-x 2 root root 40 Dec  1 23:59 netns\n"),
    "web server's log": (
        '10.0.0.2 - - [23/Nov/2026 04:13:01] "GET / HTTP/1.1" 200 -\n',
        '10.0.0.2 - - [01/Dec/2026 23:59:59] "GET / HTTP/1.1" 200 -\n',
    ),
    "ISO dates": ("at 2026-11-23T04:13:01.5Z\n", "at 2027-01-02 05:14:02\n"),
    "times of sightings": (
        "1  0.000 ms  red:veth-red   out\n2  0.013 ms  blue:veth-blue  in\n",
        "1  0.000 ms   red:veth-red   out\n2  10.123 ms  blue:veth-blue  in\n",
    ),
    "times of sightings in HTML": ("<td>0.013 ms</td>", "<td>120.001 ms</td>"),
    "heading of sightings": (
        "time      ns   dev       dir  info\n0.013 ms  red  veth-red  out\n",
        "time       ns   dev       dir  info\n10.013 ms  red  veth-red  out\n",
    ),
    "identifier of an echo": ("ICMP echo request id 0x12ab seq 1\n", "ICMP echo request id 0xff00 seq 1\n"),
    "ephemeral ports": ("TCP 41234 > 80 SYN\nTCP 80 > 41234 SYN ACK\n", "TCP 39999 > 80 SYN\nTCP 80 > 39999 SYN ACK\n"),
    "times of packets": ("04:13:01.123456 IP 10.0.0.1 > 10.0.0.2\n", "23:59:59.999999 IP 10.0.0.1 > 10.0.0.2\n"),
}

#: Two runs that a notebook must tell apart.
DIFFERENT = {
    "loss": ("2 received, 0% packet loss", "1 received, 50% packet loss"),
    "time to live": ("icmp_seq=1 ttl=64 time=0.05 ms", "icmp_seq=1 ttl=63 time=0.05 ms"),
    "an answer and none": ("eth0  REACHABLE", "eth0  FAILED"),
    "a permanent neighbour": ("eth0  REACHABLE", "eth0  PERMANENT"),
    "a MAC address": ("02:00:00:00:00:01", "02:00:00:00:00:02"),
    "an address": ("inet 192.168.15.1/24", "inet 192.168.15.2/24"),
    "a metric": ("default via 10.0.0.1 dev eth0 metric 100", "default via 10.0.0.1 dev eth0 metric 200"),
    "an MTU": ("mtu 1500", "mtu 1450"),
    "another process": (
        "root  1  0.0  0.0  5464  880 ? S 04:13 0:00 sleep 1",
        "root  1  0.0  0.0  5464  880 ? S 04:13 0:00 bash",
    ),
    "the width of another column": ("ifname  kind\nlo      loopback", "ifname   kind\nlo       loopback"),
    "the order of sightings": ("1  0.000 ms  red:veth-red  out", "1  0.000 ms  blue:veth-blue  out"),
    "a port that was chosen": ("TCP 41234 > 80 SYN", "TCP 41234 > 81 SYN"),
    "a number of an echo": ("ICMP echo request id 0x12ab seq 1", "ICMP echo request id 0x12ab seq 2"),
    "a value": ("net.ipv4.ip_forward = 0", "net.ipv4.ip_forward = 1"),
}


@pytest.mark.parametrize("name", SAME)
def test_what_varies_becomes_equal(name: str) -> None:
    one, other = SAME[name]
    assert one != other
    assert masked(one) == masked(other)


@pytest.mark.parametrize("name", DIFFERENT)
def test_the_rest_stays_different(name: str) -> None:
    one, other = DIFFERENT[name]
    assert masked(one) != masked(other)


@pytest.mark.parametrize("unused", PAIRS, ids=lambda pair: pair[0])
def test_every_mask_is_needed(unused: tuple[str, str]) -> None:
    others = [pair for pair in PAIRS if pair != unused]
    assert any(masked(one, others) != masked(other, others) for one, other in SAME.values())


@pytest.mark.parametrize("name", SAME)
def test_a_masked_text_stays_as_it_is(name: str) -> None:
    for text in SAME[name]:
        assert masked(masked(text)) == masked(text)


def test_nbval_reads_the_same_pairs() -> None:
    from nbval.plugin import get_sanitize_patterns

    assert get_sanitize_patterns(FILE.read_text()) == PAIRS
    assert len(PAIRS) == FILE.read_text().count("\n[")
