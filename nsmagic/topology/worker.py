"""Graphviz in a process of its own: a crash or a hang of it ends this process and nothing else.

Run by ``render.py`` as ``python -I -S worker.py FOLDER``, standard library only; never imported. FOLDER holds the libraries of
Graphviz that the wheel of pygraphviz brings. They are loaded by themselves, without pygraphviz's own binding: that one also
loads the parts of Graphviz that need X11, GLib and the machine's fonts, which a small container does not have, and which
would make the same picture another one on another machine. Without them Graphviz measures texts by tables of its own.

Each picture waits for the start of this process: modules that import many others (``glob``, ``contextlib``) would make that half as
long again.

Requests come on standard input as ``ENGINE LENGTH\\n`` and so many bytes of DOT; the answer is ``ok LENGTH\\n`` and the SVG, or
``error`` (the text is at fault) or ``missing`` (a library is not there) and words. The end of the input is the end of the process.
"""

from __future__ import annotations

import ctypes
import os
import resource
import sys

#: In the order in which they need each other.
_LIBRARIES = ("cdt", "xdot", "pathplan", "cgraph", "gvc")
_PR_SET_PDEATHSIG, _SIGKILL = 1, 9
_MOST_MEMORY = 2 << 30


class _Symbol(ctypes.Structure):
    """A plugin that is already loaded (``lt_symlist_t`` of gvcext.h)."""

    _fields_ = (("name", ctypes.c_char_p), ("address", ctypes.c_void_p))


class Graphviz:
    """The few functions of the C library that make an SVG of a text. ``dot`` alone needs no C++ and loads in half the time."""

    def __init__(self, folder: str, *, dot_alone: bool) -> None:
        plugins = ["gvplugin_core", "gvplugin_dot_layout", *([] if dot_alone else ["gvplugin_neato_layout"])]
        loaded = {}
        files = sorted(os.listdir(folder))
        for name in (*_LIBRARIES, *plugins):
            found = [file for file in files if file.startswith((f"lib{name}-", f"lib{name}."))]
            if not found:
                raise OSError(f"lib{name} is not in {folder}")
            loaded[name] = ctypes.CDLL(f"{folder}/{found[0]}", mode=ctypes.RTLD_GLOBAL)
        self._symbols = (_Symbol * (len(plugins) + 1))()
        for at, name in enumerate(plugins):
            symbol = f"{name}_LTX_library"
            self._symbols[at] = _Symbol(symbol.encode(), ctypes.addressof(ctypes.c_char.in_dll(loaded[name], symbol)))
        self._cgraph, self._gvc = loaded["cgraph"], loaded["gvc"]
        pointer = ctypes.c_void_p
        for library, name, result, arguments in (
            (self._cgraph, "agmemread", pointer, (ctypes.c_char_p,)),
            (self._cgraph, "agclose", ctypes.c_int, (pointer,)),
            (self._cgraph, "aglasterr", ctypes.c_char_p, ()),
            (self._gvc, "gvContextPlugins", pointer, (pointer, ctypes.c_int)),
            (self._gvc, "gvLayout", ctypes.c_int, (pointer, pointer, ctypes.c_char_p)),
            (self._gvc, "gvFreeLayout", ctypes.c_int, (pointer, pointer)),
            (
                self._gvc, "gvRenderData", ctypes.c_int,
                (pointer, pointer, ctypes.c_char_p, ctypes.POINTER(pointer), ctypes.POINTER(ctypes.c_size_t)),
            ),
            (self._gvc, "gvFreeRenderData", None, (pointer,)),
        ):  # fmt: skip
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
        self._context = self._gvc.gvContextPlugins(ctypes.addressof(self._symbols), 0)

    def svg(self, source: bytes, engine: bytes) -> bytes:
        """The picture of a text.

        Raises
        ------
        ValueError
            Graphviz does not understand the text, or knows no such layout; its own words.
        """
        graph = self._cgraph.agmemread(source)
        if not graph:
            raise ValueError(self._words() or "not a graph")
        try:
            if self._gvc.gvLayout(self._context, graph, engine):
                raise ValueError(self._words() or "no layout")
            data, length = ctypes.c_void_p(), ctypes.c_size_t()
            status = self._gvc.gvRenderData(self._context, graph, b"svg", ctypes.byref(data), ctypes.byref(length))
            try:
                if status:
                    raise ValueError(self._words() or "no picture")
                return ctypes.string_at(data, length.value)
            finally:
                self._gvc.gvFreeRenderData(data)
                self._gvc.gvFreeLayout(self._context, graph)
        finally:
            self._cgraph.agclose(graph)

    def _words(self) -> str:
        return (self._cgraph.aglasterr() or b"").decode(errors="replace").strip()


def _end_with_parent() -> None:
    # Belt and braces: when the notebook's process dies, the input ends as well; but not while a layout runs.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, _SIGKILL)


def serve(folder: str) -> None:
    """Answer requests until the input ends."""
    _end_with_parent()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))
    given, answer = sys.stdin.buffer, sys.stdout.buffer
    made: dict[bool, Graphviz] = {}
    try:
        made[True] = Graphviz(folder, dot_alone=True)
    except (OSError, AttributeError):  # the request hears of what is missing
        made.clear()
    while True:
        head = given.readline().split()
        if len(head) != 2:
            return
        source = given.read(int(head[1]))
        try:
            dot_alone = head[0] == b"dot"
            if dot_alone not in made:
                made[dot_alone] = Graphviz(folder, dot_alone=dot_alone)
            word, data = b"ok", made[dot_alone].svg(source, head[0])
        except ValueError as error:
            word, data = b"error", str(error).encode(errors="replace")
        except (OSError, AttributeError) as error:
            word, data = b"missing", str(error).encode(errors="replace")
        answer.write(b"%s %d\n%s" % (word, len(data), data))
        answer.flush()


if __name__ == "__main__":
    serve(sys.argv[1])
