"""The doctor: each step tried, each refusal named with what mends it (FAULTS.md 46, 73, 74, 75)."""

from __future__ import annotations

import errno
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import nsmagic
from nsmagic.commands.packages import MODULES
from nsmagic.errors import NsmagicError, SandboxUnavailable
from nsmagic.sandbox import causes, choice, config, doctor, features, tools, trial
from nsmagic.sandbox.causes import Read, cause_of, lacking
from nsmagic.sentences import say_cause

ROOT = Path(nsmagic.__file__).resolve().parent.parent
GATE = Path(__file__).with_name("gate.py")

FILTERED = {causes.STATUS: "Name:\tpython3\nSeccomp:\t2\nSeccomp_filters:\t1\n"}
UNFILTERED = {causes.STATUS: "Name:\tpython3\nSeccomp:\t0\n"}
UBUNTU = {causes.UBUNTU_SWITCH: "1\n"}
DOCKER = {causes.CONFINEMENT: "docker-default (enforce)\n"}


def machine(files: Mapping[str, str]) -> Read:
    return lambda path: files.get(path, "")


# The table of causes: step, number, what the machine's files say, a part of the cause, a part of the cure.
TABLE: list[tuple[str, int, Mapping[str, str], str, str]] = [
    ("user namespace", errno.ENOSPC, {causes.USER_MAX: "0\n"}, "switched off (user.max_user_namespaces is 0)",
     "sudo sysctl -w user.max_user_namespaces=15000"),
    ("user namespace", errno.ENOSPC, {causes.USER_MAX: "31000\n"}, "used up (user.max_user_namespaces is 31000)",
     "sudo sysctl -w user.max_user_namespaces=62000"),
    ("user namespace", errno.EUSERS, {}, "used up", "user.max_user_namespaces"),
    ("user namespace", errno.EPERM, {causes.DEBIAN_SWITCH: "0\n"}, "only root",
     "sudo sysctl -w kernel.unprivileged_userns_clone=1"),
    ("user namespace", errno.EPERM, FILTERED, "seccomp", "--security-opt seccomp=unconfined"),
    ("user namespace", errno.EPERM, {causes.DEBIAN_SWITCH: "1\n", **FILTERED}, "seccomp", "seccomp=unconfined"),
    ("user namespace", errno.EACCES, UBUNTU, "AppArmor", "nsmagic doctor --apparmor | sudo tee"),
    ("user namespace", errno.EPERM, DOCKER, "docker-default", "--security-opt apparmor=unconfined"),
    ("user namespace", errno.EPERM, {causes.CONFINEMENT: "editor (enforce)"}, "editor", "sudo aa-complain editor"),
    ("user namespace", errno.EPERM, UNFILTERED, "security module", ""),
    ("user namespace", errno.EINVAL, {}, "built without", "CONFIG_USER_NS=y"),
    ("user namespace", errno.ENOSYS, {}, "gVisor", "seccomp=unconfined"),
    ("virtual machine", errno.EFAULT, {}, "more registers (AMX)", "NSMAGIC_UML"),
    ("inner user namespace", errno.ENOSPC, {causes.USER_MAX: "1"}, "used up (user.max_user_namespaces is 1)", "=15000"),
    ("uid map", errno.EPERM, UBUNTU, "AppArmor", "/etc/apparmor.d/nsmagic"),
    ("uid map", errno.EACCES, UBUNTU, "AppArmor", "/etc/apparmor.d/nsmagic"),
    ("uid map", errno.EPERM, {**UNFILTERED, causes.UBUNTU_SWITCH: "0\n"}, "takes its rights away", ""),
    ("lo up", errno.EPERM, UBUNTU, "AppArmor", "apparmor_parser -r"),
    ("veth pair", errno.EPERM, UBUNTU, "AppArmor", "apparmor_parser -r"),
    ("veth pair", errno.EOPNOTSUPP, {}, "veth is not loaded", "sudo modprobe veth"),
    ("namespaces", errno.ENOSPC, {"/proc/sys/user/max_net_namespaces": "0"}, "network namespaces are switched off",
     "sudo sysctl -w user.max_net_namespaces=15000"),
    ("namespaces", errno.ENOSPC, {"/proc/sys/user/max_net_namespaces": "4", "/proc/sys/user/max_pid_namespaces": "9000"},
     "(user.max_net_namespaces is 4)", "user.max_net_namespaces=15000"),
    ("namespaces", errno.EPERM, UBUNTU, "AppArmor", "apparmor_parser"),
    ("mount namespace", errno.ENOSPC, {"/proc/sys/user/max_mnt_namespaces": "0"}, "mount namespaces are switched off",
     "user.max_mnt_namespaces=15000"),
    ("mount tmpfs", errno.EACCES, DOCKER, "docker-default forbids mounts", "--security-opt apparmor=unconfined"),
    ("mount propagation", errno.EACCES, {}, "forbids mounts", "apparmor=unconfined"),
    ("mount propagation", errno.EACCES, UBUNTU, "AppArmor takes the rights away", "nsmagic doctor --apparmor"),
    ("pivot_root", errno.EPERM, FILTERED, "seccomp", "seccomp=unconfined"),
    ("fresh /proc", errno.EPERM, {}, "parts of /proc are masked", "--security-opt systempaths=unconfined"),
    ("fresh /proc", errno.EPERM, {causes.PODMAN: 'engine="podman"'}, "masked", "podman run --security-opt unmask=ALL"),
    ("fresh /sys", errno.EPERM, FILTERED, "parts of /sys are masked", "systempaths=unconfined"),
    ("mount devpts", errno.ENODEV, {}, "without this file system", ""),
    ("named namespace", errno.ENOENT, {}, "no /proc", "systempaths"),
    ("sysctl write", errno.EROFS, {}, "/proc/sys is read-only", "systempaths"),
    ("private mounts (as root)", errno.EPERM, {}, "no right to mount", "docker run --user 1000"),
    ("become a plain user", errno.EINVAL, {}, "too few uids", "ordinary user"),
    ("something new", errno.EIO, {}, "Input/output error", ""),
    ("something new", 0, {}, "not known", ""),
]  # fmt: skip


@pytest.mark.parametrize(("step", "number", "files", "cause", "cure"), TABLE)
def test_cause_and_cure(step: str, number: int, files: Mapping[str, str], cause: str, cure: str) -> None:
    named, line = cause_of(step, number, machine(files))
    assert cause in named
    assert cure in line
    assert bool(cure) == bool(line)
    assert "\n" not in named + line, "one sentence, one line"


def test_the_four_gates_have_four_messages() -> None:
    """FAULTS.md 73."""
    gates = [
        ("user namespace", errno.ENOSPC, {causes.USER_MAX: "0"}),
        ("user namespace", errno.EPERM, FILTERED),
        ("uid map", errno.EPERM, UBUNTU),
        ("mount tmpfs", errno.EACCES, DOCKER),
        ("fresh /proc", errno.EPERM, {}),
    ]
    assert len({cause_of(step, number, machine(files)) for step, number, files in gates}) == len(gates)


@pytest.mark.parametrize(
    ("label", "profile"),
    [
        ("docker-default (enforce)\n", "docker-default"),
        ("unconfined\n", ""),
        ("", ""),
        ("system_u:system_r:container_t:s0:c1,c2\0", ""),  # SELinux writes here too
        ("nsmagic (unconfined)", ""),
    ],
)
def test_apparmor_label(label: str, profile: str) -> None:
    assert causes.confined(machine({causes.CONFINEMENT: label})) == profile


@pytest.mark.parametrize(
    ("feature", "number", "module"),
    [("vlan", 95, "8021q"), ("netem", 2, "sch_netem"), ("bond", 95, "bonding"), ("tun", 2, "tun"), ("nftables nat", 2, "nft_chain_nat")],
)  # fmt: skip
def test_a_missing_feature_names_its_module(feature: str, number: int, module: str) -> None:
    assert lacking(feature, number, MODULES)[1] == f"sudo modprobe {module}"


def test_tun_that_may_not_be_opened() -> None:
    assert lacking("tun", errno.EACCES, MODULES) == (
        "/dev/net/tun may not be opened by this user",
        "sudo chmod 666 /dev/net/tun",
    )


# What the refusal of a lab says


def refusal(kind: str, step: str, number: int) -> SandboxUnavailable:
    return SandboxUnavailable(f"{step}: {os.strerror(number)}", kind=kind, step=step, errno=number)


def test_refusal_names_cause_and_cure() -> None:
    error = choice._no_kind([refusal("rootless", "veth pair", errno.EOPNOTSUPP)])
    assert error.message == (
        "no lab of kind rootless can be started here: the kernel's module for veth is not loaded, and a lab may not load "
        "modules (veth pair: Operation not supported)"
    )
    assert error.hint == "sudo modprobe veth   (as administrator; nsmagic doctor shows every step)"
    assert (error.step, error.errno) == ("veth pair", errno.EOPNOTSUPP)


def test_the_same_refusal_of_two_kinds_is_said_once() -> None:
    kinds = [refusal(kind, "veth pair", errno.EOPNOTSUPP) for kind in ("rootless", "rootless-nomount")]
    assert choice._no_kind(kinds).message.count("veth is not loaded") == 1


def test_different_refusals_are_both_said() -> None:
    error = choice._no_kind(
        [
            refusal("rootless", "mount devpts", errno.ENODEV),
            refusal("rootless-nomount", "veth pair", errno.EOPNOTSUPP),
        ]
    )
    assert [line.split(":")[0].strip() for line in error.message.splitlines()[1:]] == ["rootless", "rootless-nomount"]
    assert error.hint is not None
    assert error.hint.startswith("sudo modprobe veth")


@pytest.mark.parametrize("refused", range(4))
def test_the_first_kind_that_works_is_taken(monkeypatch: pytest.MonkeyPatch, refused: int) -> None:
    """rootless, then rootless-nomount, then vm, then a refusal; each is tried, none is guessed."""
    tried: list[str] = []

    def attempt(settings: Mapping[str, Any], *_: object) -> tuple[str, str]:
        tried.append(settings["kind"])
        if len(tried) <= refused:
            raise refusal(settings["kind"], "user namespace", errno.EPERM)
        return "client", "launched"

    monkeypatch.delenv("NSMAGIC_SANDBOX", raising=False)
    monkeypatch.setattr(config, "make", lambda kind, **_: {"kind": kind})
    monkeypatch.setattr(choice, "_try", attempt)
    order = ["rootless", "rootless-nomount", "vm"]
    if refused < 3:
        assert choice.start(None, seed=0, limits={}, ended=lambda cause: None) == ("client", "launched", order[refused])
        assert tried == order[: refused + 1]
    else:
        with pytest.raises(SandboxUnavailable, match="no lab can be started here"):
            choice.start(None, seed=0, limits={}, ended=lambda cause: None)
        assert tried == order


def test_the_agents_own_failure_keeps_its_words() -> None:
    failed = SandboxUnavailable("agent: No module named 'pyroute2'", kind="rootless", step="agent", errno=0)
    assert "agent: No module named 'pyroute2'" in choice._no_kind([failed]).message


# The report


def tried(**wrong: int) -> dict[str, Any]:
    """What the trial prints when some steps (named with _ for a space) fail."""
    numbers = {name.replace("_", " "): number for name, number in wrong.items()}
    rows = []
    for name in trial.STEPS:
        rows.append({"name": name, "ok": numbers.get(name, 0) == 0, "errno": numbers.get(name, 0)})
    return {
        "steps": rows,
        "features": [{"name": "vlan", "ok": False, "errno": 95}, {"name": "veth", "ok": True, "errno": 0}],
    }


def test_report_of_a_machine_where_all_is_well() -> None:
    found = [tools.Tool("ip", "/usr/sbin/ip", "iproute2", "iproute", "iproute2"), tools.Tool("nc", "", "a", "b", "c")]
    report = doctor.report_of(tried(), kind="rootless", started=0.2, machine={"system": "Debian"}, found=found)
    text = report.text()
    assert text.startswith("A lab works here: sandbox rootless, ready in 0.20 s.\n(Debian)\n")
    assert re.search(r"^  vlan  the kernel has no module 8021q, or it is not loaded  sudo modprobe 8021q$", text, re.M)
    assert re.search(r"^  nc +a +b +c$", text, re.M)
    assert "cure (as administrator)" not in text


def test_report_of_a_container_with_masked_proc_says_what_is_lost() -> None:
    """FAULTS.md 74: a lab that shows the /proc that is here, and a notice."""
    data = tried(sysctl_write=errno.EROFS)
    next(row for row in data["steps"] if row["name"] == "fresh /proc").update(ok=False, errno=errno.EPERM)
    report = doctor.report_of(
        data, kind="rootless", missing=["/proc of its own: Operation not permitted"], read=machine({})
    )
    text = report.text()
    assert "missing in it: /proc of its own: Operation not permitted" in text
    assert "ps lists foreign processes too" in text
    assert text.count("systempaths=unconfined") == 1, "a cure is said once"


def test_report_of_a_machine_with_no_lab() -> None:
    error = SandboxUnavailable("no lab can be started here: because")
    data = tried(user_namespace=errno.ENOSPC)
    report = doctor.report_of(data, error=error, read=machine({causes.USER_MAX: "0"}))
    assert not report.ok
    assert report.text().startswith("No lab can be started here.")
    assert "ENOSPC: user namespaces are switched off (user.max_user_namespaces is 0)" in report.text()
    assert "  sudo sysctl -w user.max_user_namespaces=15000\n" in report.text()


def test_report_as_data_is_json() -> None:
    data = json.loads(json.dumps(doctor.report_of(tried(veth_pair=1), read=machine(UBUNTU)).to_data()))
    step = next(each for each in data["steps"] if each["name"] == "veth pair")
    assert (step["ok"], step["errno"], step["words"]) == (False, 1, "Operation not permitted")
    assert step["cure"].startswith("nsmagic doctor --apparmor")


# How our two programs are started


def test_started_by_this_python() -> None:
    words, environment = config.start_command(config.launcher(), machine({}))
    assert words == [sys.executable, "-I", "-S", config.launcher()]
    assert set(environment) == {"PATH", "LANG", "LC_ALL"}


def test_started_by_path_where_apparmor_looks_at_the_path() -> None:
    """AppArmor attaches a profile to the file that is executed, so with the restriction on it must be ours and not Python."""
    for program in (config.launcher(), trial.__file__):
        words, environment = config.start_command(str(program), machine(UBUNTU))
        assert words == [str(program)]
        assert environment["PATH"].split(":")[0] == os.path.dirname(sys.executable)


def test_both_programs_run_by_their_path_and_with_this_python() -> None:
    words, environment = config.start_command(str(trial.__file__), machine(UBUNTU))
    done = subprocess.run(words, env=environment, cwd="/", capture_output=True, text=True, timeout=30, check=True)
    assert [row["name"] for row in json.loads(done.stdout)["features"]] == list(features.FEATURES)


def test_apparmor_profile_names_both_paths() -> None:
    profile = doctor.apparmor_profile()
    [attached] = re.findall(r'^profile nsmagic "(.+)" flags=\(unconfined\) \{$', profile, re.M)
    folder, names = attached.rsplit("/{", 1)
    for name in names.removesuffix("}.py").split(","):
        assert Path(f"{folder}/{name}.py").is_file()
    assert "\n  userns,\n" in profile


def test_apparmor_profile_quotes_what_its_patterns_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "PACKAGE", Path("/home/ann/my [notes]/nsmagic"))
    assert r'"/home/ann/my \[notes\]/nsmagic/{agent/launcher,sandbox/trial}.py"' in doctor.apparmor_profile()


# Installation, with a package manager that only writes down what it is told


@pytest.fixture
def packager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the whole PATH; ``apt-get`` in it writes its arguments to ``log``."""
    program = tmp_path / "apt-get"
    program.write_text(
        f'#!/bin/sh\necho "$DEBIAN_FRONTEND $*" >>{tmp_path}/log\necho apt says hello\n'
        f'case "$*" in *update*) : >{tmp_path}/updated;; esac\n[ -e {tmp_path}/updated ] || [ ! -e {tmp_path}/stale ]\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    there = {"ip", "ping"}
    monkeypatch.setattr(
        tools, "tools", lambda: _found(there if not (tmp_path / "log").exists() else set(tools.PACKAGES))
    )
    return tmp_path


def _found(there: set[str]) -> tuple[tools.Tool, ...]:
    return tuple(
        tools.Tool(name, "/bin/x" if name in there else "", *packages) for name, packages in tools.PACKAGES.items()
    )


def test_install_asks_for_what_is_missing_only(packager: Path, capfd: pytest.CaptureFixture[str]) -> None:
    tools.install()
    [line] = (packager / "log").read_text().splitlines()
    assert line.startswith("noninteractive -y --no-install-recommends")
    assert "netcat-openbsd" in line
    assert "net-tools" in line
    assert "iputils-ping" not in line
    said = capfd.readouterr().out
    assert "apt says hello" in said, "its output is streamed"
    assert "\ninstalled\n" in said


def test_install_fetches_the_lists_only_when_the_first_try_fails(packager: Path) -> None:
    (packager / "stale").touch()
    tools.install()
    lines = (packager / "log").read_text().splitlines()
    assert [line.split()[-1] == "update" for line in lines] == [False, True, False]


def test_install_says_what_to_type_when_it_fails(packager: Path) -> None:
    (packager / "apt-get").write_text("#!/bin/sh\nexit 100\n")
    with pytest.raises(NsmagicError, match="apt-get could not install") as caught:
        tools.install()
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("by hand: apt-get install iproute2")


def test_install_is_bounded(packager: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (packager / "apt-get").write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    monkeypatch.setattr(tools, "PATIENCE", 0.2)
    with pytest.raises(NsmagicError, match="took longer than"):
        tools.install()


def test_install_without_rights_says_so(packager: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(NsmagicError, match="needs root, and there is no sudo"):
        tools.install()
    assert not (packager / "log").exists()


def test_install_goes_through_sudo_which_must_not_wait_for_a_password(
    packager: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sudo = packager / "sudo"
    sudo.write_text(f'#!/bin/sh\necho "sudo $*" >>{packager}/log\n')
    sudo.chmod(0o755)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    tools.install()
    assert (packager / "log").read_text().startswith("sudo -n env DEBIAN_FRONTEND=noninteractive apt-get -y")


def test_nothing_missing_installs_nothing(packager: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "tools", lambda: _found(set(tools.PACKAGES)))
    said: list[str] = []
    tools.install(said.append)
    assert said == ["nothing to install: every program is there"]
    assert not (packager / "log").exists()


def test_no_package_manager(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NsmagicError, match="no apt-get, dnf or apk"):
        tools.manager(lambda name: None)


@pytest.mark.parametrize(("program", "column"), [("apt-get", 0), ("dnf", 1), ("apk", 2)])
def test_each_family_has_its_packages(program: str, column: int) -> None:
    chosen = tools.manager(lambda name: name if name == program else None)
    assert chosen.column == column
    wanted = tools.missing_packages(_found(set()), column)
    assert len(wanted) == len(set(wanted)) > 10


# On this machine


def doctor_behind(gate: str) -> dict[str, Any]:
    """``nsmagic doctor --json`` behind a closed gate, on a machine without User Mode Linux."""
    words = [sys.executable, str(GATE), gate, sys.executable, "-m", "nsmagic", "doctor", "--json"]
    done = subprocess.run(
        words,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "NSMAGIC_UML": "/nowhere"},
    )
    assert not done.stderr, done.stderr
    data: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == (0 if data["ok"] else 1)
    return data


def failed(data: Mapping[str, Any]) -> dict[str, tuple[int, str, str]]:
    return {each["name"]: (each["errno"], each["cause"], each["cure"]) for each in data["steps"] if each["ok"] is False}


@pytest.mark.sandbox
def test_here_a_lab_works() -> None:
    report = doctor.examine()
    assert report.kind in ("rootless", "rootless-nomount")
    steps = {step.name: step for step in report.steps}
    for name in ("user namespace", "uid map", "namespaces", "lo up", "veth pair"):
        assert steps[name].ok, steps[name]
    assert {feature.name: feature.ok for feature in report.features}["veth"] is True
    assert report.text().isprintable() or "\n" in report.text()
    assert max(map(len, report.text().splitlines())) < 160


@pytest.mark.sandbox
@pytest.mark.parametrize(
    ("kind", "step"), [("user", "user namespace"), ("net", "namespaces"), ("pid", "namespaces"), ("uts", "namespaces")]
)
def test_a_limit_of_zero_is_named(kind: str, step: str) -> None:
    """FAULTS.md 46, on the real kernel."""
    data = doctor_behind(f"max-{kind}-namespaces")
    assert data["kind"] == ""
    knob = f"user.max_{kind}_namespaces"
    assert failed(data) == {step: (errno.ENOSPC, failed(data)[step][1], f"sudo sysctl -w {knob}=15000")}
    assert f"{knob} is 0" in data["error"]
    assert all(each["ok"] is None for each in data["features"])


@pytest.mark.sandbox
def test_one_user_namespace_is_enough_for_the_other_kind() -> None:
    data = doctor_behind("max-user-namespaces=1")
    assert data["kind"] == "rootless-nomount"
    [(name, (number, cause, cure))] = failed(data).items()
    assert (name, number) == ("inner user namespace", errno.ENOSPC)
    assert "only the kind rootless-nomount is left" in cause
    assert cure == "sudo sysctl -w user.max_user_namespaces=15000"


@pytest.mark.sandbox
def test_seccomp_is_named() -> None:
    """Docker's default profile, on the real kernel."""
    data = doctor_behind("unshare-EPERM")
    assert failed(data)["user namespace"][1:] == (say_cause("seccomp"), causes._NO_FILTER)
    assert "seccomp" in data["error"]


@pytest.mark.sandbox
@pytest.mark.parametrize("word", ["EACCES", "EPERM"])
def test_without_mounts_there_is_the_other_kind(word: str) -> None:
    """AppArmor's docker-default answers mount with EACCES; a filter would with EPERM."""
    data = doctor_behind(f"mount-{word}")
    assert data["kind"] == "rootless-nomount"
    assert data["badge"] == "rootless-nomount: no mounts"
    assert failed(data)["mount propagation"][0] == getattr(errno, word)
    assert all(each["ok"] for each in data["steps"] if each["name"] in ("lo up", "veth pair"))
    assert next(each for each in data["features"] if each["name"] == "veth")["ok"]


@pytest.mark.sandbox
def test_masked_proc_is_named_and_the_lab_works() -> None:
    """FAULTS.md 74, on the real kernel: no fresh /proc may be mounted, so the lab shows the one that is here."""
    data = doctor_behind("masked-proc")
    assert data["kind"] == "rootless"
    assert data["missing"] == ["/proc of its own: Operation not permitted"]
    assert data["badge"] == "rootless: no /proc of its own"
    [(name, (number, cause, cure))] = failed(data).items()
    assert (name, number) == ("fresh /proc", errno.EPERM)
    assert "masked" in cause
    assert "systempaths=unconfined" in cure


@pytest.mark.sandbox
@pytest.mark.parametrize("gate", ["masked-proc", "mount-EACCES"])
def test_behind_a_gate_the_lab_builds_reads_and_ends_commands(gate: str) -> None:
    text = "ip netns add red\nip link add v0 type veth peer name v1 netns red\nip -n red link set v1 up\nsleep 30\nip -n red link\n"
    words = [sys.executable, str(GATE), gate, sys.executable, "-m", "nsmagic", "run", "-", "--json", "--timeout", "0.5"]
    done = subprocess.run(words, cwd=ROOT, input=text, capture_output=True, text=True, timeout=25, check=False)
    assert not done.stderr, done.stderr
    outcomes = json.loads(done.stdout)["outcomes"]
    assert [outcome["ok"] for outcome in outcomes] == [True, True, True, False, True]
    assert outcomes[3]["error"]["error"] == "CommandTimeout"
    assert [row["ifname"] for row in outcomes[4]["table"]["rows"]] == ["lo", "v1"]


def test_the_gates_know_this_architecture() -> None:
    from tests.sandbox import gate

    assert platform.machine() in gate.NUMBERS
