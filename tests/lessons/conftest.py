"""What the tests of lessons share: a lesson's candidates, each tried once on one warm Spark.

A run takes each lesson's reference and blank release, and a third of its mutants and other solutions. Those of a lesson that
changed were all tried by the release gate: without its verdict on the lesson as it stands, `test_course_lessons` fails.
"""

from functools import cache

import pytest
from tests.scheduling import day_of_run

from dataflow_hub.grading import build
from dataflow_hub.grading.course import load_lesson
from dataflow_hub.grading.players import Players
from dataflow_hub.grading.trial import Trial, try_all
from dataflow_hub.operations.lessons import find_all
from dataflow_hub.settings import load_lab
from dataflow_hub.workspace import CHECKOUT

TEMPLATE = load_lesson(CHECKOUT / "docs" / "contributor" / "lesson-template")
LESSONS = [*find_all(load_lab()), TEMPLATE]
REFERENCE_SEEDS, OTHER_SEEDS = (501, 502, 503), (31,)
THIRDS = 3


def chosen(each, config):
    """Give all of `each` when asked for; else the third of them whose turn it is on the day of the run."""
    return [one for number, one in enumerate(each) if config.getoption("all_mutants") or (number + day_of_run()) % THIRDS == 0]


def pytest_generate_tests(metafunc):
    """One test for each lesson, solution or mutant."""
    if "lesson" not in metafunc.fixturenames:
        return
    kind = next((name for name in ("mutant", "solution") if name in metafunc.fixturenames), None)
    params = []
    for lesson in LESSONS:
        label = f"{lesson.course}-{lesson.name}"
        paths = [None] if kind is None else chosen(getattr(lesson, f"{kind}s"), metafunc.config)
        for path in paths:
            values = (lesson,) if path is None else (lesson, path)
            params.append(pytest.param(*values, id=label if path is None else f"{label}-{path.stem}"))
    metafunc.parametrize(("lesson", kind) if kind else ("lesson",), params)


@pytest.fixture(scope="session")
def players():
    """Give the one warm process of this worker: all lessons are tried on it, one after the other."""
    with Players(1) as warm:
        yield warm


@pytest.fixture(scope="session")
def tried(players, tmp_path_factory, pytestconfig):
    """Give what came of every candidate of a lesson: the reference on up to three unseen seeds, the others on one."""

    @cache
    def try_lesson(number):
        lesson = LESSONS[number]
        # What follows a course's last answers is executed with the rest of the notebook, by nbmake.
        reference, seeds = build.with_solution(lesson, None), tuple(chosen(REFERENCE_SEEDS, pytestconfig))
        trials = {"reference": Trial(reference, seeds, whole=lesson is TEMPLATE)}
        trials["blank"] = Trial(build.release_notebook(lesson, "en"), OTHER_SEEDS, whole=False)
        for path in (*chosen(lesson.solutions, pytestconfig), *chosen(lesson.mutants, pytestconfig)):
            trials[path.stem] = Trial(build.with_solution(lesson, path), OTHER_SEEDS, whole=False)
        return try_all(load_lab().workspace, lesson, trials, tmp_path_factory.mktemp(lesson.name), players)

    return lambda lesson: try_lesson(LESSONS.index(lesson))
