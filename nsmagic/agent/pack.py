"""The agent's code in one file, for where it is dear to look for it in two hundred (the virtual machine: 2,600 system calls, some 30 µs each).

The file has a line that says of what it was made (``sandbox/packed.py`` compares it), a table, and the compiled code of each module that the
agent has imported when it is ready, the standard library's among them; of program libraries the table says where they lie. Who imports is
given these first; what is not among them is looked for as ever.

``python -I -S pack.py FILE STAMP`` makes one, of what a fresh Python imports. Standard library only.
"""

from __future__ import annotations

import marshal
import mmap
import os
import sys
from typing import Any

#: Module → its file, whether it is a package, and where its code begins and ends; 0, 0: the file is a program library.
_Table = dict[str, tuple[str, bool, int, int]]


class Pack:
    """A finder of modules (``sys.meta_path``) that has them all.

    Raises
    ------
    OSError, ValueError, EOFError
        It cannot be read, or is none.
    """

    def __init__(self, path: str) -> None:
        with open(path, "rb") as file:
            file.readline()
            self._table: _Table = marshal.load(file)
            if not isinstance(self._table, dict):
                raise ValueError(path)
            self._first = file.tell()
            # Stays readable when the lab's root has taken the place of this one, and after a fork it is not copied.
            self._codes = memoryview(mmap.mmap(file.fileno(), 0, mmap.MAP_PRIVATE, mmap.PROT_READ))

    def find_spec(self, name: str, path: object = None, target: object = None) -> Any:
        """What Python asks a finder."""
        from _frozen_importlib import ModuleSpec
        from _frozen_importlib_external import ExtensionFileLoader

        known = self._table.get(name)
        if known is None:
            return None
        file, package, _, end = known
        loader: Any = self if end else ExtensionFileLoader(name, file)
        spec = ModuleSpec(name, loader, origin=file, is_package=package)
        spec.has_location = True
        if package:
            spec.submodule_search_locations = [os.path.dirname(file)]
        return spec

    def create_module(self, spec: Any) -> None:
        """An ordinary one."""

    def exec_module(self, module: Any) -> None:
        """Run its code."""
        _, _, start, end = self._table[module.__name__]
        exec(marshal.loads(self._codes[self._first + start : self._first + end]), module.__dict__)


def use(path: str) -> None:
    """Import from this file from now on; no file, or none that can be read: as ever."""
    try:
        pack = Pack(path)
    except (OSError, ValueError, EOFError, TypeError):
        return
    # After what is built in, before what is looked for.
    sys.meta_path.insert(len(sys.meta_path) - 1, pack)


def _make(path: str, stamp: str) -> None:
    before = set(sys.modules)
    sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    import nsmagic.agent.guest
    import nsmagic.agent.server  # noqa: F401

    table: _Table = {}
    codes = b""
    for name, module in sys.modules.items():
        spec = getattr(module, "__spec__", None)
        if name in before or spec is None or not spec.has_location:
            continue
        code = spec.loader.get_code(name)
        package = spec.submodule_search_locations is not None
        if code is None:
            table[name] = (spec.origin, package, 0, 0)
        else:
            data = marshal.dumps(code)
            table[name] = (spec.origin, package, len(codes), len(codes) + len(data))
            codes += data
    with open(path, "wb") as file:
        file.write(stamp.encode() + b"\n" + marshal.dumps(table) + codes)


if __name__ == "__main__":
    _make(*sys.argv[1:])
