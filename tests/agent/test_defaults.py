"""Kernel defaults in a namespace that copied another machine's settings.

What a namespace copies comes from the machine's root namespace, which no test may touch; so the namespace itself is given the
settings that it would have copied there, and then put right.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from inlab import inside, namespace, shell

from nsmagic import syscalls as sys_
from nsmagic.agent import defaults
from nsmagic.agent.defaults import Deviation, apply_defaults, deviations

pytestmark = pytest.mark.sandbox

#: What some machines have: Docker; systemd; one that is a router with strict checks.
MACHINES = {
    "docker": ["ip_forward=1", "conf.default.forwarding=1", "conf.lo.forwarding=1"],
    "systemd": [
        "conf.all.rp_filter=2", "conf.default.rp_filter=2", "conf.lo.rp_filter=2", "conf.default.accept_source_route=0",
        "conf.lo.accept_source_route=0", "conf.all.promote_secondaries=1", "conf.default.promote_secondaries=1",
        "conf.lo.promote_secondaries=1",
    ],
    "router": [
        "ip_forward=1", "conf.all.accept_redirects=0", "conf.default.accept_redirects=0", "conf.lo.accept_redirects=0",
        "conf.all.send_redirects=0", "conf.all.log_martians=1", "conf.all.arp_ignore=2", "conf.default.proxy_arp=1", "conf.lo.proxy_arp=1",
    ],
    "arp only": ["conf.all.arp_announce=2"],
}  # fmt: skip


def settings() -> dict[str, str]:
    """All of ``net.{ipv4,ipv6}.conf``."""
    found = {}
    for family in ("ipv4", "ipv6"):
        for path in sorted(Path(f"/proc/sys/net/{family}/conf").glob("*/*")):
            if path.name != "stable_secret":
                found[str(path)] = path.read_text().strip()
    return found


def copy(machine: str) -> None:
    shell("sysctl -qw " + " ".join(f"net.ipv4.{each}" for each in MACHINES[machine]))


def pristine() -> list[Deviation]:
    """What this machine itself makes new namespaces deviate by; the tests start without."""
    found = deviations()
    assert apply_defaults(found) == []
    return found


def test_nothing_deviates_once_the_defaults_are_there() -> None:
    def run() -> list[Any]:
        pristine()
        return deviations()

    assert inside(run) == []


@pytest.mark.parametrize("machine", MACHINES)
def test_a_namespace_that_copied_a_machine_is_as_the_kernel_makes_it(machine: str) -> None:
    def run() -> list[Any]:
        pristine()
        clean = settings()
        copy(machine)
        copied = settings()
        found = deviations()
        words = apply_defaults(found)
        return [clean, copied, settings(), found, words, deviations()]

    clean, copied, after, found, words, left = inside(run)
    assert copied != clean
    assert after == clean
    assert words == left == []
    assert {path for path, _, _ in found} == {path for path in clean if copied[path] != clean[path]}


@pytest.mark.parametrize("machine", MACHINES)
def test_each_new_namespace_is_put_right_from_the_first_one(machine: str) -> None:
    """As the agent does: computed once in its first namespace, written in every other."""

    def run() -> list[Any]:
        pristine()
        home = sys_.current_netns()
        shell("ip netns add red; ip netns add blue")
        sys_.setns(namespace("red"))
        pristine()
        clean = settings()
        copy(machine)
        found = deviations()
        sys_.setns(namespace("blue"))
        pristine()
        copy(machine)
        words = apply_defaults(found)
        blue = settings()
        sys_.setns(home)
        return [clean, blue, words]

    clean, blue, words = inside(run)
    assert blue == clean
    assert words == []


def test_forwarding_is_written_first_because_it_changes_others() -> None:
    def run() -> list[Any]:
        pristine()
        shell("sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.accept_redirects=0 net.ipv4.conf.all.arp_filter=1")
        return [[os.path.relpath(path, "/proc/sys/net/ipv4/conf"), default] for path, default, _ in deviations()]

    found = inside(run)
    assert found[:3] == [["all/forwarding", "0"], ["default/forwarding", "0"], ["lo/forwarding", "0"]]
    assert sorted(found[3:]) == [["all/accept_redirects", "1"], ["all/arp_filter", "0"]]


def test_ipv6_is_compared_too() -> None:
    def run() -> list[Any]:
        pristine()
        shell(
            "sysctl -qw net.ipv6.conf.all.forwarding=1 net.ipv6.conf.default.accept_ra=0 net.ipv6.conf.default.disable_ipv6=1"
        )
        found = [path.removeprefix("/proc/sys/net/ipv6/conf/") for path, _, _ in deviations()]
        apply_defaults(deviations())
        return [found, deviations()]

    found, left = inside(run)
    assert found[:2] == ["all/forwarding", "default/forwarding"]
    assert {"default/accept_ra", "default/disable_ipv6"} <= set(found)
    assert left == []


def test_what_users_have_set_is_left_alone_in_a_namespace_found_later() -> None:
    def run() -> list[Any]:
        pristine()
        shell("sysctl -qw net.ipv4.conf.all.rp_filter=2 net.ipv4.conf.all.arp_ignore=1")
        found = deviations()
        shell("sysctl -qw net.ipv4.conf.all.rp_filter=1")
        apply_defaults(found, touched=True)
        after = settings()
        return [after["/proc/sys/net/ipv4/conf/all/rp_filter"], after["/proc/sys/net/ipv4/conf/all/arp_ignore"]]

    assert inside(run) == ["1", "0"]


def test_what_cannot_be_set_is_said_in_one_line() -> None:
    def run() -> list[Any]:
        pristine()
        copy("docker")
        sys_.mount("/proc/sys", "/proc/sys", "", sys_.MS_BIND)
        sys_.mount(
            "none",
            "/proc/sys",
            "",
            sys_.MS_REMOUNT | sys_.MS_BIND | sys_.MS_RDONLY | sys_.MS_NOSUID | sys_.MS_NODEV | sys_.MS_NOEXEC,
        )
        return apply_defaults(deviations())

    assert inside(run) == [
        "kernel parameters stay as the machine has them (Read-only file system): "
        "net.ipv4.conf.all.forwarding=1, net.ipv4.conf.default.forwarding=1, net.ipv4.conf.lo.forwarding=1, "
        "net.ipv4.conf.all.accept_redirects=0"
    ]


def test_tables_know_every_parameter_that_this_kernel_copies() -> None:
    """A parameter of a newer kernel that is in neither table nor list below is news to be looked at."""
    own = {"mc_forwarding", "stable_secret", "mtu", "ioam6_enabled", "ioam6_id", "ioam6_id_wide", "rpl_seg_enabled", "seg6_enabled",
           "seg6_require_hmac", "max_desync_factor", "regen_max_retry", "regen_min_advance", "temp_prefered_lft", "temp_valid_lft",
           "ra_honor_pio_life", "ra_honor_pio_pflag"}  # fmt: skip

    def run() -> list[Any]:
        return [sorted(os.listdir(f"/proc/sys/net/{family}/conf/all")) for family in ("ipv4", "ipv6")]

    ipv4, ipv6 = inside(run)
    assert set(ipv4) - set(defaults._IPV4) - own == set()
    assert set(ipv6) - set(defaults._IPV6) - own == set()


def test_costs_next_to_nothing_for_each_namespace() -> None:
    def run() -> float:
        pristine()
        copy("systemd")
        found = deviations()
        start = time.perf_counter()
        for _ in range(100):
            apply_defaults(found)
        return (time.perf_counter() - start) / 100

    assert inside(run) < 0.002


def test_a_kernel_without_ipv6_or_without_sysctls_has_no_deviations(tmp_path: Path) -> None:
    assert deviations(str(tmp_path)) == []
