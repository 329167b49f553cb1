"""The exchange's whole loop with a real hub, the real service and nbgrader's own code on both sides."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from nbgrader.apps import NbGraderAPI
from nbgrader.coursedir import CourseDirectory
from nbgrader.server_extensions.assignment_list.handlers import AssignmentList
from tests.integration import exchange_hub as lab
from traitlets.config import Config

from dataflow_hub.exchange.receipts import Receipt
from dataflow_hub.grading.exchange_classes import configure as configure_instructor

COURSE, LESSON = lab.COURSE, lab.LESSON
pytestmark = pytest.mark.integration

_STUDENT_CONFIG = "from dataflow_kernels.exchange.config import configure\nconfigure(get_config())\n"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with lab.running_hub(tmp_path_factory.mktemp("hub")) as running:
        yield running


@pytest.fixture
def service(hub: Any, tmp_path: Path) -> Iterator[Any]:
    folder = tmp_path / "service"
    folder.mkdir()
    with lab.running_service(hub, folder) as running:
        yield running


@pytest.fixture
def ana(hub: Any, service: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Ana's server: her home is the current folder, her environment is set."""
    home = tmp_path / "ana"
    home.mkdir()
    (home / "nbgrader_config.py").write_text(_STUDENT_CONFIG)
    for name, value in {
        "HOME": str(home),
        "DATAFLOW_EXCHANGE_URL": service.url,
        "DATAFLOW_LANGUAGE": "pt-BR",
        "JUPYTERHUB_API_TOKEN": hub.token("ana")[1],
        "JUPYTER_CONFIG_DIR": str(home / ".jupyter"),
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(home)
    return home


def assignment_list(home: Path) -> AssignmentList:
    """Give what answers Lab's Assignments list."""
    listed = AssignmentList()
    listed.root_dir = str(home)
    return listed


def instructor(service: Any, root: Path) -> NbGraderAPI:
    """Give what answers formgrader's buttons."""
    root.mkdir(exist_ok=True)
    config = Config()
    configure_instructor(config, lambda: service.store)
    config.CourseDirectory.root = str(root)
    config.CourseDirectory.course_id = COURSE
    config.CourseDirectory.db_url = f"sqlite:///{root}/gradebook.db"
    return NbGraderAPI(CourseDirectory(config=config), config=config)


def test_a_student_lists_fetches_submits_and_reads_feedback_in_the_assignments_list(service: Any, ana: Path, tmp_path: Path) -> None:
    """Every step of the Assignments list works on the real service, and formgrader's collect and release feedback on its store."""
    listed = assignment_list(ana)
    assert listed.list_courses() == {"success": True, "value": [COURSE]}
    (row,) = listed.list_assignments(COURSE)["value"]
    assert (row["assignment_id"], row["status"]) == (LESSON, "released")

    assert listed.fetch_assignment(COURSE, LESSON) == {"success": True}
    (row,) = listed.list_assignments(COURSE)["value"]
    assert (row["status"], row["path"], row["notebooks"][0]["path"]) == ("fetched", LESSON, f"{LESSON}/bronze.ipynb")
    notebook = ana / LESSON / "bronze.ipynb"
    assert "pt-BR" in notebook.read_text()

    assert listed.submit_assignment(COURSE, LESSON) == {"success": True}
    (receipt,) = service.store.submissions(COURSE, LESSON)
    kept = Receipt.from_json(
        {k: v for k, v in json.loads((ana / "receipts" / f"{receipt.id}.json").read_text()).items() if k != "timestamp"}
    )
    assert kept == receipt
    assert kept.verify(b"key")
    text = (ana / f"{LESSON}.receipt.txt").read_text()
    assert "Recibo de uma entrega" in text
    assert receipt.id in text
    assert hashlib.sha256(notebook.read_bytes()).hexdigest() in text
    submission = listed.list_assignments(COURSE)["value"][1]["submissions"][0]
    assert receipt.id[:8] in submission["timestamp"]
    assert not submission["has_exchange_feedback"]

    teacher = instructor(service, tmp_path / "course")
    assert teacher.get_released_assignments() == {LESSON}
    assert teacher.collect(LESSON)["success"]
    submitted = tmp_path / "course" / "submitted" / "ana" / LESSON
    assert (submitted / "timestamp.txt").read_text() == receipt.timestamp
    feedback = tmp_path / "course" / "feedback" / "ana" / LESSON
    feedback.mkdir(parents=True)
    (feedback / "bronze.html").write_text("<p>well done</p>")
    (feedback / "timestamp.txt").write_text(receipt.timestamp)
    assert teacher.release_feedback(LESSON)["success"]

    assert listed.list_assignments(COURSE)["value"][1]["submissions"][0]["has_exchange_feedback"]
    assert listed.fetch_feedback(COURSE, LESSON) == {"success": True}
    submission = listed.list_assignments(COURSE)["value"][1]["submissions"][0]
    assert submission["has_local_feedback"]
    assert not submission["feedback_updated"]
    assert (ana / submission["local_feedback_path"] / "bronze.html").read_text() == "<p>well done</p>"

    (feedback / "bronze.html").write_text("<p>even better</p>")
    assert teacher.release_feedback(LESSON, "ana")["success"]
    assert listed.list_assignments(COURSE)["value"][1]["submissions"][0]["feedback_updated"]


def test_nbgraders_command_line_does_the_same(service: Any, ana: Path) -> None:
    """`nbgrader list`, `fetch_assignment`, `submit` and `fetch_feedback` run unchanged in a terminal, and say the receipt."""

    def nbgrader(*argv: str) -> str:
        done = subprocess.run([sys.executable, "-m", "nbgrader", *argv], cwd=ana, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return done.stderr

    assert LESSON in nbgrader("list", "--course", COURSE)
    nbgrader("fetch_assignment", LESSON, "--course", COURSE)
    said = nbgrader("submit", LESSON, "--course", COURSE)
    (receipt,) = service.store.submissions(COURSE, LESSON, "ana")
    assert receipt.id in said
    assert receipt.sha256 in said
    assert receipt.id[:8] in nbgrader("list", "--cached", "--course", COURSE)
    assert "no feedback" in nbgrader("fetch_feedback", LESSON, "--course", COURSE)


def test_fetching_again_never_overwrites_work_and_submitting_needs_the_notebooks_name(service: Any, ana: Path) -> None:
    """The student keeps what they have, and is told what to do."""
    listed = assignment_list(ana)
    listed.fetch_assignment(COURSE, LESSON)
    notebook = ana / LESSON / "bronze.ipynb"
    notebook.write_text(lab.NOTEBOOK.replace("LANGUAGE", "my work"))
    assert not listed.fetch_assignment(COURSE, LESSON)["success"]
    assert "my work" in notebook.read_text()
    notebook.rename(notebook.with_name("bronze-final.ipynb"))
    said = listed.submit_assignment(COURSE, LESSON)
    assert not said["success"]
    assert "bronze.ipynb is missing" in said["value"]
    assert service.store.submissions(COURSE, LESSON) == []


def test_links_and_noise_in_the_folder_are_not_submitted(service: Any, ana: Path) -> None:
    """A link is left out, and so is what Spark and nbgrader leave lying about."""
    listed = assignment_list(ana)
    listed.fetch_assignment(COURSE, LESSON)
    folder = ana / LESSON
    (folder / "link.txt").symlink_to("/etc/passwd")
    (folder / "helper.py").write_text("x = 1\n")
    for noise in ("spark-warehouse", ".ipynb_checkpoints", "feedback"):
        (folder / noise).mkdir()
        (folder / noise / "noise").write_text("noise")
    assert listed.submit_assignment(COURSE, LESSON)["success"]
    (receipt,) = service.store.submissions(COURSE, LESSON)
    assert set(receipt.files) == {"bronze.ipynb", "helper.py"}


def test_a_lost_answer_costs_no_second_submission(service: Any, ana: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client dies between the service's commit and its own receipt; submitting the same work again gives the first receipt."""
    listed = assignment_list(ana)
    listed.fetch_assignment(COURSE, LESSON)
    with monkeypatch.context() as broken:
        broken.setattr("dataflow_kernels.exchange.receipts.keep", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        listed.submit_assignment(COURSE, LESSON)
    (first,) = service.store.submissions(COURSE, LESSON)
    assert not (ana / "receipts" / f"{first.id}.json").exists()
    assert listed.submit_assignment(COURSE, LESSON)["success"]
    assert service.store.submissions(COURSE, LESSON) == [first]
    assert (ana / "receipts" / f"{first.id}.json").exists()
    assert listed.submit_assignment(COURSE, LESSON)["success"]
    assert len(service.store.submissions(COURSE, LESSON)) == 2, "a submission after a receipt is a new one"


def test_an_exchange_that_does_not_answer_is_said_plainly(ana: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No traceback of ours, no hanging: a text that says the work is safe."""
    monkeypatch.setenv("DATAFLOW_EXCHANGE_URL", f"http://127.0.0.1:{lab.free_ports(1)[0]}/services/exchange")
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    (ana / LESSON).mkdir()
    said = assignment_list(ana).submit_assignment(COURSE, LESSON)
    assert not said["success"]
    assert "does not answer" in said["value"]
    assert "safe in your own folder" in said["value"]


def test_the_instructors_list_withdraws_and_the_gate_is_not_gone_around(
    service: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unrelease hides a lesson; releasing a gated lesson from formgrader names the command that checks it first."""
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)  # nbgrader runs `alembic` for a new gradebook
    course = tmp_path / "course"
    teacher = instructor(service, course)
    assert teacher.unrelease(LESSON)["success"]
    assert teacher.get_released_assignments() == set()
    (course / "release" / "extra").mkdir(parents=True)
    (course / "release" / "extra" / "extra.ipynb").write_text(lab.NOTEBOOK)
    said = teacher.release_assignment("extra")
    assert said["success"], said
    assert teacher.get_released_assignments() == {"extra"}
    gated = tmp_path / "courses" / COURSE / LESSON
    gated.mkdir(parents=True)
    (gated / "lesson.toml").touch()
    teacher.exchange.config.StoreExchange.lessons = str(tmp_path / "courses")
    said = teacher.release_assignment(LESSON)
    assert not said["success"]
    assert f"./lab release {COURSE} {LESSON}" in said["error"]


@pytest.mark.filterwarnings("default")  # nbgrader's own, of its gradebook and its kernels
def test_an_ordinary_nbgrader_assignment_goes_all_the_way_round_by_formgraders_buttons(
    service: Any, ana: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Generate, release, fetch, submit, collect, autograde, generate and release feedback, read it: nbgrader's own steps, our exchange."""
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    course = tmp_path / "course"
    teacher = instructor(service, course)
    source = course / "source" / "extra"
    source.mkdir(parents=True)
    (source / "extra.ipynb").write_text(json.dumps(_graded_notebook()))
    for step in (teacher.generate_assignment, teacher.release_assignment):
        said = step("extra")
        assert said["success"], said
    listed = assignment_list(ana)
    assert listed.fetch_assignment(COURSE, "extra")["success"]
    assert listed.submit_assignment(COURSE, "extra")["success"]
    for said in (
        teacher.collect("extra"),
        teacher.autograde("extra", "ana"),
        teacher.generate_feedback("extra"),
        teacher.release_feedback("extra"),
    ):
        assert said["success"], said
    assert listed.fetch_feedback(COURSE, "extra")["success"]
    (row,) = [row for row in listed.list_assignments(COURSE)["value"] if row["status"] == "submitted"]
    page = ana / row["submissions"][0]["local_feedback_path"] / "extra.html"
    assert "Score: 2.0 / 2.0" in page.read_text()


def _graded_notebook() -> dict[str, Any]:
    notebook: dict[str, Any] = json.loads(lab.NOTEBOOK)
    graded = {"grade": True, "grade_id": "two", "locked": True, "points": 2, "schema_version": 3, "solution": False, "task": False}
    cell = {"cell_type": "code", "id": "two", "metadata": {"nbgrader": graded}, "source": "assert 1 + 1 == 2", "outputs": []}
    notebook["cells"].append(cell | {"execution_count": None})
    return notebook
