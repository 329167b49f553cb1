"""The watermark simulator: what it shows is what the rule gives."""

import matplotlib as mpl
import pytest

from dataflow_kernels.watermark import draw, replay, simulator

mpl.use("agg")


def test_an_event_of_a_closed_window_is_dropped():
    """The window 0-10 is closed once an event of minute 40 was seen and the delay is 30."""
    played = replay([0, 12, 41, 5, 19], delay=30)
    assert played.dropped == (False, False, False, True, False)
    assert played.watermark[3] == 11


def test_a_wrong_clock_drops_all_that_follows():
    """One event from the far future closes every window."""
    assert replay([0, 500_000, 1, 2, 3], delay=60).dropped == (False, False, True, True, True)


def test_a_longer_delay_drops_less_and_remembers_more():
    """The price of completeness is memory."""
    events = [float(minute) for minute in range(200)]
    short, long = replay(events, delay=10), replay(events, delay=100)
    assert sum(short.dropped) == sum(long.dropped) == 0
    assert short.most_open < long.most_open


@pytest.mark.parametrize(("language", "word"), [("en", "events dropped"), ("pt-BR", "eventos descartados")])
def test_it_speaks_both_languages(language, word):
    """The line above the picture is in the student's language."""
    import matplotlib.pyplot as plt

    _, axes = plt.subplots()
    assert word in draw(axes, [0, 1, 2], [0, 90, 1], 30, language)
    assert simulator([0, 1], [0, 1], language).children[0].description
