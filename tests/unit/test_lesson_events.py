"""The power cut of lesson 3.1: three readers, and what each loses and has twice."""

import re
from pathlib import Path
from types import SimpleNamespace

import jupytext

LESSON = Path(__file__).parents[2] / "courses" / "streaming" / "01-events" / "lesson.py"
MESSAGES = 2_000


class Topics:
    """One partition of messages that every new group reads from the first on."""

    def __init__(self):
        self.committed = {}

    def offsets(self, _):
        return {0: (0, MESSAGES)}

    def consumer(self, group, **_):
        consumer = SimpleNamespace(position=self.committed.get(group, 0), close=lambda: None)
        consumer.commit = lambda **_: self.committed.update({group: consumer.position})
        return consumer

    def pending(self, consumer, _):
        while consumer.position < MESSAGES:
            place = consumer.position
            consumer.position += 1
            yield SimpleNamespace(partition=lambda: 0, offset=lambda place=place: place)


def test_the_second_reader_lost_all_that_the_first_had_read(capsys):
    """Each reader has a group of its own, also when the cell is run again: lost once, twice once, neither."""
    (cell,) = [each.source for each in jupytext.read(LESSON, fmt="py:percent").cells if each.source.startswith("class PowerCut")]
    clock = iter(range(100))
    names = {"topics": Topics(), "group": "bronze", "time": SimpleNamespace(time=lambda: next(clock))}
    for _ in range(2):
        exec(cell, names)
        found = re.findall(r"lost: +(\d+) +twice: +(\d+)", capsys.readouterr().out)
        assert found == [("400", "0"), ("0", "400"), ("0", "0")]
