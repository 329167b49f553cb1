"""Which tests stay together when two workers share them, and what stays the same for all of them.

Those of a file, with the services that they start; those of a lesson; those of the one lab of containers, which takes minutes to start.
Marks for xdist's own grouping do nothing with pytest 9.2 (pytest-xdist issue 1386).
"""

import os
import re
from datetime import UTC, datetime

from xdist.scheduler.loadscope import LoadScopeScheduling

_LESSON = re.compile(r"^tests/lessons/.*\[(\w+-\w+)")  # as in `[medallion-02-silver-absolute]`
_CONTAINERS = re.compile(r"^tests/security/test_(isolation|container_attacks|service_containers)\.py|[-\[]containers\]$")
_DAY = "DATAFLOW_TEST_DAY"


def day_of_run() -> int:
    """Give the day on which the run began, as its ordinal: workers inherit it, and midnight does not change what is tried."""
    return int(os.environ.setdefault(_DAY, str(datetime.now(tz=UTC).toordinal())))


class ByFileOrLesson(LoadScopeScheduling):
    """Hand a whole file, all tests of a lesson, or all of the lab of containers to one worker."""

    def _split_scope(self, nodeid: str) -> str:
        if _CONTAINERS.search(nodeid):
            return "containers"
        lesson = _LESSON.match(nodeid)
        return lesson[1] if lesson else nodeid.split("::", 1)[0]
