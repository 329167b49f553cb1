"""What of a lesson's answers can be read in its release."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from dataflow_hub.grading import build
from dataflow_hub.grading.course import LANGUAGES

if TYPE_CHECKING:
    from dataflow_hub.grading.course import Lesson

_SHORTEST_TELLING_LINE = 12
_TELLS_NOTHING = ("import ", "from ", "#", "return ", "score=")


def leaks(lesson: Lesson) -> list[str]:
    """Name every line of a solution or hidden check that can be read in the release, in any language."""
    secret = _solution_lines(lesson) | _hidden_lines(lesson)
    found = set()
    for language in LANGUAGES:
        for name, content in build.release_files(lesson, language).items():
            text = json.dumps(content.decode(), ensure_ascii=False)
            found |= {f"{name}: {line}" for line in secret if json.dumps(line, ensure_ascii=False)[1:-1] in text}
    return sorted(found)


def _solution_lines(lesson: Lesson) -> set[str]:
    source, release = build.source_notebook(lesson, "en"), build.release_notebook(lesson, "en")
    before = {line.strip() for cell in source.cells for line in cell.source.splitlines()}
    after = {line.strip() for cell in release.cells for line in cell.source.splitlines()}
    return _telling(before - after)


def _hidden_lines(lesson: Lesson) -> set[str]:
    hidden = (lesson.folder / "checks" / "hidden.py").read_text(encoding="utf-8")
    visible = (lesson.folder / "checks" / "visible.py").read_text(encoding="utf-8")
    shared = {line.strip() for line in visible.splitlines()}
    return _telling({line.strip() for line in hidden.splitlines()} - shared)


def _telling(lines: set[str]) -> set[str]:
    return {line for line in lines if len(line) >= _SHORTEST_TELLING_LINE and not line.startswith(_TELLS_NOTHING)}
