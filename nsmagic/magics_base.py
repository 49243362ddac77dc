"""What the classes of magics share: the labs of the notebook, variables, and how a page of help lists its options.

Bases of ``Netns`` and no classes of magics of their own: IPython's ``magics_class`` takes what was decorated since the last such
class, so what these decorate become magics of ``Netns``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from IPython.core.magic import Magics

from nsmagic import magic_line

if TYPE_CHECKING:
    from nsmagic.lab import Lab

_F = TypeVar("_F", bound=Callable[..., Any])


def with_options(options: Mapping[str, tuple[str, str]]) -> Callable[[_F], _F]:
    """Have the docstring of a magic, which is its page of help, end with these options: name → (argument, words)."""

    def documented(magic: _F) -> _F:
        rows = "".join(
            f"            {name + ' ' + argument:<20} {words}\n" for name, (argument, words) in options.items()
        )
        magic.__doc__ = f"{str(magic.__doc__).rstrip()}\n\n{rows}"
        return magic

    return documented


class LabMagics(Magics):
    """Magics of a notebook that has labs."""

    def __init__(self, shell: Any, **options: Any) -> None:
        super().__init__(shell, **options)
        # traitlets declares ``shell`` as possibly None; magics are only ever made for one.
        self._shell: Any = shell

    def lab_of(self, name: str = "") -> Lab:
        """The lab of this notebook with that name, made at its first use."""
        raise NotImplementedError

    def run_text(self, lab: Lab, ns: str, text: str, options: magic_line.Options) -> Any:
        """Run commands as a cell does, and show what comes."""
        raise NotImplementedError

    def kept(self, value: Any, name: str) -> Any:
        """The value of a magic; with ``--out NAME`` it becomes that variable, and the cell has none."""
        if not name:
            return value
        self._shell.user_ns[name] = value
        return None
