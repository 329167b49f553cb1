"""The process of `trial`: `python -m dataflow_hub.grading.trial_process FOLDER NUMBER` plays FOLDER/request-NUMBER.json.

It writes each notebook's artefacts as `cases.evaluate` wants them.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataflow_hub.grading.places import filled, places
from dataflow_kernels.at_once import at_once
from dataflow_kernels.environ import LabEnv, export_defaults, exported
from dataflow_kernels.extension import QUIET, makers
from dataflow_kernels.names import Lazy, settle
from dataflow_kernels.spark import LabSpark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Compiling a query costs more than running it over a few hundred rows.
_NOT_COMPILED = {
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
}
_COMPILER = ["-XX:TieredStopAtLevel=4"]  # thousands of queries: the optimising compiler earns its start, and calls take a third less
_ERROR_CHARACTERS = 300


class _WarmSpark:
    """The one Spark of all trials, started when one first asks for it."""

    def __init__(self, env: LabEnv, *, compiled: bool) -> None:
        self.lab, self.compiled = LabSpark(env), compiled

    def session(self) -> Any:
        """Give the session; a submission that stopped it does not spoil the next."""
        self.lab.start(_COMPILER)
        session = self.lab.session()
        for name, value in {} if self.compiled else _NOT_COMPILED.items():
            session.conf.set(name, value)
        return session


def main(folder: Path, number: str) -> None:
    """Play every submission of one request."""
    export_defaults({**QUIET, "MPLBACKEND": "agg"})
    request = json.loads((folder / f"request-{number}.json").read_text(encoding="utf-8"))
    spark = _WarmSpark(LabEnv(**request["environment"]), compiled=request["compiled"])
    try:
        for submission in request["submissions"]:
            with contextlib.redirect_stdout(io.StringIO()):
                _play(folder, spark, submission, request)
    finally:
        spark.lab.stop()


def _play(folder: Path, spark: _WarmSpark, submission: dict[str, Any], request: dict[str, Any]) -> None:
    """Run the notebook's cells, then the steps of each case, and copy the lake at each snapshot."""
    begin = time.monotonic()
    target = folder / submission["name"]
    lake = target / "notebook" / "lake"
    shutil.copytree(folder / "landing", lake / "landing" / request["lesson"])
    env = replace(LabEnv(**request["environment"]), lake_root=lake.as_uri())
    with exported(env.to_environ()):
        names = {name: Lazy(make) for name, make in makers(env).items()}
        names |= {"spark": Lazy(spark.session), "check": Lazy(lambda: lambda *_: None)}
        namespace = {**names, "__name__": "__main__"}
        errors = []
        for cell in submission["cells"]:
            settle(cell, namespace, names)
            errors.append(_attempt(lambda cell=cell: exec(compile(cell, "<cell>", "exec"), namespace)))  # type: ignore[misc] # noqa: S102
        _play_all(folder, target, submission["cases"], namespace)
    _forget_tracking()
    log = {"errors": [error for error in errors if error], "seconds": time.monotonic() - begin}
    (target / "log.json").write_text(json.dumps(log), encoding="utf-8")


def play_cases(namespace: dict[str, Any]) -> None:
    """Play the cases of `steps.json` in the working folder on a notebook's names: for one that is executed by other means."""
    here = Path.cwd()
    _play_all(here, here, json.loads((here / "steps.json").read_text(encoding="utf-8")), namespace)


def _play_all(folder: Path, target: Path, cases: list[dict[str, Any]], namespace: dict[str, Any]) -> None:
    for number, case in enumerate(cases):
        _play_case(folder / case["landing"], target, number, case["steps"], namespace)


def _play_case(landing: Path, target: Path, number: int, steps: list[dict[str, Any]], namespace: dict[str, Any]) -> None:
    scratch, out = target / f"scratch-{number}", target / f"case-{number}"
    scratch.mkdir()
    out.mkdir()
    where = places(scratch, landing)
    calls = []
    for index, step in enumerate(steps):
        calls_at_once = filled([step["arguments"], *step["beside"]], where)
        begin = time.monotonic()
        fault = _refused(scratch / step["refused"]) if step["refused"] else contextlib.nullcontext()
        with fault:
            error = _attempt(lambda step=step, calls=calls_at_once: at_once(namespace[step["function"]], calls))  # type: ignore[misc]
        calls.append({"step": index, "function": step["function"], "error": error, "seconds": time.monotonic() - begin})
        if step["snapshot"]:
            shutil.copytree(scratch, out / step["snapshot"])
    (out / "calls.json").write_text(json.dumps(calls), encoding="utf-8")


def _forget_tracking() -> None:
    """End what a notebook left open in MLflow: the next one is in the same process."""
    if mlflow := sys.modules.get("mlflow"):
        while mlflow.active_run():
            mlflow.end_run()
        mlflow.set_tracking_uri(None)
        mlflow.set_registry_uri(None)


def _attempt(call: Callable[[], Any]) -> str:
    try:
        call()
    except BaseException as error:  # noqa: BLE001 - what is tried may raise anything
        return f"{type(error).__name__}: {str(error)[:_ERROR_CHARACTERS]}"
    return ""


@contextlib.contextmanager
def _refused(folder: Path) -> Iterator[None]:
    """Let a folder take no new file; as root this needs a process without CAP_DAC_OVERRIDE."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o555)
    try:
        yield
    finally:
        folder.chmod(0o755)


if __name__ == "__main__":
    os.umask(0o022)
    main(Path(sys.argv[1]), sys.argv[2])
