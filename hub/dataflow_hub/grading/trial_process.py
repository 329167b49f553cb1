"""The process of `players`: plays each request of its standard input, one JSON line each, and answers with a line when it is done.

It writes each notebook's artefacts as `cases.evaluate` wants them.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import shutil
import sys
import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from dataflow_hub.grading.places import filled, places
from dataflow_kernels import local_broker
from dataflow_kernels.at_once import at_once
from dataflow_kernels.environ import LabEnv, export_defaults, exported
from dataflow_kernels.extension import QUIET, makers
from dataflow_kernels.names import Lazy, settle
from dataflow_kernels.spark import LabSpark
from dataflow_kernels.topics import Topics
from dataflow_kernels.tracking import point_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dataflow_kernels.local_broker import LocalBroker

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

    def __init__(self, env: LabEnv) -> None:
        self.lab = LabSpark(env)
        self.original: dict[str, str] = {}

    def session(self) -> Any:
        """Give the session; a submission that stopped it does not spoil the next."""
        self.lab.start(_COMPILER)
        session = self.lab.session()
        self.original = self.original or dict(session.conf.getAll)
        for name, value in _NOT_COMPILED.items():
            session.conf.set(name, value)
        return session

    def forget(self) -> None:
        """Take back what a submission left in the session: streams, cached tables, settings."""
        if not self.original:
            return
        session = self.lab.session()
        for query in session.streams.active:
            query.stop()
        session.catalog.clearCache()
        session._jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()  # noqa: SLF001 - there is no public way
        for name in set(session.conf.getAll) - set(self.original):
            session.conf.unset(name)
        for name, value in self.original.items():
            if session.conf.isModifiable(name) and session.conf.get(name) != value:
                session.conf.set(name, value)


class _WarmKafka:
    """The one broker of all trials, started when one first asks for it; each has a namespace of its own on it."""

    def __init__(self, env: LabEnv) -> None:
        self.env = env
        self.started: LocalBroker | None = None

    def topics(self, number: int) -> Topics:
        """Give a submission's `topics`."""
        self.started = self.started or local_broker.start(self.env)
        return Topics(replace(self.env, user=f"{self.env.user}-{number}"), self.started)

    def stop(self) -> None:
        """End it, if it was started."""
        if self.started:
            self.started.stop()


class _CallbackErrors(logging.Handler):
    """Remembers, within its block, errors in the callbacks of widgets, which ipywidgets logs and leaves at that."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._log = logging.getLogger("traitlets")
        self._last = ""

    def __enter__(self) -> Self:
        self._log.addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._log.removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the error of a record that has one."""
        if record.exc_info and record.exc_info[1]:
            self._last = _told(record.exc_info[1])

    def taken(self) -> str:
        """Give the last error since this was asked; "" when there was none."""
        last, self._last = self._last, ""
        return last


def main() -> None:
    """Play one request after the other until the input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a notebook prints is not an answer
    export_defaults({**QUIET, "MPLBACKEND": "agg"})
    with tempfile.TemporaryDirectory(prefix="trials-", ignore_cleanup_errors=True) as own:
        spark = kafka = None
        for number, line in enumerate(sys.stdin):
            request = json.loads(line)
            if spark is None or kafka is None:
                env = replace(LabEnv(**request["environment"]), lake_root=Path(own).as_uri(), spark_log=f"{own}/spark.log")
                spark, kafka = _WarmSpark(env), _WarmKafka(env)
            os.chdir(request["folder"])
            warm = {"spark": Lazy(spark.session), "topics": Lazy(partial(kafka.topics, number))}
            with contextlib.redirect_stdout(io.StringIO()):
                _play(Path(request["folder"]), warm, request["submission"], request)
                _attempt(spark.forget)
            answers.write(json.dumps({"played": request["submission"]["name"]}) + "\n")
            answers.flush()
        os.chdir(own)
        if spark and kafka:
            spark.lab.stop()
            kafka.stop()


def _play(folder: Path, warm: dict[str, Lazy], submission: dict[str, Any], request: dict[str, Any]) -> None:
    """Run the notebook's cells, then the steps of each case, and copy the lake at each snapshot."""
    begin = time.monotonic()
    target = folder / submission["name"]
    lake = target / "notebook" / "lake"
    shutil.copytree(folder / "landing", lake / "landing" / request["lesson"])
    env = replace(LabEnv(**request["environment"]), lake_root=lake.as_uri())
    with exported(env.to_environ()):
        names = {name: Lazy(make) for name, make in makers(env).items()}
        names |= {**warm, "check": Lazy(lambda: lambda *_: None)}
        namespace = {**names, "__name__": "__main__"}
        errors = []
        with _CallbackErrors() as callbacks:
            for cell in submission["cells"]:
                settle(cell, namespace, names)
                error = _attempt(lambda cell=cell: exec(compile(cell, "<cell>", "exec", dont_inherit=True), namespace))  # type: ignore[misc] # noqa: S102
                errors.append(callbacks.taken() or error)
        _play_all(folder, target, submission["cases"], namespace)
    point_at(None)  # what the notebook left open in MLflow: the next one is in the same process
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


def _attempt(call: Callable[[], Any]) -> str:
    try:
        call()
    except BaseException as error:  # noqa: BLE001 - what is tried may raise anything
        return _told(error)
    return ""


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error)[:_ERROR_CHARACTERS]}"


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
    main()
