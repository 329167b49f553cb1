"""The IPython extension of every lab kernel: `spark`, `lake`, `s3`, `tracking` and `check`, without a line of set-up code.

Nothing heavy is imported here: this runs at each kernel's start.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataflow_kernels.builder import hook_builder
from dataflow_kernels.environ import LabEnv, export_defaults
from dataflow_kernels.errors import KernelError
from dataflow_kernels.names import Lazy, settle
from dataflow_kernels.preset import Preset, read_preset
from dataflow_kernels.s3 import diagnose
from dataflow_kernels.spark import LabSpark

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_MLFLOW_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "GIT_PYTHON_REFRESH": "quiet",  # or MLflow warns where there is no git
    "MLFLOW_LOGGING_LEVEL": "ERROR",  # its lines go to stderr, and would count as an error in a graded cell
}


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Give the shell its lazy names, and start warming the JVM where the preset says so."""
    export_defaults(_MLFLOW_QUIET)  # before any cell imports MLflow, which reads them once
    preset = read_preset(_folder(shell))
    makers = _makers()
    names = {name: Lazy(makers[name]) for name in preset.names}
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


def _makers() -> dict[str, Callable[[], Any]]:
    return {"spark": _make_spark, "lake": _make_lake, "s3": _make_s3, "tracking": _make_tracking, "check": _make_check}


def _make_spark() -> Any:
    return lab_spark().session()


def _make_lake() -> Any:
    from dataflow_kernels.lake import Lake

    return Lake(lab_env())


def _make_s3() -> Any:
    from dataflow_kernels.s3 import connect

    return connect(lab_env())


def _make_tracking() -> Any:
    from dataflow_kernels.tracking import Tracking

    return Tracking(lab_env())


def _make_check() -> Any:
    from dataflow_kernels.checks import check

    return check
