"""Feedback: filed under the receipt of the submission that it is about; versions kept, the newest shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataflow_hub.exchange import durable
from dataflow_hub.exchange.model import Feedback
from dataflow_hub.exchange.names import check_files, check_word
from dataflow_hub.exchange.receipts import file_hashes
from dataflow_hub.exchange.refusals import UnknownError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from dataflow_hub.exchange.model import FaultPoint, Limits
    from dataflow_hub.exchange.receipts import Receipt


class FeedbackFolder:
    """The `feedback/` part of the store: <course>/<user>/<lesson>/<receipt id>/v000001/…."""

    def __init__(self, root: Path, limits: Limits, at: FaultPoint) -> None:
        self._root, self._incoming = root / "feedback", root / "incoming"
        self._limits, self._at = limits, at

    def publish(self, receipt: Receipt, files: Mapping[str, bytes]) -> Feedback:
        """Keep `files` as the newest feedback on `receipt`; the same content again changes nothing."""
        check_files(files, self._limits)
        folder = self._folder(receipt.course, receipt.user, receipt.lesson, receipt.id)
        with durable.locked(folder):
            newest = _newest(folder)
            if newest and newest.files == file_hashes(files):
                return newest
            number = newest.version + 1 if newest else 1
            with durable.staging(self._incoming) as staged:
                durable.write_tree(staged / "files", files, self._at)
                durable.write_json(staged / "feedback.json", {"files": file_hashes(files)})
                durable.place(staged, folder / f"v{number:06d}", self._at)
        return Feedback(receipt_id=receipt.id, version=number, files=file_hashes(files))

    def of_student(self, course: str, lesson: str, user: str) -> list[Feedback]:
        """Give the newest feedback on each of a student's submissions of a lesson."""
        folder = self._folder(course, user, lesson)
        found = [_newest(inner) for inner in sorted(folder.glob("*/"))]
        return [feedback for feedback in found if feedback]

    def files(self, course: str, lesson: str, user: str, number: str) -> dict[str, bytes]:
        """Give the files of the newest feedback on the submission with receipt `number`.

        Raises
        ------
        UnknownError
            There is none yet.
        """
        folder = self._folder(course, user, lesson, check_word("receipt", number))
        newest = _newest(folder)
        if newest is None:
            raise UnknownError("There is no feedback on this submission yet.", fix="Look again once your instructor has released it.")
        return durable.read_tree(folder / f"v{newest.version:06d}" / "files")

    def _folder(self, course: str, user: str, lesson: str, *rest: str) -> Path:
        return self._root.joinpath(check_word("course", course), check_word("user", user), check_word("lesson", lesson), *rest)


def _newest(folder: Path) -> Feedback | None:
    versions = sorted(folder.glob("v[0-9]*/"))
    if not versions:
        return None
    facts = durable.read_json(versions[-1] / "feedback.json")
    return Feedback(receipt_id=folder.name, version=int(versions[-1].name[1:]), files=facts["files"])
