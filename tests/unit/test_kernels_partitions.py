"""The partition viewer: what it says is where the messages are."""

import matplotlib as mpl
import pytest

from dataflow_kernels.partitions import Placed, draw, summary, viewer

mpl.use("agg")

TOGETHER = [Placed(1, 4, "A1", "1"), Placed(1, 6, "A1", "2"), Placed(0, 2, "A2", "1")]
APART = [Placed(1, 4, "A1", "1"), Placed(0, 6, "A1", "2")]


def test_a_name_in_one_partition_is_told_in_its_order():
    """The order is that of the offsets, however the messages are given."""
    assert summary([TOGETHER[1], TOGETHER[0]], "A1", "en") == "A1: 2 messages, all in partition 1, in the order 1 2"


@pytest.mark.parametrize(("language", "word"), [("en", "in 2 partitions"), ("pt-BR", "em 2 partições")])
def test_a_name_in_two_partitions_has_no_order(language, word):
    """That is what is to be seen, in the student's language."""
    assert word in summary(APART, "A1", language)


def test_the_picture_has_a_square_for_each_message():
    """Each partition is a row; a name with more messages is offered first."""
    import matplotlib.pyplot as plt

    _, axes = plt.subplots()
    assert "A1" in draw(axes, TOGETHER, "A1", "en")
    assert len(axes.patches) == 3
    assert [label.get_text() for label in axes.get_yticklabels()] == ["partition 0", "partition 1"]
    assert viewer(TOGETHER, "pt-BR").children[0].options == ("A1", "A2")
