"""Retries to play with: many pipelines ask one store at the same moment, and what they do when it refuses decides the next second."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dataflow_kernels.checks.outcome import Text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TICK = 0.1  # seconds
CLIENTS, CAPACITY, DOWN = 60, 8, 1.0  # pipelines; requests that the store answers in a tick; seconds
_RETRIES = 3
_SUMMARY = Text(
    "{requests} requests for {clients} files; {failed} pipelines gave up; the last file came after {last:.1f} s",
    "{requests} requisições para {clients} arquivos; {failed} pipelines desistiram; o último arquivo veio após {last:.1f} s",
)
_SECONDS, _LOAD = Text("seconds", "segundos"), Text("requests in 0.1 s", "requisições em 0,1 s")


@dataclass(frozen=True)
class Storm:
    """What came of it: requests and refusals a tick, how many pipelines gave up, and when the last file came (seconds)."""

    requests: dict[int, int]
    refused: dict[int, int]
    failed: int
    last: float


def storm(delay: float, *, growth: float = 2, jitter: float = 0) -> Storm:
    """Let `CLIENTS` pipelines ask at second 0, and three times more at most; for `DOWN` seconds the store refuses them all.

    Parameters
    ----------
    delay, growth
        The wait before the first retry, seconds, and by how much each further wait is longer.
    jitter
        The largest part by which a wait is longer at random: 1 for up to twice as long.
    """
    rng = random.Random(0)  # noqa: S311 - a picture, the same each time
    waiting = {0: [0] * CLIENTS}  # tick -> how often each pipeline that asks in it was refused before
    requests, refused = Counter[int](), Counter[int]()
    failed, last = 0, 0
    while waiting:
        tick = min(waiting)
        asking = waiting.pop(tick)
        requests[tick] += len(asking)
        answered = 0 if tick * TICK < DOWN else CAPACITY
        last = tick if asking[:answered] else last
        for tries in asking[answered:]:
            refused[tick] += 1
            if tries == _RETRIES:
                failed += 1
                continue
            wait = delay * growth**tries * (1 + jitter * rng.random())
            waiting.setdefault(tick + max(1, round(wait / TICK)), []).append(tries + 1)
    return Storm(dict(requests), dict(refused), failed, last * TICK)


def simulator(language: str | None = None) -> Any:
    """Give controls for delay, growth and jitter over a picture of the store's load; `language` is by default the student's."""
    from ipywidgets import Checkbox, Dropdown, FloatSlider, interactive

    from dataflow_kernels.environ import LabEnv

    tongue = language or LabEnv.from_environ().language

    def show(retry_delay_seconds: float, backoff: str, jitter: bool) -> None:
        import matplotlib.pyplot as plt

        _, axes = plt.subplots(figsize=(8, 2.6))
        growth = {"constant": 1.0, "exponential": 2.0}[backoff]
        axes.set_title(draw(axes, storm(retry_delay_seconds, growth=growth, jitter=float(jitter)), tongue), fontsize=10)
        plt.show()

    return interactive(
        show,
        retry_delay_seconds=FloatSlider(value=0, min=0, max=2, step=0.1, continuous_update=False),
        backoff=Dropdown(options=["constant", "exponential"]),
        jitter=Checkbox(value=False),
    )


def draw(axes: Axes, played: Storm, language: str) -> str:
    """Draw the load tick by tick, refused requests in red; give one line that says what it cost."""
    ticks = sorted(played.requests)
    seconds = [tick * TICK for tick in ticks]
    refused = [played.refused.get(tick, 0) for tick in ticks]
    answered = [played.requests[tick] - each for tick, each in zip(ticks, refused, strict=True)]
    axes.bar(seconds, answered, width=TICK * 0.8, color="#3d5a80")
    axes.bar(seconds, refused, bottom=answered, width=TICK * 0.8, color="#b3261e")
    axes.axhline(CAPACITY, color="#a0622d", linewidth=1.2)
    axes.set_xlabel(_SECONDS.to(language))
    axes.set_ylabel(_LOAD.to(language))
    return _SUMMARY.to(language).format(requests=sum(played.requests.values()), clients=CLIENTS, failed=played.failed, last=played.last)
