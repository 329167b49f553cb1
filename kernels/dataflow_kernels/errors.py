"""What can go wrong on the student's side: each error says what happened, why, and what to do."""

from __future__ import annotations


class KernelError(Exception):
    """Something the reader of a notebook can act on; shown without a traceback."""

    def __init__(self, what: str, *, why: str = "", fix: str = "") -> None:
        self.what, self.why, self.fix = what, why, fix
        super().__init__(what, why, fix)

    def __str__(self) -> str:
        parts = [self.what, f"Why: {self.why}" if self.why else "", f"Fix: {self.fix}" if self.fix else ""]
        return "\n".join(part for part in parts if part)

    def _render_traceback_(self) -> list[str]:
        """Give IPython the text alone: the frames would show our code, not the student's."""
        return [f"{type(self).__name__}: {self}"]


class EnvironmentMissing(KernelError):  # noqa: N818 - a notebook shows the name, so it says what happened
    """The lab's own variables are missing, incomplete or malformed."""


class CredentialsRefused(KernelError):  # noqa: N818 - a notebook shows the name, so it says what happened
    """A service knows no such credential any more: it expired, was revoked or was never given."""


class SparkStartFailed(KernelError):  # noqa: N818 - a notebook shows the name, so it says what happened
    """The JVM behind `spark` did not start, or has ended."""


class BrokerMissing(KernelError):  # noqa: N818 - a notebook shows the name, so it says what happened
    """No Kafka belongs to this run, or it does not answer."""


class TopicMissing(KernelError):  # noqa: N818 - a notebook shows the name, so it says what happened
    """There is no such topic."""


class InstallFailed(KernelError):  # noqa: N818 - a notebook shows the name, so it says what happened
    """A part could not be installed; nothing was left half-installed."""
