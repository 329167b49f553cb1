"""How a submission is exercised on one unseen data set: calls, faults, and what is copied out between them.

A lesson's `checks/hidden.py` gives `scenario(rng, batches) -> list[Step]`. The steps are decided outside the student's
process and sent in one at a time; after each step with a `snapshot`, the lake is copied out before the next is sent. The
student's code cannot know what comes next, so whatever passes every snapshot behaves rightly, however it is written.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Fault = Literal["", "commit_refused", "killed"]


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
        accepts them again afterwards; `killed`: the kernel is killed during the call, and started anew with the notebook's
        definitions. The call may raise under a fault; without one, a raise is recorded and the case goes on.
    table
        The table's folder below the lake, for `commit_refused`.
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


@dataclass(frozen=True)
class CallResult:
    """What one step's call did, as told from outside: `error` is empty when it returned."""

    step: int
    function: str
    error: str
    seconds: float
