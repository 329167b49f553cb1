"""The lesson contract: every lesson keeps it, and each way of breaking it is named."""

import shutil
from dataclasses import replace

import pytest

from dataflow_hub.errors import LessonError
from dataflow_hub.grading import build
from dataflow_hub.grading.course import load_lesson
from dataflow_hub.grading.lint import lint
from dataflow_hub.grading.verdict import recorded
from dataflow_hub.operations import guide
from dataflow_hub.operations import lessons as operations
from dataflow_hub.settings import load_lab
from dataflow_hub.workspace import CHECKOUT

LESSONS = operations.find_all(load_lab())
BRONZE = CHECKOUT / "courses" / "medallion" / "01-bronze"


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: f"{lesson.course}/{lesson.name}")
def test_lesson_keeps_the_contract(lesson):
    """No lesson of ours breaks the contract of lessons."""
    assert [str(problem) for problem in lint(lesson)] == []


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: f"{lesson.course}/{lesson.name}")
def test_lesson_was_tried_as_it_is_now(lesson):
    """The verdict beside each lesson is about this very lesson and this code, on as many seeds as it is graded on, and good."""
    rows = recorded(lesson, lesson.data.hidden_seeds)
    assert rows, "run ./lab course check and commit gate.json"
    assert [row for row in rows if not row.ok] == []


def test_the_instructors_pages_say_what_the_lessons_say():
    """The pages about lessons and their words are generated, and committed as they are generated."""
    for path, text in guide.pages(load_lab(), LESSONS).items():
        assert path.read_text(encoding="utf-8") == text, "run ./lab course build"


@pytest.fixture
def copy(tmp_path):
    """Give a copy of a good lesson to break."""
    return shutil.copytree(BRONZE, tmp_path / "medallion" / "01-bronze")


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("lesson.toml", '["bronze.drift", "bronze.empty", "bronze.order"]', '["bronze.drift"]', "bronze.empty shows no objective"),
        ("lesson.toml", 'id = "bronze.drift"', 'id = "bronze.drifted"', "checks/hidden.py does not define bronze.drifted"),
        ("lesson.toml", 'points = 20\ntitle.en = "as many', 'points = 200\ntitle.en = "as many', "of the points are visible"),
        ("lesson.py", 'tags=["check:run-again"]', "", "no cell is tagged for run-again"),
        ("lesson.py", '# %% [markdown] tags=["lang:pt-BR"]\n# ## 2', "# %% [markdown]\n# ## 2", "needs exactly one of the tags"),
        ("lesson.py", "def ingest_batch(", "def ingest(", "does not define the function ingest_batch"),
        ("lesson.py", "# # Bronze: land", "# # Bronze! land", "build the course again"),
        ("mutants/fails_on_empty.py", "bronze.empty", "bronze.rerun", "no mutant loses bronze.empty"),
        ("mutants/high_water_mark.py", "# loses:", "# breaks:", "does not say which checks it loses"),
        ("checks/hidden.py", '@hidden("bronze.order")\n', "", "checks/hidden.py does not define bronze.order"),
    ],
)
def test_broken_contract_is_named(copy, file, old, new, said):
    """Each rule has a lesson that breaks it, and says so to its author."""
    path = copy / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    assert said in "\n".join(str(problem) for problem in lint(load_lesson(copy)))


@pytest.mark.parametrize(
    ("text", "said"),
    [("minutes = ", "not valid TOML"), ("nonsense = 1", "nonsense"), ("", "notebook")],
)
def test_bad_lesson_file_is_explained(tmp_path, text, said):
    """A lesson.toml that cannot be read says where and why."""
    (tmp_path / "lesson.toml").write_text(text)
    with pytest.raises(LessonError, match=said):
        load_lesson(tmp_path)


def test_folder_without_lesson_file_is_no_lesson(tmp_path):
    """The error names the folder and the page that helps."""
    with pytest.raises(LessonError, match="add-a-lesson"):
        load_lesson(tmp_path)


def test_building_again_writes_what_differs_only(copy):
    """A build after a change writes the notebooks; a second one writes nothing."""
    source = copy / "lesson.py"
    source.write_text(source.read_text(encoding="utf-8").replace("# # Bronze: land", "# # Bronze! land"), encoding="utf-8")
    assert {path.name for path in build.write_generated(load_lesson(copy))} >= {"lesson.en.ipynb"}
    assert build.write_generated(load_lesson(copy)) == ()


@pytest.fixture
def lab(tmp_path):
    """Give a lab whose courses are somewhere else."""
    lab = load_lab(state=tmp_path / "state")
    (tmp_path / "courses").mkdir()
    (tmp_path / "docs").symlink_to(CHECKOUT / "docs")
    return replace(lab, workspace=replace(lab.workspace, root=tmp_path))


def test_new_lesson_keeps_the_contract(lab):
    """What `course new` makes passes the linter as it is."""
    folder = operations.new(lab, "quality", "06-counts")
    assert [str(problem) for problem in lint(load_lesson(folder))] == []
    assert '"lesson-template"' not in "".join(path.read_text(encoding="utf-8") for path in folder.rglob("*.py"))


def test_new_lesson_never_overwrites(lab):
    """A folder that is there stays as it is, and a name that is no folder's is refused."""
    folder = operations.new(lab, "quality", "06-counts")
    (folder / "mine").touch()
    with pytest.raises(LessonError, match="there already"):
        operations.new(lab, "quality", "06-counts")
    assert (folder / "mine").exists()
    with pytest.raises(LessonError, match="no name"):
        operations.new(lab, "quality", "../06")
