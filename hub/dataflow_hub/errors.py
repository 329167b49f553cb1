"""What can go wrong, as families: each with its exit code and a what / why / fix text."""

from __future__ import annotations


class LabError(Exception):
    """Something a person can act on: what happened, why, and what to do.

    The command line prints it without a traceback and exits with the family's code.
    """

    exit_code = 1

    def __init__(self, what: str, *, why: str = "", fix: str = "") -> None:
        self.what, self.why, self.fix = what, why, fix
        super().__init__(what, why, fix)

    def __str__(self) -> str:
        parts = [self.what, f"Why: {self.why}" if self.why else "", f"Fix: {self.fix}" if self.fix else ""]
        return "\n".join(part for part in parts if part)


class SettingsError(LabError):
    """A setting is unknown, malformed or contradicts another."""

    exit_code = 2


class MissingError(LabError):
    """Something the lab stands on is not there: a JDK, a jar, a binary, a disk with room."""

    exit_code = 3


class ServiceError(LabError):
    """A service did not start, does not answer, or its port is taken."""

    exit_code = 4


class LessonError(LabError):
    """A lesson breaks its contract, or a release gate refused it."""

    exit_code = 5


class GradingError(LabError):
    """A submission could not be graded and needs a person; never the same as a score of 0."""

    exit_code = 6


class RosterError(LabError):
    """A roster, account, invite or course membership is wrong."""

    exit_code = 7


class ExchangeError(LabError):
    """The assignment exchange refused or could not keep something."""

    exit_code = 8


class SandboxError(LabError):
    """No sandbox can be made here, so nothing of a student's may run."""

    exit_code = 9
