"""A picture of a lab as an object: shown by a notebook, printed by a terminal, saved as a file.

It is drawn when it is shown, once. Whatever goes wrong with the drawing, the text remains: a picture never fails a cell.
"""

from __future__ import annotations

import base64
import contextlib
import html
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nsmagic.errors import NsmagicError
from nsmagic.model import HOST, Change
from nsmagic.sentences import say
from nsmagic.snapshot import Snapshot
from nsmagic.topology.build import build
from nsmagic.topology.marks import Marks, marks
from nsmagic.topology.model import Graph
from nsmagic.topology.render import ENGINES, Renderer, RenderError
from nsmagic.topology.text import draw

if TYPE_CHECKING:
    from nsmagic.topology.dot import Source

_FORMS = ("svg", "png", "dot", "txt")


class Topology:
    """A drawing of one snapshot; it does not change when the lab does.

    Parameters
    ----------
    snapshot
        What the kernel had: namespaces, links, addresses, routes.
    ns
        Only these namespaces; None: all.
    all
        Unnamed namespaces, fallback devices, ``lo`` and automatic addresses too.
    forwarding, badges
        Namespaces that forward packets; further remarks on a namespace (as :func:`nsmagic.topology.build` takes them).
    changes
        What to mark as new or changed: the changes of the last cell.
    diff
        Show what these changes took away as well, and mark the text drawing.
    steps
        Path of a socket (``red/veth-red``) → at which steps of a journey a packet was seen there; such a picture marks nothing else.
    engine
        One of Graphviz's layouts; None: ``dot``, or for dense graphs one that ends in time.
    sandbox
        The kind of sandbox and what it lacks, in a few words: they stand in the picture's corner, and in nothing that is compared.
    renderer
        ``"bundled"`` (the Graphviz of pygraphviz's wheel) or ``"path"`` (the machine's own ``dot``), or a
        :class:`~nsmagic.topology.render.Renderer` that is kept for many pictures.

    >>> from nsmagic.topology.sample import cable
    >>> print(Topology(cable()))
    host
    ├─ lo                 UP
    ├─ blue
    │  ├─ lo              DOWN
    │  └─ veth-blue       DOWN  ⇄ red/veth-red
    └─ red
       ├─ lo              DOWN
       └─ veth-red        DOWN  ⇄ blue/veth-blue
    """

    def __init__(
        self,
        snapshot: Snapshot,
        ns: Collection[str] | None = None,
        *,
        all: bool = False,
        forwarding: Collection[str] = (),
        badges: Mapping[str, Sequence[str]] | None = None,
        changes: Sequence[Change] = (),
        diff: bool = False,
        steps: Mapping[str, Sequence[int]] | None = None,
        engine: str | None = None,
        renderer: str | Renderer | None = None,
        sandbox: str = "",
    ) -> None:
        self.snapshot = snapshot
        self._chosen, self._forwarding, self._badges = ns, forwarding, badges
        self.marks: Marks = marks(changes)
        if steps is not None:
            self.marks = Marks(steps={path: tuple(numbers) for path, numbers in steps.items()})
        self.diff = diff
        self.sandbox = sandbox
        if engine is not None and engine not in ENGINES:
            raise NsmagicError(f'there is no layout "{engine}"', hint=say("layouts", known=", ".join(ENGINES)))
        self._all, self._engine = all, engine
        self._kept = renderer if isinstance(renderer, Renderer) else None
        self._renderer = renderer if isinstance(renderer, str) else None
        self._begun: Renderer | None = None

    @cached_property
    def graph(self) -> Graph:
        """What is drawn."""
        return build(
            self.snapshot, self._chosen, all=self._all, forwarding=self._forwarding, badges=self._badges
        )  # fmt: skip

    # As text

    def __str__(self) -> str:
        return draw(self.graph, self.marks if self.diff or self.marks.steps else None)

    __repr__ = __str__

    @cached_property
    def alt(self) -> str:
        """The picture in sentences."""
        from nsmagic.topology.describe import describe

        return describe(self.graph)

    # As a picture

    @cached_property
    def _source(self) -> Source:
        try:
            from nsmagic.topology.dot import source
        except ImportError as error:
            raise RenderError(f"{error.name} is not installed", hint=f"pip install {error.name}") from None
        shown = self.marks if self.diff else self.marks.without_gone()
        if not self.diff and self._all_is_new():
            shown = Marks()
        return source(self.graph, shown, engine=self._engine, all=self._all)

    @cached_property
    def _svg(self) -> str:
        from nsmagic.topology.svg import finish

        with self._begin():
            renderer = self._kept or self._begun
            assert renderer is not None
            words, source = self.alt, self._source
            drawn = renderer.svg(source.text, source.engine)
            if renderer is not self._kept:
                renderer.end_soon()
            try:
                return finish(drawn, words, self.sandbox)
            except ValueError as error:
                raise RenderError(str(error)) from None

    @contextlib.contextmanager
    def _begin(self) -> Iterator[None]:
        """Have Graphviz start, unless it has: it does so beside what is to be done before it is asked."""
        if self._kept is not None or self._begun is not None or "_svg" in vars(self):
            yield
            return
        with Renderer(self._renderer) as renderer:
            renderer.start()
            self._begun = renderer
            try:
                yield
            finally:
                self._begun = None

    @staticmethod
    def at_once(make: Callable[[], Topology], renderer: str | None = None) -> Topology:
        """A picture that is surely to be shown: it is drawn now, by a Graphviz that starts while ``make`` reads the lab. Where that gives
        no picture, who shows it tries again and says so.

        >>> from nsmagic.topology.sample import cable
        >>> Topology.at_once(lambda: Topology(cable())).svg().strip()[-6:]
        '</svg>'
        """
        with Renderer(renderer) as begun:
            begun.start()
            picture = make()
            if picture._kept is None and begun.which == (picture._renderer or begun.which):
                picture._begun = begun
            try:
                with contextlib.suppress(NsmagicError):
                    picture.svg()
            finally:
                picture._begun = None
        return picture

    def _all_is_new(self) -> bool:
        """Whether marks would tell nothing, since everything bears one."""
        things = [self.marks.rooms.get(room.ns) for room in self.graph.rooms if room.ns != HOST]
        sockets = [socket for socket in self.graph.sockets().values() if socket.link.kind != "loopback"]
        things += [self.marks.sockets.get(socket.path) for socket in sockets]
        return len(things) > 1 and set(things) == {"new"}

    @property
    def ends(self) -> Mapping[str, tuple[str, bool]]:
        """Path of a socket → the identifier of its cable in the picture, and whether the cable begins there.

        Raises
        ------
        RenderError
            There is no picture.
        """
        return self._source.ends

    def dot(self) -> str:
        """The picture in DOT, the language of Graphviz."""
        return self._source.text

    def svg(self) -> str:
        """The picture as SVG.

        Raises
        ------
        RenderError
            Graphviz gives none.
        """
        return self._svg

    def png(self) -> bytes:
        """The picture as PNG, on white; the machine's own ``dot`` makes it.

        Raises
        ------
        RenderError
            There is no ``dot`` on PATH.
        """
        from nsmagic.topology import render

        return render.png(self._source.text, self._source.engine)

    def save(self, path: str | Path) -> Path:
        """Write it to a file, in the form that its name says: ``.svg``, ``.png``, ``.dot`` or ``.txt``.

        Raises
        ------
        NsmagicError
            Another ending, or (RenderError) no picture.
        """
        target = Path(path)
        form = target.suffix.removeprefix(".").lower()
        if form not in _FORMS:
            raise NsmagicError(
                f'"{target}": which form?', hint=say("endings", known=", ".join("." + each for each in _FORMS))
            )
        if form == "png":
            target.write_bytes(self.png())
        else:
            text = self.svg() if form == "svg" else self.dot() if form == "dot" else f"{self}\n"
            target.write_text(text, encoding="utf-8", errors="backslashreplace")
        return target

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        with self._begin():
            text = str(self)
            try:
                svg = self.svg()
            except NsmagicError as error:
                said = error.message + (f" ({error.hint})" if error.hint else "")
                return {"text/plain": f"{text}\n{_one_line(f'no picture: {said}')}"}
        data = base64.b64encode(svg.encode(errors="backslashreplace")).decode()
        alt = html.escape(self.alt)
        image = f'<img alt="{alt}" src="data:image/svg+xml;base64,{data}" style="max-width:100%;height:auto"/>'
        return {"text/plain": text, "text/html": image, "image/svg+xml": svg}


def _one_line(text: str) -> str:
    return " ".join(text.split())
