"""What a student's server is set up with: Jupyter's and nbgrader's configuration, and the tour, mounted read-only."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from dataflow_hub.roster import open_roster
from dataflow_hub.server.environment import CONFIGURATION, home

if TYPE_CHECKING:
    from dataflow_hub.sandbox.box import Mount
    from dataflow_hub.settings import Lab

_SINGLE_USER = Path(__file__).with_name("single_user.py")
_GRADING_EXTENSIONS = ("@jupyter/nbgrader:create-assignment", "@jupyter/nbgrader:formgrader", "@jupyter/nbgrader:menus")
_ALWAYS_OFF = (
    "@jupyter/nbgrader:course-list",
    "@jupyterlab/apputils-extension:announcements",
    "@jupyterlab/extensionmanager-extension",
    "jupyterlab-jupytext",  # lessons are written with it; in a student's launcher its tiles only raise questions
)
_NBGRADER = '''"""nbgrader, on the student's side: the lab's exchange in place of a shared folder."""

from dataflow_kernels.exchange.config import configure

c = get_config()
c.NbGrader.logfile = None
configure(c)
'''
# A line that leaves a laptop's screen is a line that is not read.
_SETTINGS = {"@jupyterlab/notebook-extension:tracker": {"codeCellConfig": {"lineWrap": True}}}


def mounts(lab: Lab, user: str) -> tuple[Mount, ...]:
    """Give the read-only mounts of a student's server beside the runtime's."""
    found = [(render(lab, staff=is_staff(lab, user)), CONFIGURATION)]
    tour = lab.workspace.root / "notebooks" / "tour"
    if tour.is_dir():
        found.append((tour, f"{home(user)}/tour"))
    return tuple(found)


def is_staff(lab: Lab, user: str) -> bool:
    """Tell whether `user` is more than a student in any course."""
    return any(role != "student" for role in open_roster(lab).roles(user).values())


def render(lab: Lab, *, staff: bool) -> Path:
    """Write the configuration folder that students' servers, or the staff's, see as /etc/jupyter; give it."""
    folder = lab.workspace.cache / "jupyter" / ("staff" if staff else "student")
    for name, text in configuration(staff=staff).items():
        _write(folder / name, text)
    return Path(folder)


def configuration(*, staff: bool) -> dict[str, str]:
    """Give the files of that folder, by their paths in it."""
    disabled = _ALWAYS_OFF if staff else (*_ALWAYS_OFF, *_GRADING_EXTENSIONS)
    return {
        "jupyter_server_config.py": _SINGLE_USER.read_text(encoding="utf-8"),
        "nbgrader_config.py": _NBGRADER,
        "labconfig/default_setting_overrides.json": json.dumps(_SETTINGS),
        "labconfig/page_config.json": json.dumps({"disabledExtensions": dict.fromkeys(disabled, True)}),
        "jupyter_server_config.d/zz-dataflow.json": json.dumps({"ServerApp": {"jpserver_extensions": _server_extensions()}}),
    }


def _server_extensions() -> dict[str, bool]:
    return {
        "nbgrader.server_extensions.formgrader": False,
        "nbgrader.server_extensions.course_list": False,
        "nbgrader.server_extensions.validate_assignment": True,
        "nbgrader.server_extensions.assignment_list": True,
    }


def _write(path: Path, text: str) -> None:
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(text, encoding="utf-8")
    temporary.chmod(0o644)
    temporary.replace(path)
