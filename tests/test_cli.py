"""The command ``nsmagic``: what its words do, what it prints, how it ends."""

from __future__ import annotations

import datetime
import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import nsmagic
from nsmagic import cli
from nsmagic.cli import notebooks
from nsmagic.errors import NsmagicError
from nsmagic.sandbox import doctor, tools
from tests.sandbox import observe

ROOT = Path(nsmagic.__file__).resolve().parent.parent

BUILD = """\
ip netns add red
ip link add veth-red type veth peer name veth-blue
ip link set veth-red netns red
"""


def command(*arguments: str, stdin: str = "", env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "nsmagic", *arguments], input=stdin, cwd=ROOT, capture_output=True, text=True, timeout=60,
        check=False, env={**os.environ, **(env or {})},
    )  # fmt: skip


# The command line


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"nsmagic {nsmagic.__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        [], ["nonsense"], ["run"], ["run", "-", "--sandbox", "vm2"], ["run", "-", "--timeout", "-1"], ["run", "-", "--seed", "x"],
        ["ls", "more"], ["doctor", "--install", "--json"], ["shell", "red", "--lab"], ["lab", "--port", "x"],
    ],
)  # fmt: skip
def test_a_wrong_command_line_is_status_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2
    said = capsys.readouterr()
    assert said.err.startswith("usage: nsmagic")
    assert not said.out


def test_every_subcommand_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    text = capsys.readouterr().out
    for name in ("lab", "run", "shell", "ls", "doctor"):
        assert re.search(rf"^    {name} ", text, re.MULTILINE), name
        with pytest.raises(SystemExit):
            cli.main([name, "--help"])
        assert f"nsmagic {name}" in capsys.readouterr().out


def test_the_command_starts_without_anything_heavy() -> None:
    source = (
        "import sys, nsmagic.cli; print([each for each in ('pandas', 'pyroute2', 'IPython') if each in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", source], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout == "[]\n"


def test_errors_are_two_lines_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "/nowhere/cell.txt"]) == 1
    assert capsys.readouterr() == ("", "/nowhere/cell.txt: No such file or directory\n")


def test_a_file_that_is_no_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "cell").write_bytes(b"\xff\xfe")
    assert cli.main(["run", str(tmp_path / "cell")]) == 1
    assert "not a text in UTF-8" in capsys.readouterr().err


# run


@pytest.mark.sandbox
def test_run_prints_what_a_cell_shows(tmp_path: Path) -> None:
    (tmp_path / "cell").write_text(BUILD + "ip netns\n")
    done = command("run", str(tmp_path / "cell"))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0] == "+ namespace red"
    assert done.stdout.splitlines()[-1].strip() == "red"


@pytest.mark.sandbox
def test_run_goes_on_after_a_failing_line_and_ends_with_1() -> None:
    done = command("run", "-", stdin="ip link set nope up\nip netns add red\n")
    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == 'Cannot find device "nope"'
    assert done.stdout == "+ namespace red\n"


@pytest.mark.sandbox
def test_then_runs_on_the_same_labs_host() -> None:
    done = command(
        "run", "-", "--ns", "blue", "--then", "ip netns", "--then", "hostname", stdin="ip link add v0 type veth\n"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "+ link blue/v0" in done.stdout
    assert "blue\n" in done.stdout
    assert done.stdout.endswith("host\n")


@pytest.mark.sandbox
def test_then_counts_for_the_status() -> None:
    assert command("run", "-", "--then", "false", stdin="true\n").returncode == 1


@pytest.mark.sandbox
def test_a_namespace_name_is_data(tmp_path: Path) -> None:
    name = f"a;touch {tmp_path.name};$(id)"
    done = command("run", "-", "--ns", name, "--then", "ip netns", stdin="true\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert name in done.stdout
    assert not (ROOT / tmp_path.name).exists()
    assert command("run", "-", "--ns", "a/b", stdin="true\n").stderr.startswith('Invalid netns name "a/b"')


@pytest.mark.not_in_vm("speaks of the kind that serves by itself")
@pytest.mark.sandbox
def test_json_is_one_document() -> None:
    cell = BUILD + "ip -n red link\nip link set nope up\nping -c1 127.0.0.1\necho hello\nip -j link show lo\n"
    done = command("run", "-", "--json", "--then", "ip netns", stdin=cell)
    assert (done.returncode, done.stderr) == (1, "")
    document: dict[str, Any] = json.loads(done.stdout)
    assert document["ok"] is False
    assert document["kind"] in ("rootless", "rootless-nomount")
    by_line = {each["line"]: each for each in document["outcomes"]}
    assert [by_line[line]["ok"] for line in range(1, 9)] == [True, True, True, True, False, True, True, True]
    assert by_line[1]["text"] == "ip netns add red"
    assert by_line[1]["changes"][0]["new"]["ns"] == "red"
    assert by_line[3]["changes"][0]["old"]["ns"] == "host"
    assert [row["ifname"] for row in by_line[4]["table"]["rows"]] == ["lo", "veth-red"]
    assert by_line[5]["error"]["error"] == "KernelRefused"
    assert by_line[5]["error"]["hint"]
    assert by_line[6]["ping"]["received"] == 1
    assert by_line[7]["output"] == "hello\n"
    assert json.loads(by_line[8]["output"])[0]["ifname"] == "lo"
    [then] = document["then"]
    assert (then["command"], then["outcomes"][0]["ok"]) == ("ip netns", True)


@pytest.mark.sandbox
def test_output_comes_as_it_is_written() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "nsmagic", "run", "-"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write("ip netns add red\nbash -c 'echo first; exec sleep 60'\n")
        process.stdin.close()
        assert process.stdout.readline() == "+ namespace red\n"
        assert process.stdout.readline() == "first\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
        assert process.stderr.read() == "interrupted: bash -c 'echo first; exec sleep 60'\n"


@pytest.mark.sandbox
def test_timeout_ends_a_command() -> None:
    done = command("run", "-", "--timeout", "0.3", stdin="sleep 60\necho after\n")
    assert done.returncode == 1
    assert done.stderr.startswith("ended after 0.3 s: sleep 60\n")
    assert done.stdout == "after\n"


@pytest.mark.sandbox
def test_the_same_seed_gives_the_same_addresses() -> None:
    cell = "ip link add v0 type veth peer name v1\nip -br link show v0\n"
    first, second, other = (command("run", "-", "--seed", seed, stdin=cell).stdout for seed in ("7", "7", "8"))
    assert first == second != other


@pytest.mark.sandbox
def test_a_kind_can_be_forced() -> None:
    done = command("run", "-", "--json", "--sandbox", "rootless-nomount", stdin="ip netns add red\n")
    assert json.loads(done.stdout)["kind"] == "rootless-nomount"


@pytest.mark.sandbox
def test_a_reader_that_goes_away_is_no_error() -> None:
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m nsmagic run - | head -n 1"], cwd=ROOT,
        input="seq 300000\n", capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("1\n", "")


def test_run_reads_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    from nsmagic.cli import run

    monkeypatch.setattr(sys, "stdin", io.StringIO("ip link\n"))
    assert run.read("-") == "ip link\n"


# doctor


@pytest.mark.not_in_vm("speaks of the kind that serves by itself")
@pytest.mark.sandbox
def test_doctor() -> None:
    done = command("doctor")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("A lab works here: sandbox rootless")
    data = json.loads(command("doctor", "--json").stdout)
    assert data["ok"]
    assert {"steps", "features", "tools", "kind", "machine"} <= set(data)


def test_doctor_install_does_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setattr(tools, "install", lambda: done.append("install"))
    monkeypatch.setattr(doctor, "examine", lambda: done.append("examine"))
    assert cli.main(["doctor", "--install"]) == 0
    assert done == ["install"]


def test_nothing_but_doctor_install_installs() -> None:
    users = [
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "nsmagic").rglob("*.py")
        if re.search(r"tools\.install|import install|\binstall\(\)", path.read_text())
    ]
    assert users == ["nsmagic/cli/__init__.py"]


# lab: the learner's copy


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Notebooks as they come."""
    made = tmp_path / "source"
    (made / "site").mkdir(parents=True)
    (made / ".ipynb_checkpoints").mkdir()
    for name in ("00-tour.ipynb", "01-x.ipynb", "site/index.html", ".ipynb_checkpoints/00-tour-checkpoint.ipynb"):
        (made / name).write_text(f"as it comes: {name}")
    return made


def test_copies_only_what_is_not_there(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "learner" / "notebooks"
    assert list(map(str, notebooks.copy(source, target))) == ["00-tour.ipynb", "01-x.ipynb", "site/index.html"]
    assert sorted(os.listdir(target)) == ["00-tour.ipynb", "01-x.ipynb", "site"]
    (target / "01-x.ipynb").write_text("mine")
    (target / "00-tour.ipynb").unlink()
    assert list(map(str, notebooks.copy(source, target))) == ["00-tour.ipynb"]
    assert (target / "01-x.ipynb").read_text() == "mine"


def test_fresh_keeps_what_was_changed_under_the_date(source: Path, tmp_path: Path) -> None:
    target, day = tmp_path / "learner", datetime.date(2026, 11, 23)
    notebooks.copy(source, target)
    assert notebooks.set_aside(source, target, day) is None, "nothing was changed"
    for text, folder in (("mine", "kept-2026-11-23"), ("mine again", "kept-2026-11-23-2")):
        (target / "01-x.ipynb").write_text(text)
        (target / "own.ipynb").write_text("not one of ours")
        kept = notebooks.set_aside(source, target, day)
        assert kept == target / folder
        assert (kept / "01-x.ipynb").read_text() == text
        assert os.listdir(kept) == ["01-x.ipynb"]
        notebooks.copy(source, target)
        assert (target / "01-x.ipynb").read_text() == "as it comes: 01-x.ipynb"
        assert (target / "own.ipynb").read_text() == "not one of ours"


def test_a_folder_that_cannot_be_written(source: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NsmagicError, match=r"Not a directory|File exists") as caught:
        notebooks.copy(source, tmp_path / "file")
    assert caught.value.hint == "name another folder: nsmagic lab FOLDER"


def test_notebooks_of_a_wheel_come_first(tmp_path: Path) -> None:
    package = tmp_path / "nsmagic"
    package.mkdir()
    with pytest.raises(NsmagicError, match="not installed"):
        notebooks.originals(package)
    (tmp_path / "notebooks").mkdir()
    assert notebooks.originals(package) == tmp_path / "notebooks"
    (package / "_notebooks").mkdir()
    assert notebooks.originals(package) == package / "_notebooks"


def test_a_wheel_has_the_notebooks_where_they_are_looked_for() -> None:
    if not (ROOT / "pyproject.toml").is_file():
        pytest.skip("this is an installed package, not a checkout")
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert build["force-include"] == {"notebooks": "nsmagic/_notebooks"}


def test_how_jupyterlab_is_started(source: Path) -> None:
    words, environment = notebooks.command(
        source,
        port=8890,
        browser=False,
        more=["--ip=::"],
        environ={"JUPYTER_CONFIG_PATH": "/mine", "X": "1"},
        root=True,
    )
    assert words == [
        sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={source}", "--LabApp.default_url=/lab/tree/00-tour.ipynb",
        "--port=8890", "--no-browser", "--allow-root", "--ip=::",
    ]  # fmt: skip
    first, ours = environment["JUPYTER_CONFIG_PATH"].split(":")
    assert (first, environment["X"]) == ("/mine", "1")
    config = json.loads((Path(ours) / "labconfig" / "page_config.json").read_text())
    assert config["disabledExtensions"] == {"@jupyterlab/apputils-extension:announcements": True}


def test_lab_hands_its_words_on(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    became: list[Any] = []
    monkeypatch.setattr(
        os, "execve", lambda *arguments: became.append(arguments) or (_ for _ in ()).throw(KeyboardInterrupt)
    )
    monkeypatch.setattr(notebooks, "originals", lambda: source)
    target = tmp_path / "learner"
    assert cli.main(["lab", str(target), "--port", "8891", "--no-browser", "--ServerApp.open_browser=False"]) == 130
    [(program, words, environment)] = became
    assert program == sys.executable
    assert words[-1] == "--ServerApp.open_browser=False"
    assert {f"--ServerApp.root_dir={target}", "--port=8891", "--no-browser"} <= set(words)
    assert "JUPYTER_CONFIG_PATH" in environment
    assert (target / "00-tour.ipynb").is_file()


def test_without_jupyterlab_the_cure_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert cli.main(["lab", "/nowhere"]) == 1
    assert (
        capsys.readouterr().err
        == f"JupyterLab is not installed\nhint: {sys.executable} -m pip install 'nsmagic[lab]'\n"
    )


@pytest.mark.notebook
def test_jupyterlab_comes_up_without_asking_about_news(tmp_path: Path) -> None:
    """The real server, on a free port, asked for its first page."""
    home = tmp_path / "home"
    home.mkdir()
    with subprocess.Popen(
        [
            sys.executable, "-m", "nsmagic", "lab", str(tmp_path / "learner"), "--no-browser", "--port", "0",
            "--ServerApp.ip=127.0.0.1", "--IdentityProvider.token=secret",
        ],
        cwd=ROOT, env={**os.environ, "HOME": str(home)}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True,
    ) as server:  # fmt: skip
        assert server.stdout is not None
        watchdog = threading.Timer(60, server.kill)
        watchdog.start()
        try:
            port = next(found[1] for line in server.stdout if (found := re.search(r"http://127\.0\.0\.1:(\d+)/", line)))
            page = _get(int(port), "/lab?token=secret")
        finally:
            watchdog.cancel()
            server.terminate()
            server.stdout.read()
    [data] = re.findall(r'id="jupyter-config-data" type="application/json">(.*?)</script>', page, re.DOTALL)
    assert json.loads(data)["disabledExtensions"] == ["@jupyterlab/apputils-extension:announcements"]
    assert (tmp_path / "learner" / "00-tour.ipynb").is_file()


def _get(port: int, path: str) -> str:
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)

    def there() -> bool:
        # Jupyter announces its address a moment before it listens.
        try:
            connection.connect()
        except ConnectionRefusedError:
            return False
        return True

    try:
        assert observe.until(there, 20.0)
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    finally:
        connection.close()
