"""Control groups for one sandbox, version 1 or 2, where this user may write them."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataflow_hub.sandbox.box import Limits

ROOT = Path("/sys/fs/cgroup")
_PREFIX = "dataflow-"
_PERIOD = 100_000


def make(name: str, limits: Limits, *, root: Path = ROOT) -> tuple[Path, ...]:
    """Make the control groups of one sandbox and give their folders; none where they cannot be written.

    The memory and process limits come together or not at all: half a limit would look like a whole one.
    """
    leaf = f"{_PREFIX}{name}-{secrets.token_hex(4)}"
    groups = _make_version_2(leaf, limits, root) if (root / "cgroup.controllers").exists() else _make_version_1(leaf, limits, root)
    return tuple(groups)


def _make_version_1(leaf: str, limits: Limits, root: Path) -> list[Path]:
    needed = {"memory": _memory_1(limits), "pids": {"pids.max": str(limits.processes)}}
    made = [folder for controller, values in needed.items() if (folder := _make_group(_own_1(root, controller), leaf, values))]
    if len(made) < len(needed):
        _remove(made)
        return []
    cpu = _make_group(_own_1(root, "cpu"), leaf, {"cpu.cfs_period_us": str(_PERIOD), "cpu.cfs_quota_us": str(_quota(limits))})
    return [*made, cpu] if cpu else made


def _memory_1(limits: Limits) -> dict[str, str]:
    return {"memory.limit_in_bytes": str(limits.memory_mib << 20), "?memory.memsw.limit_in_bytes": str(limits.memory_mib << 20)}


def _make_version_2(leaf: str, limits: Limits, root: Path) -> list[Path]:
    values = {
        "memory.max": str(limits.memory_mib << 20),
        "?memory.swap.max": "0",
        "pids.max": str(limits.processes),
        "?cpu.max": f"{_quota(limits)} {_PERIOD}",
    }
    for parent in (root / "dataflow", _own_2(root)):
        with contextlib.suppress(OSError):
            parent.mkdir(exist_ok=True)
            for folder in (parent.parent, parent):
                _delegate(folder)
        made = _make_group(parent, leaf, values)
        if made:
            return [made]
    return []


def _delegate(folder: Path) -> None:
    for controller in ("memory", "pids", "cpu"):
        with contextlib.suppress(OSError):  # whether it worked shows when the limits are written
            (folder / "cgroup.subtree_control").write_text(f"+{controller}")


def _make_group(parent: Path | None, leaf: str, values: dict[str, str]) -> Path | None:
    if parent is None or not parent.is_dir():
        return None
    _sweep(parent)
    folder = parent / leaf
    try:
        folder.mkdir()
        for name, value in values.items():
            _set_limit(folder, name, value)
    except OSError:
        _remove([folder])
        return None
    return folder


def _set_limit(folder: Path, name: str, value: str) -> None:
    path = folder / name.removeprefix("?")
    if name.startswith("?") and not path.exists():
        return
    path.write_text(value)


def _sweep(parent: Path) -> None:
    """Remove what sandboxes killed without a chance left behind: the kernel refuses to remove a group that is in use."""
    _remove([folder for folder in parent.glob(f"{_PREFIX}*") if not _is_fresh(folder)])


def _is_fresh(folder: Path) -> bool:
    import time

    with contextlib.suppress(OSError):
        return time.time() - folder.stat().st_mtime < 60  # noqa: PLR2004 - its process may be about to enter
    return False


def _remove(folders: list[Path]) -> None:
    for folder in folders:
        with contextlib.suppress(OSError):
            folder.rmdir()


def _quota(limits: Limits) -> int:
    return max(1000, int(limits.cpu_cores * _PERIOD))


def _own_1(root: Path, controller: str) -> Path | None:
    for line in _membership():
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            mounted = root / controller
            own = mounted / path.lstrip("/")
            return own if own.is_dir() else mounted
    return None


def _own_2(root: Path) -> Path:
    path = next((line.split(":", 2)[2] for line in _membership() if line.startswith("0::")), "/")
    return root / path.lstrip("/")


def _membership() -> list[str]:
    return Path(f"/proc/{os.getpid()}/cgroup").read_text(encoding="utf-8").splitlines()
