"""Which port the formgrader of a course has: kept, so that a new course never moves another's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from dataflow_hub.roster import open_roster
from dataflow_hub.workspace import write_private

if TYPE_CHECKING:
    from dataflow_hub.settings import Lab


def courses(lab: Lab) -> list[str]:
    """Give the courses there are: those of the checkout and those of the roster."""
    folder = lab.workspace.courses
    written = {path.name for path in folder.iterdir() if any(path.glob("*/lesson.toml"))} if folder.is_dir() else set()
    return sorted(written | set(open_roster(lab).courses()))


def formgrader_ports(lab: Lab) -> dict[str, int]:
    """Give the port of each course's formgrader, choosing the next free one for a course that has none."""
    path = lab.workspace.data / "formgrader-ports.json"
    known: dict[str, int] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    wanted = courses(lab)
    for course in wanted:
        if course not in known:
            known[course] = max(known.values(), default=-1) + 1
    if (wanted and not path.exists()) or (path.exists() and json.loads(path.read_text(encoding="utf-8")) != known):
        write_private(path, json.dumps(known))
    return {course: lab.settings.ports.formgrader + known[course] for course in wanted}
