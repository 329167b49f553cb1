"""A student attacks the exchange, with a real hub behind it: identity and time are never the student's to say."""

from __future__ import annotations

import base64
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.integration import exchange_hub as lab

from dataflow_hub.exchange import identity

COURSE, LESSON = lab.COURSE, lab.LESSON
WORK = {"bronze.ipynb": lab.NOTEBOOK.encode()}
pytestmark = pytest.mark.security


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with lab.running_hub(tmp_path_factory.mktemp("hub")) as running:
        yield running


@pytest.fixture
def service(hub: Any, tmp_path: Path) -> Iterator[Any]:
    with lab.running_service(hub, tmp_path) as running:
        yield running


@pytest.fixture(scope="module")
def tokens(hub: Any) -> dict[str, str]:
    return {user: hub.token(user)[1] for user in ("ana", "bia", "ivo", "eve")}


def test_everything_but_health_needs_a_token_that_the_hub_knows(service: Any) -> None:
    """No token, an invented one, or one in the address: refused."""
    assert service.ask("health")[0] == 200
    for path in ("courses", f"assignments?course={COURSE}", f"submissions?course={COURSE}", f"assignments/{COURSE}/{LESSON}/files"):
        assert service.ask(path)[0] == 401
        assert service.ask(path, "0123456789abcdef")[0] == 401
    assert service.submit("nobody", WORK)[0] == 401


def test_a_token_in_the_address_is_not_read(service: Any, tokens: dict[str, str]) -> None:
    """Addresses end up in logs."""
    assert service.ask(f"courses?token={tokens['ana']}")[0] == 401


def test_a_token_without_the_exchanges_scope_and_a_services_token_are_refused(service: Any, hub: Any) -> None:
    """Only what a student's server holds will do."""
    status, said = service.ask("courses", hub.token("ana", ("read:users:name!user",))[1])
    assert (status, "access:services!service=exchange" in said["why"]) == (403, True)
    assert service.ask("courses", hub.maker)[0] == 403


def test_who_is_in_no_course_sees_nothing(service: Any, tokens: dict[str, str]) -> None:
    """A hub user outside the course gets the answer for courses that do not exist."""
    assert service.ask("courses", tokens["eve"])[1]["courses"] == []
    statuses = {service.ask(path, tokens["eve"])[0] for path in (f"assignments?course={COURSE}", f"assignments/{COURSE}/{LESSON}/files")}
    assert statuses == {403}
    assert service.submit(tokens["eve"], WORK)[0] == 403
    assert service.store.submissions(COURSE, LESSON) == []


def test_submitting_as_another_or_at_another_time_is_the_callers_own_submission_now(service: Any, tokens: dict[str, str]) -> None:
    """Names and times in the body, the headers or the files change nothing: the hub says who, the server says when."""
    forged = {"user": "bia", "time": "2020-01-01T00:00:00+00:00", "late": False, "receipt_id": "0" * 24}
    files = WORK | {"timestamp.txt": b"2020-01-01 00:00:00.000000 UTC", "receipt.json": b'{"user": "bia"}'}
    before = time.time()
    status, said = service.submit(tokens["ana"], files, **forged)
    assert status == 201
    (receipt,) = service.store.submissions(COURSE, LESSON)
    assert receipt.user == said["receipt"]["user"] == "ana"
    assert before - 1 <= receipt.time.timestamp() <= time.time()
    assert service.store.submissions(COURSE, LESSON, "bia") == []
    (collected,) = service.store.collect(COURSE, LESSON, service.store.root / "course")
    assert (collected.path / "timestamp.txt").read_text() == receipt.timestamp
    assert json.loads((collected.path / "receipt.json").read_text())["user"] == "ana"


def test_a_replayed_submission_makes_no_second_one_and_no_earlier_one(service: Any, tokens: dict[str, str]) -> None:
    """The same request again gives the same receipt; its id with other content is refused; another's id is one's own."""
    first = service.submit(tokens["ana"], WORK, "replayed")[1]["receipt"]
    assert service.submit(tokens["ana"], WORK, "replayed")[1]["receipt"] == first
    assert service.submit(tokens["ana"], WORK | {"extra.txt": b"x"}, "replayed")[0] == 409
    assert service.submit(tokens["bia"], WORK, "replayed")[1]["receipt"]["id"] != first["id"]
    assert len(service.store.submissions(COURSE, LESSON)) == 2


def test_another_students_receipt_opens_nothing(service: Any, tokens: dict[str, str]) -> None:
    """Knowing a receipt's number is not being its owner, for students, for instructors' servers, for anyone."""
    receipt = service.submit(tokens["ana"], WORK)[1]["receipt"]
    service.store.publish_feedback(COURSE, LESSON, "ana", receipt["id"], {"bronze.html": b"for ana only"})
    path = f"feedback/{COURSE}/{LESSON}/{receipt['id']}"
    status, said = service.ask(path, tokens["ana"])
    assert (status, base64.b64decode(said["files"]["bronze.html"])) == (200, b"for ana only")
    assert {service.ask(path, tokens[user])[0] for user in ("bia", "ivo")} == {404}
    assert service.ask(f"submissions?course={COURSE}", tokens["bia"])[1]["submissions"] == []
    for hostile in (f"submissions?course={COURSE}&user=ana", f"submissions?course={COURSE}&lesson=../ana/{LESSON}"):
        assert service.ask(hostile, tokens["bia"])[1].get("submissions", []) == []


@pytest.mark.parametrize(
    "name", ["../../../etc/cron.d/x", "/etc/passwd", "a/../../x", "a\\..\\x", "x\0y", ".", "a//b", "\u202eb.ipynb", "x" * 300]
)
def test_a_file_name_that_leads_out_is_refused_and_nothing_is_written(service: Any, tokens: dict[str, str], name: str) -> None:
    """Names are checked before anything touches the disk."""
    status, said = service.submit(tokens["ana"], WORK | {name: b"x"})
    assert (status, bool(said["fix"])) == (400, True)
    assert service.store.submissions(COURSE, LESSON) == []


@pytest.mark.parametrize(
    "path", ["assignments/..%2F../x/files", "assignments/medallion/..%2f..%2fsubmissions/files", "feedback/medallion/01-bronze/..%2F.."]
)
def test_an_address_that_leads_out_is_refused(service: Any, tokens: dict[str, str], path: str) -> None:
    """Encoded slashes and dots in the address are one name, and a bad one."""
    assert service.ask(path, tokens["ana"])[0] in {400, 403, 404}


def test_a_body_that_is_too_long_is_refused_before_it_is_read(service: Any, tokens: dict[str, str]) -> None:
    """The answer comes after the headers: not a byte of the body was sent."""
    for length in (200 * 2**20, 10**15):
        said = raw(service, f"POST @/assignments/{COURSE}/{LESSON}/submissions", tokens["ana"], [f"Content-Length: {length}"])
        assert b" 413 " in said.splitlines()[0]
        assert b"too large" in said
    said = raw(service, f"POST @/assignments/{COURSE}/{LESSON}/submissions", tokens["ana"], ["Transfer-Encoding: chunked"])
    assert b" 411 " in said.splitlines()[0]
    said = raw(service, f"POST @/assignments/{COURSE}/{LESSON}/submissions", "unknown", ["Content-Length: 1000"])
    assert b" 401 " in said.splitlines()[0]
    assert b" 413 " in raw(service, "GET @/courses", tokens["ana"], ["Content-Length: 10"]).splitlines()[0]


def raw(service: Any, line: str, token: str, headers: list[str]) -> bytes:
    """Send headers only; what comes back within five seconds."""
    at = urlsplit(service.url)
    with socket.create_connection((at.hostname or "", at.port or 0), timeout=5) as connection:
        request = [
            line.replace("@", at.path) + " HTTP/1.1",
            "Host: x",
            f"Authorization: token {token}",
            "Connection: close",
            *headers,
            "",
            "",
        ]
        connection.sendall("\r\n".join(request).encode())
        return connection.makefile("rb").read()


HOSTILE = {
    "deep": b"[" * 100_000 + b"]" * 100_000,
    "deeper": b'{"cells":' + b'[{"a":' * 50_000,
    "cells": json.dumps({"cells": [{}] * 100_000}).encode(),
    "containers": b'{"cells": [' + b"[]," * 3_000_000 + b"[]]}",
    "numbers": b'{"cells": [' + b"1," * 5_000_000 + b"1]}",
    "large": b'{"cells": [], "x": "' + b"x" * (11 * 2**20) + b'"}',
    "not json": b"\x89PNG",
    "empty": b"",
    "no cells": b"{}",
    "bom": b"\xef\xbb\xbf[1]",
}


@pytest.mark.parametrize("name", list(HOSTILE))
def test_a_hostile_notebook_is_refused_in_a_second_with_a_text(service: Any, tokens: dict[str, str], name: str) -> None:
    """Deep, huge or broken notebooks cost little and are kept from the grader."""
    started = time.monotonic()
    status, said = service.submit(tokens["ana"], {"bronze.ipynb": HOSTILE[name]})
    assert status in {400, 413}
    assert "bronze.ipynb" in said["what"]
    assert time.monotonic() - started < 1.5
    assert service.store.submissions(COURSE, LESSON) == []


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b'{"files": 1, "submission_id": "x"}', b'{"files": {"a": 1}, "submission_id": "x-1"}', b"\xff", b"[" * 200_000],
)
def test_a_body_that_is_no_upload_is_refused(service: Any, tokens: dict[str, str], body: bytes) -> None:
    """Whatever bytes come, the answer is a refusal, and the service goes on."""
    assert service.ask(f"assignments/{COURSE}/{LESSON}/submissions", tokens["ana"], body)[0] == 400
    assert service.submit(tokens["ana"], WORK)[0] == 201


def test_too_many_requests_are_slowed_down_for_that_student_alone(service: Any, tokens: dict[str, str]) -> None:
    """One student's flood is not another's wait."""
    statuses = [service.ask("courses", tokens["ana"])[0] for _ in range(80)]
    assert 429 in statuses
    assert service.ask("courses", tokens["bia"])[0] == 200


def test_an_upload_left_half_way_gives_its_place_back(service: Any, tokens: dict[str, str]) -> None:
    """A client that goes away in the middle blocks neither itself nor others."""
    at = urlsplit(service.url)
    for _ in range(12):
        with socket.create_connection((at.hostname or "", at.port or 0), timeout=5) as connection:
            head = f"POST {at.path}/assignments/{COURSE}/{LESSON}/submissions HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n"
            connection.sendall((head + f"Authorization: token {tokens['ana']}\r\n\r\n" + "{").encode())
            wait_for(lambda: "ana" in service.parts.uploading)
        wait_for(lambda: "ana" not in service.parts.uploading)
    assert service.submit(tokens["ana"], WORK)[0] == 201


def wait_for(condition: Any) -> None:
    """Wait until it holds, five seconds at most."""
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_revoked_token_is_refused_within_a_minute(service: Any, hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers of the hub are kept for less than a minute; after that the token is asked for again, and refused."""
    assert identity.CACHE_SECONDS <= 30
    number, token = hub.token("bia")
    service.parts.identity._hub.cache_max_age = 1
    service.parts.identity._hub.cache.max_age = 1
    assert service.ask("courses", token)[0] == 200
    hub.ask("DELETE", f"users/bia/tokens/{number}")
    time.sleep(1.1)
    assert service.ask("courses", token)[0] == 401


def test_who_leaves_the_course_is_refused_at_once(service: Any, tokens: dict[str, str]) -> None:
    """Membership is asked for on every request; what was submitted stays."""
    assert service.submit(tokens["bia"], WORK)[0] == 201
    service.roster.remove("bia", COURSE)
    assert service.submit(tokens["bia"], WORK)[0] == 403
    assert len(service.store.submissions(COURSE, LESSON)) == 1


def test_answers_are_data_and_never_a_page(service: Any, tokens: dict[str, str]) -> None:
    """Nothing that a student wrote can run in a browser that opens the exchange's address."""
    said = raw(service, "GET @/assignments?course=%3Cscript%3E", tokens["ana"], []).decode()
    assert "Content-Type: application/json" in said
    assert "X-Content-Type-Options: nosniff" in said
    assert "default-src 'none'" in said
    assert "Set-Cookie" not in said
    assert "Server:" not in said
