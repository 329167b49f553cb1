"""A store of delivery files that is down when it is told to be, and writes down each request: for pipelines that must stand it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from dataflow_kernels.checks.outcome import Text

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

REQUESTS, OUTAGES = "source/requests", "source/outages"
_COLUMNS = {REQUESTS: ("dia", "status", "em"), OUTAGES: ("dia", "status", "em", "ate")}  # `ate`: the outage ends with that request
_OK, _GONE = 200, 410
_COLOURS = {_OK: "#1a7f37", _GONE: "#b3261e"}
_SECONDS = Text("seconds since the first request", "segundos desde a primeira requisição")


class Unavailable(Exception):  # noqa: N818 - the name of HTTP status 503
    """The store has too much to do: the same request may succeed a little later."""


class Gone(Exception):  # noqa: N818 - the name of HTTP status 410
    """There is no such file, and there will be none: asking again does not help."""


class Carrier:
    """The store that holds the files in `source`; requests and outages are Delta tables below `place`.

    Parameters
    ----------
    source
        URI of the folder with `entregas-<day>.jsonl`.
    place
        URI of the pipeline's own part of the lake.
    options
        delta-rs storage options; empty for files.
    """

    def __init__(self, source: str, place: str, options: Mapping[str, str] | None = None) -> None:
        self._source, self._place, self._options = source.rstrip("/"), place.rstrip("/"), dict(options or {})

    def prepare(self) -> None:
        """Forget all requests and outages."""
        for table in (REQUESTS, OUTAGES):
            self._write(table, [], mode="overwrite")

    def outage(self, day: str, status: int, times: int) -> None:
        """Have the next `times` requests for a day answered with `status`: 503 for now, 410 for good."""
        before = len(self._of(REQUESTS, day))
        self._write(OUTAGES, [{"dia": day, "status": status, "em": datetime.now(UTC), "ate": before + times}])

    def read(self, day: str) -> pd.DataFrame:
        """Ask for a day's deliveries, as they arrived.

        Raises
        ------
        Unavailable
            503.
        Gone
            410.
        """
        import pandas as pd

        status = self._status(day)
        self._write(REQUESTS, [{"dia": day, "status": status, "em": datetime.now(UTC)}])
        if status != _OK:
            raise (Gone if status == _GONE else Unavailable)(f"{status}: entregas-{day}.jsonl")
        lines = self._content(f"entregas-{day}.jsonl").decode().splitlines()
        return pd.DataFrame([json.loads(line, parse_int=float) for line in lines])  # pandas' own reader rounds the last digit

    def requests(self, day: str) -> pd.DataFrame:
        """Give the requests for a day in order: `status`, `em` (when)."""
        return self._of(REQUESTS, day)[["status", "em"]]

    def timeline(self, day: str, language: str | None = None) -> None:
        """Draw when a day was asked for, and what the answers were."""
        import matplotlib.pyplot as plt

        from dataflow_kernels.environ import LabEnv

        _, axes = plt.subplots(figsize=(8, 1.3))
        draw(axes, self.requests(day), language or LabEnv.from_environ().language)
        plt.show()

    def _status(self, day: str) -> int:
        planned, asked = self._of(OUTAGES, day), len(self._of(REQUESTS, day))
        return int(planned.status.iloc[-1]) if len(planned) and asked < planned.ate.iloc[-1] else _OK

    def _of(self, table: str, day: str) -> pd.DataFrame:
        """Give a day's rows, in the order in which they were written."""
        from deltalake import DeltaTable

        frame = DeltaTable(f"{self._place}/{table}", storage_options=self._options or None).to_pandas()
        return frame[frame.dia == day].sort_values("em", ignore_index=True)

    def _write(self, table: str, rows: list[dict[str, Any]], *, mode: Literal["append", "overwrite"] = "append") -> None:
        import pyarrow as pa
        from deltalake import write_deltalake

        types = {"dia": pa.string(), "em": pa.timestamp("us", "UTC")}
        schema = pa.schema([(name, types.get(name, pa.int64())) for name in _COLUMNS[table]])
        write_deltalake(f"{self._place}/{table}", pa.Table.from_pylist(rows, schema), mode=mode, storage_options=self._options or None)

    def _content(self, name: str) -> bytes:
        from deltalake.fs import DeltaStorageHandler
        from pyarrow.fs import PyFileSystem

        content: bytes = PyFileSystem(DeltaStorageHandler(self._source, self._options or None)).open_input_file(name).read()
        return content


def draw(axes: Axes, requests: pd.DataFrame, language: str) -> None:
    """Draw requests as points on a line of time, each with its status."""
    seconds = (requests.em - requests.em.min()).dt.total_seconds()
    axes.hlines(0, 0, max(seconds.max(), 0.1), color="#b9c0c7", linewidth=1)
    for second, status in zip(seconds, requests.status, strict=True):
        axes.plot(second, 0, "o", markersize=12, color=_COLOURS.get(status, "#a0622d"))
        axes.annotate(str(status), (second, 0), xytext=(0, 12), textcoords="offset points", ha="center", fontsize=9)
    axes.set_yticks([])
    axes.set_ylim(-1, 2)
    axes.set_xlabel(_SECONDS.to(language))
    axes.spines[["top", "left", "right"]].set_visible(False)
