"""The frozen surface: names of the package, magics, options, verbs, configuration, columns of the tables. A change here is a
change for everybody who wrote a notebook."""

from __future__ import annotations

import subprocess
import sys

import pytest

import nsmagic
from nsmagic import magic_line, magics, tables
from nsmagic.magics import Netns
from nsmagic.sentences import say_look
from nsmagic.why.verdict import Verdict
from tests.conftest import Notebook


def test_names_of_the_package() -> None:
    assert nsmagic.__all__ == ["Lab", "Namespace", "NsmagicError", "load_ipython_extension", "unload_ipython_extension"]
    for name in nsmagic.__all__:
        assert getattr(nsmagic, name).__name__ == name
    with pytest.raises(AttributeError, match="module 'nsmagic' has no attribute 'Labs'"):
        _ = nsmagic.Labs  # type: ignore[attr-defined]


def test_public_members_of_a_lab() -> None:
    def public(kind: type) -> set[str]:
        return {name for name in dir(kind) if not name.startswith("_")}

    assert public(nsmagic.Lab) == {
        "addrs", "build", "client", "close", "conntrack", "events", "explorer", "fdb", "firewall", "frame", "kind", "links", "live", "lives", "names", "namespaces", "nat", "needs",
        "neighbours", "note", "pid",
        "reset", "resolve", "routes", "rules", "run", "run_async", "running", "script", "seen", "snapshot", "sniff", "sniff_live", "socket", "status", "sysctls",
        "topology", "trace", "track", "track_descriptor", "watch", "why", "world",
    }  # fmt: skip
    assert public(nsmagic.Namespace) == {
        "addrs", "conntrack", "fdb", "firewall", "links", "nat", "neighbours", "python", "routes", "rules", "run", "socket", "sysctls",
    }  # fmt: skip


def test_magics(notebook: Notebook) -> None:
    ours = {
        kind: {name for name, function in table.items() if isinstance(getattr(function, "__self__", None), Netns)}
        for kind, table in notebook.shell.magics_manager.magics.items()
    }
    assert ours == {
        "line": {
            "netns",
            "links",
            "addrs",
            "routes",
            "arp",
            "firewall",
            "nat",
            "topology",
            "explorer",
            "why",
            "sniff",
            "trace",
            "lab",
            "task",
            "check",
            "hint",
        },
        "cell": {"netns", "task"},
    }


def test_no_name_of_ipythons_own_is_taken() -> None:
    """Names never shadow IPython's: read in a fresh interpreter, before our magics are there."""
    code = (
        "from IPython.core.interactiveshell import InteractiveShell as S; from traitlets.config import Config\n"
        "c = Config(); c.HistoryManager.enabled = False\n"
        "print(*{name for kind in S(config=c).magics_manager.magics.values() for name in kind})"
    )
    known = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "capture" in known
    assert not {
        "netns",
        "links",
        "addrs",
        "routes",
        "arp",
        "firewall",
        "nat",
        "topology",
        "explorer",
        "why",
        "sniff",
        "trace",
        "lab",
        "task",
        "check",
        "hint",
    } & set(known)


def test_options() -> None:
    assert {name: argument for name, (argument, _) in magic_line.OPTIONS.items()} == {
        "--out": "NAME", "--text": "", "--all": "", "--fill": "", "--quiet": "", "--timeout": "SECONDS", "--bg": "",
        "--ns": "NS", "--lab": "NAME", "--python": "", "--stop": "", "--no-raise-error": "",
    }  # fmt: skip


def test_options_of_topology() -> None:
    assert {name: argument for name, (argument, _) in magic_line.PICTURE_OPTIONS.items()} == {
        "--live": "", "--diff": "", "--step": "N", "--all": "", "--engine": "LAYOUT", "--lab": "NAME",
    }  # fmt: skip


def test_options_of_the_course() -> None:
    assert {name: argument for name, (argument, _) in magic_line.COURSE_OPTIONS.items()} == {
        "--seed": "N", "--lab": "NAME",
    }  # fmt: skip
    assert {name: argument for name, (argument, _) in magic_line.BREAK_OPTIONS.items()} == {
        "--seed": "N", "--level": "N", "--lab": "NAME",
    }  # fmt: skip


def test_names_of_the_course() -> None:
    from nsmagic import course

    assert course.__all__ == ["Broken", "CheckFailed", "Report", "break_lab", "check", "checks", "hint", "task"]


def test_options_of_sniff() -> None:
    assert {name: argument for name, (argument, _) in magic_line.SNIFF_OPTIONS.items()} == {
        "--count": "N", "--timeout": "SECONDS", "--snaplen": "BYTES", "--bg": "", "--live": "", "--out": "NAME",
        "--lab": "NAME",
    }  # fmt: skip


def test_options_of_trace() -> None:
    assert {name: argument for name, (argument, _) in magic_line.TRACE_OPTIONS.items()} == {
        "--live": "", "--timeout": "SECONDS", "--out": "NAME", "--lab": "NAME",
    }  # fmt: skip


def test_members_of_a_journey() -> None:
    from nsmagic.trace.journey import Journey

    assert {name for name in vars(Journey) if not name.startswith("_")} == {
        "answered", "ended", "outcome", "packets", "play", "rules", "sequence", "topology", "verdicts",
    }  # fmt: skip


def test_members_of_a_capture() -> None:
    from nsmagic.trace.capture import Capture

    assert {name for name in vars(Capture) if not name.startswith("_")} == {
        "decoded", "dropped", "frames", "news", "packets", "running", "save", "show", "stop", "summary", "to_scapy", "wait", "why",
    }  # fmt: skip


def test_options_of_why() -> None:
    assert {name: argument for name, (argument, _) in magic_line.WHY_OPTIONS.items()} == {
        "--port": "N", "--proto": "PROTOCOL", "--size": "BYTES", "--hint": "", "--lab": "NAME",
    }  # fmt: skip


def test_verdict() -> None:
    names = {name for name in vars(Verdict) if not name.startswith("_")} | set(Verdict.__dataclass_fields__)
    assert names == {
        "reachable", "cause", "where", "explanation", "evidence", "fix", "confidence", "see", "then", "src", "dst", "hint",
        "headline", "lines", "hops", "nudge", "level",
    }  # fmt: skip


def test_causes() -> None:
    """The codes are what graders and notebooks compare with."""
    known = """
    link-down peer-down no-carrier not-plugged no-address prefix-length wrong-subnet duplicate-address address-not-local no-route
    blackhole-route wrong-route gateway-off-link gateway-unreachable no-forwarding dropped-by-rule rejected-by-rule rp-filter
    arp-unanswered wrong-static-neighbour bridge-down bridge-port-down not-enslaved bridge-port-blocked vlan-mismatch bridge-netfilter
    no-return-route nat-missing nat-wrong mtu ttl port-closed wrong-listen-address policy-rule loopback-down duplicate-mac loop
    not-supported unknown address-tentative echo-ignored ipv6-disabled macvlan-isolated
    address-on-port
    """
    assert set(say_look.table()) == set(known.split())


def test_verbs_of_lab() -> None:
    assert magics._LAB_VERBS == ("status", "reset", "world", "break", "script", "needs", "doctor", "log", "stop")


def test_configuration() -> None:
    assert {name: trait.default_value for name, trait in Netns.class_traits(config=True).items()} == {
        "changes": True,
        "most_changes": 200,
        "show": "table",
        "picture": "asked",
    }


#: Table → its columns in order; the displayed ones end with ``*``.
COLUMNS = {
    "links": "ns* ifindex ifname* kind* admin* operstate* mac* mtu master* peer* peer_ns* addresses*",
    "addrs": "ns* ifname* family address* prefixlen* broadcast scope* label",
    "routes": "ns* dst* gateway* dev* prefsrc protocol scope metric table type family",
    "neighbours": "ns* address* mac* dev* state* family",
    "rules": "ns* family* priority* src* dst* iif oif fwmark action* table* invert extra",
    "fdb": "ns* mac* dev* master* vlan dst state*",
    "namespaces": "ns* inode named pids",
    "sysctls": "ns* name* value*",
    "firewall": "ns* tool family table* chain* hook* position* match* target* packets bytes rule",
    "nat": "ns* tool family table chain* hook* position* match* target* packets bytes rule",
    "conntrack": "ns* family protocol* state* status* nat* src* sport dst* dport* reply_src* reply_sport* reply_dst* reply_dport mark timeout",
    "journey": "step* packet time* ns* dev* dir* proto src* dst* info* length translated* verdict*",
    "evidence": "step* way* ns* dev* what* seen* ok*",
    "packets": "time* ns* dev* dir* proto* src* dst* info* length*",
}


@pytest.mark.parametrize("table", COLUMNS)
def test_columns(table: str) -> None:
    got = [name + "*" * (name in tables.SHOWN[table]) for name in tables.DTYPES[table]]
    assert " ".join(got) == COLUMNS[table]


def test_all_tables_are_frozen_here() -> None:
    assert set(tables.DTYPES) == set(tables.SHOWN) == set(COLUMNS)
