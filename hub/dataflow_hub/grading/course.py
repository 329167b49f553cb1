"""A lesson as its folder describes it: `lesson.toml`, read strictly."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from dataflow_hub.datagen.catalogue import GENERATORS
from dataflow_hub.datagen.model import Size
from dataflow_hub.errors import LessonError

LANGUAGES = ("en", "pt-BR")
Language = Literal["en", "pt-BR"]
_GUIDE = "See docs/contributor/add-a-lesson.md."
_NAME = r"^[a-z0-9]+(-[a-z0-9]+)*$"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Words(_Part):
    """A text in both languages."""

    en: str = Field(min_length=1)
    pt: str = Field(min_length=1, alias="pt-BR")

    def to(self, language: str) -> str:
        """Give the text in `language`."""
        return self.pt if language == "pt-BR" else self.en


class CheckSpec(_Part):
    """One check: `title` is the property in a few words; `grade_id` the cell that carries its points."""

    id: str = Field(pattern=r"^[a-z0-9]+\.[a-z0-9_]+$")
    grade_id: str = Field(pattern=_NAME)
    kind: Literal["visible", "hidden"]
    points: float = Field(gt=0)
    title: Words


class ManualSpec(_Part):
    """One question that a person marks, with a rubric from 0 upwards."""

    grade_id: str = Field(pattern=_NAME)
    points: float = Field(gt=0)
    title: Words
    rubric: tuple[Words, ...] = Field(min_length=2)


class Objective(_Part):
    """What a student can do afterwards, and the checks or manual questions that show it."""

    text: Words
    shown_by: tuple[str, ...] = Field(min_length=1)


class Data(_Part):
    """Which data the lesson is about: what the student sees, and what a submission is checked on."""

    generator: str
    visible_size: Size
    hidden_size: Size
    hidden_seeds: int = Field(ge=1, le=10)

    @field_validator("generator")
    @classmethod
    def _is_known(cls, name: str) -> str:
        if name not in GENERATORS:
            message = f"{name!r} is no generator; there are {', '.join(GENERATORS)}"
            raise ValueError(message)
        return name


class Limits(_Part):
    """Wall clock of one cell and of the whole run of one submission, seconds."""

    cell_timeout_seconds: int = Field(gt=0)
    run_timeout_seconds: int = Field(gt=0)


class _File(_Part):
    notebook: str = Field(pattern=_NAME)
    kernelspec: str = Field(pattern=_NAME)
    minutes: int = Field(ge=45, le=90)
    prerequisites: tuple[str, ...]
    services: tuple[str, ...]
    functions: tuple[str, ...]
    title: Words
    data: Data
    limits: Limits
    objectives: tuple[Objective, ...] = Field(min_length=1)
    checks: tuple[CheckSpec, ...] = Field(min_length=1)
    manual: tuple[ManualSpec, ...]


class Lesson(_File):
    """A lesson: what `lesson.toml` says and where it is.

    `course` and `name` are the folders' names; `name` is the assignment's name everywhere. `functions` are what hidden
    checks call in the student's notebook.
    """

    course: str
    name: str
    folder: Path

    @property
    def source(self) -> Path:
        """The py:percent source of the notebook, solutions included."""
        return self.folder / "lesson.py"

    @property
    def mutants(self) -> tuple[Path, ...]:
        """Wrong solutions; each must lose the checks that its header names."""
        return tuple(sorted((self.folder / "mutants").glob("*.py")))

    @property
    def solutions(self) -> tuple[Path, ...]:
        """Right solutions that are written differently from the reference; each must score full marks."""
        return tuple(sorted((self.folder / "solutions").glob("*.py")))

    def spec(self, check: str) -> CheckSpec:
        """Give the check with this id; raise KeyError when there is none."""
        return {each.id: each for each in self.checks}[check]

    def points(self, grade_id: str) -> float:
        """Give the points of one graded cell."""
        return sum(each.points for each in self._graded if each.grade_id == grade_id)

    @property
    def grade_ids(self) -> tuple[str, ...]:
        """The graded cells, in the order in which `lesson.toml` first names them."""
        return tuple(dict.fromkeys(each.grade_id for each in self._graded))

    @property
    def _graded(self) -> tuple[CheckSpec | ManualSpec, ...]:
        return (*self.checks, *self.manual)


def load_lesson(folder: Path) -> Lesson:
    """Read the lesson in `folder`.

    Raises
    ------
    LessonError
        When `lesson.toml` is missing, is not TOML, or says something unknown or impossible.
    """
    path = folder / "lesson.toml"
    try:
        data: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        return Lesson(**data, course=folder.parent.name, name=folder.name, folder=folder)
    except FileNotFoundError as error:
        raise LessonError(f"{folder} is not a lesson.", why="It has no lesson.toml.", fix=_GUIDE) from error
    except tomllib.TOMLDecodeError as error:
        raise LessonError(f"{path} is not valid TOML.", why=str(error), fix="Mend the line it names.") from error
    except (ValidationError, TypeError) as error:
        raise LessonError(f"{path} does not describe a lesson.", why=_reasons(error), fix=_GUIDE) from error


def lessons(courses: Path, course: str) -> tuple[Lesson, ...]:
    """Give all the lessons of a course, in the order of their folders' names."""
    return tuple(load_lesson(path.parent) for path in sorted((courses / course).glob("*/lesson.toml")))


def _reasons(error: ValidationError | TypeError) -> str:
    if isinstance(error, TypeError):
        return str(error)
    return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
