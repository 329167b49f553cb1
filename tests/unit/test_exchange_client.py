"""The student's client retries what a retry can help, and says the rest in words."""

from __future__ import annotations

import http.server
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dataflow_hub.exchange.rates import TokenBuckets
from dataflow_hub.exchange.receipts import content_hash as served_hash
from dataflow_hub.exchange.receipts import file_hashes
from dataflow_kernels.exchange.client import Client, ExchangeRefusedError, ExchangeUnreachableError
from dataflow_kernels.exchange.folders import check_size, content_hash, gather, write_file, write_new
from dataflow_kernels.exchange.receipts import forget_pending, receipt_text, short_line, submission_id

RECEIPT = {
    "id": "e168aba26e2c2b23f6b986e9", "course": "medallion", "lesson": "01-bronze", "user": "ana", "time": "2026-11-23T12:00:00.5+00:00",
    "due": None, "late": True, "sha256": "ab" * 32, "signature": "cd" * 32, "files": {"bronze.ipynb": "ef" * 32},
}  # fmt: skip


class Answers(http.server.BaseHTTPRequestHandler):
    """Gives the prepared answers in turn: a status, a dropped connection (0), or a redirect."""

    prepared: list[int]
    seen: list[str]

    def do_GET(self) -> None:
        """Give the next one."""
        type(self).seen.append(self.headers["Authorization"])
        status = self.prepared.pop(0)
        if status == 0:
            self.connection.close()
            return
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/elsewhere")
        self.end_headers()
        self.wfile.write(json.dumps({"what": "No.", "why": "Because.", "fix": "Do this.", "ok": True}).encode())

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[http.server.HTTPServer]:
    Answers.prepared, Answers.seen = [], []
    with http.server.HTTPServer(("127.0.0.1", 0), Answers) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def ask(server: http.server.HTTPServer, *statuses: int) -> tuple[dict[str, Any], list[float]]:
    """Ask once with these answers prepared: the answer, and the pauses that were made."""
    Answers.prepared = list(statuses)
    pauses: list[float] = []
    client = Client(f"http://127.0.0.1:{server.server_port}", "secret", attempts=4, pause_seconds=1.0, sleep=pauses.append)
    return client.get("courses"), pauses


def test_a_dropped_connection_and_a_busy_service_are_tried_again_with_growing_pauses(server: http.server.HTTPServer) -> None:
    """Pauses double, with jitter, so that a class does not come back at once."""
    answer, pauses = ask(server, 0, 503, 429, 200)
    assert answer["ok"]
    assert all(0.5 * 2**n <= pause <= 1.5 * 2**n for n, pause in enumerate(pauses))
    assert len(pauses) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 500, 507])
def test_a_refusal_is_said_in_the_services_words_and_not_repeated(server: http.server.HTTPServer, status: int) -> None:
    """What the service says reaches the student, once."""
    with pytest.raises(ExchangeRefusedError) as raised:
        ask(server, status)
    assert (raised.value.what, raised.value.fix) == ("No.", "Do this.")
    assert len(Answers.seen) == 1


def test_a_redirect_is_not_followed(server: http.server.HTTPServer) -> None:
    """The token goes where the environment says, and nowhere else."""
    with pytest.raises(ExchangeRefusedError):
        ask(server, 302, 200)
    assert len(Answers.seen) == 1


def test_a_service_that_stays_away_is_said_after_the_last_attempt(server: http.server.HTTPServer) -> None:
    """The student is told that nothing was lost."""
    with pytest.raises(ExchangeUnreachableError, match="safe in your own folder"):
        ask(server, 0, 0, 0, 0)
    assert len(Answers.seen) == 4


def test_without_the_hubs_environment_the_error_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside the hub there is no exchange, and that is the message."""
    monkeypatch.delenv("DATAFLOW_EXCHANGE_URL", raising=False)
    with pytest.raises(ExchangeUnreachableError, match="through the hub"):
        Client.from_environment()


def test_both_sides_hash_the_same_files_to_the_same_text() -> None:
    """The client can check the receipt against its own files."""
    files = {"b.txt": b"2", "a/ção.txt": b"1"}
    assert content_hash(files) == served_hash(file_hashes(files))


def test_gathering_takes_ordinary_files_only(tmp_path: Path) -> None:
    """No links, no pipes that would block, no noise."""
    (tmp_path / "bronze.ipynb").write_text("{}")
    (tmp_path / "link").symlink_to("/etc/passwd")
    (tmp_path / "folder-link").symlink_to("/etc")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / ".hidden").write_text("x")
    (tmp_path / "feedback").mkdir()
    (tmp_path / "feedback" / "old.html").write_text("x")
    assert gather(tmp_path) == ({"bronze.ipynb": b"{}"}, ["folder-link", "link", "pipe"])


def test_a_submission_that_is_too_large_is_refused_before_it_is_sent() -> None:
    """The largest file is named."""
    with pytest.raises(ExchangeRefusedError, match=r"big\.csv is the largest"):
        check_size({"big.csv": b"x" * 11, "b": b""}, {"max_files": 5, "max_bytes": 10})


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", ""])
def test_what_the_service_sends_stays_inside_the_folder(tmp_path: Path, name: str) -> None:
    """The client trusts no names either."""
    with pytest.raises(ExchangeRefusedError):
        write_file(tmp_path / "folder", name, b"x")


def test_a_fetch_that_fails_leaves_no_half_folder(tmp_path: Path) -> None:
    """Whole or not at all."""
    with pytest.raises(ExchangeRefusedError):
        write_new(tmp_path / "01-bronze", {"a": b"1", "../b": b"2"})
    assert list(tmp_path.iterdir()) == []


def test_an_id_is_used_again_for_the_same_content_until_its_receipt_is_in_hand(tmp_path: Path) -> None:
    """A damaged note is no obstacle."""
    first = submission_id(tmp_path, "medallion", "01-bronze", "aa")
    assert submission_id(tmp_path, "medallion", "01-bronze", "aa") == first
    other = submission_id(tmp_path, "medallion", "01-bronze", "bb")
    assert other != first
    (tmp_path / "receipts" / ".pending-medallion-01-bronze.json").write_text("{")
    assert submission_id(tmp_path, "medallion", "01-bronze", "bb") != other
    forget_pending(tmp_path, "medallion", "01-bronze")
    assert not list((tmp_path / "receipts").iterdir())


def test_a_receipt_reads_in_both_languages() -> None:
    """The student reads who, what, when, late or not, and the numbers."""
    assert short_line(RECEIPT, "en") == "2026-11-23 12:00:00 UTC (late, receipt e168aba2)"
    assert short_line(RECEIPT, "pt-BR") == "2026-11-23 12:00:00 UTC (atrasada, recibo e168aba2)"
    for language in ("en", "pt-BR"):
        text = receipt_text(RECEIPT, language)
        assert all(str(RECEIPT[name]) in text for name in ("id", "course", "lesson", "user", "sha256", "signature"))
        assert "bronze.ipynb" in text


def test_a_bucket_lets_a_burst_through_then_refills() -> None:
    """After the burst there is a wait, which is told, and after the wait there is room."""
    now = [0.0]
    buckets = TokenBuckets(burst=2, per_second=0.5, clock=lambda: now[0])
    assert [buckets.take("ana") for _ in range(3)] == [0, 0, 2]
    assert buckets.take("bia") == 0
    now[0] = 2.0
    assert [buckets.take("ana"), buckets.take("ana")] == [0, 2]
