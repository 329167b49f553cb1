"""A watermark to play with: which events a delay would drop, and how many windows it keeps in memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dataflow_kernels.checks.outcome import Text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_KEPT, _DROPPED, _LINE = "#3d5a80", "#b3261e", "#a0622d"
_DELAY = Text("delay (min)", "atraso (min)")
_ARRIVAL, _EVENT = Text("minutes: arrived", "minutos: chegou"), Text("minutes: happened", "minutos: aconteceu")
_SUMMARY = Text(
    "{dropped} of {events} events dropped, at most {open} windows open",
    "{dropped} de {events} eventos descartados, no máximo {open} janelas abertas",
)


@dataclass(frozen=True)
class Replay:
    """What a delay did to events in their order of arrival.

    `watermark` is the watermark when each event came (minutes), `dropped` tells whether its window was closed by then, and
    `most_open` the largest number of windows that had to be remembered at once.
    """

    watermark: tuple[float, ...]
    dropped: tuple[bool, ...]
    most_open: int


def replay(happened: Iterable[float], delay: float, window: float = 10.0) -> Replay:
    """Play events in their order of arrival against a watermark that follows the newest of them.

    Parameters
    ----------
    happened
        When each event happened, minutes, in order of arrival.
    delay
        How far the watermark stays behind the newest event seen, minutes.
    window
        Length of a window, minutes.
    """
    newest, marks, dropped, opened, most = float("-inf"), list[float](), list[bool](), set[float](), 0
    for moment in happened:
        mark = newest - delay
        start = moment // window * window
        closed = start + window <= mark
        marks.append(mark)
        dropped.append(closed)
        newest = max(newest, moment)
        opened = {each for each in opened | (set() if closed else {start}) if each + window > newest - delay}
        most = max(most, len(opened))
    return Replay(tuple(marks), tuple(dropped), most)


def simulator(arrived: Sequence[float], happened: Sequence[float], language: str | None = None) -> Any:
    """Give a slider for the delay over a picture of the events: when each happened against when it arrived.

    Parameters
    ----------
    arrived, happened
        Minutes, one each an event, in order of arrival.
    language
        "en" or "pt-BR"; by default, the student's.
    """
    from ipywidgets import IntSlider, interactive

    from dataflow_kernels.environ import LabEnv

    tongue = language or LabEnv.from_environ().language
    slider = IntSlider(value=30, min=0, max=180, step=5, description=_DELAY.to(tongue), continuous_update=False)

    def show(delay: int) -> None:
        import matplotlib.pyplot as plt

        _, axes = plt.subplots(figsize=(8, 3.4))
        axes.set_title(draw(axes, arrived, happened, delay, tongue), fontsize=10)
        plt.show()

    return interactive(show, delay=slider)


def draw(axes: Axes, arrived: Sequence[float], happened: Sequence[float], delay: float, language: str) -> str:
    """Draw the events and the watermark; give one line that says what the delay costs."""
    played = replay(happened, delay)
    colours = [_DROPPED if gone else _KEPT for gone in played.dropped]
    axes.scatter(arrived, happened, s=6, c=colours)
    axes.plot(arrived, played.watermark, color=_LINE, linewidth=1.2, label="watermark")
    axes.set_xlabel(_ARRIVAL.to(language))
    axes.set_ylabel(_EVENT.to(language))
    axes.legend(loc="upper left")
    return _SUMMARY.to(language).format(dropped=sum(played.dropped), events=len(played.dropped), open=played.most_open)
