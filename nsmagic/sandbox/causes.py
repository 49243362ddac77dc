"""Why a step of making a lab is refused here, and the line that mends it.

The kernel gives a step and a number, and the same number has several causes. The machine's own settings say which; they are
read only to name the cause, never to choose a sandbox (that is done by trying). Pure: ``read`` gives the files' texts, so a test
can be any machine.
"""

from __future__ import annotations

import errno as errno_
import os
from collections.abc import Callable
from pathlib import Path

from nsmagic.sentences import say_cause

#: A file's text, ``""`` when there is none or it may not be read.
Read = Callable[[str], str]

USER_MAX = "/proc/sys/user/max_user_namespaces"
DEBIAN_SWITCH = "/proc/sys/kernel/unprivileged_userns_clone"
UBUNTU_SWITCH = "/proc/sys/kernel/apparmor_restrict_unprivileged_userns"
CONFINEMENT = "/proc/self/attr/current"
STATUS = "/proc/self/status"
PODMAN = "/run/.containerenv"
YAMA = "/proc/sys/kernel/yama/ptrace_scope"

#: What makes namespaces, in the launcher's and the trial's words → the kinds that are counted then.
_COUNTED = {
    "user namespace": ("user",),
    "inner user namespace": ("user",),
    "mount namespace": ("mnt",),
    "namespaces": ("net", "pid", "uts", "ipc", "mnt"),
}
#: Steps of the kind vm.
_MACHINE = {
    "kernel of the virtual machine", "memory of the virtual machine", "terminal of the virtual machine", "virtual machine",
}  # fmt: skip
#: What needs rights inside the new user namespace.
_RIGHTS = {"uid map", "lo up", "veth pair", "limits"}
_MOUNT = {
    "mount propagation", "mount tmpfs", "pivot_root", "bind the machine's files", "bind the notebook's folder", "bind devices",
    "mount devpts", "fresh /proc", "fresh /sys", "named namespace",
}  # fmt: skip
_FULL = (errno_.ENOSPC, errno_.EUSERS)
_DENIED = (errno_.EPERM, errno_.EACCES)

#: What the kernel says of something that it was not built with or that is a module not loaded.
_ABSENT = (errno_.EOPNOTSUPP, errno_.ENOENT, errno_.EPROTONOSUPPORT, errno_.EAFNOSUPPORT, errno_.ENODEV)
_MODULES = {"netem": "sch_netem", "nftables": "nf_tables", "nftables nat": "nft_chain_nat"}

_APPARMOR = (
    "nsmagic doctor --apparmor | sudo tee /etc/apparmor.d/nsmagic && sudo apparmor_parser -r /etc/apparmor.d/nsmagic"
)
_NO_FILTER = "docker run --security-opt seccomp=unconfined …"


def read_text(path: str) -> str:
    """A file's text; ``""`` when there is none or it may not be read."""
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""


def cause_of(step: str, errno: int, read: Read = read_text) -> tuple[str, str]:
    """Why a step failed and what puts it right: one sentence, and the line that an administrator types (``""``: none known).

    Parameters
    ----------
    step
        As the launcher or the trial names it: ``"user namespace"``, ``"mount tmpfs"``, …
    errno
        The kernel's number; 0 when it gave none.
    read
        Gives a file's text or ``""``.

    >>> files = {"/proc/sys/user/max_user_namespaces": "0"}
    >>> cause_of("user namespace", 28, lambda path: files.get(path, ""))
    ('user namespaces are switched off (user.max_user_namespaces is 0)', 'sudo sysctl -w user.max_user_namespaces=15000')
    """
    if step == "private mounts (as root)" and errno in _DENIED:
        return (
            say_cause("root-mounts"),
            say_cause("ordinary-docker"),
        )
    if step == "become a plain user":
        return (
            say_cause("root-alone"),
            say_cause("ordinary"),
        )
    if step in _MACHINE:
        return _booting(step, errno, read)
    if step in _COUNTED:
        return _making(step, errno, read)
    if step in _RIGHTS and errno in _DENIED:
        return _denied_inside(read)
    if step == "veth pair" and errno == errno_.EOPNOTSUPP:
        return say_cause("veth"), "sudo modprobe veth"
    if step in _MOUNT:
        return _mounting(step, errno, read)
    if step == "sysctl write" and errno in (*_DENIED, errno_.EROFS, errno_.ENOENT):
        return say_cause("sysctl-masked"), _unmask(read)
    return _plain(errno), ""


def _booting(step: str, errno: int, read: Read) -> tuple[str, str]:
    if step == "kernel of the virtual machine":
        return say_cause("no-uml"), "nsmagic vm install"
    if step == "memory of the virtual machine":
        if errno in (errno_.ENOSPC, errno_.EDQUOT):
            return (
                say_cause("no-room"),
                say_cause("no-room-how"),
            )
        return (
            say_cause("noexec"),
            say_cause("noexec-how"),
        )
    if errno == errno_.EFAULT:
        return say_cause("registers"), say_cause("registers-how")
    if read(YAMA).strip() in ("2", "3"):
        return (
            say_cause("ptrace"),
            "sudo sysctl -w kernel.yama.ptrace_scope=1",
        )
    if filtered(read):
        return say_cause("machine-filtered"), _NO_FILTER
    return say_cause("machine-ended"), ""


def _making(step: str, errno: int, read: Read) -> tuple[str, str]:
    if errno in _FULL:
        return _used_up(step, read)
    if errno in _DENIED:
        if step == "user namespace" and _is(read, DEBIAN_SWITCH, "0"):
            return (
                say_cause("debian-switch"),
                "sudo sysctl -w kernel.unprivileged_userns_clone=1",
            )
        if filtered(read):
            return say_cause("seccomp"), _NO_FILTER
        if _is(read, UBUNTU_SWITCH, "1"):
            return say_cause("ubuntu"), _APPARMOR
        profile = confined(read)
        if profile:
            return say_cause("profile", profile=profile), _loosen(profile)
        return say_cause("security-module"), ""
    if errno == errno_.EINVAL:
        return (
            say_cause("not-built"),
            say_cause("not-built-how"),
        )
    if errno == errno_.ENOSYS:
        return say_cause("no-call"), _NO_FILTER
    return _plain(errno), ""


def _used_up(step: str, read: Read) -> tuple[str, str]:
    kinds = _COUNTED[step]
    off = [kind for kind in kinds if _is(read, f"/proc/sys/user/max_{kind}_namespaces", "0")]
    if off:
        knob = f"user.max_{off[0]}_namespaces"
        return say_cause(f"off-{off[0]}", knob=knob), f"sudo sysctl -w {knob}=15000"
    knobs = {kind: read(f"/proc/sys/user/max_{kind}_namespaces").strip() for kind in kinds}
    known = {kind: int(value) for kind, value in knobs.items() if value.isdigit()}
    if not known:
        return say_cause("used-up"), "sudo sysctl -w user.max_user_namespaces=15000"
    kind, most = min(known.items(), key=lambda item: item[1])
    knob = f"user.max_{kind}_namespaces"
    return (
        say_cause("used-up-knob", knob=knob, most=most),
        f"sudo sysctl -w {knob}={max(15000, 2 * most)}",
    )


def _denied_inside(read: Read) -> tuple[str, str]:
    if _is(read, UBUNTU_SWITCH, "1"):
        return say_cause("ubuntu"), _APPARMOR
    if filtered(read):
        return say_cause("seccomp"), _NO_FILTER
    return say_cause("rights-taken"), ""


def _mounting(step: str, errno: int, read: Read) -> tuple[str, str]:
    if step in ("fresh /proc", "fresh /sys") and errno == errno_.EPERM:
        # Only a process that sees all of /proc may mount a new one; a container covers parts of it.
        return say_cause("masked", path=step[6:]), _unmask(read)
    if errno in _DENIED and _is(read, UBUNTU_SWITCH, "1"):
        return say_cause("ubuntu"), _APPARMOR
    if errno == errno_.EACCES:
        profile = confined(read)
        words = say_cause("profile-mounts", profile=profile) if profile else say_cause("module-mounts")
        return words, _loosen(profile)
    if errno == errno_.EPERM and filtered(read):
        return say_cause("seccomp"), _NO_FILTER
    if step == "named namespace" and errno == errno_.ENOENT:
        return say_cause("no-proc"), _unmask(read)
    if errno in _FULL:
        return say_cause("mounts-used-up"), "sudo sysctl -w fs.mount-max=200000"
    if errno == errno_.ENODEV:
        return say_cause("no-file-system"), ""
    return _plain(errno), ""


def _loosen(profile: str) -> str:
    if not profile or profile.startswith(("docker", "containers-default", "cri-containerd", "crio")):
        return "docker run --security-opt apparmor=unconfined …"
    return f"sudo aa-complain {profile}"


def _unmask(read: Read) -> str:
    if read(PODMAN):
        return "podman run --security-opt unmask=ALL …"
    return "docker run --security-opt systempaths=unconfined …   (Kubernetes: procMount: Unmasked)"


def _is(read: Read, path: str, value: str) -> bool:
    return read(path).strip() == value


def _plain(errno: int) -> str:
    return os.strerror(errno) if errno else say_cause("not-known")


def filtered(read: Read = read_text) -> bool:
    """Whether a seccomp filter is on this process (``Seccomp: 2``)."""
    return any(line.split()[:2] == ["Seccomp:", "2"] for line in read(STATUS).splitlines())


def confined(read: Read = read_text) -> str:
    """The name of the AppArmor profile that this process is under, ``""`` when under none."""
    name = read(CONFINEMENT).replace("\0", "").strip().removesuffix(" (enforce)")
    # SELinux writes a label with colons to the same file.
    return "" if name in ("", "unconfined", "kernel") or ":" in name or name.endswith("(unconfined)") else name


def lacking(feature: str, errno: int, modules: dict[str, str]) -> tuple[str, str]:
    """The same for something that a kernel may lack (a kind of link, netem); ``modules`` maps kinds to module names.

    >>> lacking("vlan", 95, {"vlan": "8021q"})
    ('the kernel has no module 8021q, or it is not loaded', 'sudo modprobe 8021q')
    """
    if feature == "tun" and errno in (errno_.ENOENT, errno_.ENXIO, errno_.ENODEV):
        return say_cause("no-tun"), "sudo modprobe tun"
    if feature == "tun" and errno in _DENIED:
        return say_cause("tun-closed"), "sudo chmod 666 /dev/net/tun"
    module = _MODULES.get(feature) or modules.get(feature)
    if module and errno in _ABSENT:
        return say_cause("no-module", module=module), f"sudo modprobe {module}"
    if feature == "iptables nat":
        return (
            say_cause("no-masquerade"),
            "sudo modprobe -a nft_chain_nat xt_MASQUERADE nft_compat",
        )
    return _plain(errno), ""
