"""The exchange over HTTP, behind the hub: a bearer token in, JSON out. No cookies, so no cross-site requests."""

from __future__ import annotations

import asyncio
import base64
import json
import math
import time
from dataclasses import asdict, dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from tornado.httpserver import HTTPServer
from tornado.web import Application, HTTPError, RequestHandler, stream_request_body

from dataflow_hub.exchange.rates import TokenBuckets
from dataflow_hub.exchange.refusals import ForbiddenError, QuotaError, RefusedError, TooLargeError
from dataflow_hub.exchange.uploads import body_limit, check_notebooks, read_upload
from dataflow_hub.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dataflow_hub.exchange.identity import Caller, HubIdentity, Members
    from dataflow_hub.exchange.model import Release
    from dataflow_hub.exchange.receipts import Receipt
    from dataflow_hub.exchange.store import Store

PREFIX = "/services/exchange/"
_HEALTH_SECONDS = 3.0  # anybody may ask, and each look writes to the disk
_BODY_SECONDS = 60.0  # an upload that takes longer is dropped: nobody may hold a slot for ever
_audit = get_logger("exchange.audit")


@dataclass
class Parts:
    """What the handlers work with."""

    store: Store
    identity: HubIdentity
    members: Members
    rates: TokenBuckets = field(default_factory=lambda: TokenBuckets(burst=60, per_second=2))
    uploading: set[str] = field(default_factory=set)  # one upload a student at a time bounds memory
    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(8))
    writable_at: float = -math.inf  # when the store was last seen writable


@stream_request_body
class Handler(RequestHandler):
    """Knows the caller before a byte of a body is read; by itself it takes no body."""

    parts: Parts
    caller: Caller
    most_bytes = 0

    def initialize(self, parts: Parts) -> None:
        """Take the parts from the application."""
        self.parts = parts

    def set_default_headers(self) -> None:
        """Answers are data for one caller: never cached, sniffed, or shown as a page."""
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Content-Security-Policy", "default-src 'none'")
        self.clear_header("Server")

    async def prepare(self) -> None:
        """Identify and slow down the caller, and refuse a body that is too long."""
        self.caller = await self.parts.identity.caller(self.request.headers.get("Authorization", ""))
        wait = self.parts.rates.take(self.caller.name)
        if wait:
            self.set_header("Retry-After", str(math.ceil(wait)))
            raise QuotaError("Too many requests at once.", fix=f"Wait {math.ceil(wait)} s.")
        self._check_length()

    def _check_length(self) -> None:
        length = self.request.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.request.headers or not length.isdecimal():
            raise HTTPError(HTTPStatus.LENGTH_REQUIRED)
        if int(length) > self.most_bytes:
            raise TooLargeError(
                f"This submission is too large ({int(length) * 3 / 4 / 2**20:.1f} MiB).",
                why=f"At most {self.parts.store.limits.max_bytes / 2**20:.0f} MiB are taken.",
                fix="Clear large outputs, move data out of the assignment's folder, and submit again.",
            )

    def data_received(self, chunk: bytes) -> None:
        """Take nothing: these requests have no body."""
        del chunk

    def check_member(self, course: str) -> None:
        """Refuse who is not in the course; an unknown course gets the same answer."""
        if self.parts.members.role(course, self.caller.name) is None:
            raise ForbiddenError(
                f"You are not in a course called {course[:100]}.", why="The roster has no such entry.", fix="Ask your instructor."
            )

    def answer(self, values: Mapping[str, Any]) -> None:
        """Finish with JSON."""
        self.finish(json.dumps(values, ensure_ascii=False))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer refusals with what, why and fix; anything else without details."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, RefusedError):
            self.set_status(error.status)
            _audit.info("refused", user=self._name(), status=error.status, path=self.request.path, what=error.what)
            self.answer({"what": error.what, "why": error.why, "fix": error.fix})
            return
        self.answer(
            {"what": f"The exchange answered {status_code}.", "why": self._reason, "fix": "Try again; tell your instructor if it stays."}
        )

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Refusals are answers, not faults: only faults are logged with a traceback."""
        if not isinstance(value, RefusedError):
            super().log_exception(typ, value, tb)

    def _name(self) -> str:
        return self.caller.name if hasattr(self, "caller") else ""


class Health(Handler):
    """GET health: is the store there and writable. For everybody."""

    async def prepare(self) -> None:
        """Ask for no token."""
        self._check_length()

    def get(self) -> None:
        """Answer 200 when submissions can be kept."""
        if time.monotonic() - self.parts.writable_at > _HEALTH_SECONDS:
            self.parts.store.check_writable()
            self.parts.writable_at = time.monotonic()
        self.answer({"status": "ok"})


class Courses(Handler):
    """GET courses: the caller's own."""

    def get(self) -> None:
        """Answer names with roles."""
        roles = {course: self.parts.members.role(course, self.caller.name) for course in self.parts.store.courses()}
        self.answer({"user": self.caller.name, "courses": [{"course": c, "role": role} for c, role in roles.items() if role]})


class Assignments(Handler):
    """GET assignments?course=: what is released."""

    def get(self) -> None:
        """Answer the course's releases with the caller's own deadlines."""
        course = self.get_query_argument("course")
        self.check_member(course)
        releases = self.parts.store.releases(course, self.caller.name)
        self.answer({"assignments": [_release_json(each) for each in releases], "limits": asdict(self.parts.store.limits)})


class ReleaseFiles(Handler):
    """GET assignments/<course>/<lesson>/files: the lesson in the caller's language."""

    async def get(self, course: str, lesson: str) -> None:
        """Answer names and base64 contents."""
        self.check_member(course)
        language = self.parts.members.language(self.caller.name)
        files = await asyncio.to_thread(self.parts.store.release_files, course, lesson, language)
        self.answer({"course": course, "lesson": lesson, "language": language, "files": _encoded(files)})


class Submit(Handler):
    """POST assignments/<course>/<lesson>/submissions: keep a submission, answer its receipt."""

    _registered = _slotted = _posting = _gone = False

    async def prepare(self) -> None:
        """Check everything that can be checked before the body is read, then wait for a slot."""
        self.most_bytes = body_limit(self.parts.store.limits)
        await super().prepare()
        self.check_member(self.path_args[0])
        self.parts.store.release(*self.path_args)
        if self.caller.name in self.parts.uploading:
            raise QuotaError("Another submission of yours is under way.", fix="Wait until it is done.")
        self.parts.uploading.add(self.caller.name)
        self._registered = True
        await self.parts.slots.acquire()
        self._slotted, self._body = True, bytearray()
        if self._gone:  # the client left while it waited, and nobody else would give the slot back
            self._let_go()

    def data_received(self, chunk: bytes) -> None:
        """Collect the body; its length was checked."""
        self._body += chunk

    async def post(self, course: str, lesson: str) -> None:
        """Answer 201 with the signed receipt once the submission is on the disk."""
        self._posting = True
        receipt = await asyncio.to_thread(self._keep, course, lesson)
        _audit.info("submission", **_audit_facts(receipt))
        self.set_status(HTTPStatus.CREATED)
        self.answer({"receipt": _receipt_json(receipt)})

    def _keep(self, course: str, lesson: str) -> Receipt:
        upload = read_upload(bytes(self._body), self.parts.store.limits)
        check_notebooks(upload.files)
        return self.parts.store.submit(course, lesson, self.caller.name, upload.files, submission_id=upload.submission_id)

    def on_finish(self) -> None:
        """Let the next one in."""
        self._let_go()

    def on_connection_close(self) -> None:
        """Let the next one in when a client goes away in the middle; what is being kept is kept to its end."""
        super().on_connection_close()
        self._gone = True
        if not self._posting:
            self._let_go()

    def _let_go(self) -> None:
        if self._slotted:
            self.parts.slots.release()
        if self._registered:
            self.parts.uploading.discard(self.caller.name)
        self._registered = self._slotted = False


class OwnSubmissions(Handler):
    """GET submissions?course=&lesson=: the caller's receipts and feedback, nobody else's."""

    def get(self) -> None:
        """Answer receipts, each with the names and hashes of its feedback."""
        course, lesson = self.get_query_argument("course"), self.get_query_argument("lesson", None)
        self.check_member(course)
        receipts = self.parts.store.own_submissions(course, self.caller.name, lesson)
        feedback: dict[str, dict[str, str]] = {}
        for each in sorted({receipt.lesson for receipt in receipts}):
            found = self.parts.store.feedback(course, each, self.caller.name)
            feedback |= {one.receipt_id: one.files for one in found}
        self.answer({"submissions": [_receipt_json(receipt) | {"feedback": feedback.get(receipt.id, {})} for receipt in receipts]})


class OwnFeedback(Handler):
    """GET feedback/<course>/<lesson>/<receipt id>: feedback on one of the caller's own submissions."""

    async def get(self, course: str, lesson: str, number: str) -> None:
        """Answer names and base64 contents."""
        self.check_member(course)
        files = await asyncio.to_thread(self.parts.store.feedback_files, course, lesson, self.caller.name, number)
        self.answer({"receipt_id": number, "files": _encoded(files)})


def make_server(parts: Parts, prefix: str = PREFIX) -> HTTPServer:
    """Give the HTTP server; call `listen` on it."""
    name = "([^/]+)"
    routes = [
        ("health", Health),
        ("courses", Courses),
        ("assignments", Assignments),
        (f"assignments/{name}/{name}/files", ReleaseFiles),
        (f"assignments/{name}/{name}/submissions", Submit),
        ("submissions", OwnSubmissions),
        (f"feedback/{name}/{name}/{name}", OwnFeedback),
    ]
    application = Application([(prefix + path, handler, {"parts": parts}) for path, handler in routes])
    return HTTPServer(
        application,
        max_body_size=body_limit(parts.store.limits),
        max_header_size=16 * 1024,
        body_timeout=_BODY_SECONDS,
        idle_connection_timeout=_BODY_SECONDS,
    )


def _encoded(files: Mapping[str, bytes]) -> dict[str, str]:
    return {name: base64.b64encode(content).decode("ascii") for name, content in files.items()}


def _release_json(release: Release) -> dict[str, Any]:
    moments = {"published": release.published.isoformat(), "due": release.due.isoformat() if release.due else None}
    return asdict(release) | moments


def _receipt_json(receipt: Receipt) -> dict[str, Any]:
    return receipt.to_json() | {"timestamp": receipt.timestamp}


def _audit_facts(receipt: Receipt) -> dict[str, Any]:
    facts = receipt.to_json()
    return {name: facts[name] for name in ("user", "course", "lesson", "id", "time", "late", "sha256", "size_bytes")}
