"""Run the project's tests: what they need is named before the first one starts."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence

from dataflow_hub.errors import MissingError
from dataflow_hub.settings import Lab

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
EVERYTHING = ("--nbmake", "tests", "notebooks", "courses")


def run_tests(lab: Lab, arguments: Sequence[str], report: Callable[[str], None]) -> int:
    """Run pytest over `arguments`, or over every test and notebook; give its exit code.

    Raises
    ------
    MissingError
        A whole run was asked for and there is no Chromium for the browser tests.
    """
    if not arguments and not any(shutil.which(name) for name in BROWSERS):
        raise MissingError(
            "The browser tests need a Chromium.",
            why=f"None of {', '.join(BROWSERS)} is on the PATH.",
            fix="On Debian: apt-get install chromium. Without the browser: ./lab test tests/unit tests/integration",
        )
    chosen = list(arguments) or list(EVERYTHING)
    report(f"pytest {' '.join(chosen)}")
    return subprocess.run([sys.executable, "-m", "pytest", *chosen], cwd=lab.workspace.root, check=False).returncode
