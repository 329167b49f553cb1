"""Which tests stay together when two workers share them: those of a file, with the services that they start; those of a lesson.

Marks for xdist's own grouping do nothing with pytest 9.2 (pytest-xdist issue 1386).
"""

import re

from xdist.scheduler.loadscope import LoadScopeScheduling

_LESSON = re.compile(r"^tests/lessons/.*\[(\w+-\w+)")  # as in `[medallion-02-silver-absolute]`


class ByFileOrLesson(LoadScopeScheduling):
    """Hand a whole file, or all tests of a lesson, to one worker."""

    def _split_scope(self, nodeid: str) -> str:
        lesson = _LESSON.match(nodeid)
        return lesson[1] if lesson else nodeid.split("::", 1)[0]
