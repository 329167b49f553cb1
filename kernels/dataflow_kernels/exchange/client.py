"""Talking to the exchange service: JSON over HTTP, retried where a retry can help."""

from __future__ import annotations

import http.client
import json
import random
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dataflow_kernels.environ import process_environment
from dataflow_kernels.errors import KernelError

_MOST_BYTES = 64 * 2**20
_PASSING = {429, 502, 503, 504}  # a moment later the same request may be answered
_ERRORS = (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError)


class ExchangeRefusedError(KernelError):
    """The exchange understood and said no."""


class ExchangeUnreachableError(KernelError):
    """The exchange, or the hub behind it, did not answer."""


@dataclass(frozen=True)
class Client:
    """One student's connection to the exchange; making it opens none.

    Parameters
    ----------
    url
        The service's address, up to and with `/services/exchange`.
    token
        The server's hub token; sent in a header only.
    attempts, pause_seconds
        How often a request is tried, and the first pause; each pause is twice the last, with jitter.
    """

    url: str
    token: str
    attempts: int = 5
    pause_seconds: float = 0.5
    timeout_seconds: float = 20.0
    sleep: Callable[[float], None] = time.sleep

    @classmethod
    def from_environment(cls) -> Client:
        """Give the client that the server's environment describes.

        Raises
        ------
        ExchangeUnreachableError
            The environment names no exchange or holds no token.
        """
        environ = process_environment()
        url, token = environ.get("DATAFLOW_EXCHANGE_URL", ""), environ.get("JUPYTERHUB_API_TOKEN", "")
        if not url or not token:
            raise ExchangeUnreachableError(
                "There is no assignment exchange here.",
                why="DATAFLOW_EXCHANGE_URL or JUPYTERHUB_API_TOKEN is not set: this is no server of the hub.",
                fix="Open your server through the hub.",
            )
        return cls(url=url.rstrip("/"), token=token)

    def get(self, *path: str, **query: str) -> dict[str, Any]:
        """Give what the exchange answers to a question.

        Raises
        ------
        ExchangeRefusedError, ExchangeUnreachableError
        """
        return self._ask(self._request(path, query, None))

    def post(self, *path: str, values: dict[str, Any]) -> dict[str, Any]:
        """Send values; the exchange must be able to tell a repetition from a second one, for a lost answer is asked for again.

        Raises
        ------
        ExchangeRefusedError, ExchangeUnreachableError
        """
        return self._ask(self._request(path, {}, json.dumps(values).encode("utf-8")))

    def _request(self, path: tuple[str, ...], query: dict[str, str], body: bytes | None) -> urllib.request.Request:
        url = "/".join([self.url, *(urllib.parse.quote(part, safe="") for part in path)])
        if query:
            url += "?" + urllib.parse.urlencode(query)
        headers = {"Authorization": f"token {self.token}", "Content-Type": "application/json"}
        return urllib.request.Request(url, data=body, headers=headers)  # noqa: S310 - the lab's own address, from the server's environment

    def _ask(self, request: urllib.request.Request) -> dict[str, Any]:
        for attempt in range(self.attempts):
            if attempt:
                self.sleep(self.pause_seconds * 2 ** (attempt - 1) * random.uniform(0.5, 1.5))  # noqa: S311 - spreads a class's retries
            try:
                return self._once(request)
            except urllib.error.HTTPError as error:
                with error:
                    refusal = _refusal(error)
                if error.code not in _PASSING or attempt == self.attempts - 1:
                    raise refusal from None
            except _ERRORS as error:
                reason = str(getattr(error, "reason", error))
        raise ExchangeUnreachableError(
            "The assignment exchange does not answer.",
            why=reason,
            fix="Your work is safe in your own folder. Try again in a minute; tell your instructor if it stays.",
        )

    def _once(self, request: urllib.request.Request) -> dict[str, Any]:
        # no proxy: the exchange is on the lab's own network, and the token must not leave it
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)
        with opener.open(request, timeout=self.timeout_seconds) as response:
            answer: dict[str, Any] = json.loads(response.read(_MOST_BYTES))
        return answer


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect (to a login page, say) is an error here, and must not carry the token along."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Follow none."""


def _refusal(error: urllib.error.HTTPError) -> KernelError:
    family = ExchangeUnreachableError if error.code in {502, 503, 504} else ExchangeRefusedError
    try:
        said = json.loads(error.read(_MOST_BYTES))
        return family(str(said["what"]), why=str(said.get("why", "")), fix=str(said.get("fix", "")))
    except (ValueError, KeyError, TypeError):
        return family(f"The exchange answered {error.code}.", why=str(error.reason), fix="Try again; tell your instructor if it stays.")
