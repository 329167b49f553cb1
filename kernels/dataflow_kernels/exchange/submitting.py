"""Submitting an assignment: the answer is a receipt, or an error that says what to do."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from nbgrader.exchange.abc import ExchangeSubmit

from dataflow_kernels.exchange import receipts
from dataflow_kernels.exchange.base import LabExchange
from dataflow_kernels.exchange.client import ExchangeRefusedError
from dataflow_kernels.exchange.folders import check_size, content_hash, gather

Receipt = dict[str, Any]


class LabExchangeSubmit(LabExchange, ExchangeSubmit):  # type: ignore[misc]
    """`nbgrader submit`, and Submit in Lab. `receipt` holds the receipt after `start`, which gives it too."""

    receipt: Receipt | None = None

    def start(self) -> Receipt | None:
        """Submit the assignment's folder and give the receipt."""
        super().start()
        return self.receipt

    def init_src(self) -> None:
        """Take the assignment's folder; a path (`nbgrader submit some/folder`) names it too."""
        course, lesson = self.named()
        lesson = Path(lesson).name
        self.coursedir.assignment_id = lesson
        self.src_path = self.folder(course, lesson)
        if not self.src_path.is_dir():
            self.fail(f"There is no folder {self.src_path.name} here: fetch the assignment first.")

    def copy_files(self) -> None:
        """Send the files, keep the receipt in the home and beside the assignment."""
        course, lesson = self.named()
        with self.friendly():
            files = self._gathered(course, lesson)
            receipt = self._send(course, lesson, files)
            beside = self.src_path.with_name(f"{lesson}.receipt.txt")
            kept = receipts.keep(receipt, self.home, beside, self.language)
        receipts.forget_pending(self.home, course, lesson)
        self.receipt = receipt
        self.log.info("Submitted as: %s %s %s", course, lesson, receipts.short_line(receipt, self.language))
        self.log.info("Receipt %s, sha256 %s, kept in %s", receipt["id"], receipt["sha256"], kept)

    def _gathered(self, course: str, lesson: str) -> dict[str, bytes]:
        answer = self.client.get("assignments", course=course)
        release = next((each for each in answer["assignments"] if each["lesson"] == lesson), None)
        if release is None:
            raise ExchangeRefusedError(f"There is no assignment {lesson} in {course}.", why="It is not released.", fix="Check its name.")
        files, left_out = gather(self.src_path, self.coursedir.ignore)
        for name in left_out:
            self.log.warning("%s is a link or no regular file, and was left out.", name)
        check_size(files, answer["limits"])
        self._check_notebooks(release["notebooks"], files)
        return files

    def _check_notebooks(self, expected: list[str], files: dict[str, bytes]) -> None:
        missing = [f"{name}.ipynb" for name in expected if f"{name}.ipynb" not in files]
        if missing and (self.strict or len(missing) == len(expected)):
            raise ExchangeRefusedError(
                f"{', '.join(missing)} is missing: nothing was submitted.",
                why="It was renamed, moved or deleted, and only that name is graded.",
                fix="Give your notebook its name back, or fetch the assignment again into another folder and compare.",
            )
        if missing:
            self.log.warning("Submitted without %s", ", ".join(missing))

    def _send(self, course: str, lesson: str, files: dict[str, bytes]) -> Receipt:
        sha256 = content_hash(files)
        number = receipts.submission_id(self.home, course, lesson, sha256)
        encoded = {name: base64.b64encode(content).decode("ascii") for name, content in files.items()}
        answer = self.client.post("assignments", course, lesson, "submissions", values={"submission_id": number, "files": encoded})
        receipt: Receipt = answer["receipt"]
        if receipt["sha256"] != sha256:
            raise ExchangeRefusedError(
                "The receipt is not for what you sent.",
                why="The content hashes differ.",
                fix="Submit again; tell your instructor if it stays.",
            )
        return receipt
