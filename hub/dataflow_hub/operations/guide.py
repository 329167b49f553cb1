"""The pages for instructors that the lessons themselves give: what each lesson teaches and checks, and the glossary."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from dataflow_hub.grading.course import Lesson
from dataflow_hub.grading.wording import glossary
from dataflow_hub.settings import Lab

_FOLDER = Path("docs/instructor")
_NOTE = "<!-- Made by `./lab course build`: edit lesson.toml or courses/glossary.toml instead. -->\n"


def write_guide(lab: Lab, lessons: Sequence[Lesson]) -> tuple[Path, ...]:
    """Write the pages that differ from what the lessons say, and name them."""
    changed = {path: text for path, text in pages(lab, lessons).items() if not path.is_file() or path.read_text(encoding="utf-8") != text}
    for path, text in changed.items():
        path.write_text(text, encoding="utf-8")
    return tuple(changed)


def pages(lab: Lab, lessons: Sequence[Lesson]) -> dict[Path, str]:
    """Give every generated page for instructors as it should be."""
    folder = lab.workspace.root / _FOLDER
    return {folder / "lessons.md": _NOTE + "\n".join(_lessons(lessons)), folder / "glossary.md": _NOTE + "\n".join(_glossary())}


def _lessons(lessons: Sequence[Lesson]) -> Iterator[str]:
    mutants, hours = sum(len(lesson.mutants) for lesson in lessons), sum(lesson.minutes for lesson in lessons) / 60
    yield "# Which lessons are there, and what does each of them check?\n"
    yield f"{len(lessons)} lessons, {hours:.0f} hours; their graders are tried against {mutants} wrong solutions.\n"
    yield "| course | lesson | title | título | minutes | visible | hidden | by hand | mutants |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for lesson in lessons:
        points = {kind: sum(each.points for each in lesson.checks if each.kind == kind) for kind in ("visible", "hidden")}
        by_hand = sum(each.points for each in lesson.manual)
        yield (
            f"| {lesson.course} | [{lesson.name}](../../courses/{lesson.course}/{lesson.name}/instructor.md) | {lesson.title.en} | "
            f"{lesson.title.pt} | {lesson.minutes} | {points['visible']:g} | {points['hidden']:g} | {by_hand:g} | {len(lesson.mutants)} |"
        )
    for lesson in lessons:
        yield from _matrix(lesson)
    yield ""


def _matrix(lesson: Lesson) -> Iterator[str]:
    yield f"\n## {lesson.course} / {lesson.name}: {lesson.title.en}\n"
    yield f"Before it: {'; '.join(lesson.prerequisites)}.\n"
    yield "| objective | shown by |"
    yield "|---|---|"
    for objective in lesson.objectives:
        yield f"| {objective.text.en} | {', '.join(f'`{name}`' for name in objective.shown_by)} |"
    yield "\n| check | property | when | points |"
    yield "|---|---|---|---|"
    for check in lesson.checks:
        when = "while working" if check.kind == "visible" else "after submission, on unseen data"
        yield f"| `{check.id}` | {check.title.en} | {when} | {check.points:g} |"
    for question in lesson.manual:
        yield f"| `{question.grade_id}` | {question.title.en} | by hand | {question.points:g} |"


def _glossary() -> Iterator[str]:
    yield "# Glossary · Glossário\n"
    yield "| English | português | meaning | significado |"
    yield "|---|---|---|---|"
    for term in glossary():
        yield f"| {term.words.en} | {term.words.pt} | {term.meaning.en} | {term.meaning.pt} |"
    yield ""
