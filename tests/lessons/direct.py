"""Runs many submissions of one lesson on one warm Spark, without a sandbox: the quick way to try a lesson's solutions and mutants.

`python direct.py FOLDER NUMBER` reads FOLDER/request-NUMBER.json and writes each submission's artefacts as `cases.evaluate` wants them. The
grading proper runs each submission in a sandbox of its own; the release gate proves that path.
"""

import contextlib
import io
import json
import os
import shutil
import sys
import time
from pathlib import Path

os.environ.setdefault("MPLBACKEND", "agg")
# Compiling a query costs more than running it over a few hundred rows: a fifth of the time. The release gate keeps Spark's own ways.
FOR_SMALL_DATA = {
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
}


def main(folder: Path, number: str) -> None:
    from dataflow_kernels.environ import LabEnv
    from dataflow_kernels.spark import LabSpark

    request = json.loads((folder / f"request-{number}.json").read_text())
    lab = LabSpark(LabEnv(**request["environment"]))
    lab.start(["-XX:TieredStopAtLevel=4"])  # thousands of queries: the optimising compiler earns its start, and calls take a third less
    session = lab.session()
    for name, value in FOR_SMALL_DATA.items():
        session.conf.set(name, value)
    try:
        for submission in request["submissions"]:
            with contextlib.redirect_stdout(io.StringIO()):
                play(folder, session, submission, request)
    finally:
        lab.stop()


def play(folder: Path, session, submission: dict, request: dict) -> None:
    """Run the notebook's cells, then the steps of each case, and copy the lake at each snapshot."""
    from dataflow_kernels.environ import LabEnv
    from dataflow_kernels.lake import Lake

    begin = time.monotonic()
    target = folder / submission["name"]
    lake = target / "notebook" / "lake"
    shutil.copytree(folder / "landing", lake / "landing" / request["lesson"])
    env = LabEnv(user="student", lake_root=lake.as_uri())
    os.environ.update(env.to_environ())
    namespace = {
        "spark": session,
        "lake": Lake(env),
        "check": lambda *_: None,
        "__name__": "__main__",
    }
    runs = (attempt(lambda cell=cell: exec(compile(cell, "<cell>", "exec"), namespace)) for cell in submission["cells"])
    errors = [error for error in runs if error]
    for number, case in enumerate(submission["cases"]):
        run_case(folder / case["landing"], target, number, case["steps"], namespace)
    (target / "log.json").write_text(json.dumps({"errors": errors, "seconds": time.monotonic() - begin}))


def run_case(landing: Path, target: Path, number: int, steps: list, namespace: dict) -> None:
    scratch, out = target / f"scratch-{number}", target / f"case-{number}"
    scratch.mkdir()
    out.mkdir()
    calls = []
    for index, step in enumerate(steps):
        places = {"{lake}": scratch.as_uri(), "{landing}": landing.as_uri()}
        arguments = {name: replaced(value, places) for name, value in step["arguments"].items()}
        begin = time.monotonic()
        with refused(scratch / step["table"]) if step["fault"] == "commit_refused" else no_fault():
            error = attempt(lambda step=step, arguments=arguments: namespace[step["function"]](**arguments))
        calls.append({"step": index, "function": step["function"], "error": error, "seconds": time.monotonic() - begin})
        if step["snapshot"]:
            shutil.copytree(scratch, out / step["snapshot"])
    (out / "calls.json").write_text(json.dumps(calls))


def replaced(text: str, places: dict) -> str:
    for name, place in places.items():
        text = text.replace(name, place)
    return text


def attempt(call) -> str:
    try:
        call()
    except BaseException as error:  # noqa: BLE001 - a submission may raise anything
        return f"{type(error).__name__}: {str(error)[:300]}"
    return ""


@contextlib.contextmanager
def refused(table: Path):
    """Let data files land but no commit; as root this needs a process without CAP_DAC_OVERRIDE."""
    log = table / "_delta_log"
    log.mkdir(parents=True, exist_ok=True)
    log.chmod(0o555)
    try:
        yield
    finally:
        log.chmod(0o755)


@contextlib.contextmanager
def no_fault():
    yield


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
