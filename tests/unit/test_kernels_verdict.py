"""The gate to play with: what the picture shows is what the rule gives."""

import matplotlib as mpl
import numpy as np
import pytest

from dataflow_kernels.verdict import draw, simulator, verdicts

mpl.use("agg")

RNG = np.random.default_rng(1)
WORSE = RNG.exponential(0.7, 400)
BETTER = WORSE - 0.1 + RNG.normal(0, 0.6, 400)


def test_more_rows_crown_the_right_one_more_often():
    """A small difference is lost in few rows, and seen in many."""
    few, many = verdicts(WORSE, BETTER, 10), verdicts(WORSE, BETTER, 400)
    assert 0.5 < few.promoted < 0.9
    assert many.promoted > 0.97


def test_a_margin_promotes_less_and_errs_less():
    """Whoever asks for a margin refuses also some that are better."""
    assert verdicts(WORSE, BETTER, 50, 0.1).promoted < verdicts(WORSE, BETTER, 50).promoted
    assert verdicts(BETTER, WORSE, 50, 0.1).promoted < verdicts(BETTER, WORSE, 50).promoted


def test_equal_models_are_never_promoted():
    """A candidate that is as good is not better."""
    assert verdicts(WORSE, WORSE, 50).promoted == 0


@pytest.mark.parametrize(("language", "word"), [("en", "samples"), ("pt-BR", "amostras")])
def test_it_speaks_both_languages(language, word):
    """The line above the picture is in the student's language."""
    import matplotlib.pyplot as plt

    _, axes = plt.subplots()
    assert word in draw(axes, verdicts(WORSE, BETTER, 20), 20, 0.0, language)
    assert len(simulator(WORSE.tolist(), BETTER.tolist(), language).children) == 3
