"""How two workers share the tests: what shares services or a warm Spark stays together."""

import pytest
from tests.scheduling import ByFileOrLesson


@pytest.mark.parametrize(
    ("test", "group"),
    [
        ("tests/integration/test_storage.py::test_a", "tests/integration/test_storage.py"),
        ("tests/unit/test_x.py::test_b[medallion/02-silver]", "tests/unit/test_x.py"),
        ("tests/lessons/test_lessons.py::test_reference[medallion-02-silver]", "medallion-02"),
        ("tests/lessons/test_lessons.py::test_mutant[medallion-02-silver-first_arrived_wins]", "medallion-02"),
        ("courses/mlops/03-registry/lesson.en.ipynb::lesson.en.ipynb", "courses/mlops/03-registry/lesson.en.ipynb"),
    ],
)
def test_a_files_tests_stay_together_and_a_lessons_too(test, group):
    """Services are started once for a file, and a lesson's candidates are tried once."""
    assert ByFileOrLesson._split_scope(None, test) == group
