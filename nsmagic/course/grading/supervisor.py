"""Pid 1 of a submission's jail: runs the notebook's cells in a caged kernel, and the teacher's checks outside of it.

Standard input has the job (one JSON line), standard output gets events, a JSON line each, as they happen, so that nothing done is
lost when the whole is ended from outside. A job's steps are cells to run (``{"run": source, "cell": 3}``) and checks
(``{"check": source, "cell": 4}``): lines ``%check NAME``, or Python with assertions, which sees ``lab``, ``check``, ``checks`` and ``course``.
"""

from __future__ import annotations

import json
import os
import queue
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from nsmagic import course
from nsmagic.course import checks, practice
from nsmagic.course.grading.lending import Lender, socket_path
from nsmagic.course.practice import CheckFailed, Report
from nsmagic.errors import NsmagicError
from nsmagic.lab import Lab

_RUN = "/run/nsmagic"
#: A line of a check cell that is a magic of ours, and what follows it.
_CHECK = re.compile(r"^\s*%check(?:\s+(.*))?$")
_MAC = re.compile(r"\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b")
#: Seconds that an interrupted cell has to end.
_GRACE = 3.0
#: Bytes of one message of the kernel; a larger one closes the connection.
_MESSAGE = 8 << 20


def main() -> None:
    """Do the job that standard input brings."""
    with open(0, "rb", closefd=False) as file:
        job: dict[str, Any] = json.loads(file.readline())
    os.environ["NSMAGIC_SEED"] = str(job["seed"])
    os.environ["NSMAGIC_TIMEOUT"] = str(job["cell_time"])
    os.mkdir(_RUN, 0o700)
    for name, text in job["files"].items():
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes.fromhex(text))
    lender = Lender(socket_path(_RUN), os.getcwd())
    try:
        work(job, lender)
    except (OSError, RuntimeError, ImportError) as error:
        tell(event="broken", words=f"{type(error).__name__}: {error}")
    finally:
        lender.close()
    tell(event="end")


def work(job: dict[str, Any], lender: Lender) -> None:
    """Run the cells and make the checks, in order."""
    kernel = Kernel(job)
    try:
        for step in job["steps"]:
            if "check" in step:
                tell(event="check", cell=step["cell"], **judge(step["check"], lender))
            else:
                kernel.run(step["cell"], step["run"])
    finally:
        kernel.end()


def tell(**event: Any) -> None:
    """One event to the grader."""
    data = json.dumps(event).encode() + b"\n"
    while data:
        data = data[os.write(1, data) :]


class Kernel:
    """The student's kernel, in its cage."""

    def __init__(self, job: dict[str, Any]) -> None:
        self._job = job
        self._seen: set[str] = set()
        self._bytes = 0
        self._dead = ""
        self._client, self._process = start_kernel(job)

    def run(self, cell: int, source: str) -> None:
        """Run a cell; tell how it went: ``ok``, ``error``, ``time``, ``output``, ``died``, or ``left out`` when it had died before."""
        if self._dead:
            tell(event="cell", cell=cell, status="left out", words=self._dead)
            return
        status, words = self._run(source)
        tell(event="cell", cell=cell, status=status, words=words[:400], macs=sorted(self._seen)[:400])
        self._seen.clear()

    def _run(self, source: str) -> tuple[str, str]:
        number = self._client.execute(source, allow_stdin=False, stop_on_error=False)
        until = time.monotonic() + self._job["cell_time"]
        came = ("ok", "")
        stopped = ""
        while True:
            try:
                message = self._client.get_iopub_msg(timeout=0.25)
            except queue.Empty:
                message = None
            if self._process.poll() is not None:
                return self._died("its kernel died" + (f" ({stopped})" if stopped else ""))
            if message is not None and message["parent_header"].get("msg_id") == number:
                kind, content = message["msg_type"], message["content"]
                if kind == "status" and content["execution_state"] == "idle":
                    return (stopped, came[1]) if stopped else came
                if kind == "error":
                    came = "error", f"{content['ename']}: {content['evalue']}"
                if kind in ("stream", "display_data", "execute_result", "error") and not stopped:
                    text = json.dumps(content)
                    self._bytes += len(text)
                    self._seen.update(_MAC.findall(text))
            now = time.monotonic()
            if not stopped and (self._bytes > self._job["output"] or now > until):
                stopped = "output" if self._bytes > self._job["output"] else "time"
                # One cell may have too much; the next begins at half of it.
                self._bytes = min(self._bytes, self._job["output"] // 2)
                until = now + _GRACE
                self._client.control_channel.send(self._client.session.msg("interrupt_request", {}))
            elif stopped and now > until:
                return self._died(f"its kernel was ended ({stopped})")

    def _died(self, words: str) -> tuple[str, str]:
        self._dead = words
        self.end()
        return "died", words

    def end(self) -> None:
        """End the kernel and all it started."""
        if self._process.poll() is None:
            self._process.kill()  # the cage; what is in it has PDEATHSIG
        self._process.wait()
        self._client.stop_channels()


def start_kernel(job: dict[str, Any]) -> tuple[Any, subprocess.Popen[bytes]]:
    """An ipykernel in a cage, and a client connected to it.

    Raises
    ------
    RuntimeError
        It does not come up.
    """
    import zmq
    from jupyter_client.blocking.client import BlockingKernelClient
    from jupyter_client.connect import write_connection_file

    from nsmagic.sandbox import cage

    connection, _ = write_connection_file(f"{_RUN}/kernel.json", transport="ipc", ip=f"{_RUN}/kernel")
    environment = {**os.environ, "NSMAGIC_LENDER": socket_path(_RUN)}
    # -I would leave out the student's own modules beside the notebook. What teaches this Python where nsmagic is comes first.
    start = "import sys; sys.path[:0] = sys.argv.pop(1).split(':'); sys.path.append(''); from ipykernel.kernelapp import launch_new_instance as main; main()"
    code = ":".join(job["code"])
    process = subprocess.Popen(
        [
            sys.executable, "-I", "-S", str(cage.__file__), json.dumps(job["limits"]),
            sys.executable, "-I", "-c", start, code, "-f", connection, "--HistoryManager.enabled=False",
        ],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment, start_new_session=True,
    )  # fmt: skip
    context = zmq.Context()
    context.setsockopt(zmq.MAXMSGSIZE, _MESSAGE)
    context.setsockopt(zmq.RCVHWM, 100)
    client: Any = BlockingKernelClient(context=context)
    client.load_connection_file(connection)
    client.start_channels(hb=False)
    client.wait_for_ready(timeout=60)
    return client, process


def judge(source: str, lender: Lender) -> dict[str, Any]:
    """Run a check cell of the teacher's on the student's lab: points that hold, and the words of all."""
    points: list[practice.Point] = []
    with lender.newest() as lab, practice.using(lab):
        rest: list[str] = []
        for line in source.splitlines():
            magic = _CHECK.match(line)
            if magic is None:
                rest.append(line)
            else:
                points += _report(magic[1] or "", lab).points
        if any(line.strip() and not line.lstrip().startswith("#") for line in rest):
            points.append(_assertions("\n".join(rest), lab))
    return {"points": [[point.ok, point.words] for point in points]}


def _report(line: str, lab: Lab) -> Report:
    from nsmagic.magic_line import split_course_line

    try:
        options, words = split_course_line(line)
        return practice.check(words[0] if words else "", lab, seed=options.seed)
    except NsmagicError as error:
        return Report("", (practice.Point(False, error.message),))


def _assertions(source: str, lab: Lab) -> practice.Point:
    """The teacher's own Python: it holds when it ends without an error."""
    names = {"lab": lab, "course": course, "check": course.check, "checks": checks}
    try:
        exec(compile(source, "<check>", "exec"), names)
    except CheckFailed as error:
        return practice.Point(False, "; ".join(point.words for point in error.report.points if not point.ok))
    except Exception as error:  # noqa: BLE001 - whatever the teacher's cell raises, it does not hold
        words = str(error).strip().splitlines()
        return practice.Point(False, words[0] if words else type(error).__name__)
    return practice.Point(True, "holds")
