"""A micro-batch to kill: which of its steps were done, what the next run does, and how many copies of a row are left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dataflow_kernels.checks.outcome import Text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_STEPS = {
    "offsets": Text("offsets\nwritten", "offsets\ngravados"),
    "data": Text("data files\nwritten", "arquivos de\ndados gravados"),
    "commit": Text("table\ncommit", "commit da\ntabela"),
    "done": Text("checkpoint:\nbatch done", "checkpoint:\nlote feito"),
}
_ORDER = ("offsets", "data", "commit", "done")
WRITERS = {
    "append": Text("append", "append"),
    "append_once": Text("append that tells its batch number", "append que informa o número do lote"),
    "done_first": Text("batch noted as done before it is written", "lote anotado como feito antes de ser gravado"),
}
_RUNS = (Text("first run", "primeira execução"), Text("next run", "execução seguinte"))
_WRITER, _DEATH, _NEVER = Text("writer", "escrita"), Text("dies before", "morre antes de"), Text("it lives", "sobrevive")
_COPIES = Text("copies of each row: {copies}", "cópias de cada linha: {copies}")
_COLOURS = {"done": "#3d5a80", "skipped": "#b9c0c7", "dead": "#ffffff"}


@dataclass(frozen=True)
class Played:
    """What became of each step in two runs ("done", "skipped", "dead": never reached), and how many copies of a row there are."""

    steps: tuple[str, ...]
    runs: tuple[tuple[str, ...], tuple[str, ...]]
    copies: int


def play(writer: str, dies_before: int) -> Played:
    """Play one micro-batch that dies, and the run after it.

    Parameters
    ----------
    writer
        A name in `WRITERS`.
    dies_before
        The number of the step that is not reached any more, from 0; 4 when nothing dies.
    """
    steps = ("offsets", "done", "data", "commit") if writer == "done_first" else _ORDER
    first = tuple("done" if number < dies_before else "dead" for number in range(len(steps)))
    reached = dict(zip(steps, first, strict=True))
    if reached["done"] == "done":
        second = ("skipped",) * len(steps)
    else:
        written = writer == "append_once" and reached["commit"] == "done"
        second = tuple(_again(step, reached, skips=written) for step in steps)
    commits = (reached["commit"], dict(zip(steps, second, strict=True))["commit"])
    return Played(steps, (first, second), commits.count("done"))


def _again(step: str, reached: dict[str, str], *, skips: bool) -> str:
    """Say what the next run does: it keeps offsets that are there, and skips a batch that the table knows."""
    if step == "offsets":
        return "skipped" if reached["offsets"] == "done" else "done"
    return "skipped" if skips and step != "done" else "done"


def simulator(language: str | None = None) -> Any:
    """Give controls for the way of writing and the moment of death over a picture of both runs.

    Parameters
    ----------
    language
        "en" or "pt-BR"; by default, the student's.
    """
    from ipywidgets import Dropdown, interactive

    from dataflow_kernels.environ import LabEnv

    tongue = language or LabEnv.from_environ().language
    wide = {"description_width": "8em"}
    writers = Dropdown(options=[(text.to(tongue), name) for name, text in WRITERS.items()], description=_WRITER.to(tongue), style=wide)
    moments = [(f"{number + 1}", number) for number in range(len(_ORDER))] + [(_NEVER.to(tongue), len(_ORDER))]
    death = Dropdown(options=moments, value=len(_ORDER), description=_DEATH.to(tongue), style=wide)

    def show(writer: str, dies_before: int) -> None:
        import matplotlib.pyplot as plt

        _, axes = plt.subplots(figsize=(8, 2.4))
        axes.set_title(draw(axes, play(writer, dies_before), tongue), fontsize=11)
        plt.show()

    return interactive(show, writer=writers, dies_before=death)


def draw(axes: Axes, played: Played, language: str) -> str:
    """Draw both runs, one below the other; give one line that says how many copies are left."""
    for row, states in enumerate(played.runs):
        axes.text(-0.15, -row, _RUNS[row].to(language), ha="right", va="center")
        for number, (step, state) in enumerate(zip(played.steps, states, strict=True)):
            ink = "#ffffff" if state == "done" else "#59636e"
            edge = {
                "facecolor": _COLOURS[state],
                "edgecolor": "#8a949e",
                "boxstyle": "round,pad=0.4",
                "linestyle": ":" if state == "dead" else "-",
            }
            axes.text(
                number + 0.5, -row, f"{number + 1} {_STEPS[step].to(language)}", ha="center", va="center", fontsize=8, color=ink, bbox=edge
            )
        if "dead" in states:
            axes.text(states.index("dead"), -row, "✘", ha="center", va="center", color="#b3261e", fontsize=16)
    axes.set_xlim(-1.3, len(played.steps))
    axes.set_ylim(-1.6, 0.6)
    axes.axis("off")
    return _COPIES.to(language).format(copies=played.copies)
