"""A class at once: students.py NUMBER NOTEBOOK FOLDER PROXY…: JupyterHub of binder/hub, a server and a kernel for each student, all through
its API. Each runs the notebook's cells with the same names; then the kernels of a third are killed in mid cell. PROXY is a command line.

Prints one JSON document with what was seen.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from pathlib import Path
from typing import Any

import nbformat
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

sys.path.append(str(Path(__file__).resolve().parents[2]))

from tests.sandbox import observe

TOP = Path(__file__).resolve().parents[2]
#: Every student's own name for itself, checked at the end: a lab that was another's would show.
MARK = """
%netns ip netns add own-{name}
print(sorted(n for n in get_ipython().magics_manager.registry["Netns"].lab_of().names()))
"""
FACTS = """
import json, os
_lab = get_ipython().magics_manager.registry["Netns"].lab_of()
print(json.dumps({{"kernel": os.getpid(), "launcher": _lab.pid, "lab": _lab.status()["lab"], "kind": _lab.kind, "names": _lab.names()}}))
"""
#: Long enough that all of those to be killed are in it at one moment, on a machine with too few processors.
LONG = """
%%netns
ip link add hold type bridge
echo begun; sleep 20; ip netns exec red ping -c 3 -i 0.3 192.168.15.2 | tail -2
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Student:
    """One student's server and kernel."""

    def __init__(self, name: str, url: str, token: str) -> None:
        self.name, self.url, self.headers = name, url, {"Authorization": f"token {token}"}
        self.facts: dict[str, Any] = {}
        self.failures: list[str] = []
        self.socket: Any = None
        self.said: asyncio.Queue[Any] = asyncio.Queue()
        #: Set once its long cell runs.
        self.begun = asyncio.Event()

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        request = HTTPRequest(
            self.url + path, method=method, headers=self.headers, body=None if method == "GET" else json.dumps(body or {}),
            request_timeout=180, connect_timeout=180,
        )  # fmt: skip
        while True:
            try:
                answer = await AsyncHTTPClient().fetch(request)
            except HTTPClientError as error:
                if error.code != 429 or error.response is None:
                    raise
                # Too many begin at this moment; the hub says when to come again.
                await asyncio.sleep(float(error.response.headers["Retry-After"]))
            else:
                return json.loads(answer.body) if answer.body else None

    async def enter(self) -> None:
        """A server, a kernel, a connection."""
        await self.ask("POST", f"/hub/api/users/{self.name}")
        server: dict[str, Any] | None = None
        while server is None or not server["ready"]:
            if server is None:  # not asked for yet, or the hub gave it up: it took too long to start
                await self.ask("POST", f"/hub/api/users/{self.name}/server")
            await asyncio.sleep(0.5)
            server = (await self.ask("GET", f"/hub/api/users/{self.name}"))["servers"].get("")
        kernel = await self.ask("POST", f"/user/{self.name}/api/kernels", {"name": "python3"})
        address = f"{self.url.replace('http', 'ws', 1)}/user/{self.name}/api/kernels/{kernel['id']}/channels"
        # Read as it comes, also while the others enter: else pings are not answered, and the server hangs up.
        self.socket = await websocket_connect(
            HTTPRequest(address, headers=self.headers, connect_timeout=180, request_timeout=180),
            on_message_callback=self.said.put_nowait,
        )

    async def run(self, code: str) -> tuple[str, str]:
        """Run a cell: what it printed, and its error."""
        number = uuid.uuid4().hex
        header = {
            "msg_id": number,
            "username": self.name,
            "session": number,
            "msg_type": "execute_request",
            "version": "5.3",
        }
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}
        await self.socket.write_message(
            json.dumps({"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"})
        )
        text, error, left = "", "", {"execute_reply", "idle"}
        while left:
            said = await self.said.get()
            if said is None:
                return text, "the connection was closed"
            message = json.loads(said) if isinstance(said, str) else {}
            if message.get("parent_header", {}).get("msg_id") != number:
                continue
            kind, body = message["header"]["msg_type"], message["content"]
            if kind == "stream":
                text += body["text"]
                if text.startswith("begun"):
                    self.begun.set()
            elif kind == "error":
                error = f"{body['ename']}: {body['evalue']}"
            elif kind == "execute_reply":
                left.discard(kind)
            elif kind == "status" and body["execution_state"] == "idle":
                left.discard("idle")
        return text, error

    async def lesson(self, cells: list[tuple[str, bool]]) -> int:
        """Run the notebook; the number of cells that went as they should."""
        good = 0
        for code, may_fail in cells:
            _, error = await self.run(code)
            if error and not may_fail:
                self.failures.append(f"{code.strip().splitlines()[0]}: {error}")
            else:
                good += 1
        await self.run(MARK.format(name=self.name))
        text, error = await self.run(FACTS.format())
        self.facts = json.loads(text) if not error else {"error": error}
        return good


def tree(root: int) -> list[int]:
    """A process and all below it, and the labs' launchers, which are in sessions of their own but still below."""
    found, front = [root], [root]
    while front:
        try:
            for task in os.listdir(f"/proc/{(pid := front.pop())}/task"):
                below = [int(each) for each in Path(f"/proc/{pid}/task/{task}/children").read_text().split()]
                found += below
                front += below
        except OSError:
            continue
    return found


def memory(pids: list[int]) -> int:
    """Their memory in KiB, what they share counted once."""
    found: dict[str, int] = {}
    for pid in pids:
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        # The kernel of a virtual machine is several processes with one memory, whose figures are the same to the last one.
        found[text] = sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
    return sum(found.values())


class Use:
    """The most that a process and all below it had at once: memory in KiB, processes, threads."""

    def __init__(self, root: int) -> None:
        self._root = root
        self.memory = self.processes = self.threads = 0

    def look(self) -> float:
        """Look once more; the seconds that it took."""
        began = time.monotonic()
        pids = tree(self._root)
        threads = 0
        for pid in pids:
            with contextlib.suppress(OSError):
                threads += len(os.listdir(f"/proc/{pid}/task"))
        self.memory = max(self.memory, memory(pids))
        self.processes, self.threads = max(self.processes, len(pids)), max(self.threads, threads)
        return time.monotonic() - began


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


async def lesson(count: int, notebook: Path, url: str, token: str, root: int) -> dict[str, Any]:
    read = nbformat.read(notebook, as_version=4)
    cells = [
        (cell.source, "raises-exception" in cell.metadata.get("tags", ()))
        for cell in read.cells
        if cell.cell_type == "code"
    ]
    students = [Student(f"student{number:02d}", url, token) for number in range(count)]
    peak = Use(root)
    alone = Use(root)
    await asyncio.to_thread(alone.look)
    done = asyncio.Event()

    async def watch() -> None:
        while not done.is_set():
            spent = await asyncio.to_thread(peak.look)
            with contextlib.suppress(TimeoutError):
                # The kernel walks all of their memory for this: at most a tenth of the time.
                await asyncio.wait_for(done.wait(), max(2.0, 9 * spent))

    watching = asyncio.create_task(watch())
    begun = time.monotonic()
    print(f"{count} students enter", file=sys.stderr, flush=True)
    await asyncio.gather(*(each.enter() for each in students))
    entered = time.monotonic() - begun
    print(f"all there after {entered:.0f} s", file=sys.stderr, flush=True)
    good = await asyncio.gather(*(each.lesson(cells) for each in students))
    taught = time.monotonic() - begun
    print(f"lesson over after {taught:.0f} s", file=sys.stderr, flush=True)
    await asyncio.to_thread(peak.look)
    labs = {each.name: each.facts.get("names", []) for each in students}
    crossed = [name for name, names in labs.items() if [n for n in names if n.startswith("own-")] != [f"own-{name}"]]

    # A third is killed in mid cell, the others go on.
    gone, rest = students[: count // 3], students[count // 3 :]
    running = {each.name: asyncio.create_task(each.run(LONG)) for each in students}
    await asyncio.wait_for(asyncio.gather(*(each.begun.wait() for each in gone)), 120)
    # Everything that is theirs: launcher, and all below it.
    theirs = [pid for each in gone for pid in tree(each.facts["launcher"])]
    inside = {observe.pid_namespace(observe.children(each.facts["launcher"])[0]) for each in gone}
    in_mid_cell = sum(not running[each.name].done() for each in gone)
    killed = time.monotonic()
    for each in gone:
        os.kill(each.facts["kernel"], signal.SIGKILL)
    while (left := [pid for pid in theirs if alive(pid)]) and time.monotonic() - killed < 5:
        await asyncio.sleep(0.02)
    seconds = time.monotonic() - killed
    # Whatever else is in a pid namespace of theirs, and mounts of theirs that anybody has.
    left += [pid for namespace in inside for pid in observe.processes_in(namespace)]
    mounts = [pid for each in gone for pid in observe.mounts_with(f"nsmagic-{each.facts['lab']}")]
    finished = [await running[each.name] for each in rest]
    for each in gone:
        running[each.name].cancel()
    done.set()
    await watching
    return {
        "students": count, "cells": len(cells), "all_right": sum(number == len(cells) for number in good),
        "failures": sorted({words for each in students for words in each.failures}), "crossed": crossed,
        "kinds": sorted({str(each.facts.get("kind")) for each in students}),
        "seconds_to_enter": round(entered, 1), "seconds_in_all": round(taught, 1), "seconds_of_lesson": round(taught - entered, 1),
        "hub_mib": alone.memory >> 10, "peak_mib": peak.memory >> 10, "processes": peak.processes, "threads": peak.threads,
        "in_mid_cell": in_mid_cell, "killed": len(gone), "their_processes": len(theirs), "left_of_them": len(left),
        "their_mounts_left": len(mounts), "seconds_until_gone": round(seconds, 2),
        "others": len(rest), "others_finished": sum("0% packet loss" in text and not error for text, error in finished),
    }  # fmt: skip


def main(count: int, notebook: str, folder: str, *proxy: str) -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started ends in any case
    token, port = secrets.token_hex(16), free_port()
    Path(folder).mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ, "CLASS_CONFIG": str(TOP / "binder/hub/jupyterhub_config.py"), "CLASS_FOLDER": folder, "CLASS_TOKEN": token,
        "CLASS_URL": f"http://127.0.0.1:{port}", "CLASS_DB": f"sqlite:///{folder}/hub.sqlite", "CLASS_PROXY": json.dumps(proxy), "CLASS_SIZE": "1000",
        "CLASS_PROXY_API": f"http://127.0.0.1:{free_port()}", "CLASS_HUB_PORT": str(free_port()),
    }  # fmt: skip
    for number in range(count):  # their homes, with what the notebook has beside it
        shutil.copytree(Path(notebook).parent, Path(folder) / f"student{number:02d}", dirs_exist_ok=True)
    log = open(f"{folder}/hub.log", "wb")  # noqa: SIM115 - the hub's, as long as it runs
    hub = subprocess.Popen(
        [sys.executable, "-m", "jupyterhub", "-f", str(Path(__file__).with_name("hub_config.py"))],
        env=environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
        start_new_session=True,
    )  # fmt: skip
    try:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/hub/api/", timeout=5):
                break
            time.sleep(0.2)  # the proxy answers before the hub does
        AsyncHTTPClient.configure(None, max_clients=1000)
        seen = asyncio.run(lesson(count, Path(notebook), f"http://127.0.0.1:{port}", token, hub.pid))
        print(json.dumps(seen))
    finally:
        log.close()
        below = tree(hub.pid)
        hub.terminate()
        try:
            hub.wait(30)
        except subprocess.TimeoutExpired:
            hub.kill()
        for pid in below[1:]:
            if alive(pid):
                os.kill(pid, signal.SIGKILL)
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), *sys.argv[2:]))
