"""Every task: fails on its untouched start, passes on its sample solution, and fails on each plausible wrong one."""

from __future__ import annotations

from pathlib import Path

import pytest

from nsmagic import Lab, NsmagicError
from nsmagic.course import checks, practice, tasks
from nsmagic.sentences import say_task
from tests.conftest import Notebook

#: A network other than the note's, so that nothing can hold by a number that stands in the code.
SEED = 7


@pytest.mark.sandbox
@pytest.mark.parametrize("name", tasks.names())
def test_task(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    solution, wrong = tasks.answers(name, SEED)
    assert len(wrong) >= 3
    with Lab() as lab:
        monkeypatch.setattr(checks, "PATIENCE", 0.25)
        untouched = practice.task(name, lab, seed=SEED).report()
        assert not untouched.ok, untouched
        monkeypatch.undo()
        lab.run(solution.commands).check()
        solved = practice.check(name, lab)
        assert solved.ok, solved
        monkeypatch.setattr(checks, "PATIENCE", 0.25)
        for answer in wrong:
            practice.task(name, lab, seed=SEED)
            lab.run(answer.commands)
            report = practice.check(name, lab)
            assert not report.ok, f"{answer.why}:\n{report}"


def test_hints_lead_there_in_steps_without_the_solution_in_the_first() -> None:
    for name in tasks.names():
        task = tasks.read(name)
        solution, _ = tasks.answers(name)
        assert len(task.hints) >= 2, name
        assert not any(line in task.hints[0] for line in solution.commands.split("\n") if line), name


def test_nothing_that_a_check_says_gives_the_answer_away() -> None:
    """A check's words name what is missing; no command of the solution stands in them."""
    for name in tasks.names():
        solution, _ = tasks.answers(name)
        with_commands = [line for line in solution.commands.split("\n") if line]
        for words in (*(tasks.read(name).text,), *say_task.table().values()):
            assert not any(line in words for line in with_commands), (name, words)


def test_names_and_files() -> None:
    assert len(tasks.names()) >= 20
    assert {path.stem for path in tasks.SOLUTIONS.glob("*.toml")} == set(tasks.names())
    assert (tasks.EXERCISES / "ORDER").read_text().split() == tasks.names()


def test_a_task_of_a_teachers_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('title = "T"\ntext = "t"\n[[check]]\nkind = "namespace"\nns = "{net}"\n')
    assert tasks.read(str(path), 3).checks[0]["ns"] == tasks.net_of("mine", 3)
    path.write_text('title = "T"\ntext = "t"\n[[check]]\nkind = "magic"\n')
    with pytest.raises(NsmagicError, match="there is no check 'magic'"):
        tasks.read(str(path))
    path.write_text('title = "T"\n')
    with pytest.raises(NsmagicError, match="not a task: 'text'"):
        tasks.read(str(path))
    path.write_text("title = ")
    with pytest.raises(NsmagicError, match=r"mine\.toml: "):
        tasks.read(str(path))


@pytest.mark.parametrize("name", ["cabel", "../solutions/cable", "nothing", "no/such.toml"])
def test_no_such_task(name: str) -> None:
    with pytest.raises(NsmagicError, match="there is no task") as caught:
        tasks.read(name)
    assert caught.value.hint == ("did you mean cable?" if name == "cabel" else caught.value.hint)


def test_seeds_give_networks_of_their_own() -> None:
    nets = {tasks.net_of("nat", seed) for seed in range(60)}
    assert len(nets) > 55
    assert tasks.read("nat", 4).text.count(tasks.net_of("nat", 4)) >= 1
    assert tasks.read("nat").text.count("192.168.15.0/24") == 1


@pytest.mark.sandbox
def test_another_seeds_answer_does_not_fit() -> None:
    with Lab() as lab:
        practice.task("addresses", lab, seed=1)
        lab.run(tasks.answers("addresses", 2)[0].commands).check()
        assert practice.check("", lab).score == (0, 2)
        assert lab.seed == 1


@pytest.mark.sandbox
def test_in_a_notebook(notebook: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = notebook.cell("%task")
    assert [line.split()[0] for line in listed.out.splitlines()] == tasks.names()
    begun = notebook.cell("%task cable")
    assert begun.ok
    assert "veth-red" in begun.out
    early = notebook.cell("%check")
    assert isinstance(early.error, practice.CheckFailed)
    assert isinstance(early.error, AssertionError)
    assert "✗ no cable leads from red to blue" in early.error.render()
    assert "1 of 4 points hold" in early.error.render()
    hints = [notebook.cell("%hint").out for _ in range(4)]
    assert hints[0].startswith("A cable is made with both ends at once")
    assert "(hint 1 of 3; %hint cable again gives the next)" in hints[0]
    assert hints[2] == hints[3]
    done = notebook.cell(
        "%%task cable\nip link add veth-red type veth peer name veth-blue\n"
        "ip link set veth-red netns red\nip link set veth-blue netns blue"
    )
    assert done.ok, done.text
    assert "+ link host/veth-red" in done.out
    assert done.value.score == (4, 4)
    half = notebook.cell("%%task cable\nip link add veth-red type veth peer name veth-blue\nip link set x up")
    assert isinstance(half.error, practice.CheckFailed)
    assert "Cannot find device" in half.text
    assert "did you mean cable?" in notebook.cell("%task cabel").error.render()  # type: ignore[union-attr]
    assert "no whole number" in str(notebook.cell("%task cable --seed x").error)
    assert "one word too many" in str(notebook.cell("%check a b").error)
    # The plain functions find the notebook's lab, and NSMAGIC_SEED the learner's number.
    monkeypatch.setenv("NSMAGIC_SEED", "9")
    assert notebook.cell("from nsmagic import course\ncourse.task('cable').task.seed").value == 9
    assert "(seed 9)" in notebook.cell("%lab status").out
    failed = notebook.cell("course.check('cable').check()")
    assert isinstance(failed.error, AssertionError)


@pytest.mark.sandbox
def test_nothing_has_begun(notebook: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no task has begun" in str(notebook.cell("%check").error)
    assert "nothing was broken" in str(notebook.cell("%check break").error)
    monkeypatch.setattr("nsmagic.magics._LOADED", {})
    with pytest.raises(NsmagicError, match="no notebook with a lab"):
        practice.current_lab()


@pytest.mark.sandbox
def test_the_stub_of_an_assignment_is_not_done_yet(notebook: Notebook) -> None:
    from nsmagic.errors import NotDoneYet

    ran = notebook.cell("%%netns\n# YOUR CODE HERE\nraise NotImplementedError()")
    assert isinstance(ran.error, NotDoneYet)
    assert (
        ran.error.render()
        == "not done yet: this cell still has its stub\nhint: write your commands in place of the stub's lines"
    )
    assert isinstance(notebook.cell("%%task cable\n# YOUR CODE HERE\n").error, NotDoneYet)
    assert isinstance(notebook.cell("%%netns\n...").error, NotDoneYet)  # otter-grader's
    ran = notebook.cell("%%netns\npython3 - <<E\nraise NotImplementedError()\nE")
    assert not isinstance(ran.error, NotDoneYet)


@pytest.mark.sandbox
def test_the_seed_of_a_notebooks_labs(notebook: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NSMAGIC_SEED", "12")
    assert "(seed 12)" in notebook.cell("%lab status").out
    monkeypatch.setenv("NSMAGIC_SEED", "x")
    assert "must be a whole number" in str(notebook.cell("%lab status --lab other").error)
