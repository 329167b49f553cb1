"""The IPython extension of every lab kernel: `spark`, `lake`, `s3`, `tracking`, `topics` and `check`, without a line of set-up code.

Nothing heavy is imported here: this runs at each kernel's start.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataflow_kernels.builder import hook_builder
from dataflow_kernels.environ import LabEnv, export_defaults
from dataflow_kernels.errors import KernelError
from dataflow_kernels.names import Lazy, settle
from dataflow_kernels.preset import NAMES, Preset, read_preset
from dataflow_kernels.s3 import diagnose
from dataflow_kernels.spark import LabSpark

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "GIT_PYTHON_REFRESH": "quiet",  # or MLflow warns where there is no git
    "MLFLOW_LOGGING_LEVEL": "ERROR",  # its lines go to stderr, and would count as an error in a graded cell
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",  # so do its bars
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # two lines a run hide what a cell itself says
}


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Give the shell its lazy names, and start warming the JVM where the preset says so."""
    export_defaults(QUIET)  # before any cell imports MLflow, which reads them once
    preset = read_preset(_folder(shell))
    made = _lazily()
    names = {name: Lazy(made[name]) for name in preset.names}
    shell.push(dict(names), interactive=False)

    def before_cell(info: Any) -> None:
        settle(info.raw_cell, shell.user_ns, names)

    shell.events.register("pre_run_cell", before_cell)
    shell.set_custom_exc((Exception,), _show_error)
    if "spark" in preset.names:
        _prepare_spark(preset)


def _show_error(shell: InteractiveShell, kind: type[Exception], error: Exception, trace: Any, tb_offset: int | None = None) -> None:
    """Show an error as IPython does, but for Spark's hundred lines of Java about a key that the store refused."""
    if "Status Code: 403" in str(error) and "fs.s3a" in str(error):
        explained = diagnose(lab_env())
        kind, error = type(explained), explained
    shell.showtraceback((kind, error, trace), tb_offset=tb_offset)


def _prepare_spark(preset: Preset) -> None:
    """Errors wait until `spark` is used: a kernel without a lake still computes."""
    try:
        lab = lab_spark()
        hook_builder(lab)
        if preset.warm:
            lab.warm()
    except (KernelError, OSError):
        return


def _folder(shell: InteractiveShell) -> Path | None:
    given = shell.config.get("LabPreset", {}).get("folder", "")
    return Path(str(given)) if given else None


@cache
def lab_env() -> LabEnv:
    """Give this kernel's environment."""
    return LabEnv.from_environ()


@cache
def lab_spark() -> LabSpark:
    """Give this kernel's one Spark."""
    return LabSpark(lab_env())


def _lazily() -> dict[str, Callable[[], Any]]:
    """Give the makers without asking for the environment yet: a kernel that was told nothing says so where a name is used."""
    return {name: partial(_make, name) for name in NAMES}


def _make(name: str) -> Any:
    return lab_spark().session() if name == "spark" else makers(lab_env())[name]()


def makers(env: LabEnv) -> dict[str, Callable[[], Any]]:
    """Give what makes each name but `spark` for a student with this environment; nothing is imported before it is called."""
    return {
        "lake": partial(_of, "lake", "Lake", env),
        "s3": partial(_of, "s3", "connect", env),
        "tracking": partial(_of, "tracking", "Tracking", env),
        "topics": partial(_of, "topics", "Topics", env),
        "check": _check,
    }


def _of(module: str, name: str, env: LabEnv) -> Any:
    return getattr(importlib.import_module(f"dataflow_kernels.{module}"), name)(env)


def _check() -> Any:
    from dataflow_kernels.checks import check

    return check
