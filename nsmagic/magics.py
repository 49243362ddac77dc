"""The magics: what a person types in a notebook. A thin layer; everything they do is a method of ``Lab`` first.

IPython is imported here (and in ``completer.py`` beside it) and nowhere below. Nothing heavy is imported, and no lab started,
before the first command.
"""

from __future__ import annotations

import os
import string
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from IPython.core.magic import line_cell_magic, line_magic, magics_class, no_var_expand
from IPython.display import clear_output, display
from traitlets import Bool, Enum, Int

from nsmagic import magic_line
from nsmagic.completer import DEFAULT_LAB, Completer
from nsmagic.errors import CommandSyntaxError, LabError, NamespaceNotFound, NsmagicError
from nsmagic.magics_base import with_options
from nsmagic.magics_course import CourseMagics
from nsmagic.magics_live import Stored
from nsmagic.magics_look import LookMagics
from nsmagic.names import HOST
from nsmagic.sentences import say

if TYPE_CHECKING:
    from nsmagic.changes import Lines
    from nsmagic.lab import Lab
    from nsmagic.result import Outcome, Result

#: IPython gives ``display`` no types.
_display: Callable[[Any], Any] = display
_clear: Callable[[], Any] = clear_output
_LAB_VERBS = ("status", "reset", "world", "break", "script", "needs", "doctor", "log", "stop")


class Printer:
    """A sink that shows a cell as it runs."""

    def __init__(self, magics: Netns, options: magic_line.Options) -> None:
        self._magics, self._options = magics, options
        #: The outcome whose table is the value of the cell, so not shown here.
        self.kept: Outcome | None = None

    def text(self, text: str) -> None:
        if not self._options.quiet:
            sys.stdout.write(text)
            sys.stdout.flush()

    def changes(self, lines: Lines) -> None:
        if self._magics.changes and not self._options.quiet:
            sys.stdout.write("".join(line + "\n" for line in lines.first(self._magics.most_changes)))
            sys.stdout.flush()

    def shown(self, outcome: Outcome, last: bool) -> None:
        # The last table is the value of the cell, which the notebook shows by itself.
        if last:
            self.kept = outcome
        elif not self._options.quiet:
            if outcome.string is not None:
                self.text(outcome.string)
            else:
                _display(self._magics.frame(outcome, self._options))

    def error(self, error: NsmagicError, alone: bool) -> None:
        if not alone or self._options.no_raise_error:
            sys.stdout.write(error.render() + "\n")
            sys.stdout.flush()


@magics_class
class Netns(LookMagics, CourseMagics):
    """Options of nsmagic: ``%config Netns.changes = False`` and so on."""

    changes = Bool(True, help="Show what each command changed, a line for each thing.").tag(config=True)
    most_changes = Int(
        200,
        min=0,
        help="So many changes that wait to be shown are shown at most, and the others counted; 0: all are shown.",
    ).tag(config=True)
    show = Enum(
        ("table", "text", "both"), "table", help="What a showing command gives: a table, the tool's own text, or both."
    ).tag(config=True)

    picture = Enum(
        ("asked", "after"), "asked", help="Draw the lab when asked (%topology), or after every cell that changes it."
    ).tag(config=True)

    def __init__(self, shell: Any, **options: Any) -> None:
        super().__init__(shell, **options)
        self.labs: dict[str, Lab] = {}
        self.stored = Stored(shell)
        self._warned = False

    @property
    def _cell(self) -> int:
        """The number of the cell that runs. ``execution_count`` is that or, in newer versions of IPython, the next one's."""
        return int(self._shell.displayhook.prompt_count)

    # Labs

    def lab_of(self, name: str = "") -> Lab:
        """The lab of this notebook with that name, made at its first use."""
        name = name or DEFAULT_LAB
        if name not in self.labs:
            if len(self.labs) >= 4:
                raise LabError("this notebook has four labs already", hint=say("labs-most"))
            from nsmagic.environment import default_seed
            from nsmagic.lab import Lab

            self.labs[name] = Lab(seed=default_seed())
        return self.labs[name]

    def close(self) -> None:
        """End all labs of this notebook."""
        for lab in self.labs.values():
            lab.close()
        self.labs.clear()

    # %%netns and %netns

    @no_var_expand
    @line_cell_magic
    @with_options(magic_line.OPTIONS)
    def netns(self, line: str, cell: str | None = None) -> Any:
        """Run commands in a network namespace of the lab. No root is needed, and nothing touches the machine.

        ::

            %%netns [NS] [options]        the cell's lines, as pasted at a root prompt of NS (default: host, the lab's own root)
            %netns [options] [NS] CMD     one command; its value is a DataFrame where the command shows something

        Lines are commands of ``ip``, ``bridge``, ``ping``, ``arp``, ``route``, ``ifconfig``, ``brctl``, ``sysctl``, or any program of the
        machine (``iptables``, ``curl`` …). Prompts (``$``), ``sudo``, comments, ``\\`` continuations, ``&&`` and ``;`` may stand in pasted
        text; of text that has prompts, the lines without one that are no commands were printed, and are left out. A cell with other
        shell syntax (pipes, variables, loops) runs as one bash script. ``ip netns exec red bash`` alone on a line makes the lines
        below it run in red until ``exit``.

        Examples::

            %%netns                                  two rooms and a cable between them
            ip netns add red
            ip netns add blue
            ip link add veth-red netns red type veth peer name veth-blue netns blue

            df = %netns red ip route                 the routing table of red as a DataFrame
            %netns red ping -c 1 192.168.15.2        a ping from red

            %%netns red --bg                         a server that runs on; %lab status shows it, %lab stop 1 ends it
            python3 -m http.server 8000

        ``%links %addrs %routes %arp %firewall %nat %topology`` look at all rooms at once, ``%lab`` at the lab itself. ``%config Netns`` lists
        what can be set: ``%config Netns.show = "both"`` gives tables and the tools' own text.

        A changing command shows what it changed: ``+`` new, ``-`` gone, ``~`` changed. A failing line does not end the cell; the cell
        raises at its end and names the lines that failed. Interrupt ends the running command and keeps the lab.

        Options::

        """
        if cell is None:
            options, ns, text = magic_line.split_line(line, _tools(), self._namespaces, self._has_program)
        else:
            options, ns = magic_line.split_cell_line(line)
            text = cell
        if options.fill:
            ns, text = self._filled(ns), self._filled(text)
        lab = self.lab_of(options.lab)
        # Where the output so far is ours alone, so that it can be taken away again.
        lab.booting = self._booting if cell is not None and not options.quiet else None
        if options.python:
            __tracebackhide__ = True  # what fails in there is the person's own Python
            return self._python(lab, ns, text, options)
        try:
            return self.run_text(lab, ns, text, options)
        except NamespaceNotFound:
            if (
                cell is None
            ):  # the line was read with names that were known a moment ago: read again, it may mean another thing
                again = magic_line.split_line(line, _tools(), self._names_now, self._has_program)
                if again[1:] != (ns, text):
                    return self.run_text(lab, again[1], again[2], again[0])
            raise

    @contextmanager
    def _booting(self) -> Iterator[None]:
        """Say that a virtual machine starts, until it has; not where outputs are compared."""
        if "PYTEST_VERSION" in os.environ:
            yield
            return
        sys.stdout.write(
            "starting a virtual machine for the lab, as this machine gives no namespaces (or one was asked for) …\n"
        )
        sys.stdout.flush()
        try:
            yield
        finally:
            _clear()

    def run_text(self, lab: Lab, ns: str, text: str, options: magic_line.Options) -> Any:
        """Run commands as a cell does, and show what comes."""
        printer = Printer(self, options)
        result = lab.run(
            text, ns, timeout=options.timeout, stop=options.stop, background=options.bg,
            show=cast(Any, "text" if options.text else self.show), sink=printer, cell=self._cell,
            changes=not options.quiet and (self.changes or self.picture == "after"),
        )  # fmt: skip
        if self.picture == "after" and not options.quiet and any(outcome.changes for outcome in result.outcomes):
            from nsmagic.topology.picture import Topology

            _display(Topology.at_once(lab.topology))
        return self._finish(result, options, printer.kept)

    def _finish(self, result: Result, options: magic_line.Options, kept: Outcome | None) -> Any:
        last = result.last_with_value()
        value = None
        if last is not None:
            value = self.frame(last, options) if last.shown is not None else last.value
        if options.out:
            self._shell.user_ns[options.out] = value if value is not None else result.text
        if not options.no_raise_error:
            try:
                result.check()
            except NsmagicError:
                # A value that was kept for the end is shown before the error: an exception would swallow it.
                shown = last is not None and last is kept and last.shown is not None
                if shown and not options.out and not options.quiet:
                    _display(value)
                raise
        if options.quiet or options.out:
            return None
        return value if last is not None and last in (kept, result.outcomes[-1]) else self._late(last, value)

    @staticmethod
    def _late(last: Outcome | None, value: Any) -> Any:
        """The value of a command that others followed: shown in its place already, so it is not shown again."""
        return None if last is None or last.shown is not None else value

    def frame(self, outcome: Outcome, options: magic_line.Options) -> Any:
        """The DataFrame of a table that a command showed."""
        assert outcome.shown is not None
        return outcome.shown.frame(display_all=options.all)

    def _namespaces(self, options: magic_line.Options) -> Collection[str]:
        return _Names(self.lab_of(options.lab))

    def _names_now(self, options: magic_line.Options) -> list[str]:
        return [HOST, *self.lab_of(options.lab).names()]

    def _has_program(self, options: magic_line.Options, name: str) -> bool:
        return self.lab_of(options.lab).client.request("which", names=[name])[name] is not None

    def _filled(self, text: str) -> str:
        try:
            return _Filler().vformat(text, (), self._shell.user_ns)
        except (LookupError, AttributeError, TypeError, ValueError) as error:
            raise NsmagicError(f"--fill: {error}", hint=say("fill-braces")) from None

    def _python(self, lab: Lab, ns: str, source: str, options: magic_line.Options) -> Any:
        import ast

        __tracebackhide__ = True
        name = self._shell.compile.cache(source, self._cell)
        tree = self._shell.compile.ast_parse(source, filename=name)
        assert isinstance(tree, ast.Module)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        with lab[ns].python():
            exec(compile(tree, name, "exec"), self._shell.user_ns)
            value = (
                eval(compile(ast.Expression(last.value), name, "eval"), self._shell.user_ns)
                if isinstance(last, ast.Expr)
                else None
            )
        return self.kept(value, options.out)

    # %lab

    @no_var_expand
    @line_magic
    def lab(self, line: str) -> Any:
        """``%lab status | reset | world NAME | break | script | needs WHAT | doctor | log N | stop N``, each with ``--lab NAME`` for another lab.

        ``status``: kind, limits, namespaces, jobs. ``reset``: end the lab; the next command starts an empty one.
        ``world NAME``: start the lab anew with an outside, ``home-lan`` say. ``break [--seed N] [--level 1..3]``: start it anew as a
        house with a fault in it; ``%check break`` looks whether it is mended, ``%hint break`` helps.
        ``script``: every successful changing command so far as one cell that rebuilds the lab. ``needs mounts ps``: stop here, with
        a sentence, where the lab lacks what comes after (``mounts``, ``sockets``, or programs). ``doctor``: what this machine
        can give and how to mend what it cannot. ``log N``, ``stop N``: a background job's output, its end.
        """
        if line.split()[:1] == ["break"]:
            return self.break_it(line.strip().removeprefix("break"))
        words, options = self._lab_words(line)
        verb = words[0] if words else "status"
        lab = self.lab_of(options.lab)
        match verb, words[1:]:
            case "status", []:
                from nsmagic.status import describe

                print(describe(lab.status()), end="")
            case "reset", []:
                lab.reset()
                print("the lab is empty: everything in it is gone")
            case "world", [name]:
                print(f"the lab is empty; around it there is {lab.world(name).about}")
            case "script", []:
                text = "%%netns\n" + lab.script()
                self._shell.set_next_input(text, replace=False)
                print(text)
            case "needs", [_, *_] as what:
                print(f"the lab has {', '.join(lab.needs(*what))}")
            case "doctor", []:
                from nsmagic.sandbox import doctor

                print(doctor.examine().text(), end="")
            case "log", [number] if number.isdigit():
                print(lab.client.request("job_log", job=int(number))["log"], end="")
            case "stop", [number] if number.isdigit():
                lab.client.request("job_stop", job=int(number))
                print(f"job {number} has ended")
            case _:
                verb = words[0] if words[0] in _LAB_VERBS else "VERB"
                forms = {
                    "log": "%lab log N",
                    "stop": "%lab stop N",
                    "world": "%lab world NAME",
                    "needs": "%lab needs mounts ps",
                    "VERB": f"%lab {' | '.join(_LAB_VERBS)}",
                }
                raise CommandSyntaxError(
                    f"%lab {' '.join(words)} is not known", text=line, hint=forms.get(verb, f"%lab {verb}")
                )
        return None

    @staticmethod
    def _lab_words(line: str) -> tuple[list[str], magic_line.Options]:
        words = line.split()
        flags: list[str] = []
        if "--lab" in words:
            at = words.index("--lab")
            flags, words = words[at : at + 2], words[:at] + words[at + 2 :]
        return words, magic_line.split_cell_line(" ".join(flags))[0]

    # Slips

    def after_cell(self, result: Any) -> None:
        """A cell that is no Python but begins with a command of ours: say where ``%%netns`` belongs. Live pictures are stored."""
        self.stored.refresh()
        error = result.error_before_exec or result.error_in_exec
        if isinstance(error, SyntaxError) and result.info is not None:
            from nsmagic.commands import hints

            words = hints.slip(result.info.raw_cell or "")
            if words:
                print(f"hint: {words}", file=sys.stderr)

    def before_cell(self, info: Any) -> None:
        """``!ip`` and ``%%bash`` act on the machine: said once."""
        if self._warned or info is None or not info.raw_cell:
            return
        source = info.raw_cell
        if "!" not in source and "%%" not in source:
            return
        from nsmagic.commands import hints

        words = hints.machine_warning(source)
        if words:
            self._warned = True
            print(f"hint: {words}", file=sys.stderr)


class _Names(Collection[str]):
    """The namespaces of a lab. One that was there at the last look is taken to be: the command itself finds out if it is gone."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._now: list[str] | None = None

    def _names(self) -> list[str]:
        if self._now is None:
            self._now = [HOST, *self._lab.names()]
        return self._now

    def __contains__(self, name: object) -> bool:
        if str(name).startswith("("):  # a machine of a world, which ip netns does not list
            return name in [row.ns for row in self._lab.snapshot("namespaces").namespaces]
        return name == HOST or self._lab.seen(str(name)) or name in self._names()

    def __iter__(self) -> Iterator[str]:
        return iter(self._names())

    def __len__(self) -> int:
        return len(self._names())


class _Filler(string.Formatter):
    """Fills in variables by their names."""

    def get_value(self, key: int | str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        if isinstance(key, int):
            raise ValueError("{} names no Python variable")
        if key not in kwargs:
            raise ValueError(f"there is no Python variable {key}")
        return kwargs[key]


def _tools() -> frozenset[str]:
    from nsmagic.commands.parse import TOOLS

    return frozenset(TOOLS)


def load(shell: Any) -> None:
    """Register the magics, the completion and the two events."""
    known = shell.magics_manager.registry.get("Netns")
    if known is not None:
        unload(shell)
    magics = Netns(shell=shell)
    shell.register_magics(magics)
    shell.events.register("post_run_cell", magics.after_cell)
    shell.events.register("pre_run_cell", magics.before_cell)
    completer = Completer(magics, _LAB_VERBS)
    if shell.Completer is not None:
        shell.Completer.custom_matchers.append(completer.match)
    _LOADED[id(shell)] = (magics, completer.match)


def unload(shell: Any) -> None:
    """Close the labs and take everything away that ``load`` put there."""
    loaded = _LOADED.pop(id(shell), None)
    if loaded is None:
        return
    magics, matcher = loaded
    magics.close()
    magics.stored.end()
    shell.events.unregister("post_run_cell", magics.after_cell)
    shell.events.unregister("pre_run_cell", magics.before_cell)
    if shell.Completer is not None and matcher in shell.Completer.custom_matchers:
        shell.Completer.custom_matchers.remove(matcher)
    manager = shell.magics_manager
    for kind in ("line", "cell"):
        for name, function in list(manager.magics[kind].items()):
            if getattr(function, "__self__", None) is magics:
                del manager.magics[kind][name]
    manager.registry.pop("Netns", None)
    shell.configurables[:] = [each for each in shell.configurables if each is not magics]


_LOADED: dict[int, tuple[Netns, Callable[..., Any]]] = {}
