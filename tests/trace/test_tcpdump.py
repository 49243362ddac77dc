"""tcpdump typed in a cell: it wants to become another user, and a lab has only one."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from nsmagic import Lab
from nsmagic.errors import CommandTimeout

pytestmark = pytest.mark.sandbox


@pytest.fixture(scope="module", params=["rootless", "rootless-nomount"])
def pinging(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """A lab whose red sends a ping to itself all the time."""
    with Lab(sandbox=request.param) as lab:
        lab.run("ip link set lo up\nip netns add red\nip -n red link set lo up").check()
        for ns in ("host", "red"):
            lab.run("ping -i 0.1 127.0.0.1", ns, background=True).check()
        yield lab


@pytest.mark.parametrize(
    "line",
    [
        "tcpdump -n --immediate-mode -c 2 -i any icmp",
        "tcpdump -n --immediate-mode -c 2 -i lo",
        "timeout 20 tcpdump -n --immediate-mode -c 2 -i lo 2>/dev/null | cat",
        "d=$(mktemp -d); tcpdump --immediate-mode -c 2 -i lo -w $d/p.pcap && tcpdump -nr $d/p.pcap; rm -r $d",
    ],
)
def test_it_captures_and_ends(pinging: Lab, line: str) -> None:
    result = pinging.run(line, "red").check()
    assert result.text.count("ICMP echo") == 2


def test_it_ends_with_the_time_limit(pinging: Lab) -> None:
    started = time.monotonic()
    result = pinging.run("tcpdump -l -n --immediate-mode -i lo", "red", timeout=1)
    assert 1 <= time.monotonic() - started < 8
    assert isinstance(result.errors[0], CommandTimeout)
    assert "ICMP echo request" in result.text
    assert "dropped by kernel" in result.text, "it was interrupted, not killed"


def test_it_runs_in_the_background(pinging: Lab) -> None:
    job = pinging.run("tcpdump -l -n --immediate-mode -i lo", "red", background=True).value
    limit = time.monotonic() + 10
    while "ICMP echo reply" not in job.log:
        assert time.monotonic() < limit, job.log
        time.sleep(0.05)
    assert job.stop() == 0
    assert not job.running


def test_people_are_not_services(pinging: Lab) -> None:
    """Only accounts of services are told what is not so; that a file cannot be given to a person is said."""
    refused = pinging.run("d=$(mktemp -d); chown 1234 $d; rmdir $d")
    assert "Invalid argument" in refused.text
