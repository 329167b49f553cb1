"""The architecture checks itself: layers, the trust boundary, files that fit in the eye, no machine's paths."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from dataflow_hub.operations.tests import PLACES

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent


def tracked(*patterns: str) -> list[Path]:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns]
    output = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    return [ROOT / name for name in output.split("\0") if name and (ROOT / name).is_file()]


def test_import_contracts_hold():
    """cli > operations > server | exchange | grading > … > errors; kernels never import the hub."""
    result = subprocess.run([BIN / "lint-imports", "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("folder", ["hub", "kernels", "courses", "notebooks"])
def test_top_folders_are_not_packages(folder):
    """`hub` and `kernels` are other people's import names."""
    assert not (ROOT / folder / "__init__.py").exists()


def test_a_whole_run_leaves_no_test_out():
    """What `./lab test` names covers each folder of tests and each place with notebooks."""
    there = {f"tests/{path.relative_to(ROOT / 'tests').parts[0]}" for path in tracked("tests/**/test_*.py", "tests/test_*.py")}
    assert set(PLACES) == there


def test_only_two_modules_read_the_environment():
    """Settings on the hub's side, environ on the kernel's: everything else is passed in."""
    readers = {
        path.relative_to(ROOT).as_posix()
        for path in tracked("hub/*.py", "kernels/*.py")
        if re.search(r"os\.(environ|getenv)\b", path.read_text(encoding="utf-8"))
    }
    # The launcher runs inside the box and passes one variable on; formgrader hands its own settings to nbgrader's server.
    entrances = {"hub/dataflow_hub/sandbox/launch.py", "hub/dataflow_hub/server/formgrader.py"}
    allowed = {"hub/dataflow_hub/settings.py", "kernels/dataflow_kernels/environ.py"} | entrances
    assert readers <= allowed, f"also read the environment: {sorted(readers - allowed)}"


def test_only_the_command_line_prints():
    """Operations report through a callable; notebooks show through IPython."""
    printing = [
        path.relative_to(ROOT).as_posix()
        for path in tracked("hub/dataflow_hub/*.py")
        if path.parent.name != "cli" and re.search(r"^\s*print\(", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert printing == []


def test_files_fit_in_the_eye():
    """Median file at most 150 lines, hardly any over 400."""
    lengths = sorted(len(path.read_text(encoding="utf-8").splitlines()) for path in tracked("hub/*.py", "kernels/*.py"))
    assert lengths[len(lengths) // 2] <= 150
    assert sum(length > 400 for length in lengths) <= 2


def test_no_path_of_one_machine_and_no_registry_address():
    """Whoever installs uses their own folders, index and mirror settings."""
    pattern = re.compile(rf"{re.escape(str(ROOT))}|https?://[^ \"']*/(simple|maven2)\b")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in tracked("*.py", "*.toml", "*.md", "*.lock", "*.cfg", "lab", ".ci/run", "*.json")
        if path not in {Path(__file__), ROOT / "kernels" / "dataflow_kernels" / "maven.py"}  # Maven's own default, as in Maven
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]
    assert found == []


def test_notebooks_in_git_hold_no_output():
    """Outputs are made, not committed."""
    assert [path.name for path in tracked("*.ipynb") if '"output_type"' in path.read_text(encoding="utf-8")] == []


def test_lint_and_types_are_clean():
    """Ruff and mypy strict have nothing to say."""
    for command in ([BIN / "ruff", "check", "."], [BIN / "mypy"]):
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert result.returncode == 0, result.stdout + result.stderr
