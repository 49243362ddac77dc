"""As a new user: a fresh clone, the README's first command line, and every notebook opened and run in a browser."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import results
from tests.browser.conftest import TOP, Lab, Server

pytestmark = [pytest.mark.notebook, pytest.mark.heavy]

_UID = 65534
#: The first start downloads JupyterLab and the rest.
_PATIENCE = 900.0
_CODE = "window.jupyterapp.shell.currentWidget.content.widgets.filter(each => each.model.type === 'code')"


@pytest.fixture(scope="module")
def started() -> Iterator[Server]:
    """JupyterLab, started by a plain user in a fresh clone and in a home without anything."""
    # Not below pytest's folder, which other users may not enter.
    place = Path(tempfile.mkdtemp(prefix="nsmagic-new-user-"))
    place.chmod(0o755)
    subprocess.run(["git", "clone", "-q", str(TOP), str(place / "nsmagic")], check=True, timeout=120)
    (place / "home").mkdir()
    plain: list[str] = []
    if os.geteuid() == 0:
        for path in (place, *place.rglob("*")):
            os.chown(path, _UID, _UID, follow_symlinks=False)
        plain = ["setpriv", f"--reuid={_UID}", f"--regid={_UID}", "--clear-groups"]
    kept = {
        name: os.environ[name] for name in os.environ if name.startswith(("PIP_", "SSL_")) or name in ("LANG", "TERM")
    }
    process = subprocess.Popen(
        [*plain, "./binder/notebooks", "--no-browser", "--port=0", "--LabApp.expose_app_in_browser=True"],
        cwd=place / "nsmagic", env={**kept, "HOME": str(place / "home"), "PATH": "/usr/local/bin:/usr/bin:/bin"},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, start_new_session=True,
    )  # fmt: skip
    watch = threading.Timer(_PATIENCE, process.kill)
    watch.start()
    try:
        assert process.stdout is not None
        said: list[str] = []
        for line in process.stdout:
            said.append(line)
            if found := re.search(r"(http://127\.0\.0\.1:\d+/)lab\S*token=(\w+)", line):
                watch.cancel()
                yield Server(found[1], found[2], place / "home" / "nsmagic-notebooks")
                break
        else:
            raise AssertionError("JupyterLab has not started: " + "".join(said)[-3000:])
    finally:
        watch.cancel()
        process.send_signal(signal.SIGTERM)
        process.stdout.close()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        shutil.rmtree(place, ignore_errors=True)


def _errors(path: Path) -> list[str]:
    """What went wrong in a notebook as it was saved: cells that may fail are marked so."""
    import nbformat

    wrong = []
    for number, cell in enumerate(nbformat.read(path, as_version=4).cells):
        if cell.cell_type != "code" or "raises-exception" in cell.metadata.get("tags", []):
            continue
        if cell.source.strip() and cell.execution_count is None:
            wrong.append(f"cell {number} was not run: {cell.source[:80]}")
        wrong += [
            f"cell {number}: {output.get('evalue') or output.get('text')}"
            for output in cell.outputs
            if output.output_type == "error" or output.get("name") == "stderr"
        ]
    return wrong


def test_every_notebook_runs(started: Server, browser: Any, shots: Path) -> None:
    names = sorted(path.name for path in started.folder.glob("*.ipynb"))
    assert len(names) >= 4
    wrong: dict[str, list[str]] = {}
    for name in names:
        context = browser.new_context(viewport={"width": 1200, "height": 1000})
        try:
            lab = Lab(started, context.new_page(), shots)
            lab.open(name)
            lab.page.wait_for_function(
                "() => window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.connectionStatus === 'connected'",
                timeout=90_000,
            )
            lab.command("notebook:clear-all-cell-outputs")
            lab.page.wait_for_function(
                f"() => ({_CODE}).every(each => each.model.executionCount === null)", timeout=20_000
            )
            lab.command("notebook:run-all-cells")
            lab.page.wait_for_function(
                f"() => ({_CODE}).every(each => !each.model.sharedModel.source.trim() || each.model.executionCount !== null)",
                timeout=120_000,
            )
            lab.shot(f"new-user-{name.removesuffix('.ipynb')}")
            lab.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
            if found := _errors(started.folder / name):
                wrong[name] = found
            lab.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
        finally:
            context.close()
    assert not wrong
    results.note(
        "new user: fresh clone, ./binder/notebooks, every notebook run in Chromium",
        f"{len(names)} notebooks, no error: {', '.join(names)}",
    )
