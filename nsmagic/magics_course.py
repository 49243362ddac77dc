"""The magics of the course: ``%task``, ``%check``, ``%hint``, and ``%lab break``. Thin, as those of ``magics.py``, which they are part of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.core.magic import line_cell_magic, line_magic, no_var_expand

from nsmagic import magic_line
from nsmagic.errors import CommandSyntaxError
from nsmagic.magics_base import LabMagics
from nsmagic.names import HOST
from nsmagic.sentences import say

if TYPE_CHECKING:
    from nsmagic.lab import Lab


class CourseMagics(LabMagics):
    """What a learner types to practise."""

    def break_it(self, line: str) -> Any:
        """``%lab break``."""
        from nsmagic.course.breaking import break_lab

        options, words = magic_line.split_course_line(line, magic_line.BREAK_OPTIONS)
        if words:
            raise CommandSyntaxError(
                f'"{words[0]}" is one word too many', text=line, hint="%lab break --seed N --level 1..3"
            )
        return break_lab(self.lab_of(options.lab), seed=options.seed or 0, level=options.level)

    # The course

    @no_var_expand
    @line_cell_magic
    def task(self, line: str, cell: str | None = None) -> Any:
        """``%task`` lists the tasks; ``%task NAME [--seed N]`` begins one: the lab starts anew with what the task begins with.

        ``%%task NAME`` on the first line of a cell does that, runs the cell's lines as ``%%netns`` does, and looks at what came of it.
        """
        from nsmagic.course import practice

        options, lab, name = self._course(line)
        if not name:
            print(practice.listing(), end="")
            return None
        begun = practice.task(name, lab, seed=options.seed)
        if cell is None:
            return begun
        self.run_text(lab, HOST, cell, magic_line.Options(no_raise_error=True))
        return begun.report().check()

    @no_var_expand
    @line_magic
    def check(self, line: str) -> Any:
        """``%check [NAME]``: look at what was done of a task or a broken house; a line for each point says what is missing."""
        from nsmagic.course import practice

        options, lab, name = self._course(line)
        return practice.check(name, lab, seed=options.seed).check()

    @no_var_expand
    @line_magic
    def hint(self, line: str) -> None:
        """``%hint [NAME]``: the next hint of a task or a broken house, from a nudge to nearly all."""
        from nsmagic.course import practice

        options, lab, name = self._course(line)
        print(practice.hint(name, lab, seed=options.seed))

    def _course(self, line: str) -> tuple[magic_line.CourseOptions, Lab, str]:
        options, words = magic_line.split_course_line(line)
        if len(words) > 1:
            raise CommandSyntaxError(f'"{words[1]}" is one word too many', text=line, hint=say("one-task"))
        return options, self.lab_of(options.lab), words[0] if words else ""
