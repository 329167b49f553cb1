"""The reaper: a small supervised process that outlives a killed supervisor just long enough to end all of its lab's processes.

`setpriv --pdeathsig` ends the supervisor's direct children; students' servers and whatever else forked away are found by
their mark.
"""

from __future__ import annotations

import os
import select
import sys

from dataflow_hub.services.family import sweep


def main(supervisor: int, mark: str) -> None:
    """Wait for the process `supervisor` to die, then end every process marked `mark`."""
    try:
        descriptor = os.pidfd_open(supervisor)
    except ProcessLookupError:
        sweep(mark)
        return
    if os.getppid() == supervisor:  # else it was dead before, and the number is somebody else's now
        select.select([descriptor], [], [])
    sweep(mark)


if __name__ == "__main__":
    main(os.getppid(), sys.argv[1])
