"""The micro-batch that dies: what its picture shows is what the protocol gives."""

import matplotlib as mpl
import pytest

from dataflow_kernels.microbatch import WRITERS, draw, play, simulator

mpl.use("agg")


def test_a_batch_that_dies_after_its_commit_is_appended_twice():
    """The table has it, the checkpoint does not know: the one moment at which a plain append doubles."""
    assert [play("append", moment).copies for moment in range(5)] == [1, 1, 1, 2, 1]


def test_a_batch_number_makes_the_table_refuse_the_second_copy():
    """One copy, wherever the writer dies."""
    assert [play("append_once", moment).copies for moment in range(5)] == [1, 1, 1, 1, 1]
    assert play("append_once", 3).runs[1] == ("skipped", "skipped", "skipped", "done")


def test_noting_a_batch_before_it_is_written_loses_it():
    """At most once: the note says done, and the rows are nowhere."""
    assert [play("done_first", moment).copies for moment in range(5)] == [1, 1, 0, 0, 1]


@pytest.mark.parametrize(("language", "word"), [("en", "copies of each row: 2"), ("pt-BR", "cópias de cada linha: 2")])
def test_it_speaks_both_languages(language, word):
    """The line above the picture and the controls are in the student's language."""
    import matplotlib.pyplot as plt

    _, axes = plt.subplots()
    assert draw(axes, play("append", 3), language) == word
    assert simulator(language).children[0].options[2][0] == WRITERS["done_first"].to(language)
