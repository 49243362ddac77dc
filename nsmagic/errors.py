"""What can go wrong, as one tree.

::

    NsmagicError                 everything we raise on purpose; ``hint`` says how to put it right
    ├── SandboxUnavailable       no lab can be started here (kind, step, errno)
    ├── CommandSyntaxError       a command we cannot read (text, at, expected)
    ├── KernelRefused            the kernel said no (errno, the kernel's words, command)
    ├── CommandFailed            a program ended with a status other than 0
    ├── CommandNotFound          no such program in the lab (name, package that has it)
    ├── CommandTimeout           a command was ended at its time limit
    ├── NamespaceNotFound        no namespace of that name (name, known)
    ├── CellFailed               at least one line of a cell failed (lines)
    ├── LimitReached             a limit of the lab is used up (limit)
    ├── NotDoneYet               a cell of an assignment still has its stub
    └── LabError                 the lab cannot be used like this (closed, other process, feature of another kind)
        ├── LabLacks             something that a notebook asked for is not there (what)
        └── LabDied              the lab is gone although nobody closed it (cause)

Errors made inside the lab cross the socket as data, ``to_data()``, and are rebuilt by ``from_data()`` from the
fixed list above: a frame can never name a class to import.

A notebook shows an error in two or three lines: IPython calls ``_render_traceback_`` when an exception has one.
An internal error of ours is not in this tree and keeps its traceback.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar


class NsmagicError(Exception):
    """Base of all errors raised on purpose.

    Parameters
    ----------
    message
        One or two lines; the kernel's or the tool's own words where there are some.
    hint
        How to put it right, one line, without the word ``hint:``.

    >>> error = NsmagicError("Cannot find device \\"veth-rad\\"", hint="did you mean veth-red?")
    >>> print(error.render())
    Cannot find device "veth-rad"
    hint: did you mean veth-red?
    """

    #: Names of the attributes that travel with the error, beside message and hint.
    fields: ClassVar[tuple[str, ...]] = ()

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if hint:
            self.add_note(f"hint: {hint}")

    def __str__(self) -> str:
        return self.message

    def render(self) -> str:
        """The lines a person sees: the message, then the hint."""
        return f"{self.message}\nhint: {self.hint}" if self.hint else self.message

    def _render_traceback_(self) -> list[str]:
        return self.render().splitlines()

    def with_hint(self, hint: str | None) -> NsmagicError:
        """Give the error a hint if it has none yet; returns itself."""
        if hint and not self.hint:
            self.hint = hint
            self.add_note(f"hint: {hint}")
        return self

    def to_data(self) -> dict[str, Any]:
        """The error as JSON-ready data."""
        data: dict[str, Any] = {"error": type(self).__name__, "message": self.message, "hint": self.hint}
        for name in self.fields:
            data[name] = getattr(self, name)
        return data


class SandboxUnavailable(NsmagicError):
    """No lab of this kind can be started on this machine.

    ``kind`` is the sandbox kind tried, ``step`` the step that failed, ``errno`` the number the kernel gave (0: none).
    """

    fields = ("kind", "step", "errno")

    def __init__(
        self, message: str, *, kind: str = "", step: str = "", errno: int = 0, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.kind, self.step, self.errno = kind, step, errno


class CommandSyntaxError(NsmagicError):
    """A command that our grammar cannot read.

    ``text`` is the command, ``at`` the 0-based character where reading stopped, ``expected`` what could stand there.
    """

    fields = ("text", "at", "expected")

    def __init__(
        self,
        message: str,
        *,
        text: str = "",
        at: int = 0,
        expected: Sequence[str] = (),
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.text, self.at, self.expected = text, at, list(expected)


class KernelRefused(NsmagicError):
    """The kernel refused a request.

    ``errno`` is the number, ``kernel`` the kernel's own words (extended ACK, else the text of the number), ``command``
    the command as typed, ``args`` what it was about (device, address, …).
    """

    fields = ("errno", "kernel", "command", "subject")

    def __init__(
        self,
        message: str,
        *,
        errno: int = 0,
        kernel: str = "",
        command: str = "",
        subject: Mapping[str, Any] | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.errno, self.kernel, self.command = errno, kernel, command
        self.subject = dict(subject or {})


class CommandFailed(NsmagicError):
    """A program ended with a status other than 0 (``status``; ``signal`` when one ended it, else 0)."""

    fields = ("command", "status", "signal")

    def __init__(
        self, message: str, *, command: str = "", status: int = 1, signal: int = 0, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.command, self.status, self.signal = command, status, signal


class CommandNotFound(NsmagicError):
    """No program of that name in the lab; ``package`` is Debian's name of what has it, when known."""

    fields = ("name", "package")

    def __init__(self, message: str, *, name: str = "", package: str = "", hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.name, self.package = name, package


class CommandTimeout(NsmagicError):
    """A command was ended because its time limit of ``seconds`` was over."""

    fields = ("command", "seconds")

    def __init__(self, message: str, *, command: str = "", seconds: float = 0.0, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.command, self.seconds = command, seconds


class NamespaceNotFound(NsmagicError):
    """There is no namespace ``name``; ``known`` are the names that exist."""

    fields = ("name", "known")

    def __init__(self, message: str, *, name: str = "", known: Sequence[str] = (), hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.name, self.known = name, list(known)


class CellFailed(NsmagicError):
    """At least one line of a cell failed; ``lines`` are their numbers, 1-based. Raised after the last line has run."""

    fields = ("lines",)

    def __init__(self, message: str, *, lines: Sequence[int] = (), hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.lines = list(lines)


class NotDoneYet(NsmagicError):
    """A cell of an assignment in which the learner has not written anything: the stub that the grader leaves is still there."""


class LimitReached(NsmagicError):
    """A limit of the lab is used up; ``limit`` names it as ``%lab status`` does."""

    fields = ("limit",)

    def __init__(self, message: str, *, limit: str = "", hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.limit = limit


class LabError(NsmagicError):
    """The lab cannot be used like this: closed, belongs to another process, or of a kind without this feature."""


class LabLacks(LabError):
    """The lab has not all that ``%lab needs`` asks for; ``what`` are the words that are missing."""

    fields = ("what",)

    def __init__(self, message: str, *, what: Sequence[str] = (), hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.what = list(what)


class LabDied(LabError):
    """The lab is gone although nobody closed it; ``cause`` says why in a word or two."""

    fields = ("cause",)

    def __init__(self, message: str, *, cause: str = "", hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.cause = cause


_TREE: dict[str, type[NsmagicError]] = {
    cls.__name__: cls
    for cls in (
        NsmagicError, SandboxUnavailable, CommandSyntaxError, KernelRefused, CommandFailed, CommandNotFound,
        CommandTimeout, NamespaceNotFound, CellFailed, LimitReached, NotDoneYet, LabError, LabLacks, LabDied,
    )
}  # fmt: skip


def from_data(data: Mapping[str, Any]) -> NsmagicError:
    """Rebuild an error that crossed the socket.

    >>> from_data(KernelRefused("RTNETLINK answers: File exists", errno=17).to_data()).errno
    17
    """
    cls = _TREE.get(str(data.get("error")), NsmagicError)
    facts = {name: data[name] for name in cls.fields if name in data}
    hint = data.get("hint")
    return cls(str(data.get("message", "")), hint=str(hint) if hint else None, **facts)
