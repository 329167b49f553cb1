"""papermill executes a lesson as it stands, on data of a seed and size; a cell that fails does not stop the others."""

from dataflow_hub.grading import build
from dataflow_hub.grading.course import load_lesson
from dataflow_hub.grading.execution import Parameters, execute
from dataflow_hub.operations import bench, lessons
from dataflow_hub.settings import load_lab
from dataflow_hub.workspace import CHECKOUT

TEMPLATE = load_lesson(CHECKOUT / "docs" / "contributor" / "lesson-template")


def test_the_reference_runs_without_an_error_and_keeps_its_parameters(tmp_path):
    """The notebook that is kept names the seed that it ran on, and speaks the language that was asked for."""
    done = lessons.run(load_lab(), TEMPLATE, 7, "S", "pt-BR", tmp_path / "report.ipynb")
    text = (tmp_path / "report.ipynb").read_text(encoding="utf-8")
    assert done.errors == ()
    assert "seed = 7" in text
    assert "Uma nova lição" in text


def test_cells_after_a_failed_one_run(tmp_path):
    """The blank release fails in its function, and its last cells still run."""
    blank = build.release_notebook(TEMPLATE, "en")
    done = execute(load_lab().workspace, TEMPLATE, blank, tmp_path, Parameters(7), ["open('last', 'w').close()"])
    assert any("NotImplementedError" in error for error in done.errors)
    assert (tmp_path / "last").exists()


def test_both_ways_of_the_benchmark_judge_alike():
    """The warm trial and papermill give the same marks to the reference, the blank release and a mutant."""
    rows = bench.lessons(load_lab(), [TEMPLATE], sample=1, report=lambda _: None)
    assert [row.same for row in rows] == [True, True]
    assert (rows[0].by_papermill, rows[0].notebooks) == (3, 2 + len(TEMPLATE.mutants))
