"""The truth ledger: for every landed line, which order it is, what was injected into it, and what it should mean."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dataflow_hub.datagen.defects import Defect

Column = npt.NDArray[np.int64]
_COLUMNS = ("batch", "line", "order", "version", "cents", "instant", "region", "defects")


@dataclass(frozen=True, eq=False)
class Ledger:
    """What the generator knows about each line, in landing order. It never enters a student's sandbox.

    Columns, one entry a line: `batch` (index into `batches`), `line` (from 1, within its file), `order` (number of the order;
    -1 for a malformed line, of which no order can be recovered), `version`, `cents` (true amount), `instant` (true time in
    seconds since 1970, UTC), `region` (index into `pools.REGIONS`), `defects` (bits of `Defect`).
    """

    seed: int
    size: str
    batches: tuple[str, ...]
    drift_from: int
    batch: Column
    line: Column
    order: Column
    version: Column
    cents: Column
    instant: Column
    region: Column
    defects: Column

    def __len__(self) -> int:
        return len(self.batch)

    def having(self, defect: Defect) -> npt.NDArray[np.bool_]:
        """Tell for each line whether `defect` was injected."""
        found: npt.NDArray[np.bool_] = (self.defects & int(defect)) != 0
        return found

    def count(self, defect: Defect) -> int:
        """Count the lines with `defect`."""
        return int(self.having(defect).sum())

    def rows_in(self, batch: str) -> int:
        """Count the lines of the file `batch`."""
        return int((self.batch == self.batches.index(batch)).sum())

    @property
    def empty_batches(self) -> tuple[str, ...]:
        """Names of the files without a line."""
        used = {int(index) for index in np.unique(self.batch)}
        return tuple(name for index, name in enumerate(self.batches) if index not in used)

    @property
    def drifted_batches(self) -> tuple[str, ...]:
        """Names of the files from the one in which the schema changes."""
        return tuple(name for name in self.batches[self.drift_from :] if name not in self.empty_batches)

    def to_json(self) -> str:
        """Write the ledger as one JSON object of columns."""
        head = {"seed": self.seed, "size": self.size, "batches": list(self.batches), "drift_from": self.drift_from}
        return json.dumps({**head, **{name: getattr(self, name).tolist() for name in _COLUMNS}})

    @classmethod
    def from_json(cls, text: str) -> Ledger:
        """Read what `to_json` wrote."""
        data: dict[str, Any] = json.loads(text)
        columns = {name: np.asarray(data[name], dtype=np.int64) for name in _COLUMNS}
        return cls(data["seed"], data["size"], tuple(data["batches"]), data["drift_from"], **columns)
