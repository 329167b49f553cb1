"""A lab of its own with one small lesson that needs no JVM, so that whole gradings take seconds."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import nbformat
import pytest

from dataflow_hub.containers import built
from dataflow_hub.grading import build, gradebook
from dataflow_hub.grading.course import Lesson, load_lesson
from dataflow_hub.grading.judge import Judged, code_of, judge, seeds_of
from dataflow_hub.grading.queue_worker import queue_of, sanitise, work
from dataflow_hub.settings import Lab, load_lab
from dataflow_hub.workspace import CHECKOUT, Workspace

COURSE, LESSON = "tiny", "01-land"
CANARY = "canary-of-the-hidden-checks-3f9a"

_TOML = """
notebook = "land"
kernelspec = "lakehouse"
minutes = 45
prerequisites = []
services = []
functions = ["land"]
title = {en = "Land", "pt-BR" = "Receba"}

[data]
generator = "orders"
visible_size = "S"
hidden_size = "S"
hidden_seeds = 2

[limits]
cell_timeout_seconds = 6
run_timeout_seconds = 60

[[objectives]]
text = {en = "Land lines.", "pt-BR" = "Receba linhas."}
shown_by = ["land.own", "land.counts", "land.rerun", "explain"]

[[checks]]
id = "land.own"
grade_id = "own"
kind = "visible"
points = 30
title = {en = "your own files landed", "pt-BR" = "seus arquivos chegaram"}

[[checks]]
id = "land.counts"
grade_id = "counts"
kind = "hidden"
points = 30
title = {en = "rows in = rows out", "pt-BR" = "linhas que entram = linhas que saem"}

[[checks]]
id = "land.rerun"
grade_id = "rerun"
kind = "hidden"
points = 20
title = {en = "running twice adds nothing", "pt-BR" = "rodar duas vezes não acrescenta nada"}

[[manual]]
grade_id = "explain"
points = 20
title = {en = "why it is safe", "pt-BR" = "por que é seguro"}
rubric = [{en = "nothing", "pt-BR" = "nada"}, {en = "the mechanism", "pt-BR" = "o mecanismo"}]
"""

REFERENCE = """
import os

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake


def land(batch, table):
    lines = open(batch.removeprefix("file://"), encoding="utf-8").read().split("\\n")[:-1]
    name = batch.rsplit("/", 1)[-1]
    rows = pa.table({"raw": pa.array(lines, pa.string()), "source": pa.array([name] * len(lines), pa.string())})
    if not lines:
        return
    predicate = {"predicate": f"source = '{name}'"} if DeltaTable.is_deltatable(table) else {}
    write_deltalake(table, rows, mode="overwrite", **predicate)
"""
APPENDING = REFERENCE.replace('mode="overwrite", **predicate', 'mode="append"')
HALF = REFERENCE.replace("[:-1]", "[:-1][::2]")

_LESSON = f"""# %%
print("tiny lesson")

# %% tags=["solution:land"]
### BEGIN SOLUTION{REFERENCE}### END SOLUTION

# %% tags=["solution:run"]
### BEGIN SOLUTION
landing = lake.landing("{LESSON}")
for each in lake.files(landing):
    land(f"{{landing}}/{{each}}", lake.path("bronze"))
### END SOLUTION

# %% tags=["check:own"]
assert DeltaTable(lake.path("bronze")).count() > 0

# %% tags=["check:counts"]
print("checked after submission")

# %% tags=["check:rerun"]
print("checked after submission")

# %% [markdown] tags=["manual:explain"]
# Write here.
"""

_VISIBLE = '''
from dataflow_kernels.checks import Bench, Outcome, Text, visible

LESSON = "01-land"


@visible("land.own")
def own(bench: Bench) -> Outcome:
    """Every line of the student's own files is there."""
    rows = bench.read("bronze", {"raw": ("string",), "source": ("string",)}).num_rows
    wanted = sum(content.count(b"\\n") for content in bench.landing().values())
    expected, found = Text(f"{wanted} rows.", f"{wanted} linhas."), Text(f"{rows} rows.", f"{rows} linhas.")
    return Outcome(score=1 if rows == wanted else 0, expected=expected, found=found)
'''

_HIDDEN = f'''
from dataflow_hub.grading.cases import Case, hidden
from dataflow_hub.grading.scenario import Step
from dataflow_kernels.checks import Outcome, Text

CANARY = "{CANARY}"


def scenario(rng, batches):
    """Land each file, then one of them again."""
    names = list(batches)
    steps = [Step("land", {{"batch": f"{{{{landing}}}}/{{name}}", "table": "{{lake}}/bronze"}}) for name in names]
    last = steps.pop()
    steps.append(Step(last.function, last.arguments, snapshot="landed"))
    return [*steps, Step("land", steps[0].arguments, snapshot="again")]


def _rows(case, snapshot):
    return case.bench(snapshot).read("bronze", {{"raw": ("string",)}}).num_rows


@hidden("land.counts")
def counts(case: Case) -> Outcome:
    """As many rows as lines; partial credit in proportion."""
    wanted = sum(len(lines) for lines in case.lines.values())
    share = min(_rows(case, "landed") / wanted, 1)
    found = Text("Lines are missing.", "Faltam linhas.")
    return Outcome(score=round(share, 3), expected=Text("All lines.", "Todas as linhas."), found=found)


@hidden("land.rerun")
def rerun(case: Case) -> Outcome:
    """The second run adds nothing."""
    added = _rows(case, "again") - _rows(case, "landed")
    found = Text(f"{{added}} more.", f"{{added}} a mais.")
    return Outcome(score=0 if added else 1, expected=Text("No more rows.", "Nenhuma linha a mais."), found=found)
'''


def make_lab(folder: Path, images: Mapping[str, str] | None = None) -> Lab:
    """Give a lab below `folder` whose only course is the tiny one; the code is the checkout's own.

    Submissions are run in containers of these images where there are any, and in bubblewrap otherwise.
    """
    root = folder / "root"
    lesson = root / "courses" / COURSE / LESSON
    (lesson / "checks").mkdir(parents=True)
    for name in ("hub", "kernels", "requirements.lock"):
        (root / name).symlink_to(CHECKOUT / name)
    files = {"lesson.toml": _TOML, "lesson.py": _LESSON, "checks/visible.py": _VISIBLE, "checks/hidden.py": _HIDDEN}
    for name, text in files.items():
        (lesson / name).write_text(text, encoding="utf-8")
    if images:
        built.keep(Workspace(root=root, state=folder / "state"), images)
        (folder / "state" / "dataflow.toml").write_text('[sandbox]\nkind = "docker"\n', encoding="utf-8")
    lab = load_lab(state=folder / "state")
    made = Lab(settings=lab.settings, workspace=Workspace(root=root, state=folder / "state"))
    made.workspace.prepare()
    made.workspace.cache.rmdir()
    made.workspace.cache.symlink_to(os.environ.get("DATAFLOW_CACHE", CHECKOUT / ".dataflow" / "cache"))  # jars are installed once for all
    return made


BOTH_KINDS = pytest.mark.parametrize("lab", ["bubblewrap", "containers"], indirect=True)  # of a fixture that calls `lab_of_kind`


def lab_of_kind(request: pytest.FixtureRequest, folder: Path) -> Lab:
    """Give the lab, with containers where a test's parameter says so."""
    in_containers = getattr(request, "param", "") == "containers"
    return make_lab(folder, request.getfixturevalue("images") if in_containers else None)


def lesson_of(lab: Lab) -> Lesson:
    """Give the tiny lesson."""
    return load_lesson(lab.workspace.courses / COURSE / LESSON)


def submission(lab: Lab, land: str = REFERENCE, *, before: str = "", after: str = "") -> nbformat.NotebookNode:
    """Give the reference notebook with `land` as its solution and extra text around the cell that runs it."""
    notebook = build.with_solution(lesson_of(lab), None)
    cells = {cell.metadata.nbgrader.grade_id: cell for cell in notebook.cells if "nbgrader" in cell.metadata}
    cells["land"].source = f"{before}\n{land}"
    cells["run"].source = f"{cells['run'].source}\n{after}"
    return notebook


def judged(lab: Lab, notebook: nbformat.NotebookNode, user: str = "ana", *, run_timeout_seconds: int = 0) -> Judged:
    """Run and judge a notebook without nbgrader."""
    lesson = lesson_of(lab)
    return judge(lab, lesson, code_of(notebook), seeds_of(lab, lesson, user), run_timeout_seconds=run_timeout_seconds)


def points(lab: Lab, result: Judged) -> dict[str, float]:
    """Give the points of each check."""
    return {outcome.check: lesson_of(lab).spec(outcome.check).points * outcome.score for outcome in result.outcomes}


def release(lab: Lab) -> None:
    """Put the tiny lesson into the gradebook, without the gate."""
    gradebook.add_lesson(lab, COURSE, LESSON, build.release_files(lesson_of(lab), "en"), None)


def hand_in(lab: Lab, student: str, content: bytes, timestamp: str = "2026-11-23 12:00:00 UTC") -> Path:
    """Write a submission where collecting would."""
    folder = lab.workspace.grading / COURSE / "submitted" / student / LESSON
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "land.ipynb").write_bytes(content)
    (folder / "timestamp.txt").write_text(timestamp, encoding="utf-8")
    return folder


def grade(lab: Lab, student: str, *, again: bool = False) -> gradebook.Mark:
    """Grade one handed-in submission through queue, nbgrader and both sandboxes."""
    sanitise(lab, COURSE, LESSON, student)
    queue_of(lab, COURSE).add(LESSON, student, "stamp", again=again)
    work(lab, COURSE, LESSON)
    return gradebook.mark(lab, COURSE, LESSON, student)
