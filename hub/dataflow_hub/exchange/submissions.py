"""Submissions: kept whole or not at all, never changed, in the order the server received them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from dataflow_hub.exchange import durable
from dataflow_hub.exchange.names import check_files, check_word
from dataflow_hub.exchange.receipts import Receipt, content_hash, file_hashes, receipt_id
from dataflow_hub.exchange.refusals import ConflictError, QuotaError, UnknownError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from dataflow_hub.exchange.model import FaultPoint, Limits

_TICK = timedelta(microseconds=1)


class Submissions:
    """The `submissions/` part of the store: <course>/<user>/<lesson>/<receipt id>/{receipt.json, files/…}."""

    def __init__(self, root: Path, key: bytes, limits: Limits, at: FaultPoint) -> None:
        self._root, self._incoming = root / "submissions", root / "incoming"
        self._key, self._limits, self._at = key, limits, at

    def submit(  # noqa: PLR0913 - the facts of a submission
        self, course: str, lesson: str, user: str, files: Mapping[str, bytes], *, submission_id: str, due: datetime | None, now: datetime
    ) -> Receipt:
        """Keep `files` and give the receipt, which exists only once everything is on the disk.

        Raises
        ------
        RefusedError
            A bad name or id, too much, over the quota, no room, or the same id with other content.
        """
        size = check_files(files, self._limits)
        student = self._student(course, user)
        hashes = file_hashes(files)
        number = receipt_id(course, check_word("lesson", lesson), user, check_word("submission", submission_id))
        with durable.locked(student):
            final = student / lesson / number
            if final.exists():
                return self._again(final, content_hash(hashes))
            earlier = self._receipts(student)
            self._check_quota(earlier, lesson, size)
            time = max([now, *(receipt.time + _TICK for receipt in earlier)])  # a clock stepped back reorders nothing
            receipt = Receipt(
                id=number,
                submission_id=submission_id,
                course=course,
                lesson=lesson,
                user=user,
                time=time,
                due=due,
                late=due is not None and time > due,
                sha256=content_hash(hashes),
                size_bytes=size,
                files=hashes,
            ).signed(self._key)
            self._keep(receipt, files, final)
        return receipt

    def _keep(self, receipt: Receipt, files: Mapping[str, bytes], final: Path) -> None:
        with durable.staging(self._incoming) as staged:
            self._at("staged")
            durable.write_tree(staged / "files", files, self._at)
            durable.write_file(staged / "receipt.json", durable.encode_json(receipt.to_json()))
            self._at("receipt written")
            durable.place(staged, final, self._at)

    @staticmethod
    def _again(final: Path, sha256: str) -> Receipt:
        durable.sync_folder(final.parent)  # the first attempt may have died between the rename and this
        receipt = Receipt.from_json(durable.read_json(final / "receipt.json"))
        if receipt.sha256 != sha256:
            raise ConflictError(
                "This submission id was used for other content.", why="A retry must send the same files.", fix="Submit once more."
            )
        return receipt

    def _check_quota(self, earlier: list[Receipt], lesson: str, size: int) -> None:
        if sum(receipt.lesson == lesson for receipt in earlier) >= self._limits.max_submissions:
            raise QuotaError(
                f"{lesson} was submitted {self._limits.max_submissions} times already.",
                why="That is the most the exchange keeps.",
                fix="Your newest submission counts. Ask your instructor if it should be another.",
            )
        if sum(receipt.size_bytes for receipt in earlier) + size > self._limits.quota_bytes:
            raise QuotaError(
                "Your submissions fill the space you have in this course.",
                why=f"The exchange keeps {self._limits.quota_bytes / 2**20:.0f} MiB a student.",
                fix="Clear large outputs before submitting, or ask your instructor.",
            )

    def of_student(self, course: str, user: str, lesson: str | None = None) -> list[Receipt]:
        """Give one student's receipts, oldest first."""
        receipts = self._receipts(self._student(course, user))
        return [receipt for receipt in receipts if lesson in {None, receipt.lesson}]

    def of_lesson(self, course: str, lesson: str) -> list[Receipt]:
        """Give everybody's receipts for one lesson, by student, oldest first."""
        check_word("lesson", lesson)
        students = sorted((self._root / check_word("course", course)).glob("*/"))
        return [receipt for student in students for receipt in self._receipts(student) if receipt.lesson == lesson]

    def receipt(self, course: str, user: str, number: str) -> Receipt:
        """Give the receipt called `number` if it is this student's own.

        Raises
        ------
        UnknownError
            The student has no such receipt; whether somebody else has is not told.
        """
        check_word("receipt", number)
        for receipt in self.of_student(course, user):
            if receipt.id == number:
                return receipt
        raise UnknownError(f"There is no receipt {number}.", fix="`nbgrader list --cached` shows what you have submitted.")

    def files(self, receipt: Receipt) -> dict[str, bytes]:
        """Give the files of a kept submission."""
        return durable.read_tree(self._student(receipt.course, receipt.user) / receipt.lesson / receipt.id / "files")

    def _student(self, course: str, user: str) -> Path:
        return self._root / check_word("course", course) / check_word("user", user)

    @staticmethod
    def _receipts(student: Path) -> list[Receipt]:
        receipts = [Receipt.from_json(durable.read_json(path)) for path in student.glob("*/*/receipt.json")]
        return sorted(receipts, key=lambda receipt: receipt.time)
