"""JupyterLab as a user starts it, and a browser in front of it."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from binder import needs

#: Seconds for the slowest step on a busy machine.
PATIENCE = 90
CHROMIUM = needs.browser()
TOP = Path(__file__).resolve().parent.parent.parent

#: Chromium asks nobody outside for anything.
_ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-sync", "--no-first-run", "--no-default-browser-check",
    "--disable-background-networking", "--disable-component-update", "--disable-domain-reliability",
    "--disable-client-side-phishing-detection", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]  # fmt: skip


@dataclass
class Server:
    """A running JupyterLab: where it is, and the folder that it shows."""

    url: str
    token: str
    folder: Path

    def notebook(self, name: str, *cells: Any) -> str:
        """Write a notebook into the folder: strings are code cells without output, others cells as they are. Its name."""
        import nbformat  # half a second, not for each worker that only collects

        made = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(cell) if isinstance(cell, str) else cell for cell in cells],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        )
        nbformat.write(made, self.folder / name)
        return name


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """JupyterLab in a home of its own, ended with the tests."""
    home, folder = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("notebooks")
    runtime = home / "runtime"
    token = secrets.token_hex(16)
    path = os.pathsep.join(filter(None, [str(TOP), os.environ.get("PYTHONPATH")]))
    environment = {
        **os.environ, "HOME": str(home), "PYTHONPATH": path, "JUPYTER_RUNTIME_DIR": str(runtime),
        "JUPYTER_CONFIG_DIR": str(home / "config"), "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"), "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
    }  # fmt: skip
    # Otherwise a question about news covers a corner of every page.
    settings = home / "settings" / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
    settings.parent.mkdir(parents=True)
    settings.write_text('{"fetchNews": "false", "checkForUpdates": false}')
    log = home / "log"
    with log.open("w") as said:
        process = subprocess.Popen(
            [
                sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--port=0", "--ServerApp.ip=127.0.0.1",
                f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={folder}",
                "--LabApp.expose_app_in_browser=True", "--LabApp.news_url=",
                "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
            ],
            env=environment, stdout=said, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
    try:
        url = _until(lambda: _address(runtime), lambda: process.poll() is None, lambda: log.read_text()[-2000:])
        yield Server(url, token, folder)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _address(runtime: Path) -> str:
    for found in runtime.glob("jpserver-*.json"):
        try:
            data = json.loads(found.read_text())
        except ValueError:
            continue  # half written
        return str(data["url"])
    return ""


def _until(ask: Callable[[], str], alive: Callable[[], bool], why: Callable[[], str]) -> str:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and alive():
        answer = ask()
        if answer:
            return answer
        # The server announces its start by a file.
        threading.Event().wait(0.05)
    raise AssertionError(f"JupyterLab has not started: {why()}")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, without a window."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="Playwright is not installed: pip install playwright"
    )
    if not CHROMIUM:
        pytest.skip("there is no Chromium: python binder/needs.py installs one, or set NSMAGIC_CHROMIUM")
    with playwright.sync_playwright() as running:
        made = running.chromium.launch(executable_path=CHROMIUM, args=_ARGUMENTS)
        yield made
        made.close()


#: The last cell of the notebook; a new one below it, with a text.
_LAST = "window.jupyterapp.shell.currentWidget.content.widgets.at(-1)"
_TYPE = """(source) => {
    const notebook = window.jupyterapp.shell.currentWidget.content;
    const cells = notebook.model.sharedModel;
    cells.insertCell(cells.cells.length, {cell_type: 'code', source});
    notebook.deselectAll();
    notebook.activeCellIndex = notebook.widgets.length - 1;
}"""

#: Close all notebooks, whether they were saved or not, and end their kernels; whether this is a JupyterLab that asks for nothing.
_LEAVE = """async () => {
    for (const each of [...window.jupyterapp?.shell.widgets('main') ?? []]) {
        await each.sessionContext?.shutdown();
        each.dispose();
    }
    return Boolean(window.jupyterapp) && !document.querySelector('.jp-Dialog');
}"""
_SIZE = {"width": 1100, "height": 900}


class Lab:
    """A page with JupyterLab, and what a person does there."""

    def __init__(self, server: Server, page: Any, shots: Path) -> None:
        self.server, self.page, self.shots = server, page, shots
        self._hearers: list[Callable[[Any], None]] = []

    def open(self, name: str) -> None:
        """Open a notebook, alone, and wait until its cells are there."""
        if self._is_there():
            self.command("docmanager:open", path=name)
        else:
            address = f"{self.server.url}lab/workspaces/w{secrets.token_hex(4)}/tree/{name}?token={self.server.token}"
            self.page.goto(address, timeout=PATIENCE * 1000)
        self.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=PATIENCE * 1000)
        self.page.wait_for_function(
            "([name]) => window.jupyterapp.shell.currentWidget?.context?.path === name",
            arg=[name],
            timeout=PATIENCE * 1000,
        )
        self.command("filebrowser:hide-main")

    def _is_there(self) -> bool:
        return str(self.page.url).startswith(f"{self.server.url}lab/")

    def leave(self) -> bool:
        """Close what the test has opened; whether another one can have the page."""
        for each in self.page.context.pages:
            if each != self.page:
                each.close()
        for hearer in self._hearers:
            self.page.remove_listener("dialog", hearer)
        return self._is_there() and bool(self.page.evaluate(_LEAVE))

    def dialogs(self) -> list[str]:
        """What ``alert`` and the like will say in this page."""
        said: list[str] = []

        def hear(dialog: Any) -> None:
            said.append(dialog.message)
            dialog.dismiss()

        self._hearers.append(hear)
        self.page.on("dialog", hear)
        return said

    def command(self, name: str, **arguments: Any) -> None:
        """A command of JupyterLab; its end is not waited for."""
        self.page.evaluate(
            "([name, args]) => { window.jupyterapp.commands.execute(name, args).catch(() => null) }", [name, arguments]
        )

    def run_all(self) -> None:
        """Run all cells and wait until none is running."""
        self.page.wait_for_function(
            "() => window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.connectionStatus === 'connected'",
            timeout=PATIENCE * 1000,
        )
        self.command("notebook:run-all-cells")
        self.page.wait_for_function(
            "() => { const all = [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')].map(e => e.textContent);"
            " return all.length && all.every(text => /\\d/.test(text)) }",
            timeout=PATIENCE * 1000,
        )

    def type(self, source: str, *, wait: bool = True) -> str:
        """Type a cell below the others and run it; what it wrote, when it has ended (unless one does not ``wait``)."""
        self.page.evaluate(_TYPE, source)
        self.command("notebook:run-cell")
        return self.written() if wait else ""

    def begin(self, source: str) -> None:
        """Type a cell that ends by itself only after the test has: it keeps the kernel busy until :meth:`interrupt`."""
        self.type(f"{source}\nsleep 1000", wait=False)

    def interrupt(self) -> str:
        """Interrupt the last cell, which must be running; what it had written."""
        running = self.page.evaluate(f"() => {_LAST}.promptNode.textContent")
        assert "*" in running, f"the cell has ended: {running}"
        self.command("notebook:interrupt-kernel")
        return self.written()

    def written(self) -> str:
        """What the last cell has written, when it has ended."""
        self.page.wait_for_function(
            f"() => /\\d/.test(({_LAST})?.promptNode?.textContent ?? '')", timeout=PATIENCE * 1000
        )
        return str(self.page.evaluate(f"() => {_LAST}.outputArea.node.innerText"))

    def theme(self, dark: bool) -> None:
        """JupyterLab's own theme."""
        name = "JupyterLab Dark" if dark else "JupyterLab Light"
        self.command("apputils:change-theme", theme=name)
        self.page.wait_for_function(f"() => document.body.dataset.jpThemeName === {name!r}", timeout=PATIENCE * 1000)

    def shot(self, name: str) -> Path:
        """Keep what is seen, to be looked at."""
        path = self.shots / f"{name}.png"
        self.page.screenshot(path=str(path))
        return path


@pytest.fixture(scope="session")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where screenshots are kept: NSMAGIC_SHOTS, else ``tests/artefacts`` (which git ignores), else pytest's folder of this run."""
    said = os.environ.get("NSMAGIC_SHOTS")
    folder = Path(said) if said else TOP / "tests" / "artefacts"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "written").write_text("")
    except OSError:
        return tmp_path_factory.mktemp("shots")
    return folder


@pytest.fixture(scope="session")
def axe() -> Callable[[Any, str], list[str]]:
    """``axe(page, selector)``: what axe-core finds serious in a part of a page, a line for each thing."""
    found = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install axe-playwright-python")

    def serious(page: Any, selector: str) -> list[str]:
        result = found.Axe().run(page, context=selector).response
        assert result["passes"], "axe-core has looked at nothing"
        return [
            f"{each['impact']} {each['id']}: {each['help']}: {node['html'][:200]}"
            for each in result["violations"]
            if each["impact"] in ("serious", "critical")
            for node in each["nodes"]
        ]

    return serious


_PASSED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    report = yield
    if call.when == "call":
        item.stash[_PASSED] = report.passed
    return report


@pytest.fixture(scope="session")
def page_kept() -> list[Any]:
    """The page of the last test that passed, for the next one: to load JupyterLab takes four seconds of computing, to open a notebook none."""
    return []


@pytest.fixture
def jupyterlab(
    server: Server, browser: Any, shots: Path, page_kept: list[Any], request: pytest.FixtureRequest
) -> Iterator[Callable[..., Lab]]:
    """``jupyterlab(color_scheme="dark")``: a page for JupyterLab, in which no notebook is open; a second one is of another profile."""
    labs: list[Lab] = []

    def made(**media: Any) -> Lab:
        page = page_kept.pop() if page_kept else browser.new_context(viewport=_SIZE).new_page()
        labs.append(Lab(server, page, shots))
        page.set_viewport_size(_SIZE)
        page.emulate_media(**{"color_scheme": "light", "reduced_motion": "no-preference", **media})
        return labs[-1]

    yield made
    for lab in labs:
        if request.node.stash.get(_PASSED, False) and not page_kept and lab.leave():
            page_kept.append(lab.page)
        else:
            lab.page.context.close()
