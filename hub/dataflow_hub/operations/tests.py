"""Run the project's tests: what they need is named, and installed, before the first one starts."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence

from dataflow_hub.errors import MissingError
from dataflow_hub.operations.lab import install
from dataflow_hub.settings import Lab

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# The longest first, so that no worker is left with one alone at the end.
PLACES = (
    *("tests/lessons", "tests/e2e", "tests/chaos", "tests/integration", "notebooks", "courses", "tests/security"),
    *("tests/test_architecture.py", "tests/unit"),
)
# Each worker has a lab of its own; tests/scheduling.py says which tests stay on one, with the services that they share.
EVERYTHING = ("--numprocesses=2", "--dist=loadscope", "--no-loadscope-reorder", "--nbmake", *PLACES)


def run_tests(lab: Lab, arguments: Sequence[str], report: Callable[[str], None]) -> int:
    """Run pytest over `arguments`, or over every test and notebook; give its exit code.

    Raises
    ------
    LabError
        A whole run was asked for and there is no Chromium for the browser tests, or what kernels need could not be installed.
    """
    if not arguments:
        _require_browser()
        install(lab, report, ("all",))
        report("Two workers begin with the longest tests: the first results show after some minutes")
    chosen = list(arguments) or list(EVERYTHING)
    report(f"pytest {' '.join(chosen)}")
    return subprocess.run([sys.executable, "-m", "pytest", *chosen], cwd=lab.workspace.root, check=False).returncode


def _require_browser() -> None:
    if not any(shutil.which(name) for name in BROWSERS):
        raise MissingError(
            "The browser tests need a Chromium.",
            why=f"None of {', '.join(BROWSERS)} is on the PATH.",
            fix="On Debian: apt-get install chromium. Without the browser: ./lab test tests/unit tests/integration",
        )
