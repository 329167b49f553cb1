"""A small class to play with, and its removal."""

from __future__ import annotations

import time
from collections.abc import Callable

from dataflow_hub.errors import RosterError
from dataflow_hub.operations import courses, roster
from dataflow_hub.operations.lab import status
from dataflow_hub.operations.roster import Invite
from dataflow_hub.settings import Lab

COURSE = "medallion"
LESSON = "01-bronze"
_FORMGRADER_SECONDS = 60
PEOPLE = (
    ("professora", "Demo Instructor", "instructor", "en"),
    ("ana", "Ana Demo", "student", "en"),
    ("bruno", "Bruno Demo", "student", "pt-BR"),
)


def create(lab: Lab, report: Callable[[str], None]) -> list[Invite]:
    """Make the demo class, release its first lesson and give an invite link for each person."""
    for user, name, role, language in PEOPLE:
        roster.add(lab, COURSE, user, name, role, language)
    report(f"Course {COURSE}: {', '.join(user for user, *_ in PEOPLE)}")
    courses.release(lab, COURSE, LESSON, due=None, report=report)
    _await_formgrader(lab, report)
    return [Invite(user=user, url=roster.invite(lab, user)) for user, *_ in PEOPLE]


def _await_formgrader(lab: Lab, report: Callable[[str], None]) -> None:
    """Wait for the new course's page: whoever follows the instructor's link at once must not meet an error."""
    deadline = time.monotonic() + _FORMGRADER_SECONDS
    while time.monotonic() < deadline:
        row = next(each for each in status(lab) if each.name == "formgrader")
        if row.healthy or row.state != "running":  # one that was not started is not waited for
            return
        time.sleep(0.5)
    report("The formgrader is not there yet; ./lab status says when")


def remove(lab: Lab, report: Callable[[str], None]) -> None:
    """Take the demo people out of the course; what they made is kept under the state folder's trash."""
    failed = [error for user, *_ in PEOPLE if (error := _remove(lab, user, report))]
    if failed:
        raise failed[0]


def _remove(lab: Lab, user: str, report: Callable[[str], None]) -> RosterError | None:
    try:
        roster.remove(lab, COURSE, user)
    except RosterError as error:  # the others go all the same
        return error
    report(f"Removed {user}")
    return None
