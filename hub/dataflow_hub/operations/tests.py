"""Run the project's tests: what they need is named, and installed, before the first one starts."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from dataflow_hub.errors import MissingError
from dataflow_hub.operations.lab import install
from dataflow_hub.settings import Lab

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# The longest first, so that no worker is left with one alone at the end; images before them, since others wait for them.
PLACES = (
    *("tests/images", "tests/lessons", "tests/e2e", "tests/chaos", "tests/contract", "tests/integration", "tests/security"),
    *("tests/test_architecture.py", "tests/unit"),
)
# Each worker has a lab of its own; tests/scheduling.py says which tests stay on one, with the services that they share.
OPTIONS = ("--numprocesses=2", "--dist=loadscope", "--no-loadscope-reorder", "--nbmake", "--durations=30")
_OTHER_LANGUAGE = ".pt-BR.ipynb"


def everything(root: Path, day: int) -> list[str]:
    """Give pytest's arguments of a whole run in the checkout `root`.

    The two languages of a notebook have the same code, byte for byte, so one of them is executed: on the next `day` the other.
    """
    found = sorted(path for folder in ("courses", "notebooks") for path in (root / folder).rglob(f"*{_OTHER_LANGUAGE}"))
    pairs = [(path, path.with_name(english_name(path.name))) for path in found]
    chosen = [str(pair[(number + day) % 2].relative_to(root)) for number, pair in enumerate(pairs)]
    first, *rest = PLACES
    return [*OPTIONS, first, rest[0], *chosen, *rest[1:]]


def english_name(name: str) -> str:
    """Give the file name of the English notebook beside a Portuguese one."""
    stem = name.removesuffix(_OTHER_LANGUAGE)
    return "lesson.en.ipynb" if stem == "lesson" else f"{stem}.ipynb"


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
    chosen = list(arguments) or everything(lab.workspace.root, datetime.now(tz=UTC).toordinal())
    report(f"pytest {' '.join(chosen)}")
    return subprocess.run([sys.executable, "-m", "pytest", *chosen], cwd=lab.workspace.root, check=False).returncode


def _require_browser() -> None:
    if not any(shutil.which(name) for name in BROWSERS):
        raise MissingError(
            "The browser tests need a Chromium.",
            why=f"None of {', '.join(BROWSERS)} is on the PATH.",
            fix="On Debian: apt-get install chromium. Without the browser: ./lab test tests/unit tests/integration",
        )
