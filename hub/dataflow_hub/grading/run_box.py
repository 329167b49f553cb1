"""The box of one run: its folders outside, where they are inside, and who owns it."""

from __future__ import annotations

import fcntl
import os
import shutil
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dataflow_hub.errors import GradingError
from dataflow_hub.grading import boxes
from dataflow_hub.sandbox import Box, Limits, Process
from dataflow_hub.settings import BELOW_STUDENTS
from dataflow_kernels.archive import archive_path
from dataflow_kernels.environ import LabEnv
from dataflow_kernels.java import Java, find_java

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dataflow_hub.containers.attached import Attached
    from dataflow_hub.settings import Lab

WORK, LAKES, LANDING = "work", "lakes", "landing"
SLOTS = 200
_EXTENSION = "dataflow_kernels.extension"
_LAST_WORDS = 2000


@dataclass(frozen=True)
class OpenBox:
    """A box being used: `root` holds its folders, `owner` is its user where that is another than ours.

    `output_bytes` is the most that one copy of its tables may hold.
    """

    lab: Lab
    box: Box
    root: Path
    owner: int | None
    output_bytes: int

    def start(self, *, seconds: float) -> Process | Attached:
        """Start the runner in it, which is given up after so many seconds whatever becomes of us."""
        with (self.root / "stderr").open("wb") as stderr:
            return boxes.start(self.lab, self.box, "dataflow_kernels.grading_runner", _EXTENSION, seconds=seconds, stderr=stderr)

    def last_words(self) -> str:
        """Give the end of what the runner itself said when it failed."""
        return (self.root / "stderr").read_bytes()[-_LAST_WORDS:].decode(errors="replace").strip()

    def place_notebook_files(self, files: Mapping[str, bytes]) -> None:
        """Put files beside the notebook; before the start only."""
        write_files(self.root / WORK, files)

    def place_landing(self, lesson: str, batches: Mapping[str, bytes]) -> None:
        """Put the student's own landing zone into the scratch lake; before the start only."""
        if lesson:
            write_files(self.root / WORK / "lake" / "landing" / lesson, batches)

    def place_batches(self, case: str, batches: Mapping[str, bytes]) -> None:
        """Show the box a case's batches; the folder is read-only inside, so nothing can be swapped in under our hands."""
        write_files(self.root / LANDING / case, batches)

    def clear_case(self, case: str) -> None:
        """Take a case's batches away again."""
        shutil.rmtree(self.root / LANDING / case, ignore_errors=True)


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files by name below a folder, which is made where it is not there; everybody may read them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        target.chmod(0o644)


@contextmanager
def open_box(lab: Lab, language: str, cases: list[str]) -> Iterator[OpenBox]:
    """Make a box and take it away again: its folders, and its uid for the time."""
    with unique_user(lab) as uid, scratch(lab) as root:
        for folder in (WORK, f"{WORK}/lake", LAKES, LANDING, *(f"{LAKES}/{case}" for case in cases)):
            (root / folder).mkdir(mode=0o755)
        owner = uid if os.geteuid() == 0 else None
        yield OpenBox(lab, _box(lab, language, root, uid), root, owner, lab.settings.grading.output_mib * 2**20)


def _box(lab: Lab, language: str, root: Path, uid: int) -> Box:
    java = find_java()
    return Box(
        name=f"grade-{root.name}",
        environment={**_environment(lab, language, java), "PYTHONPATH": str(lab.workspace.kernels), "PYTHONDONTWRITEBYTECODE": "1"},
        read_only=((root / LANDING, f"/{LANDING}"),),
        writable=((root / WORK, f"/{WORK}"), (root / LAKES, f"/{LAKES}")),
        network=False,
        uid=uid,
        limits=grading_limits(lab),
    )


def grading_limits(lab: Lab) -> Limits:
    """Give what one grading box may use."""
    limits = lab.settings.sandbox
    return Limits(lab.settings.grading.memory_mib, float(lab.settings.spark.cores), limits.processes, limits.open_files)


def _environment(lab: Lab, language: str, java: Java) -> dict[str, str]:
    jars = lab.workspace.jars
    archive = archive_path(java, jars) if jars.is_dir() else Path()
    return LabEnv(
        user="student",
        language=language,
        lake_root=f"file:///{WORK}/lake",
        java_home=str(java.home),
        jars_dir=str(jars),
        cds_archive=str(archive) if archive.is_file() else "",
        kafka_jars_dir=str(lab.workspace.kafka_jars) if lab.workspace.kafka_jars.is_dir() else "",
        spark_driver_memory_mib=lab.settings.spark.driver_memory_mib,
        spark_cores=lab.settings.spark.cores,
        spark_log="/tmp/spark.log",  # noqa: S108 - the sandbox's own
    ).to_environ()


@contextmanager
def scratch(lab: Lab) -> Iterator[Path]:
    """Give an empty folder that is gone afterwards."""
    root = lab.workspace.run / "grading" / uuid.uuid4().hex[:12]
    root.mkdir(parents=True)
    try:
        yield root
    finally:
        shutil.rmtree(root, ignore_errors=True)


@contextmanager
def unique_user(lab: Lab) -> Iterator[int]:
    """Give a uid below the students' that no other grading box uses meanwhile; the lock goes with the process that holds it."""
    folder = lab.workspace.run / "grading-users"
    folder.mkdir(parents=True, exist_ok=True)
    for slot in range(SLOTS):
        descriptor = os.open(folder / str(slot), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            continue
        try:
            yield lab.settings.sandbox.first_uid - BELOW_STUDENTS + slot
        finally:
            os.close(descriptor)
        return
    raise GradingError("Too many submissions are being graded at once.", fix="Lower grading.workers.")
