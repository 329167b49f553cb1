"""How a submission is exercised on one unseen data set: calls, faults, and what is copied out between them.

A lesson's `checks/hidden.py` gives `scenario(rng, batches) -> list[Step]`. The steps are decided outside the student's
process and sent in one at a time; after each step with a `snapshot`, the lake is copied out before the next is sent. The
student's code cannot know what comes next, so whatever passes every snapshot behaves rightly, however it is written.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Fault = Literal["", "commit_refused", "writes_refused", "killed"]
_LOG = "_delta_log"


@dataclass(frozen=True)
class Step:
    """One call of a function of the student's notebook.

    Parameters
    ----------
    function
        Name of a function that the notebook defines.
    arguments
        Keyword arguments, JSON values. In texts, `{lake}` stands for the case's scratch lake and `{landing}` for the folder
        with its batches (both `file:` URIs inside the sandbox); `{lake_folder}` and `{landing_folder}` are the same as plain paths.
    snapshot
        When given, the case's lake is copied out under this name after the call.
    fault
        `commit_refused`: the table's `_delta_log` refuses writes during the call (data files land, the commit does not), and
        accepts them again afterwards; `writes_refused`: a folder takes no new file during the call, as if the writer had died just
        before; `killed`: the kernel is killed during the call, and started anew with the notebook's definitions. The call may raise
        under a fault; without one, a raise is recorded and the case goes on.
    table
        The folder below the lake that the fault is about: a table for `commit_refused`, any folder for `writes_refused`.
    beside
        Arguments of further calls of the same function, made at the same moment in threads of their own; the step ends when all
        have ended, and its error is that of the first that raised.
    """

    function: str
    arguments: dict[str, Any] = field(default_factory=dict)
    snapshot: str = ""
    fault: Fault = ""
    table: str = ""
    beside: tuple[dict[str, Any], ...] = ()

    @property
    def refused(self) -> str:
        """The folder below the lake that refuses writes during the call; "" when none does."""
        return {"commit_refused": f"{self.table}/{_LOG}", "writes_refused": self.table}.get(self.fault, "")


@dataclass(frozen=True)
class CallResult:
    """What one step's call did, as told from outside: `error` is empty when it returned."""

    step: int
    function: str
    error: str
    seconds: float
