"""The tour: notebooks made from the py:percent sources in `notebooks/tour`, one in each language, with the same code."""

from __future__ import annotations

from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode

from dataflow_hub.settings import Lab

LANGUAGES = {"en": "", "pt-BR": ".pt-BR"}
_KERNEL = {"name": "spark-delta", "display_name": "Spark + Delta", "language": "python"}


def write_tour(lab: Lab) -> tuple[Path, ...]:
    """Write the tour's notebooks that differ from their sources, and name them."""
    changed = {path: text for path, text in tour_files(lab).items() if not path.is_file() or path.read_text(encoding="utf-8") != text}
    for path, text in changed.items():
        path.write_text(text, encoding="utf-8")
    return tuple(changed)


def tour_files(lab: Lab) -> dict[Path, str]:
    """Give every notebook of the tour as it should be: output-free, byte-identical at each build."""
    folder = lab.workspace.root / "notebooks" / "tour"
    sources = (source for source in sorted(folder.glob("*.py")) if source.name != "conftest.py")
    return {
        source.with_name(f"{source.stem}{suffix}.ipynb"): _text(tour_notebook(source, language))
        for source in sources
        for language, suffix in LANGUAGES.items()
    }


def tour_notebook(source: Path, language: str) -> NotebookNode:
    """Make the notebook of one source in one language."""
    read, cells = jupytext.read(source, fmt="py:percent"), []
    for number, cell in enumerate(read.cells):
        spoken = {tag.removeprefix("lang:") for tag in cell.metadata.get("tags", []) if tag.startswith("lang:")}
        if not spoken or language in spoken:
            cells.append(_cell(cell, f"{source.stem.replace('_', '-')}-{number:02}"))
    metadata = {"kernelspec": dict(read.metadata.get("kernelspec", _KERNEL)), "language_info": {"name": "python"}}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=metadata)
    nbformat.validate(notebook)
    return notebook


def _cell(cell: NotebookNode, cell_id: str) -> NotebookNode:
    make = nbformat.v4.new_code_cell if cell.cell_type == "code" else nbformat.v4.new_markdown_cell
    made: NotebookNode = make(source=cell.source, id=cell_id)
    return made


def _text(notebook: NotebookNode) -> str:
    return str(nbformat.writes(notebook, indent=1, sort_keys=True)).rstrip("\n") + "\n"
