"""kill -9 inside a submission, at each file-system step: whole or absent, and a retry is safe."""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dataflow_hub.exchange.receipts import Receipt
from dataflow_hub.exchange.store import Store

pytestmark = pytest.mark.chaos
COURSE, LESSON = "medallion", "01-bronze"
FILES = {"bronze.ipynb": b'{"cells": []}', "data/notes.txt": b"notes"}
BEFORE = ("staged", "file written", "tree written", "receipt written", "parent made")
AFTER = ("renamed", "parent synced")
_SUBMIT = """
import json, os, signal, sys
from pathlib import Path
from dataflow_hub.exchange.store import Store

root, last_step, number = sys.argv[1:]

def at(step):
    if step == last_step:
        os.kill(os.getpid(), signal.SIGKILL)

files = {"bronze.ipynb": b'{"cells": []}', "data/notes.txt": b"notes"}
receipt = Store(Path(root), b"key", at=at).submit("medallion", "01-bronze", "ana", files, submission_id=number)
sys.stdout.write(json.dumps(receipt.to_json()))
"""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    (tmp_path / "release").mkdir()
    (tmp_path / "release" / "bronze.ipynb").write_text("{}")
    store = Store(tmp_path / "exchange", b"key")
    store.publish(COURSE, LESSON, {"en": tmp_path / "release"})
    return store


def submit(store: Store, last_step: str, number: str) -> Receipt | None:
    """Submit in a process that is killed at `last_step`: the receipt that it got to say, if it did."""
    argv = [sys.executable, "-c", _SUBMIT, str(store.root), last_step, number]
    done = subprocess.run(argv, capture_output=True, timeout=60, check=False)
    assert done.returncode == (-signal.SIGKILL if last_step else 0), done.stderr
    return Receipt.from_json(json.loads(done.stdout)) if done.stdout else None


@pytest.mark.parametrize("step", [*BEFORE, *AFTER])
def test_killed_at_any_step_a_submission_is_whole_or_absent_and_no_receipt_was_given(store: Store, step: str) -> None:
    """Before the rename there is nothing; after it there is all; the student holds a receipt in neither case."""
    assert submit(store, step, "try-1") is None
    kept = store.submissions(COURSE, LESSON)
    assert len(kept) == (1 if step in AFTER else 0)
    assert [store.submission_files(receipt) for receipt in kept] == [FILES for _ in kept]
    assert all(receipt.verify(b"key") for receipt in kept)


@pytest.mark.parametrize("step", [*BEFORE, *AFTER])
def test_a_retry_after_the_kill_gives_one_submission_and_its_receipt(store: Store, step: str) -> None:
    """The lock died with its holder; the retry finds the first attempt if that was kept, else makes it anew."""
    submit(store, step, "try-1")
    receipt = submit(store, "", "try-1")
    assert store.submissions(COURSE, LESSON) == [receipt]
    assert store.submit(COURSE, LESSON, "ana", FILES, submission_id="try-1") == receipt
    store.sweep(0)
    assert not any((store.root / "incoming").iterdir())
    assert store.submissions(COURSE, LESSON) == [receipt]


def test_sweeping_leaves_alone_what_may_still_be_under_way(store: Store) -> None:
    """Only what is old is removed."""
    submit(store, "receipt written", "try-1")
    assert store.sweep() == 0
    assert store.sweep(0) == 1


def test_a_killed_publish_leaves_the_old_version_whole(store: Store, tmp_path: Path) -> None:
    """Students read the old release until the new one is complete."""
    (tmp_path / "release" / "bronze.ipynb").write_text("new")
    code = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom dataflow_hub.exchange.store import Store\n"
        "at = lambda step: os.kill(os.getpid(), signal.SIGKILL) if step == 'parent made' else None\n"
        "Store(Path(sys.argv[1]), b'key', at=at).publish('medallion', '01-bronze', {'en': Path(sys.argv[2])})\n"
    )
    argv = [sys.executable, "-c", code, str(store.root), str(tmp_path / "release")]
    assert subprocess.run(argv, timeout=60, check=False).returncode == -signal.SIGKILL
    assert store.release_files(COURSE, LESSON) == {"bronze.ipynb": b"{}"}
    assert store.publish(COURSE, LESSON, {"en": tmp_path / "release"}).version == 2


def test_many_at_once_are_all_kept_in_order_and_none_twice(store: Store) -> None:
    """Eight processes submit for one student, two of each with one id: four submissions, strictly ordered."""
    argv = [[sys.executable, "-c", _SUBMIT, str(store.root), "", f"try-{n // 2}"] for n in range(8)]
    running = [subprocess.Popen(each, stdout=subprocess.PIPE) for each in argv]
    receipts = {Receipt.from_json(json.loads(each.communicate(timeout=60)[0])).id for each in running}
    kept = store.submissions(COURSE, LESSON)
    assert {receipt.id for receipt in kept} == receipts
    assert len(kept) == 4
    assert all(later.time - earlier.time >= timedelta(microseconds=1) for earlier, later in itertools.pairwise(kept))
    assert kept[-1].time <= datetime.now(tz=UTC) + timedelta(seconds=1)
