"""A topic to look at: its partitions as rows of squares, and where the messages of one key are among them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dataflow_kernels.checks.outcome import Text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_OTHERS, _CHOSEN, _INK = "#d9dee3", "#a0622d", "#1f2933"
_FOLLOW = Text("follow", "seguir")
_PARTITION = Text("partition", "partição")
_TOGETHER = Text(
    "{name}: {count} messages, all in partition {where}, in the order {order}",
    "{name}: {count} mensagens, todas na partição {where}, na ordem {order}",
)
_APART = Text(
    "{name}: {count} messages in {many} partitions; nothing says in which order a reader meets them",
    "{name}: {count} mensagens em {many} partições; nada diz em que ordem quem lê vai encontrá-las",
)


@dataclass(frozen=True)
class Placed:
    """One message: where it is, whose it is, and what is written on its square."""

    partition: int
    offset: int
    name: str
    label: str


def viewer(messages: Iterable[Placed], language: str | None = None) -> Any:
    """Show a topic, with a choice of the name whose messages are lit; names with many messages come first."""
    from ipywidgets import Dropdown, interactive

    from dataflow_kernels.environ import LabEnv

    tongue = language or LabEnv.from_environ().language
    placed = sorted(messages, key=lambda each: (each.partition, each.offset))
    often = [name for name, _ in Counter(each.name for each in placed).most_common(12)]
    choice = Dropdown(options=often, description=_FOLLOW.to(tongue))

    def show(name: str) -> None:
        import matplotlib.pyplot as plt

        _, axes = plt.subplots(figsize=(9, 0.6 + 0.45 * len({each.partition for each in placed})))
        axes.set_title(draw(axes, placed, name, tongue), fontsize=10, loc="left")
        plt.show()

    return interactive(show, name=choice)


def draw(axes: Axes, placed: Sequence[Placed], name: str, language: str) -> str:
    """Draw the squares, those of `name` lit; give one line that says where they are."""
    lit = [each for each in placed if each.name == name]
    first = {number: min(each.offset for each in placed if each.partition == number) for number in {each.partition for each in placed}}
    for each in placed:
        left, chosen = each.offset - first[each.partition], each.name == name
        axes.barh(each.partition, 0.9, left=left, height=0.8, color=_CHOSEN if chosen else _OTHERS)
        if chosen:
            axes.text(left + 0.45, each.partition, each.label, ha="center", va="center", fontsize=8, color="white")
    axes.set_yticks(sorted(first), [f"{_PARTITION.to(language)} {number}" for number in sorted(first)], color=_INK)
    axes.set_xlabel("offset")
    axes.invert_yaxis()
    axes.spines[["top", "right", "left"]].set_visible(False)
    return summary(lit, name, language)


def summary(lit: Sequence[Placed], name: str, language: str) -> str:
    """Say in how many partitions the messages of one name are, and in which order where that is one."""
    where = sorted({each.partition for each in lit})
    told = _TOGETHER if len(where) == 1 else _APART
    order = " ".join(each.label for each in sorted(lit, key=lambda each: each.offset))
    return told.to(language).format(name=name, count=len(lit), many=len(where), where=where[0] if where else "-", order=order)
