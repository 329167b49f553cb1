"""What is released, fetched and submitted, in the form that nbgrader's Assignments list reads."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

from nbgrader.exchange.abc import ExchangeList

from dataflow_kernels.exchange.base import LabExchange
from dataflow_kernels.exchange.client import Client
from dataflow_kernels.exchange.receipts import folder_name, short_line

Row = dict[str, Any]


class LabExchangeList(LabExchange, ExchangeList):  # type: ignore[misc]
    """`nbgrader list`, and the Assignments list in Lab."""

    @property
    def client(self) -> Client:
        """The connection, with little patience: a person waits for the list, and nothing is lost if it does not come."""
        return replace(Client.from_environment(), attempts=2, timeout_seconds=10.0)

    def list_files(self) -> list[Row]:
        """Give a row per released assignment, or with `cached` or `inbound` one per submitted assignment."""
        with self.friendly():
            rows = [row for course in self._courses() for row in self._rows(course)]
        self.log.info("Submitted assignments:" if self._own else "Released assignments:")
        for row in rows:
            for line in _lines(row):
                self.log.info(line)
        return rows

    def remove_files(self) -> list[Row]:
        """Refuse: what was released or submitted stays."""
        self.fail("Released assignments and submissions cannot be removed from here.")
        return []

    @property
    def _own(self) -> bool:
        return bool(self.cached or self.inbound)

    def _courses(self) -> list[str]:
        if self.coursedir.course_id:
            return [self.coursedir.course_id]
        return [each["course"] for each in self.client.get("courses")["courses"]]

    def _rows(self, course: str) -> list[Row]:
        rows = self._submitted(course) if self._own else self._released(course)
        wanted = self.coursedir.assignment_id
        return [row for row in rows if wanted in {"", "*", row["assignment_id"]}]

    def _released(self, course: str) -> list[Row]:
        return [self._release_row(each) for each in self.client.get("assignments", course=course)["assignments"]]

    def _release_row(self, release: Row) -> Row:
        folder = self.folder(release["course"], release["lesson"])
        row = {"course_id": release["course"], "assignment_id": release["lesson"]}
        if not folder.is_dir():
            notebooks = [{"notebook_id": name, "path": ""} for name in release["notebooks"]]
            return row | {"status": "released", "path": "", "notebooks": notebooks}
        notebooks = [{"notebook_id": path.stem, "path": str(path)} for path in sorted(folder.glob("*.ipynb"))]
        return row | {"status": "fetched", "path": str(folder), "notebooks": notebooks}

    def _submitted(self, course: str) -> list[Row]:
        submissions = self.client.get("submissions", course=course)["submissions"]
        return [
            {
                "course_id": course,
                "student_id": submissions[0]["user"],
                "assignment_id": lesson,
                "status": "submitted",
                "submissions": [self._submission_row(each) for each in submissions if each["lesson"] == lesson],
            }
            for lesson in sorted({each["lesson"] for each in submissions})
        ]

    def _submission_row(self, receipt: Row) -> Row:
        folder = self.folder(receipt["course"], receipt["lesson"])
        feedback_folder = folder / "feedback" / folder_name(receipt)
        names = [name.removesuffix(".ipynb") for name in sorted(receipt["files"]) if name.endswith(".ipynb") and "/" not in name]
        notebooks = [_notebook_row(folder, feedback_folder, name, receipt["feedback"].get(f"{name}.html")) for name in names]
        local = bool(notebooks) and all(each["has_local_feedback"] for each in notebooks)
        return {
            "course_id": receipt["course"],
            "student_id": receipt["user"],
            "assignment_id": receipt["lesson"],
            "timestamp": short_line(receipt, self.language),
            "status": "submitted",
            "path": str(folder),
            "notebooks": notebooks,
            "has_local_feedback": local,
            "has_exchange_feedback": bool(notebooks) and all(each["has_exchange_feedback"] for each in notebooks),
            "feedback_updated": any(each["feedback_updated"] for each in notebooks),
            "local_feedback_path": str(feedback_folder) if local else None,
        }


def _notebook_row(folder: Path, feedback_folder: Path, name: str, served: str | None) -> Row:
    page = feedback_folder / f"{name}.html"
    local = page.is_file()
    return {
        "notebook_id": name,
        "path": str(folder / f"{name}.ipynb"),
        "has_local_feedback": local,
        "has_exchange_feedback": served is not None,
        "local_feedback_path": str(page) if local else None,
        "feedback_updated": local and served is not None and hashlib.sha256(page.read_bytes()).hexdigest() != served,
    }


def _lines(row: Row) -> list[str]:
    if row["status"] != "submitted":
        return [f"{row['course_id']} {row['assignment_id']}" + (" (already downloaded)" if row["status"] == "fetched" else "")]
    return [
        f"{each['course_id']} {each['student_id']} {each['assignment_id']} {each['timestamp']}{_note(each)}" for each in row["submissions"]
    ]


def _note(submission: Row) -> str:
    if submission["has_local_feedback"] and not submission["feedback_updated"]:
        return "(feedback already fetched)"
    return "(feedback ready to be fetched)" if submission["has_exchange_feedback"] else "(no feedback available)"
