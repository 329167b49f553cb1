"""How two workers share the tests: what shares services or a warm Spark stays together."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.lessons.conftest import chosen
from tests.scheduling import ByFileOrLesson

from dataflow_hub.operations.tests import everything
from dataflow_hub.workspace import CHECKOUT


@pytest.mark.parametrize(
    ("test", "group"),
    [
        ("tests/integration/test_storage.py::test_a", "tests/integration/test_storage.py"),
        ("tests/unit/test_x.py::test_b[medallion/02-silver]", "tests/unit/test_x.py"),
        ("tests/lessons/test_lessons.py::test_reference[medallion-02-silver]", "medallion-02"),
        ("tests/lessons/test_lessons.py::test_mutant[medallion-02-silver-first_arrived_wins]", "medallion-02"),
        ("tests/e2e/test_student_journey.py::test_student_journey[containers]", "containers"),
        ("tests/security/test_grading_attacks.py::test_only_plain_files_come_out[FIFO-containers]", "containers"),
        ("tests/e2e/test_student_journey.py::test_student_journey[processes]", "tests/e2e/test_student_journey.py"),
        ("tests/security/test_isolation.py::test_own_things_work[class_of_two]", "containers"),
        ("courses/mlops/03-registry/lesson.en.ipynb::lesson.en.ipynb", "courses/mlops/03-registry/lesson.en.ipynb"),
    ],
)
def test_a_files_tests_stay_together_and_a_lessons_too(test, group):
    """Services are started once for a file, and a lesson's candidates are tried once."""
    assert ByFileOrLesson._split_scope(None, test) == group


def test_two_days_running_execute_every_notebook_in_both_languages():
    """A whole run executes each notebook in one language; none is left out for good."""
    today, tomorrow = ({each for each in everything(CHECKOUT, day) if each.endswith(".ipynb")} for day in (1, 2))
    there = {str(path.relative_to(CHECKOUT)) for folder in ("courses", "notebooks") for path in (CHECKOUT / folder).rglob("*.ipynb")}
    assert today | tomorrow == there
    assert not today & tomorrow
    assert len(today) == len(tomorrow)


def test_a_run_over_midnight_tries_what_it_collected(monkeypatch, pytestconfig):
    """A third of the mutants is tried on the day on which a run began, on whatever day their tests come."""
    first = chosen(range(30), pytestconfig)
    monkeypatch.setattr("tests.scheduling.datetime", _Tomorrow)
    assert chosen(range(30), pytestconfig) == first
    monkeypatch.delenv("DATAFLOW_TEST_DAY")
    assert pytestconfig.getoption("all_mutants") or chosen(range(30), pytestconfig) != first


class _Tomorrow(datetime):
    @classmethod
    def now(cls, tz=UTC):
        return super().now(tz) + timedelta(days=1)
