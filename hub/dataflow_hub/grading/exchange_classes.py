"""nbgrader's exchange classes on the instructor's side: formgrader's buttons and `nbgrader` go through the lab's store.

In the course's `nbgrader_config.py`::

    from dataflow_hub.exchange.store import open_store
    from dataflow_hub.grading.exchange_classes import configure
    from dataflow_hub.settings import load_lab

    configure(get_config(), lambda: open_store(load_lab()), load_lab().workspace.courses)

The store is handed in because this package and `exchange` do not know each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.exchange import ExchangeError
from nbgrader.exchange import abc as stock
from nbgrader.utils import parse_utc
from traitlets import Callable as CallableTrait
from traitlets import Unicode

from dataflow_hub.errors import LabError

Row = dict[str, Any]


class KeptReceipt(Protocol):
    """What this side reads of a receipt."""

    id: str
    user: str
    time: datetime
    timestamp: str
    late: bool
    files: dict[str, str]


class ExchangeStore(Protocol):
    """What this side asks of the exchange's store."""

    def publish(self, course: str, lesson: str, folders: Mapping[str, Path], due: datetime | None = None) -> Any:
        """Release a lesson."""

    def withdraw(self, course: str, lesson: str) -> None:
        """Hide a lesson."""

    def releases(self, course: str) -> Sequence[Any]:
        """Give what is released."""

    def submissions(self, course: str, lesson: str, user: str | None = None) -> Sequence[Any]:
        """Give receipts, oldest first."""

    def collect_one(self, receipt: Any, folder: Path) -> Any:
        """Write one submission."""

    def publish_feedback(self, course: str, lesson: str, user: str, receipt_id: str, files: Mapping[str, bytes]) -> Any:
        """Give feedback on a submission."""


class StoreExchange(stock.Exchange):  # type: ignore[misc]
    """nbgrader's exchange on the lab's own store."""

    open_store = CallableTrait(help="Gives the exchange's store; called at `start`, never before.").tag(config=True)
    lessons = Unicode(help="Folder of lesson sources: <course>/<lesson>/lesson.toml.").tag(config=True)

    @property
    def store(self) -> ExchangeStore:
        """The store."""
        store: ExchangeStore = self.open_store()
        return store

    @property
    def course(self) -> str:
        """The course; nbgrader's ExchangeError when there is none."""
        if not self.coursedir.course_id:
            self.fail("No course id specified. Re-run with --course flag.")
        return str(self.coursedir.course_id)

    @property
    def assignment(self) -> str:
        """The assignment, which is a lesson."""
        return str(self.coursedir.assignment_id)

    @property
    def student(self) -> str | None:
        """The one student that was asked for, or None for all."""
        return None if self.coursedir.student_id in {"", "*"} else str(self.coursedir.student_id)

    def path(self, folder: str, student: str) -> Path:
        """Give a folder of nbgrader's course layout."""
        return Path(self.coursedir.format_path(folder, student, self.assignment))

    @contextmanager
    def friendly(self) -> Iterator[None]:
        """Turn what a person can act on into nbgrader's own kind of error."""
        try:
            yield
        except LabError as error:
            self.log.error("%s", error)  # noqa: TRY400 - the text is for a person; frames would bury it
            raise ExchangeError(str(error)) from None

    def init_src(self) -> None:
        """Nothing to prepare."""

    def init_dest(self) -> None:
        """Nothing to prepare."""

    def copy_files(self) -> None:
        """Nothing to copy."""


class StoreList(StoreExchange, stock.ExchangeList):  # type: ignore[misc]
    """What is released, or with `inbound` what was submitted; `remove` withdraws a release."""

    def list_files(self) -> list[Row]:
        """Give a row per released or submitted assignment."""
        if not self.coursedir.course_id:  # nbgrader's own API lists before it knows the course
            return []
        with self.friendly():
            releases = [each for each in self.store.releases(self.course) if self.assignment in {"", "*", each.lesson}]
            if self.inbound or self.cached:
                return [row for release in releases for row in self._submitted(release.lesson)]
        rows = [_release_row(release) for release in releases]
        for row in rows:
            self.log.info("%s %s", row["course_id"], row["assignment_id"])
        return rows

    def remove_files(self) -> list[Row]:
        """Withdraw what is listed; versions and submissions stay in the store."""
        if self.inbound or self.cached:
            self.fail("Submissions are kept: they cannot be removed.")
        rows = self.list_files()
        with self.friendly():
            for row in rows:
                self.store.withdraw(row["course_id"], row["assignment_id"])
        return [row | {"status": "removed"} for row in rows]

    def _submitted(self, lesson: str) -> list[Row]:
        receipts = self.store.submissions(self.course, lesson, self.student)
        common = {"course_id": self.course, "assignment_id": lesson, "status": "submitted"}
        return [
            common | {"student_id": user, "submissions": [common | _receipt_row(each) for each in receipts if each.user == user]}
            for user in sorted({receipt.user for receipt in receipts})
        ]


class StoreCollect(StoreExchange, stock.ExchangeCollect):  # type: ignore[misc]
    """Collect: the newest submission of each student, with the server's time."""

    def copy_files(self) -> None:
        """Write submitted/<student>/<assignment>/ for who has a submission that was not collected yet."""
        with self.friendly():
            receipts = self.store.submissions(self.course, self.assignment, self.student)
            chosen = {receipt.user: receipt for receipt in receipts}
            if self.before_duedate:
                chosen |= {receipt.user: receipt for receipt in receipts if not receipt.late}
            for user, receipt in sorted(chosen.items()):
                self._collect(user, receipt)
        if not chosen:
            self.log.warning("No submissions of '%s' for course '%s' to collect", self.assignment, self.course)

    def _collect(self, user: str, receipt: KeptReceipt) -> None:
        folder = self.path(self.coursedir.submitted_directory, user)
        if folder.is_dir() and not (self.update or self.before_duedate):
            self.log.info("Submission already exists, use --update to update: %s %s", user, self.assignment)
            return
        collected = self.store.collect_one(receipt, folder)
        self.log.info("Collecting submission: %s %s" if collected.new else "No newer submission to collect: %s %s", user, self.assignment)


class StoreReleaseFeedback(StoreExchange, stock.ExchangeReleaseFeedback):  # type: ignore[misc]
    """Release feedback: filed under the receipt of the submission that was graded."""

    def copy_files(self) -> None:
        """Hand every generated feedback page of the assignment to the store."""
        excluded = set((self.coursedir.student_id_exclude or "").split(","))
        pattern = self.path(self.coursedir.feedback_directory, self.student or "*")
        root = Path(self.coursedir.root)
        folders = sorted(root.glob(str(pattern.relative_to(root)))) if pattern.is_relative_to(root) else []
        with self.friendly():
            for folder in folders:
                user = folder.parent.name
                if user not in excluded and any(folder.glob("*.html")):
                    self._release(user, folder)

    def _release(self, user: str, folder: Path) -> None:
        timestamp = self._timestamp(user, folder)
        receipt = next((each for each in self.store.submissions(self.course, self.assignment, user) if each.timestamp == timestamp), None)
        if receipt is None:
            self.log.error("%s has no submission of %s made at %r: collect and grade again", user, self.assignment, timestamp)
            return
        pages = {path.name: path.read_bytes() for path in sorted(folder.glob("*.html"))}
        self.store.publish_feedback(self.course, self.assignment, user, receipt.id, pages)
        self.log.info("Releasing feedback for student '%s' on assignment '%s/%s' (%s)", user, self.course, self.assignment, timestamp)

    def _timestamp(self, user: str, folder: Path) -> str:
        """Give the time of the submission that was graded: nbgrader carries it along; what was collected has it for sure."""
        places = (folder, self.path(self.coursedir.submitted_directory, user))
        texts = [(place / "timestamp.txt").read_text(encoding="utf-8").strip() for place in places if (place / "timestamp.txt").is_file()]
        return texts[0] if texts else ""


class StoreReleaseAssignment(StoreExchange, stock.ExchangeReleaseAssignment):  # type: ignore[misc]
    """Release an ordinary nbgrader assignment. A lesson of the lab has a gate to pass, which this does not go around."""

    def copy_files(self) -> None:
        """Publish release/<assignment>/ with the gradebook's deadline."""
        if self.lessons and (Path(self.lessons) / self.course / self.assignment / "lesson.toml").is_file():
            self.fail(f"Release this lesson with `./lab release {self.course} {self.assignment}`: it is checked before it is published.")
        folder = self.path(self.coursedir.release_directory, ".")
        if not folder.is_dir():
            self.fail(f"Assignment not found: {folder}. Generate it first.")
        with self.friendly():
            self.store.publish(self.course, self.assignment, {"en": folder}, due=self._due())
        self.log.info("Released as: %s %s", self.course, self.assignment)

    def _due(self) -> datetime | None:
        with Gradebook(self.coursedir.db_url, self.course) as gradebook:
            try:
                due = gradebook.find_assignment(self.assignment).duedate
            except MissingEntry:
                return None
        return datetime.fromisoformat(f"{parse_utc(due).isoformat()}+00:00") if due else None  # nbgrader keeps naive UTC


class StoreSubmit(StoreExchange, stock.ExchangeSubmit):  # type: ignore[misc]
    """Only students submit; formgrader makes one of these to read `strict`."""

    def copy_files(self) -> None:
        """Refuse."""
        self.fail("Submit from a student's server.")


class StoreFetch(StoreExchange, stock.ExchangeFetchAssignment):  # type: ignore[misc]
    """Only students fetch."""

    def copy_files(self) -> None:
        """Refuse."""
        self.fail("Fetch from a student's server.")


class StoreFetchFeedback(StoreExchange, stock.ExchangeFetchFeedback):  # type: ignore[misc]
    """Only students fetch feedback."""

    def copy_files(self) -> None:
        """Refuse."""
        self.fail("Fetch feedback from a student's server.")


def configure(c: Any, open_store: Callable[[], ExchangeStore], lessons: Path | None = None) -> None:
    """Set nbgrader's exchange classes to the lab's store; `lessons` names the folder of gated lessons."""
    c.StoreExchange.open_store = open_store
    c.StoreExchange.lessons = str(lessons or "")
    c.ExchangeFactory.exchange = StoreExchange
    c.ExchangeFactory.list = StoreList
    c.ExchangeFactory.collect = StoreCollect
    c.ExchangeFactory.submit = StoreSubmit
    c.ExchangeFactory.fetch_assignment = StoreFetch
    c.ExchangeFactory.fetch_feedback = StoreFetchFeedback
    c.ExchangeFactory.release_assignment = StoreReleaseAssignment
    c.ExchangeFactory.release_feedback = StoreReleaseFeedback


def _release_row(release: Any) -> Row:
    notebooks = [{"notebook_id": name, "path": ""} for name in release.notebooks]
    return {"course_id": release.course, "assignment_id": release.lesson, "status": "released", "path": "", "notebooks": notebooks}


def _receipt_row(receipt: KeptReceipt) -> Row:
    notebooks = [{"notebook_id": name.removesuffix(".ipynb"), "path": ""} for name in sorted(receipt.files) if name.endswith(".ipynb")]
    return {"student_id": receipt.user, "timestamp": receipt.timestamp, "path": "", "notebooks": notebooks}
