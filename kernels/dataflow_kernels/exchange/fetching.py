"""Fetching a released assignment, and feedback on what was submitted."""

from __future__ import annotations

from nbgrader.exchange.abc import ExchangeFetchAssignment, ExchangeFetchFeedback

from dataflow_kernels.exchange.base import LabExchange, decoded
from dataflow_kernels.exchange.folders import write_file, write_new
from dataflow_kernels.exchange.receipts import folder_name


class LabExchangeFetchAssignment(LabExchange, ExchangeFetchAssignment):  # type: ignore[misc]
    """`nbgrader fetch_assignment`, and Fetch in Lab: whole or not at all; own work is never overwritten."""

    def copy_files(self) -> None:
        """Write the assignment's folder, in the student's language."""
        course, lesson = self.named()
        folder = self.folder(course, lesson)
        if folder.exists() and not self.replace_missing_files:
            self.fail(f"You already have a copy of the assignment in this directory: {folder.name}")
        with self.friendly():
            files = decoded(self.client.get("assignments", course, lesson, "files")["files"])
            if not folder.exists():
                write_new(folder, files)
            for name in [name for name in files if not (folder / name).exists()]:
                write_file(folder, name, files[name])
                self.log.warning("Replaced missing file %s", name)
        self.log.info("Fetched as: %s %s", course, lesson)


class LabExchangeFetchFeedback(LabExchange, ExchangeFetchFeedback):  # type: ignore[misc]
    """`nbgrader fetch_feedback`, and Fetch Feedback in Lab: into <assignment>/feedback/<time and receipt>/."""

    def copy_files(self) -> None:
        """Write all feedback there is on the student's submissions of the assignment."""
        course, lesson = self.named()
        with self.friendly():
            submissions = self.client.get("submissions", course=course, lesson=lesson)["submissions"]
            for receipt in [each for each in submissions if each["feedback"]]:
                files = decoded(self.client.get("feedback", course, lesson, receipt["id"])["files"])
                folder = self.folder(course, lesson) / "feedback" / folder_name(receipt)
                for name, content in files.items():
                    self.log.info("Fetched feedback: %s", write_file(folder, name, content))
        if not any(each["feedback"] for each in submissions):
            self.log.warning("There is no feedback on %s yet.", lesson)
