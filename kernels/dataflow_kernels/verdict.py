"""A promotion gate to play with: how often so many rows crown the wrong one of two models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from dataflow_kernels.checks.outcome import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

_DRAWS = 1_000
_RIGHT, _WRONG = "#3d5a80", "#b3261e"
_ROWS, _MARGIN = Text("rows", "linhas"), Text("margin", "margem")
_GAIN = Text("loss of the champion minus loss of the candidate", "perda do campeão menos perda do candidato")
_SUMMARY = Text(
    "with {rows} rows, {promoted:.0%} of all samples promote the candidate",
    "com {rows} linhas, {promoted:.0%} das amostras promovem o candidato",
)


@dataclass(frozen=True)
class Verdicts:
    """The gains that samples of so many rows show (the candidate's smaller loss counts as positive), and the share above the margin."""

    gains: npt.NDArray[np.float64]
    promoted: float


def verdicts(champion: Sequence[float], candidate: Sequence[float], rows: int, margin: float = 0.0) -> Verdicts:
    """Judge two models on samples of `rows` rows, drawn with replacement.

    Parameters
    ----------
    champion, candidate
        The loss of each model on each row, in the same order.
    margin
        By how much the candidate has to be better to be promoted.
    """
    gain = np.asarray(champion, dtype=np.float64) - np.asarray(candidate, dtype=np.float64)
    sample = np.random.default_rng(0).integers(0, len(gain), (_DRAWS, rows))
    gains = gain[sample].mean(axis=1)
    return Verdicts(gains, float((gains > margin).mean()))


def simulator(champion: Sequence[float], candidate: Sequence[float], language: str | None = None) -> Any:
    """Give sliders for rows and margin over a picture of the verdicts; `language` is by default the student's."""
    from ipywidgets import FloatSlider, IntSlider, interactive

    from dataflow_kernels.environ import LabEnv

    tongue = language or LabEnv.from_environ().language

    def show(rows: int, margin: float) -> None:
        import matplotlib.pyplot as plt

        _, axes = plt.subplots(figsize=(8, 2.6))
        axes.set_title(draw(axes, verdicts(champion, candidate, rows, margin), rows, margin, tongue), fontsize=10)
        plt.show()

    return interactive(
        show,
        rows=IntSlider(value=20, min=5, max=len(champion), step=5, description=_ROWS.to(tongue), continuous_update=False),
        margin=FloatSlider(value=0, min=0, max=0.2, step=0.01, description=_MARGIN.to(tongue), continuous_update=False),
    )


def draw(axes: Axes, judged: Verdicts, rows: int, margin: float, language: str) -> str:
    """Draw the gains, those that do not promote in red; give one line that says how many do."""
    bins = np.linspace(judged.gains.min(), judged.gains.max() + 1e-9, 40).tolist()
    above = judged.gains > margin
    axes.hist([judged.gains[above], judged.gains[~above]], bins=bins, stacked=True, color=[_RIGHT, _WRONG])
    axes.axvline(margin, color="#a0622d", linewidth=1.2)
    axes.set_xlabel(_GAIN.to(language))
    return _SUMMARY.to(language).format(rows=rows, promoted=judged.promoted)
