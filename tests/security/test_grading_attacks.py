"""What a hostile submission tries on the grader; each trick that beats stock nbgrader is shown to beat it, too."""

from __future__ import annotations

import shutil
import socket
import threading
import time
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook
from nbgrader.converters import Autograde, GenerateAssignment
from nbgrader.coursedir import CourseDirectory
from tests.integration import grading_lab as tiny
from traitlets.config import Config

from dataflow_hub.grading.run import Case, Plan, run_submission
from dataflow_hub.grading.scenario import Step
from dataflow_hub.settings import Lab

pytestmark = [
    pytest.mark.security,
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


@pytest.fixture
def lab(request: pytest.FixtureRequest, tmp_path: Path) -> Lab:
    return tiny.lab_of_kind(request, tmp_path)


EQUAL_TO_ALL = """
class Same:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __hash__(self): return 0
    def __float__(self): return 1.0
answer = Same()
land = lambda batch, table: Same()
"""
TRANSFORMER = """
get_ipython().input_transformers_post.append(lambda lines: ["pass\\n"] if any("assert" in line for line in lines) else lines)
answer = 0
def land(batch, table): pass
"""
PRE_RUN = """
def peek(info): print("SEEN", info.raw_cell)
get_ipython().events.register("pre_run_cell", peek)
answer = 0
def land(batch, table): pass
"""
GRADEBOOK = """
import glob, os, sqlite3
answer = 0
for folder in [os.path.abspath("../../.."), "/"]:
    for found in glob.glob(folder + "/gradebook.db") + glob.glob(folder + "/**/courses/*/gradebook.db", recursive=folder != "/"):
        print("OPENED", sqlite3.connect(found).execute("select count(*) from grade").fetchone())
def land(batch, table): pass
"""
CHEATS = [
    pytest.param(EQUAL_TO_ALL, "full", id="object equal to everything"),
    pytest.param(TRANSFORMER, "full", id="input transformer"),
    pytest.param(PRE_RUN, "SEEN", id="pre_run_cell hook"),
    pytest.param(GRADEBOOK, "OPENED", id="gradebook opened"),
]


@tiny.BOTH_KINDS
@pytest.mark.parametrize(("cheat", "gain"), CHEATS)
def test_known_cheats_score_what_their_tables_deserve(lab: Lab, cheat: str, gain: str) -> None:
    """The four tricks that beat stock nbgrader leave no table, so they earn nothing, and show nothing hidden."""
    result = tiny.judged(lab, tiny.submission(lab, cheat))
    assert tiny.points(lab, result) == {"land.own": 0, "land.counts": 0, "land.rerun": 0}
    seen = str(result.run.outputs)
    assert tiny.CANARY not in seen
    assert "OPENED" not in seen


@pytest.mark.parametrize(("cheat", "gain"), CHEATS)
def test_the_same_cheats_beat_stock_nbgrader(tmp_path: Path, cheat: str, gain: str) -> None:
    """Baseline: with hidden tests in the student's kernel each trick works, so the test above has teeth."""
    folder, score = _stock(tmp_path, cheat)
    outputs = (folder / "autograded" / "ana" / "hw" / "hw.ipynb").read_text()
    if gain == "full":
        assert score == 5
    else:
        assert gain in outputs
    if gain == "SEEN":
        assert "hidden-canary" in outputs


def _stock(tmp_path: Path, cheat: str) -> tuple[Path, float]:
    cells = [nbformat.v4.new_code_cell("### BEGIN SOLUTION\nanswer = 42\n### END SOLUTION", id="a")]
    cells.append(
        nbformat.v4.new_code_cell(
            "assert answer == 42\n### BEGIN HIDDEN TESTS\nassert answer == 42, 'hidden-canary'\n### END HIDDEN TESTS", id="t"
        )
    )
    common = {"schema_version": 3, "cell_type": "code", "task": False}
    cells[0].metadata["nbgrader"] = common | {"grade_id": "a", "grade": False, "solution": True, "locked": False}
    cells[1].metadata["nbgrader"] = common | {"grade_id": "t", "grade": True, "solution": False, "locked": True, "points": 5}
    source = tmp_path / "source" / "hw"
    source.mkdir(parents=True)
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), source / "hw.ipynb")
    config = Config()
    config.CourseDirectory.root, config.CourseDirectory.course_id = str(tmp_path), "stock"
    config.CourseDirectory.db_url = f"sqlite:///{tmp_path}/gradebook.db"
    coursedir = CourseDirectory(config=config)
    coursedir.assignment_id = "hw"
    with tiny.gradebook._tools():
        GenerateAssignment(coursedir=coursedir, config=config).start()
        submitted = tmp_path / "submitted" / "ana" / "hw"
        shutil.copytree(tmp_path / "release" / "hw", submitted)
        notebook = nbformat.read(submitted / "hw.ipynb", as_version=4)
        notebook.cells[0].source = cheat
        nbformat.write(notebook, submitted / "hw.ipynb")
        coursedir.student_id = "ana"
        Autograde(coursedir=coursedir, config=config).start()
    with Gradebook(config.CourseDirectory.db_url, "stock") as gradebook:
        return tmp_path, float(gradebook.find_submission("hw", "ana").score)


@tiny.BOTH_KINDS
def test_forged_results_and_a_patched_world_change_nothing(lab: Lab) -> None:
    """Result files, garbage on every descriptor, patched libraries and atexit hooks leave the honest score of nothing."""
    forge = """
import atexit, glob, json, os, sys
import deltalake, pyarrow
deltalake.DeltaTable.count = lambda self, *a: 10**6
fake = json.dumps([{"check": "land.own", "score": 1}]).encode() + b"\\n"
for fd in range(0, 64):
    try: os.write(fd, fake)
    except OSError: pass
for path in glob.glob("/proc/[0-9]*/fd/*"):
    try: open(path, "wb", buffering=0).write(fake)
    except OSError: pass
for name in ("results.json", "calls.json", "outcomes.json"):
    for folder in ("/work", "/work/lake", "/lakes", "/tmp"): open(f"{folder}/{name}", "wb").write(fake)
atexit.register(lambda: open("/work/late", "w").write("x"))
def land(batch, table): pass
"""
    result = tiny.judged(lab, tiny.submission(lab, forge), run_timeout_seconds=30)  # it hangs on what it opened
    assert sum(tiny.points(lab, result).values()) == 0


@tiny.BOTH_KINDS
def test_nothing_secret_and_nobody_else_is_in_the_sandbox(lab: Lab) -> None:
    """No hidden check, no course source, no state folder, no credential and no other process can be seen from a cell."""
    half = len(tiny.CANARY) // 2  # joined inside only: the search itself must not be what is found
    look = f"""
import os
from pathlib import Path
canary = ({tiny.CANARY[:half]!r} + {tiny.CANARY[half:]!r}).encode()
found = []
hidden = ["{lab.workspace.root}/courses", "{lab.workspace.state}"]
for place in ["/work", "/tmp", "/lakes", "/landing", "/etc", "/home", "/var", "/run", *hidden]:
    for folder, folders, names in os.walk(place):
        folders[:] = [each for each in folders if each not in {{".venv", "site-packages", "node_modules"}}]  # the read-only interpreter
        for path in (Path(folder, name) for name in names):
            try:
                found += [str(path)] if path.is_file() and canary in path.read_bytes() else []
            except OSError: pass
found += [name for name in os.listdir("/proc") if name.isdigit() and canary in Path("/proc", name, "cmdline").read_bytes()]
print("UID", os.getuid())
print("KEYS", [name for name in os.environ if any(word in name for word in ("SECRET", "PASSWORD", "TOKEN")) and os.environ[name]])
print("FOUND", found)
"""
    text = str(tiny.judged(lab, tiny.submission(lab, before=look)).run.outputs)
    assert "KEYS []" in text
    assert "FOUND []" in text
    assert "UID 0" not in text


@tiny.BOTH_KINDS
def test_no_packet_leaves_the_sandbox(lab: Lab) -> None:
    """Listeners on loopback and on an abstract socket hear nothing, and no name is resolved."""
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as abstract:
        name = f"\0grading-{time.monotonic_ns()}"
        abstract.bind(name)
        abstract.listen()
        heard: list[str] = []
        for listener, what in ((tcp, "tcp"), (abstract, "abstract")):
            listener.settimeout(30)
            threading.Thread(target=_listen, args=(listener, what, heard), daemon=True).start()
        port = tcp.getsockname()[1]
        attack = f"""
import socket
for family, address in ((socket.AF_INET, ("127.0.0.1", {port})), (socket.AF_UNIX, {name!r}), (socket.AF_INET, ("169.254.169.254", 80))):
    try:
        socket.socket(family).connect(address)
        print("CONNECTED", address)
    except OSError as error: print("refused", error)
"""
        result = run_submission(lab, Plan(cells=(attack,)), lab.workspace.run / "out")
        assert "CONNECTED" not in str(result.outputs)
        assert heard == []


def _listen(listener: socket.socket, what: str, heard: list[str]) -> None:
    try:
        listener.accept()
    except OSError:
        return
    heard.append(what)


@tiny.BOTH_KINDS
def test_loops_daemons_and_ignored_signals_end_at_the_limit(lab: Lab) -> None:
    """An endless cell that ignores SIGINT and a daemon that writes later are dead when the run is over."""
    stubborn = """
import os, signal, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while True:
            time.sleep(0.2); open("/work/lake/late", "a").write("x")
    os._exit(0)
while True: pass
"""
    begin = time.monotonic()
    result = run_submission(lab, Plan(cells=(stubborn,), cell_timeout_seconds=3, run_timeout_seconds=20), lab.workspace.run / "out")
    assert time.monotonic() - begin < 20 + 15
    assert result.seconds < 20 + 5
    late = lab.workspace.run / "out" / "notebook" / "lake" / "late"
    size = late.stat().st_size if late.exists() else 0
    time.sleep(1)
    assert (late.stat().st_size if late.exists() else 0) == size
    assert not list((lab.workspace.run / "grading").iterdir())


@tiny.BOTH_KINDS
@pytest.mark.parametrize(
    "plant",
    [
        pytest.param("os.symlink('/etc/passwd', there + '/x.parquet')", id="symlink"),
        pytest.param("os.mkfifo(there + '/x.parquet')", id="FIFO"),
        pytest.param("os.link(there + '/plain', there + '/x.parquet')", id="hard link"),
        pytest.param("os.rename(there, there + '-'); os.symlink('/etc', there)", id="folder swapped for a link"),
        pytest.param("import socket; socket.socket(socket.AF_UNIX).bind(there + '/x.parquet')", id="socket"),
        pytest.param("open(there + '/x.parquet', 'wb').truncate(80 * 2**20)", id="too large"),
    ],
)
def test_only_plain_files_of_bounded_size_come_out(lab: Lab, plant: str) -> None:
    """Links, pipes, sockets and floods are refused; the snapshot stays empty and says why."""
    code = f"""
import os
def plant(lake):
    there = lake.removeprefix("file://") + "/t"
    os.makedirs(there)
    open(there + "/plain", "w").write("x")
    {plant}
"""
    case = Case("case-0", {}, (Step("plant", {"lake": "{lake}"}, snapshot="end"),))
    (played,) = run_submission(lab, Plan(cells=(code,), cases=(case,)), lab.workspace.run / "out").cases
    assert played.error
    assert list((played.folder / "end").iterdir()) == []


def test_printing_for_ever_fills_nothing(lab: Lab) -> None:
    """200 MB of output is cut, and the run goes on."""
    result = run_submission(lab, Plan(cells=("for _ in range(2000): print('x' * 100_000)", "print('on')")), lab.workspace.run / "out")
    assert len(str(result.outputs[0])) < 2**20
    assert "on" in str(result.outputs[1])


FAIL_QUIETLY = [
    pytest.param("print('x' * 100_000_000); assert False", id="flood, then fail"),
    pytest.param("import os; print('so far so good', flush=True); os._exit(0)", id="kernel ends"),
    pytest.param("import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass", id="never ends"),
    pytest.param("get_ipython()._showtraceback = lambda *a: None; assert False", id="traceback switched off"),
]


@pytest.mark.parametrize("test_cell", FAIL_QUIETLY)
def test_a_failed_test_of_an_ordinary_assignment_never_looks_passed(lab: Lab, test_cell: str) -> None:
    """Nbgrader takes a cell without an error for full marks, so a cell that failed or did not run always carries one."""
    plan = Plan(cells=(test_cell, "1 / 0"), cell_timeout_seconds=3, run_timeout_seconds=30)
    result = run_submission(lab, plan, lab.workspace.run / "out")
    assert all(any(output["output_type"] == "error" for output in cell) for cell in result.outputs) or (
        result.error and result.outputs == [[], []]
    )
