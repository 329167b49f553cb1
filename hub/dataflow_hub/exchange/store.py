"""The exchange's file store: releases, submissions and feedback under one folder."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from dataflow_hub.exchange import durable
from dataflow_hub.exchange.collection import newest_of_each, write_submission
from dataflow_hub.exchange.feedback import FeedbackFolder
from dataflow_hub.exchange.model import Collected, FaultPoint, Feedback, Limits, Release, as_utc, server_time
from dataflow_hub.exchange.refusals import UnknownError
from dataflow_hub.exchange.releases import Releases
from dataflow_hub.exchange.submissions import Submissions
from dataflow_hub.secrets import secret

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from dataflow_hub.exchange.receipts import Receipt
    from dataflow_hub.settings import Lab

_STALE_SECONDS = 3600.0


def open_store(lab: Lab) -> Store:
    """Give the lab's own exchange store."""
    return Store(lab.workspace.exchange, bytes.fromhex(secret(lab.workspace, "exchange-receipts")))


class Store:
    """What the exchange keeps. Any number of processes may use the same folder at once.

    Parameters
    ----------
    root
        The store's folder, on one file system.
    key
        Signs the receipts.
    limits
        What one student may hand in and keep.
    at
        Called after each file-system step with its name; only fault tests give one.
    """

    def __init__(self, root: Path, key: bytes, limits: Limits | None = None, at: FaultPoint = lambda _step: None) -> None:
        self.root, self.key, self.limits = root, key, limits or Limits()
        self._releases = Releases(root, self.limits, at)
        self._submissions = Submissions(root, key, self.limits, at)
        self._feedback = FeedbackFolder(root, self.limits, at)

    def publish(
        self, course: str, lesson: str, folders: Mapping[str, Path], due: datetime | None = None, now: datetime | None = None
    ) -> Release:
        """Release a lesson: `folders` gives one folder of files per language. The same content again adds no version.

        Raises
        ------
        RefusedError
            Bad names, an empty folder, or too much.
        """
        return self._releases.publish(course, lesson, folders, due, now or server_time())

    def withdraw(self, course: str, lesson: str) -> None:
        """Hide a released lesson from students; nothing is deleted."""
        self._releases.withdraw(course, lesson)

    def release(self, course: str, lesson: str, user: str | None = None) -> Release:
        """Give a released lesson, with `user`'s own deadline if one is named; UnknownError when it is not released."""
        release = self._releases.release(course, lesson)
        return self._releases.for_student(release, user) if user else release

    def courses(self) -> list[str]:
        """Give the courses that ever had a release."""
        return self._releases.courses()

    def releases(self, course: str, user: str | None = None) -> list[Release]:
        """Give what is released in a course, with `user`'s own deadlines if one is named."""
        found = self._releases.all(course)
        return [self._releases.for_student(release, user) for release in found] if user else found

    def release_files(self, course: str, lesson: str, language: str = "en") -> dict[str, bytes]:
        """Give the files of a released lesson in `language`, or in the nearest there is."""
        return self._releases.files(course, lesson, language)

    def set_due(self, course: str, lesson: str, due: datetime | None) -> None:
        """Set or clear the deadline of a released lesson for everybody."""
        self._releases.set_due(course, lesson, due)

    def extend(self, course: str, lesson: str, user: str, due: datetime | None) -> None:
        """Give one student a later deadline, or take it back with None."""
        self._releases.extend(course, lesson, user, due)

    def due(self, course: str, lesson: str, user: str) -> datetime | None:
        """Give the deadline that holds for one student, in UTC; None is no deadline."""
        return self._releases.due(course, lesson, user)

    def submit(  # noqa: PLR0913 - the facts of a submission
        self,
        course: str,
        lesson: str,
        user: str,
        files: Mapping[str, bytes],
        now: datetime | None = None,
        *,
        submission_id: str = "",
    ) -> Receipt:
        """Keep a submission and give its receipt; the same `submission_id` and content give the same receipt.

        Raises
        ------
        RefusedError
            The lesson is not released, a bad name, too much, over the quota, no room, or the id was used for other content.
        """
        self._releases.release(course, lesson)
        return self._submissions.submit(
            course,
            lesson,
            user,
            files,
            submission_id=submission_id or secrets.token_hex(16),
            due=self.due(course, lesson, user),
            now=as_utc(now) if now else server_time(),
        )

    def submissions(self, course: str, lesson: str, user: str | None = None) -> list[Receipt]:
        """Give the receipts of a lesson, everybody's or one student's, oldest first."""
        if user is None:
            return self._submissions.of_lesson(course, lesson)
        return self._submissions.of_student(course, user, lesson)

    def own_submissions(self, course: str, user: str, lesson: str | None = None) -> list[Receipt]:
        """Give one student's receipts in a course, or for one lesson of it, oldest first."""
        return self._submissions.of_student(course, user, lesson)

    def submission_files(self, receipt: Receipt) -> dict[str, bytes]:
        """Give the files of a kept submission."""
        return self._submissions.files(receipt)

    def collect(self, course: str, lesson: str, into: Path, *, user: str | None = None, before_due: bool = False) -> list[Collected]:
        """Write each student's newest submission to `into`/submitted/<student>/<lesson>/, with `timestamp.txt` and `receipt.json`."""
        receipts = newest_of_each(self.submissions(course, lesson, user), before_due=before_due)
        return [write_submission(self._submissions, receipt, into / "submitted" / receipt.user / lesson) for receipt in receipts]

    def collect_one(self, receipt: Receipt, folder: Path) -> Collected:
        """Write one submission to `folder`, with `timestamp.txt` and `receipt.json`."""
        return write_submission(self._submissions, receipt, folder)

    def publish_feedback(self, course: str, lesson: str, user: str, receipt_id: str, files: Mapping[str, bytes]) -> Feedback:
        """Give a student feedback on the submission with that receipt.

        Raises
        ------
        UnknownError
            This student has no such receipt for this lesson.
        """
        receipt = self._submissions.receipt(course, user, receipt_id)
        if receipt.lesson != lesson:
            raise UnknownError(f"Receipt {receipt_id} is for {receipt.lesson}, not {lesson}.", fix="Collect and grade that lesson again.")
        return self._feedback.publish(receipt, files)

    def feedback(self, course: str, lesson: str, user: str) -> list[Feedback]:
        """Give the newest feedback on each of a student's submissions of a lesson."""
        return self._feedback.of_student(course, lesson, user)

    def feedback_files(self, course: str, lesson: str, user: str, receipt_id: str) -> dict[str, bytes]:
        """Give the files of that feedback; UnknownError when there is none."""
        return self._feedback.files(course, lesson, user, receipt_id)

    def check_writable(self) -> None:
        """Make sure that something can be kept.

        Raises
        ------
        NoRoomError, OSError
            Nothing can.
        """
        with durable.staging(self.root / "incoming") as staged:
            durable.write_file(staged / "probe", b"probe")

    def sweep(self, older_than_seconds: float = _STALE_SECONDS) -> int:
        """Remove what killed writers left behind; give how many folders that were."""
        return durable.sweep(self.root / "incoming", older_than_seconds)
