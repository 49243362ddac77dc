"""The course: tasks, checks, hints, faults, cards, grading, the linter; and ``refresh.py``, which stores a notebook's outputs.

What a notebook or a grader's test cell needs is here: ``task``, ``check``, ``hint``, ``break_lab``, and the plain functions of
``checks``. In a notebook they use its lab; elsewhere one gives them a ``Lab``.

>>> from nsmagic import Lab, course
>>> with Lab() as lab:
...     _ = course.task("two-rooms", lab)
...     course.check("two-rooms", lab).score
(0, 2)
"""

from nsmagic.course import checks
from nsmagic.course.breaking import Broken, break_lab
from nsmagic.course.practice import CheckFailed, Report, check, hint, task

__all__ = ["Broken", "CheckFailed", "Report", "break_lab", "check", "checks", "hint", "task"]
