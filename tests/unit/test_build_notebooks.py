"""Notebooks made from a lesson's source: same code in both languages, no solution in a release, byte-identical builds."""

import json

import nbformat
import pytest

from dataflow_hub.errors import LessonError
from dataflow_hub.grading import build
from dataflow_hub.grading.course import LANGUAGES, lessons
from dataflow_hub.workspace import CHECKOUT

COURSES = sorted(folder for folder in (CHECKOUT / "courses").iterdir() if folder.is_dir())
LESSONS = [lesson for course in COURSES for lesson in lessons(course.parent, course.name)]
every_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: f"{lesson.course}/{lesson.name}")


@every_lesson
def test_committed_notebooks_are_what_the_source_gives(lesson):
    """Nobody edits a generated notebook, and nobody forgets to build."""
    stale = [path.name for path, content in build.generated_files(lesson).items() if not path.is_file() or path.read_bytes() != content]
    assert stale == []


@every_lesson
def test_two_builds_are_byte_identical(lesson):
    """Cell ids and order depend on the source alone."""
    assert build.generated_files(lesson) == build.generated_files(lesson)


@every_lesson
def test_code_ids_and_metadata_are_the_same_in_both_languages(lesson):
    """One gradebook serves both languages."""
    cells = [build.source_notebook(lesson, language).cells for language in LANGUAGES]
    assert [(c.id, c.cell_type, c.metadata) for c in cells[0]] == [(c.id, c.cell_type, c.metadata) for c in cells[1]]
    assert [c.source for c in cells[0] if c.cell_type == "code"] == [c.source for c in cells[1] if c.cell_type == "code"]
    texts = zip(*([c.source for c in each if c.cell_type == "markdown"] for each in cells), strict=True)
    assert all(english != portuguese for english, portuguese in texts)


@every_lesson
def test_release_has_no_solution_and_no_output(lesson):
    """No line of a solution region and no output is in what students fetch, nor any file beyond two."""
    for language in LANGUAGES:
        files = build.release_files(lesson, language)
        assert sorted(files) == sorted([f"{lesson.notebook}.ipynb", "checks_visible.py"])
        notebook = nbformat.reads(files[f"{lesson.notebook}.ipynb"].decode(), as_version=4)
        assert all(not cell.get("outputs") and cell.get("execution_count") is None for cell in notebook.cells if cell.cell_type == "code")
        assert "SOLUTION" not in json.dumps(notebook)
        assert "hidden.py" not in json.dumps(notebook)


@every_lesson
def test_points_in_the_notebook_are_the_lessons(lesson):
    """Nbgrader's maximum is the sum of what lesson.toml says."""
    cells = [cell.metadata.nbgrader for cell in build.source_notebook(lesson, "en").cells if "nbgrader" in cell.metadata]
    assert sum(cell.points for cell in cells if cell.grade) == sum(spec.points for spec in (*lesson.checks, *lesson.manual)) == 100


@every_lesson
def test_release_promises_every_hidden_check(lesson):
    """The released check file names the hidden properties, and nothing else of them."""
    names = {}
    exec(compile(build.visible_checks(lesson), "checks_visible.py", "exec"), names)
    assert set(names["PROMISES"]) == {spec.id for spec in lesson.checks if spec.kind == "hidden"}


def test_region_becomes_a_raise_or_what_it_names():
    """A solution is replaced by its stub; without one, by a raise at the same indentation."""
    function = "def f():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION\n"
    source = f"{function}\n\nx = [\n    ### BEGIN SOLUTION\n    2,\n    ### INSTEAD\n    #| # yours\n    ### END SOLUTION\n]"
    assert build.stripped(source) == "def f():\n    # YOUR CODE HERE\n    raise NotImplementedError\n\n\nx = [\n    # yours\n]"


def test_unclosed_region_stops_the_release(tmp_path):
    """A region that does not end would release a solution: it is refused."""
    lesson = LESSONS[0].model_copy(update={"folder": tmp_path})
    text = (LESSONS[0].folder / "lesson.py").read_text(encoding="utf-8")
    (tmp_path / "lesson.py").write_text(text.replace("### END SOLUTION", ""), encoding="utf-8")
    with pytest.raises(LessonError, match="solution is left"):
        build.release_notebook(lesson, "en")


def test_solution_for_an_unknown_cell_is_refused(tmp_path):
    """A mutant that fills no cell would test nothing."""
    mutant = tmp_path / "m.py"
    mutant.write_text('# loses: bronze.rerun\n\n# %% tags=["solution:nowhere"]\nx = 1\n')
    with pytest.raises(LessonError, match="nowhere"):
        build.with_solution(LESSONS[0], mutant)
    assert build.loses(mutant) == {"bronze.rerun"}
