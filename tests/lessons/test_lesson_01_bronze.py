"""Lesson 1.1: right answers keep full marks however they are written, wrong ones lose what they should."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from dataflow_hub.grading import build
from dataflow_hub.grading.course import load_lesson
from dataflow_hub.workspace import CHECKOUT

LESSON = load_lesson(CHECKOUT / "courses" / "medallion" / "01-bronze")
TWENTY_SEEDS = range(500, 520)
HALVES = {"first": TWENTY_SEEDS[:10], "second": TWENTY_SEEDS[10:]}
HIDDEN = {spec.id for spec in LESSON.checks if spec.kind == "hidden"}

pytestmark = pytest.mark.lesson


@pytest.fixture(scope="module")
def tried(try_directly, tmp_path_factory):
    """Every solution, every mutant and the blank release, on one unseen seed; the release gate tries them on three."""
    submissions = {"reference": build.with_solution(LESSON, None), "blank": build.release_notebook(LESSON, "en")}
    submissions |= {path.stem: build.with_solution(LESSON, path) for path in (*LESSON.solutions, *LESSON.mutants)}
    return try_directly(LESSON, submissions, (31,), tmp_path_factory.mktemp("lesson"))


def lost(outcomes):
    return {name for name, outcome in outcomes.items() if not outcome.passed}


def test_reference_scores_full_marks_on_twenty_seeds(try_directly, tmp_path_factory):
    """The reference passes every check on every seed."""
    reference = {"reference": build.with_solution(LESSON, None)}

    def try_half(name):
        folder = tmp_path_factory.mktemp(name)
        outcomes = try_directly(LESSON, reference, HALVES[name], folder)["reference"]
        errors = json.loads((folder / "reference" / "log.json").read_text())["errors"]
        return {check: outcome.found.en for check, outcome in outcomes.items() if not outcome.passed}, errors

    with ThreadPoolExecutor() as pool:
        assert list(pool.map(try_half, HALVES)) == [({}, []), ({}, [])]


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
