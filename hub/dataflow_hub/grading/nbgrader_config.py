"""nbgrader's configuration of one course folder: its own pipeline, with our two steps in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataflow_hub.workspace import write_private

if TYPE_CHECKING:
    from pathlib import Path

    from traitlets.config import Config

    from dataflow_hub.settings import Lab

_TEMPLATE = '''"""Written by the lab at each release and grading; put your own into nbgrader_config_local.py beside it."""

from pathlib import Path

from dataflow_hub.exchange.store import open_store
from dataflow_hub.grading import exchange_classes
from dataflow_hub.grading.nbgrader_config import configure
from dataflow_hub.settings import load_lab

c = get_config()  # noqa: F821
lab = load_lab(state=Path({state!r}))
configure(c, lab, {course!r})
exchange_classes.configure(c, lambda: open_store(lab), lab.workspace.courses)
own = Path(__file__).with_name("nbgrader_config_local.py")
if own.exists():
    exec(compile(own.read_text(), str(own), "exec"))
'''


def course_folder(lab: Lab, course: str) -> Path:
    """Give nbgrader's folder of a course."""
    return lab.workspace.grading / course


def write_config(lab: Lab, course: str) -> Path:
    """Write the course folder's `nbgrader_config.py` and give its path."""
    folder = course_folder(lab, course)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "nbgrader_config.py"
    write_private(path, _TEMPLATE.format(state=str(lab.workspace.state), course=course))
    return path


def configure(c: Config, lab: Lab, course: str) -> None:
    """Set nbgrader's traits for a course: folders, and an autograde pipeline that runs nothing outside a sandbox."""
    from nbconvert.preprocessors import ClearMetadataPreprocessor
    from nbgrader.preprocessors import AssignLatePenalties, CheckCellMetadata, IgnorePattern, LimitOutput, SaveAutoGrades

    from dataflow_hub.grading.preprocessors import HiddenCheck, SandboxExecute

    root = str(course_folder(lab, course))
    c.CourseDirectory.root = root
    c.CourseDirectory.course_id = course
    c.CourseDirectory.db_url = f"sqlite:///{root}/gradebook.db"
    c.CourseDirectory.ignore = [".ipynb_checkpoints", "*.pyc", "__pycache__", ".*"]
    for step in (c.SandboxExecute, c.HiddenCheck):
        step.root, step.state = str(lab.workspace.root), str(lab.workspace.state)
        step.course, step.assignments = course, root
    c.Autograde.autograde_preprocessors = [
        SandboxExecute,
        IgnorePattern,
        ClearMetadataPreprocessor,
        LimitOutput,
        HiddenCheck,
        SaveAutoGrades,
        AssignLatePenalties,
        CheckCellMetadata,
    ]
    c.HTMLExporter.sanitize_html = True
    c.OverwriteCells.add_missing_cells = True
