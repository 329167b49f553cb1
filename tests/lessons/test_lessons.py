"""Every lesson: right answers keep full marks however they are written, wrong ones lose what they should."""

import json

import pytest

from dataflow_hub.grading import build

pytestmark = pytest.mark.lesson


def lost(tried):
    """Give what each failed check said."""
    return {outcome.check: outcome.found.en for outcome in tried.outcomes if not outcome.passed}


def hidden(lesson):
    """Name the lesson's hidden checks."""
    return {spec.id for spec in lesson.checks if spec.kind == "hidden"}


def test_reference_scores_full_marks(tried, lesson):
    """The reference passes every check on every seed, and no cell up to its last answer fails."""
    reference = tried(lesson)["reference"]
    assert lost(reference) == {}
    assert reference.errors == ()


def test_blank_release_scores_nothing(tried, lesson):
    """Who hands in what was handed out gets no point."""
    assert {outcome.check: outcome.score for outcome in tried(lesson)["blank"].outcomes if outcome.score} == {}


def test_other_solution_keeps_full_marks(tried, lesson, solution):
    """Marks are for properties, not for the way in which the code is written."""
    assert lost(tried(lesson)[solution.stem]) == {}


def test_mutant_loses_what_it_names_and_no_other_hidden_check(tried, lesson, mutant):
    """A wrong solution loses every check that its header names; one mistake costs its own marks only."""
    gone = set(lost(tried(lesson)[mutant.stem]))
    assert build.loses(mutant) - gone == set()
    assert (gone - build.loses(mutant)) & hidden(lesson) == set()


def test_hidden_outcomes_tell_no_data(tried, lesson):
    """What a student reads about hidden checks holds numbers, never rows or people."""
    for candidate in tried(lesson).values():
        for outcome in candidate.outcomes:
            if outcome.check in hidden(lesson):
                assert outcome.rows == ()
                assert "example.com" not in json.dumps(outcome.to_dict(), ensure_ascii=False)
