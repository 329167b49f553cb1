"""What stands around a model that answers: an HTTP server of its own, and many callers who do not wait while something changes."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import ThreadingHTTPServer
from itertools import cycle
from typing import Any

from dataflow_kernels.json_handler import JsonHandler

Answer = Callable[[str, str, bytes], tuple[int, Any]]

_CALLS_AFTER = 3  # each caller comes so often again after an act
_REST_SECONDS = 0.002  # between two calls of one caller, so that the act has its turn
_PATIENCE_SECONDS = 30.0
_BROKEN = 500


@dataclass(frozen=True)
class Reply:
    """What one caller got: the number of its request, when it was sent (the act, and whether that was over), status and text."""

    request: int
    act: str
    over: bool
    status: int
    text: str


def respond(answer: Answer, method: str, path: str, body: bytes) -> tuple[int, str]:
    """Give status and JSON text of an answer; one that raises, or is not JSON, is a 500, as behind any server."""
    try:
        status, payload = answer(method, path, body)
        return int(status), json.dumps(payload, allow_nan=False)
    except Exception as error:  # a server outlives what its handlers raise
        logging.getLogger(__name__).info("an answer failed", exc_info=error)
        return _BROKEN, json.dumps({"error": type(error).__name__})


@contextmanager
def listening(answer: Answer) -> Iterator[str]:
    """Serve `answer(method, path, body)` over HTTP on this machine for as long as the block lasts; gives the address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(answer))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def call(url: str, path: str, body: bytes | None = None) -> tuple[int, str]:
    """Send one request to a server on this machine, a POST when there is a body; give status and text."""
    from http.client import HTTPConnection
    from urllib.parse import urlsplit

    connection = HTTPConnection(urlsplit(url).netloc, timeout=_PATIENCE_SECONDS)
    try:
        connection.request("GET" if body is None else "POST", path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def storm(answer: Answer, bodies: Sequence[bytes], acts: Sequence[tuple[str, Callable[[], object]]], callers: int = 2) -> list[Reply]:
    """Let callers send `bodies` to /invocations, over and over, while act after act is done; give every reply.

    A request belongs to the act that had begun when it was sent; after each act, every caller comes a few times more. An act
    that raises is logged, and the next one follows: the service is expected to go on.

    Parameters
    ----------
    acts
        Names, and what to do.
    callers
        How many call at the same time.
    """
    crowd = _Crowd(answer, bodies, callers)
    with crowd.calling():
        for name, act in acts:
            crowd.now = (name, False)
            try:
                act()
            except Exception as error:  # noqa: BLE001 - as a server's own timer would
                logging.getLogger(__name__).warning("%s: %s: %s", name, type(error).__name__, str(error)[:200])
            crowd.now = (name, True)
            crowd.wait_for_more()
    return crowd.replies


class _Crowd:
    """Callers in threads of their own."""

    def __init__(self, answer: Answer, bodies: Sequence[bytes], callers: int) -> None:
        self._answer, self._bodies = answer, bodies
        self._counts = [0] * callers
        self._stop = threading.Event()
        self.now, self.replies = ("", True), list[Reply]()

    @contextmanager
    def calling(self) -> Iterator[None]:
        threads = [threading.Thread(target=self._keep_calling, args=(number,), daemon=True) for number in range(len(self._counts))]
        for thread in threads:
            thread.start()
        try:
            self.wait_for_more()
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join(_PATIENCE_SECONDS)

    def wait_for_more(self) -> None:
        """Wait until each caller has sent a few requests, and got their answers, from now on."""
        wanted = [count + _CALLS_AFTER + 1 for count in self._counts]  # the first may have been sent before
        end = time.monotonic() + _PATIENCE_SECONDS
        while any(count < least for count, least in zip(self._counts, wanted, strict=True)) and time.monotonic() < end:
            time.sleep(_REST_SECONDS)

    def _keep_calling(self, caller: int) -> None:
        for request in cycle(range(len(self._bodies))):
            if self._stop.is_set():
                return
            act, over = self.now
            status, text = respond(self._answer, "POST", "/invocations", self._bodies[request])
            self.replies.append(Reply(request, act, over, status, text))
            self._counts[caller] += 1
            time.sleep(_REST_SECONDS)


def _handler(answer: Answer) -> type[JsonHandler]:
    class Handler(JsonHandler):
        def answer(self, body: bytes) -> tuple[int, str]:
            return respond(answer, self.command, self.path, body)

    return Handler
