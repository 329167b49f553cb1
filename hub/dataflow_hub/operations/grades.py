"""Marks out of the gradebook: as rows for a CSV file, and their history."""

from __future__ import annotations

from dataflow_hub.grading import gradebook
from dataflow_hub.grading.gradebook_audit import Change
from dataflow_hub.grading.gradebook_audit import history as read_history
from dataflow_hub.grading.nbgrader_config import course_folder
from dataflow_hub.roster import open_roster
from dataflow_hub.settings import Lab

HEADER = ("course", "lesson", "student", "name", "score", "max_score", "needs_manual_mark", "late_seconds")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def export(lab: Lab, course: str) -> list[list[str]]:
    """Give a course's marks as rows of text, the header first; no cell is a formula to a spreadsheet."""
    names = {member.user: member.full_name for member in open_roster(lab).members(course)}
    rows = [_row(course, mark, names.get(mark.student, "")) for mark in gradebook.marks(lab, course)]
    return [list(HEADER), *([plain_cell(cell) for cell in row] for row in rows)]


def _row(course: str, mark: gradebook.Mark, name: str) -> list[str]:
    facts = [course, mark.lesson, mark.student, name, f"{mark.score:g}", f"{mark.max_score:g}"]
    return [*facts, str(mark.needs_manual).lower(), f"{mark.late_seconds:.0f}"]


def plain_cell(text: str) -> str:
    """Give a cell that a spreadsheet takes as text: what it would read as a formula gets an apostrophe in front."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def history(lab: Lab, course: str, lesson: str = "", student: str = "") -> list[Change]:
    """Give every change of a mark, oldest first."""
    path = course_folder(lab, course) / "gradebook.db"
    return read_history(path, lesson, student) if path.exists() else []
