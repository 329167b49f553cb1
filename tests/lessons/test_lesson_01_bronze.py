"""Lesson 1.1: right answers keep full marks however they are written, wrong ones lose what they should."""

import json

import pytest
from tests.lessons.conftest import Trial

from dataflow_hub.grading import build
from dataflow_hub.grading.course import load_lesson
from dataflow_hub.workspace import CHECKOUT

LESSON = load_lesson(CHECKOUT / "courses" / "medallion" / "01-bronze")
HALVES = {"reference-1": tuple(range(500, 510)), "reference-2": tuple(range(510, 520))}  # side by side
HIDDEN = {spec.id for spec in LESSON.checks if spec.kind == "hidden"}

pytestmark = pytest.mark.lesson


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("lesson")


@pytest.fixture(scope="module")
def tried(try_directly, folder):
    """The reference on twenty seeds; other solutions, mutants and the blank release on one: the release gate tries them on more."""
    reference = build.with_solution(LESSON, None)
    trials = {name: Trial(reference, seeds) for name, seeds in HALVES.items()}
    others = {"blank": build.release_notebook(LESSON, "en")}
    others |= {path.stem: build.with_solution(LESSON, path) for path in (*LESSON.solutions, *LESSON.mutants)}
    return try_directly(LESSON, trials | {name: Trial(notebook, (31,)) for name, notebook in others.items()}, folder)


def lost(outcomes):
    return {name for name, outcome in outcomes.items() if not outcome.passed}


@pytest.mark.parametrize("half", HALVES)
def test_reference_scores_full_marks_on_twenty_seeds(tried, folder, half):
    """The reference passes every check on every seed, and no cell of it fails."""
    assert {check: outcome.found.en for check, outcome in tried[half].items() if not outcome.passed} == {}
    assert json.loads((folder / half / "log.json").read_text())["errors"] == []


def test_blank_release_scores_nothing(tried):
    """Who hands in what was handed out gets no point."""
    assert {name: outcome.score for name, outcome in tried["blank"].items() if outcome.score} == {}


@pytest.mark.parametrize("solution", [path.stem for path in LESSON.solutions])
def test_other_solutions_keep_full_marks(tried, solution):
    """Marks are for properties, not for the way in which the code is written."""
    assert {name: outcome.found.en for name, outcome in tried[solution].items() if not outcome.passed} == {}


@pytest.mark.parametrize("mutant", LESSON.mutants, ids=lambda path: path.stem)
def test_mutant_loses_the_checks_it_names(tried, mutant):
    """Each wrong solution loses every check that its header names."""
    assert build.loses(mutant) - lost(tried[mutant.stem]) == set()


@pytest.mark.parametrize("mutant", LESSON.mutants, ids=lambda path: path.stem)
def test_mutant_loses_no_other_hidden_check(tried, mutant):
    """One mistake costs its own marks only."""
    assert (lost(tried[mutant.stem]) - build.loses(mutant)) & HIDDEN == set()


def test_hidden_outcomes_tell_no_data(tried):
    """What a student reads about hidden checks holds numbers, never rows or names of orders."""
    for outcomes in tried.values():
        for name in HIDDEN:
            said = json.dumps(outcomes[name].to_dict(), ensure_ascii=False)
            assert outcomes[name].rows == ()
            assert "pedidos-0" not in said
            assert "example.com" not in said
