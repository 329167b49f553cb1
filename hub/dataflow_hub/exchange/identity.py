"""Who is calling: the hub says so, by the token of the caller's own server."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from jupyterhub.services.auth import HubAuth
from tornado.web import HTTPError

from dataflow_hub.exchange.refusals import ForbiddenError, UnauthenticatedError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence

CACHE_SECONDS = 20  # a revoked token is refused everywhere within 60 s
_BEARER = re.compile(r"(?:token|bearer) (\S{1,512})", re.IGNORECASE)


class Members(Protocol):
    """What the exchange asks of the roster."""

    def role(self, course: str, user: str) -> str | None:
        """Give the user's role in a course; None is no member."""

    def language(self, user: str) -> str:
        """Give the language that the user reads lessons in."""


@dataclass(frozen=True)
class Caller:
    """The hub user that a request comes from."""

    name: str


class HubIdentity:
    """Asks the hub whose token a request carries; answers are kept for `CACHE_SECONDS`.

    Parameters
    ----------
    api_url
        The hub's API, `http://127.0.0.1:8081/hub/api`.
    api_token
        The service's own token.
    scopes
        The token must hold one of these; none means that any user's token will do.
    """

    def __init__(self, api_url: str, api_token: str, scopes: Sequence[str] = ()) -> None:
        self._hub = HubAuth(api_url=api_url, api_token=api_token, cache_max_age=CACHE_SECONDS)
        self._scopes = set(scopes)

    async def caller(self, authorization: str) -> Caller:
        """Give the user whose token the `Authorization` header holds.

        Raises
        ------
        UnauthenticatedError
            No token, or one that the hub does not know.
        ForbiddenError
            A service's token, or one without the scope.
        UnavailableError
            The hub does not answer.
        """
        token = _BEARER.fullmatch(authorization.strip())
        if token is None:
            raise UnauthenticatedError("The exchange was not told who you are.", why="The request has no token.", fix=_RESTART)
        try:
            model = await self._hub.user_for_token(token[1], sync=False)
        except HTTPError as error:
            raise UnavailableError(
                "The hub does not answer right now.", why=str(error.log_message), fix="Try again in a minute."
            ) from error
        if not model:
            raise UnauthenticatedError("The hub no longer knows your server's token.", why="It expired or was revoked.", fix=_RESTART)
        if model.get("kind") != "user" or (self._scopes and not self._hub.check_scopes(self._scopes, model)):
            raise ForbiddenError(
                "This token may not use the exchange.",
                why="It is no student's or instructor's server token, or lacks the scope access:services!service=exchange.",
                fix=_RESTART,
            )
        return Caller(name=model["name"])


_RESTART = "Stop your server (File > Hub Control Panel) and start it again."
