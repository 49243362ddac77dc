"""Graphviz in its process: kept, bounded, and never able to take the notebook with it."""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from nsmagic.topology import render
from nsmagic.topology.render import Renderer, RenderError, svg
from tests.topology import reading

SMALL = 'graph { a [label="é"]; a -- b }'


def test_one_picture_leaves_no_process() -> None:
    assert "<svg" in svg(SMALL)


def test_a_kept_one_draws_many_in_one_process() -> None:
    with Renderer() as renderer:
        first = renderer.svg(SMALL)
        process = renderer._process
        assert process is not None
        assert renderer.svg(SMALL) == first
        assert renderer.svg("graph { c }", "neato") != first
        assert renderer._process is process
    assert process.poll() is not None


def test_one_that_ends_soon_draws_the_next_in_another_process() -> None:
    with Renderer() as renderer:
        first = renderer.svg(SMALL)
        process = renderer._process
        assert process is not None
        renderer.end_soon()
        assert renderer.svg(SMALL) == first
        assert process.poll() is not None
        assert renderer._process is not process
        renderer.end_soon()
    renderer.end_soon()


@pytest.mark.parametrize("engine", render.ENGINES)
def test_every_layout_is_there(engine: str) -> None:
    assert ">é</text>" in svg(SMALL, engine)


def test_a_text_that_is_no_graph_is_refused_in_graphviz_own_words() -> None:
    with Renderer() as renderer:
        with pytest.raises(RenderError, match="Graphviz: "):
            renderer.svg("graph {")
        assert "<svg" in renderer.svg(SMALL)


def test_an_unknown_layout_or_renderer_is_refused_before_anything_starts() -> None:
    with pytest.raises(RenderError, match=r'no layout "\.\./bin/sh"') as refused:
        svg(SMALL, "../bin/sh")
    assert refused.value.hint is not None
    assert "circo" in refused.value.hint
    with pytest.raises(RenderError, match='no renderer "x"'):
        svg(SMALL, which="x")


def endless() -> str:
    """A graph that this layout needs minutes for."""
    edges = "".join(f"{a} -- {b};" for a in range(60) for b in range(a))
    return f"graph {{ {edges} }}"


def test_an_endless_layout_is_ended() -> None:
    with Renderer(limit=0.7) as renderer:
        with pytest.raises(RenderError, match=r"ended after 0\.7 s") as ended:
            renderer.svg(endless(), "circo")
        assert ended.value.hint is not None
        renderer.limit = 10
        assert "<svg" in renderer.svg(SMALL)


def test_a_crash_is_an_error_and_the_next_picture_is_drawn() -> None:
    with Renderer() as renderer:
        renderer.svg(SMALL)
        assert renderer._process is not None
        os.kill(renderer._process.pid, signal.SIGSEGV)
        with pytest.raises(RenderError, match="ended by signal 11"):
            renderer.svg(SMALL)
        assert "<svg" in renderer.svg(SMALL)


def test_an_interrupted_picture_is_not_taken_for_the_next() -> None:
    with Renderer() as renderer:
        renderer.svg(SMALL)
        timer = threading.Timer(0.3, signal.raise_signal, [signal.SIGINT])
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            renderer.svg(endless(), "circo")
        timer.join()
        assert ">é</text>" in renderer.svg(SMALL)


@pytest.mark.parametrize(
    "program", ["raise SystemExit(3)", "print('ok', 10**12)", "print('what is this')", "import sys; sys.stdin.read()"]
)
def test_a_worker_that_answers_nonsense_is_an_error(
    program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "worker.py").write_text(program)
    monkeypatch.setattr(render, "_WORKER", tmp_path / "worker.py")
    with pytest.raises(RenderError):
        svg(SMALL, limit=1)


def test_without_the_wheel_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(RenderError) as missing:
        svg(SMALL)
    assert "pip install" in (missing.value.hint or "")


def test_a_wheel_without_its_libraries_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pygraphviz.libs").mkdir()
    (tmp_path / "pygraphviz").mkdir()
    (tmp_path / "pygraphviz" / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "pygraphviz", raising=False)
    with pytest.raises(RenderError, match="libcdt is not in") as missing:
        svg(SMALL)
    assert missing.value.hint is not None


def test_the_machines_dot_only_when_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "dot"
    program.write_text("#!/bin/sh\ncat >/dev/null\necho '<svg/> by the machine'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert "by the machine" not in svg(SMALL)
    assert "by the machine" in svg(SMALL, which="path")
    monkeypatch.setenv("NSMAGIC_GRAPHVIZ", "path")
    assert "by the machine" in svg(SMALL)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(RenderError, match="no dot on PATH"):
        svg(SMALL)


def test_a_machines_dot_that_fails_or_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "dot"
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    for text, words in (
        ("echo broken >&2; exit 1", "dot: broken"),
        ("exec sleep 60", "ended after 0.5 s"),
        ("exit 0", "status 0"),
    ):
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)
        with pytest.raises(RenderError, match=words):
            svg(SMALL, which="path", limit=0.5)


def test_the_picture_needs_no_font_no_x11_and_no_glib_of_the_machine() -> None:
    """What a small container does not have is not asked for: the libraries that the worker loads are listed by the kernel."""
    with Renderer() as renderer:
        renderer.svg(SMALL)
        renderer.svg(SMALL, "neato")
        assert renderer._process is not None
        mapped = Path(f"/proc/{renderer._process.pid}/maps").read_text()
    loaded = {line.split("/")[-1] for line in mapped.splitlines() if ".so" in line}
    assert any(name.startswith("libgvc") for name in loaded)
    assert not [
        name for name in loaded if any(each in name for each in ("X11", "glib", "pango", "cairo", "fontconfig"))
    ]


def test_a_picture_of_the_machines_dot_holds_no_more_than_ours() -> None:
    """Both renderers write what ``svg.finish`` expects (here the machine's own, of whatever version, where there is one)."""
    from nsmagic.topology.picture import Topology
    from tests.topology import scenes

    found = scenes.recorded("nat")
    own: Any = reading.svg(Topology(found.snapshot, renderer="path").svg())
    ours = reading.svg(Topology(found.snapshot).svg())
    assert sorted(reading.groups(own, "node")) == sorted(reading.groups(ours, "node"))
    assert [text.strip() for text in reading.texts(own)] == [text.strip() for text in reading.texts(ours)]


def test_a_renderer_that_was_started_ahead_draws_with_that_process() -> None:
    with Renderer() as renderer:
        renderer.start()
        started = renderer._process
        assert started is not None
        renderer.start()
        assert "</svg>" in renderer.svg("graph { a -- b }", "neato")
        assert renderer._process is started
    Renderer("path").start()  # no process that could be kept
