"""The store keeps submissions whole, in order and unchanged, and says no in time."""

from __future__ import annotations

import errno
import json
import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from dataflow_hub.errors import ExchangeError
from dataflow_hub.exchange.collection import newest_of_each
from dataflow_hub.exchange.model import Limits
from dataflow_hub.exchange.receipts import Receipt
from dataflow_hub.exchange.refusals import ConflictError, NoRoomError, QuotaError, RefusedError, TooLargeError, UnknownError
from dataflow_hub.exchange.store import Store

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
COURSE, LESSON = "medallion", "01-bronze"
WORK = {"bronze.ipynb": b'{"cells": []}', "data/notes.txt": "anotação".encode()}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "exchange", b"key")
    store.publish(COURSE, LESSON, {language: lesson(tmp_path / language, language) for language in ("en", "pt-BR")}, due=NOON)
    return store


def lesson(folder: Path, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "bronze.ipynb").write_text(json.dumps({"cells": [], "metadata": {"said": text}}))
    return folder


def test_a_submission_comes_back_byte_for_byte_with_a_receipt_that_verifies(store: Store) -> None:
    """What is submitted is what is kept; the receipt is signed over every field."""
    receipt = store.submit(COURSE, LESSON, "ana", WORK, NOON)
    assert store.submission_files(receipt) == WORK
    assert receipt.verify(b"key")
    assert store.submissions(COURSE, LESSON) == [receipt] == store.submissions(COURSE, LESSON, "ana")
    assert Receipt.from_json(json.loads(json.dumps(receipt.to_json()))) == receipt


@pytest.mark.parametrize(
    "change", [{"late": False}, {"time": NOON}, {"user": "bia"}, {"sha256": "0" * 64}, {"files": {}}, {"id": "f" * 24}]
)
def test_a_receipt_with_any_field_changed_no_longer_verifies(store: Store, change: dict[str, object]) -> None:
    """A student cannot make a receipt of their own."""
    receipt = store.submit(COURSE, LESSON, "ana", WORK, NOON + HOUR)
    assert not replace(receipt, **change).verify(b"key")
    assert not receipt.verify(b"another key")


def test_the_server_decides_lateness_and_an_extension_moves_it_for_one_student(store: Store) -> None:
    """Late is later than the student's own deadline by the server's clock; the minute itself is on time."""
    store.extend(COURSE, LESSON, "bia", NOON + HOUR)
    assert not store.submit(COURSE, LESSON, "ana", WORK, NOON).late
    assert store.submit(COURSE, LESSON, "ana", WORK, NOON + timedelta(seconds=1)).late
    assert not store.submit(COURSE, LESSON, "bia", WORK, NOON + HOUR).late
    assert store.release(COURSE, LESSON, "bia").due == NOON + HOUR
    store.extend(COURSE, LESSON, "bia", None)
    assert store.release(COURSE, LESSON, "bia").due == NOON


def test_a_deadline_in_any_zone_is_the_same_moment_and_one_without_a_zone_is_refused(store: Store) -> None:
    """São Paulo's nine o'clock is noon in UTC."""
    store.set_due(COURSE, LESSON, datetime(2026, 11, 23, 9, tzinfo=timezone(-3 * HOUR)))
    assert store.due(COURSE, LESSON, "ana") == NOON
    with pytest.raises(ValueError, match="time zone"):
        store.set_due(COURSE, LESSON, datetime(2026, 11, 23, 9))  # noqa: DTZ001 - the mistake under test


def test_a_clock_that_steps_back_reorders_nothing(store: Store) -> None:
    """The server's clock may be an hour off: the submission made last is still the newest."""
    first = store.submit(COURSE, LESSON, "ana", {"bronze.ipynb": b"1"}, NOON)
    second = store.submit(COURSE, LESSON, "ana", {"bronze.ipynb": b"2"}, NOON - HOUR)
    assert second.time > first.time
    assert store.submissions(COURSE, LESSON, "ana") == [first, second]
    assert store.submit(COURSE, LESSON, "bia", WORK, NOON - HOUR).time == NOON - HOUR, "one student's clock trouble is not another's"


def test_a_retry_gives_the_first_receipt_and_never_a_second_submission(store: Store) -> None:
    """The same id and content is the same submission, whenever it comes; other content under the id is refused."""
    receipt = store.submit(COURSE, LESSON, "ana", WORK, NOON, submission_id="try-1")
    assert store.submit(COURSE, LESSON, "ana", WORK, NOON + HOUR, submission_id="try-1") == receipt
    assert len(store.submissions(COURSE, LESSON)) == 1
    with pytest.raises(ConflictError):
        store.submit(COURSE, LESSON, "ana", {"bronze.ipynb": b"other"}, NOON, submission_id="try-1")
    assert store.submit(COURSE, LESSON, "bia", WORK, NOON, submission_id="try-1").id != receipt.id


def test_what_is_kept_is_closed_to_writing(store: Store) -> None:
    """Nothing in a submission's folder has a write bit."""
    receipt = store.submit(COURSE, LESSON, "ana", WORK, NOON)
    folder = store.root / "submissions" / COURSE / "ana" / LESSON / receipt.id
    for path in [folder, *folder.rglob("*")]:
        assert not stat.S_IMODE(path.stat().st_mode) & 0o222, path
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path


@pytest.mark.parametrize(
    ("limits", "refusal"),
    [
        (Limits(max_files=1), TooLargeError),
        (Limits(max_bytes=10), TooLargeError),
        (Limits(quota_bytes=40), QuotaError),
        (Limits(max_submissions=1), QuotaError),
    ],
)
def test_limits_refuse_with_a_text_and_keep_what_was_there(store: Store, limits: Limits, refusal: type[RefusedError]) -> None:
    """Who is over a limit loses nothing, and nobody else notices."""
    small = Store(store.root, b"key", limits)
    first = store.submit(COURSE, LESSON, "ana", WORK, NOON)
    with pytest.raises(refusal) as raised:
        small.submit(COURSE, LESSON, "ana", WORK, NOON)
    assert raised.value.what
    assert raised.value.fix
    assert store.submissions(COURSE, LESSON) == [first]
    assert small.submit(COURSE, LESSON, "bia", {"b.ipynb": b"{}"}, NOON)


def test_a_full_disk_is_said_clearly_leaves_nothing_and_freeing_space_is_enough(store: Store) -> None:
    """At whatever step the disk fills up, the submission is absent, and the same retry works afterwards."""
    for full_at in ("staged", "file written", "tree written", "receipt written", "parent made"):

        def fill(step: str, full_at: str = full_at) -> None:
            if step == full_at:
                raise OSError(errno.ENOSPC, "No space left on device")

        with pytest.raises(NoRoomError, match="no room"):
            Store(store.root, b"key", at=fill).submit(COURSE, LESSON, "ana", WORK, NOON, submission_id="once")
        assert store.submissions(COURSE, LESSON) == []
        assert not any((store.root / "incoming").iterdir())
    assert store.submit(COURSE, LESSON, "ana", WORK, NOON, submission_id="once")


def test_a_lesson_that_is_not_released_takes_no_submission(store: Store) -> None:
    """Neither an unknown one nor a withdrawn one; withdrawing loses nothing."""
    receipt = store.submit(COURSE, LESSON, "ana", WORK, NOON)
    store.withdraw(COURSE, LESSON)
    for name in (LESSON, "02-silver"):
        with pytest.raises(UnknownError):
            store.submit(COURSE, name, "ana", WORK, NOON)
    assert store.releases(COURSE) == []
    assert store.submissions(COURSE, LESSON) == [receipt]


def test_each_student_gets_the_lesson_in_their_language_under_the_same_name(store: Store) -> None:
    """Names are the same in every language; a language that is missing falls back to English."""
    english, portuguese = (store.release_files(COURSE, LESSON, language) for language in ("en", "pt-BR"))
    assert set(english) == set(portuguese) == {"bronze.ipynb"}
    assert english != portuguese
    assert store.release_files(COURSE, LESSON, "fr") == english
    assert store.release(COURSE, LESSON).notebooks == ("bronze",)


def test_releasing_again_keeps_versions_deadline_and_extensions(store: Store, tmp_path: Path) -> None:
    """The same content adds no version; other content does; deadlines stay unless told."""
    folders = {language: tmp_path / language for language in ("en", "pt-BR")}
    store.extend(COURSE, LESSON, "ana", NOON + HOUR)
    assert store.publish(COURSE, LESSON, folders).version == 1
    (tmp_path / "en" / "bronze.ipynb").write_text('{"cells": [], "metadata": {"said": "mended"}}')
    release = store.publish(COURSE, LESSON, folders)
    assert (release.version, release.due) == (2, NOON)
    assert b"mended" in store.release_files(COURSE, LESSON)["bronze.ipynb"]
    assert store.due(COURSE, LESSON, "ana") == NOON + HOUR


def test_collecting_writes_nbgraders_layout_with_the_servers_time(store: Store, tmp_path: Path) -> None:
    """The newest submission per student; whatever timestamp a student sends, the file holds the server's."""
    store.submit(COURSE, LESSON, "ana", {"bronze.ipynb": b"old"}, NOON)
    newest = store.submit(COURSE, LESSON, "ana", WORK | {"timestamp.txt": b"1999-01-01 00:00:00 UTC", "submission_secret.txt": b"x"}, NOON)
    store.submit(COURSE, LESSON, "bia", WORK, NOON + HOUR)
    collected = store.collect(COURSE, LESSON, tmp_path / "course")
    folder = tmp_path / "course" / "submitted" / "ana" / LESSON
    assert [each.user for each in collected] == ["ana", "bia"]
    assert (folder / "timestamp.txt").read_text() == newest.timestamp == newest.time.strftime("%Y-%m-%d %H:%M:%S.%f UTC")
    assert {path.name for path in folder.iterdir()} == {"bronze.ipynb", "data", "timestamp.txt", "receipt.json"}
    assert (folder / "data" / "notes.txt").read_bytes() == WORK["data/notes.txt"]


def test_collecting_twice_changes_nothing_and_a_newer_submission_replaces_the_older(store: Store, tmp_path: Path) -> None:
    """Collecting is safe to repeat."""
    store.submit(COURSE, LESSON, "ana", WORK, NOON)
    assert [each.new for each in store.collect(COURSE, LESSON, tmp_path)] == [True]
    assert [each.new for each in store.collect(COURSE, LESSON, tmp_path)] == [False]
    store.submit(COURSE, LESSON, "ana", {"bronze.ipynb": b"newer"}, NOON)
    (again,) = store.collect(COURSE, LESSON, tmp_path)
    assert again.new
    assert (again.path / "bronze.ipynb").read_bytes() == b"newer"
    assert not (again.path / "data").exists()
    assert [path.name for path in again.path.parent.iterdir()] == [LESSON]


def test_collecting_by_the_deadline_prefers_what_was_on_time(store: Store) -> None:
    """A late improvement does not cost the on-time submission; who is only late is still collected."""
    early = store.submit(COURSE, LESSON, "ana", WORK, NOON)
    late = store.submit(COURSE, LESSON, "ana", WORK, NOON + HOUR)
    only = store.submit(COURSE, LESSON, "bia", WORK, NOON + HOUR)
    receipts = store.submissions(COURSE, LESSON)
    assert newest_of_each(receipts) == [late, only]
    assert newest_of_each(receipts, before_due=True) == [early, only]


def test_feedback_is_filed_under_its_receipt_and_the_newest_is_shown(store: Store) -> None:
    """Feedback for a receipt that the student does not hold is refused."""
    receipt = store.submit(COURSE, LESSON, "ana", WORK, NOON)
    with pytest.raises(UnknownError):
        store.publish_feedback(COURSE, LESSON, "bia", receipt.id, {"bronze.html": b"not hers"})
    store.publish_feedback(COURSE, LESSON, "ana", receipt.id, {"bronze.html": b"first"})
    assert store.publish_feedback(COURSE, LESSON, "ana", receipt.id, {"bronze.html": b"second"}).version == 2
    assert store.publish_feedback(COURSE, LESSON, "ana", receipt.id, {"bronze.html": b"second"}).version == 2
    (feedback,) = store.feedback(COURSE, LESSON, "ana")
    assert feedback.receipt_id == receipt.id
    assert store.feedback_files(COURSE, LESSON, "ana", receipt.id) == {"bronze.html": b"second"}
    assert store.feedback(COURSE, LESSON, "bia") == []


def test_links_in_a_release_are_never_followed(store: Store, tmp_path: Path) -> None:
    """A link in the folder that is published leads nowhere."""
    (tmp_path / "secret").write_text("hidden checks")
    (tmp_path / "en" / "link.txt").symlink_to(tmp_path / "secret")
    store.publish(COURSE, LESSON, {"en": tmp_path / "en"})
    assert set(store.release_files(COURSE, LESSON)) == {"bronze.ipynb"}


def test_refusals_belong_to_the_exchanges_family() -> None:
    """The command line knows one family with one exit code."""
    assert issubclass(RefusedError, ExchangeError)
