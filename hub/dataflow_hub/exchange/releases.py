"""Published lessons: versions kept, one folder of files per language, and their deadlines."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from dataflow_hub.exchange import durable
from dataflow_hub.exchange.model import Release, as_utc
from dataflow_hub.exchange.names import check_files, check_word
from dataflow_hub.exchange.receipts import content_hash, file_hashes
from dataflow_hub.exchange.refusals import UnknownError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from dataflow_hub.exchange.model import FaultPoint, Limits


class Releases:
    """The `releases/` part of the store: <course>/<lesson>/v000001/{release.json, files/<language>/…} and state.json."""

    def __init__(self, root: Path, limits: Limits, at: FaultPoint) -> None:
        self._root, self._incoming = root / "releases", root / "incoming"
        self._limits, self._at = limits, at

    def publish(self, course: str, lesson: str, folders: Mapping[str, Path], due: datetime | None, now: datetime) -> Release:
        """Keep a new version unless the newest has the same content; `due=None` leaves the deadline as it is."""
        folder = self._folder(course, lesson)
        files = {check_word("language", language): durable.read_tree(source) for language, source in folders.items()}
        for content in files.values():
            check_files(content, self._limits)
        with durable.locked(folder):
            self._keep_version(folder, files, now)
            state = self._state(folder)
            if due is not None:
                state["due"] = as_utc(due).isoformat()
            durable.write_json(folder / "state.json", state | {"withdrawn": False})
        return self.release(course, lesson)

    def _keep_version(self, folder: Path, files: Mapping[str, Mapping[str, bytes]], now: datetime) -> None:
        hashes = {language: content_hash(file_hashes(content)) for language, content in files.items()}
        versions = _versions(folder)
        if versions and durable.read_json(versions[-1] / "release.json")["hashes"] == hashes:
            return
        notebooks = sorted({name.removesuffix(".ipynb") for content in files.values() for name in content if _is_notebook(name)})
        facts = {"hashes": hashes, "published": now.isoformat(), "languages": sorted(files), "notebooks": notebooks}
        number = int(versions[-1].name[1:]) + 1 if versions else 1
        with durable.staging(self._incoming) as staged:
            for language, content in files.items():
                durable.write_tree(staged / "files" / language, content, self._at)
            durable.write_file(staged / "release.json", durable.encode_json(facts))
            durable.place(staged, folder / f"v{number:06d}", self._at)

    def release(self, course: str, lesson: str) -> Release:
        """Give the newest version of a released lesson.

        Raises
        ------
        UnknownError
            It is not released, or was withdrawn.
        """
        folder = self._folder(course, lesson)
        state, versions = self._state(folder), _versions(folder)
        if not versions or state["withdrawn"]:
            raise UnknownError(
                f"There is no lesson {lesson} in {course}.", why="It is not released.", fix="Ask your instructor when it will be."
            )
        facts = durable.read_json(versions[-1] / "release.json")
        return Release(
            course=course,
            lesson=lesson,
            version=int(versions[-1].name[1:]),
            languages=tuple(facts["languages"]),
            published=datetime.fromisoformat(facts["published"]),
            due=_moment(state["due"]),
            notebooks=tuple(facts["notebooks"]),
        )

    def courses(self) -> list[str]:
        """Give the courses that ever had a release."""
        return sorted(folder.name for folder in self._root.glob("*/"))

    def all(self, course: str) -> list[Release]:
        """Give the newest version of every lesson that is released in `course`, by name."""
        return list(self._released(course))

    def _released(self, course: str) -> Iterator[Release]:
        for folder in sorted((self._root / check_word("course", course)).glob("*/")):
            if _versions(folder) and not self._state(folder)["withdrawn"]:
                yield self.release(course, folder.name)

    def for_student(self, release: Release, user: str) -> Release:
        """Give `release` with the deadline that holds for `user`."""
        return replace(release, due=self.due(release.course, release.lesson, user))

    def files(self, course: str, lesson: str, language: str) -> dict[str, bytes]:
        """Give the newest version's files in `language`, else in English, else in the only one there is."""
        release = self.release(course, lesson)
        wanted = [choice for choice in (language, "en", *release.languages) if choice in release.languages]
        return durable.read_tree(self._folder(course, lesson) / f"v{release.version:06d}" / "files" / wanted[0])

    def withdraw(self, course: str, lesson: str) -> None:
        """Hide a lesson from students; its versions, submissions and deadlines stay."""
        self._change(course, lesson, {"withdrawn": True})

    def set_due(self, course: str, lesson: str, due: datetime | None) -> None:
        """Set or clear the deadline for everybody."""
        self._change(course, lesson, {"due": as_utc(due).isoformat() if due else None})

    def extend(self, course: str, lesson: str, user: str, due: datetime | None) -> None:
        """Give one student a deadline of their own, or take it back with None."""
        folder = self._folder(course, lesson)
        with durable.locked(folder):
            state = self._state(folder)
            extensions = dict(state["extensions"])
            extensions.pop(check_word("user", user), None)
            if due is not None:
                extensions[user] = as_utc(due).isoformat()
            durable.write_json(folder / "state.json", state | {"extensions": extensions})

    def due(self, course: str, lesson: str, user: str) -> datetime | None:
        """Give the deadline that holds for `user`: an extension never shortens it, unless there is none for the others."""
        state = self._state(self._folder(course, lesson))
        common, own = _moment(state["due"]), _moment(state["extensions"].get(user))
        return max(common, own) if common and own else common or own

    def _change(self, course: str, lesson: str, values: dict[str, Any]) -> None:
        folder = self._folder(course, lesson)
        self.release(course, lesson)
        with durable.locked(folder):
            durable.write_json(folder / "state.json", self._state(folder) | values)

    def _folder(self, course: str, lesson: str) -> Path:
        return self._root / check_word("course", course) / check_word("lesson", lesson)

    @staticmethod
    def _state(folder: Path) -> dict[str, Any]:
        path = folder / "state.json"
        blank: dict[str, Any] = {"due": None, "extensions": {}, "withdrawn": False}
        return blank | (durable.read_json(path) if path.exists() else {})


def _versions(folder: Path) -> list[Path]:
    return sorted(folder.glob("v[0-9]*/"))


def _is_notebook(name: str) -> bool:
    return name.endswith(".ipynb") and "/" not in name


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
