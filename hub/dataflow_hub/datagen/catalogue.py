"""Every generator of lesson data by the name that `lesson.toml` uses. Adding one is a module here and a line below."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

from dataflow_hub.datagen.model import Generated, Size

GENERATORS = ("atendimentos", "bronze", "cadastro", "changes", "entregas", "events", "nights", "orders", "silver", "ticks", "visits")
_PACKAGE = "dataflow_hub.datagen"


def generate(generator: str, seed: int, size: Size) -> Generated:
    """Make the landing files of one seed, and the truth about them; the same seed always gives the same bytes.

    Raises
    ------
    LookupError
        There is no generator of that name.
    """
    if generator not in GENERATORS:
        message = f"there is no generator {generator!r}; there are {', '.join(GENERATORS)}"
        raise LookupError(message)
    made: Generated = importlib.import_module(f"{_PACKAGE}.{generator}").generate(seed, size)
    return made


def sources(generator: str) -> tuple[Path, ...]:
    """Give the source files that decide what a generator makes: its own module, and those of this package that it imports."""
    folder, found, waiting = Path(__file__).parent, set[str](), [generator]
    while waiting:
        name = waiting.pop()
        if name not in found and (folder / f"{name}.py").is_file():
            found.add(name)
            waiting += _imports((folder / f"{name}.py").read_text(encoding="utf-8"))
    return tuple(folder / f"{name}.py" for name in sorted(found))


def _imports(source: str) -> list[str]:
    named = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom) and node.module]
    own = [node.module.removeprefix(f"{_PACKAGE}.") for node in named if node.module and node.module.startswith(f"{_PACKAGE}.")]
    return own + [alias.name for node in named if node.module == _PACKAGE for alias in node.names]
