"""The storm of retries: what the picture shows is what the rule gives."""

import matplotlib as mpl
import pytest

from dataflow_kernels.retries import CAPACITY, CLIENTS, DOWN, TICK, draw, simulator, storm

mpl.use("agg")


def test_without_a_wait_everybody_gives_up():
    """All retries fall into the time in which the store is down."""
    played = storm(0)
    assert played.failed == CLIENTS
    assert max(played.requests) * TICK < DOWN


def test_growing_waits_without_jitter_stay_a_herd():
    """They outlast the outage, but those who asked together ask together again."""
    played = storm(0.4)
    assert 0 < played.failed < CLIENTS
    assert len(played.requests) == 4


def test_growing_waits_with_jitter_bring_every_file():
    """Nobody gives up, and no more is answered in a tick than the store can."""
    played = storm(0.4, jitter=1)
    assert played.failed == 0
    assert played.last > DOWN
    assert all(asked - played.refused.get(tick, 0) <= CAPACITY for tick, asked in played.requests.items())


@pytest.mark.parametrize(("language", "word"), [("en", "gave up"), ("pt-BR", "desistiram")])
def test_it_speaks_both_languages(language, word):
    """The line above the picture is in the student's language; there is a control for each of the three."""
    import matplotlib.pyplot as plt

    _, axes = plt.subplots()
    assert word in draw(axes, storm(0.4), language)
    assert len(simulator(language).children) == 4
