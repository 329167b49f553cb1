"""Kernelspecs: rendered from `kernels/specs/` for the interpreter that runs them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

SPECS = Path(__file__).resolve().parents[1] / "specs"


def install_kernelspecs(folder: Path, *, specs: Path = SPECS, python: Path | None = None) -> list[str]:
    """Render every kernelspec into `folder`/kernels and give their names. JUPYTER_PATH is to name `folder`.

    Parameters
    ----------
    folder
        A Jupyter data folder, such as `<state>/cache/kernels`.
    python
        The interpreter that runs the kernels; this one unless given.
    """
    names = sorted(spec.name for spec in specs.iterdir() if (spec / "kernel.json").is_file())
    for name in names:
        target = folder / "kernels" / name
        target.mkdir(parents=True, exist_ok=True)
        files = {source.name: source.read_bytes() for source in (specs / name).iterdir()}
        files["kernel.json"] = render(specs / name, python or Path(sys.executable)).encode()
        for file, content in files.items():
            _write_changed(target / file, content)
    return names


def _write_changed(path: Path, content: bytes) -> None:
    """Leave a file that is right alone: a server may be reading it."""
    if not path.is_file() or path.read_bytes() != content:
        path.write_bytes(content)


def render(spec: Path, python: Path) -> str:
    """Give the text of a kernel.json with the interpreter filled in."""
    values = json.loads((spec / "kernel.json").read_text(encoding="utf-8"))
    values["argv"] = [str(python) if part == "{python}" else part for part in values["argv"]]
    return json.dumps(values, indent=1, ensure_ascii=False) + "\n"
