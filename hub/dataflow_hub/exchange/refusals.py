"""Why the exchange says no, each with the HTTP status its service answers with."""

from __future__ import annotations

from dataflow_hub.errors import ExchangeError


class RefusedError(ExchangeError):
    """What was sent is not acceptable: a bad name, a link, a file that is no notebook."""

    status = 400


class UnauthenticatedError(RefusedError):
    """No token, or one that the hub does not know (any more)."""

    status = 401


class ForbiddenError(RefusedError):
    """The caller is not known, or not in that course."""

    status = 403


class UnknownError(RefusedError):
    """There is no such release, submission or feedback."""

    status = 404


class ConflictError(RefusedError):
    """The same submission id came again with other content."""

    status = 409


class TooLargeError(RefusedError):
    """More bytes or more files than one submission may have."""

    status = 413


class QuotaError(RefusedError):
    """The student has used up what they may keep in the exchange."""

    status = 429


class UnavailableError(RefusedError):
    """The hub cannot say who the caller is right now; the same request may work in a moment."""

    status = 503


class NoRoomError(RefusedError):
    """The disk is full; nothing was kept."""

    status = 507
