"""A local MLflow store, made in no time: MLflow itself takes ten seconds, since it plays every migration of its history.

`mlflow_store.sql` is what those leave: the tables of the locked MLflow. `python -m dataflow_kernels.tracking_store` writes it anew.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from contextlib import closing
from functools import cache
from pathlib import Path

FOLDER, DATABASE, ARTIFACTS = "mlflow", "mlflow.db", "artifacts"
SCRIPT = Path(__file__).with_name("mlflow_store.sql")


def store_uri(folder: Path) -> str:
    """Give MLflow's address of the store in `folder`; an empty one is made where there is none."""
    folder.mkdir(parents=True, exist_ok=True)
    database = folder / DATABASE
    if not database.exists():
        _place(empty_store(), database)
    return f"sqlite:///{database}"


@cache
def empty_store() -> bytes:
    """Give the bytes of an empty store, as the installed MLflow would make it."""
    with closing(sqlite3.connect(":memory:")) as database:
        database.executescript(SCRIPT.read_text(encoding="utf-8"))
        return bytes(database.serialize())


def migrated_script() -> str:
    """Let MLflow make a store and give it as SQL; takes ten seconds."""
    from mlflow import MlflowClient

    with tempfile.TemporaryDirectory() as folder:
        MlflowClient(f"sqlite:///{folder}/{DATABASE}").search_experiments()
        with closing(sqlite3.connect(f"{folder}/{DATABASE}")) as database:
            lines = [line for line in database.iterdump() if not line.startswith('INSERT INTO "experiments"')]  # it makes that one itself
    return "\n".join([*lines, ""])


def _place(content: bytes, target: Path) -> None:
    """Write the file whole or not at all; one that another kernel has made meanwhile stays."""
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=".store-")
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    try:
        os.link(name, target)
    except FileExistsError:
        pass
    finally:
        Path(name).unlink()


if __name__ == "__main__":
    SCRIPT.write_text(migrated_script(), encoding="utf-8")
