"""The tour's notebooks: made from their sources, the same code in both languages."""

import json

import nbformat
import pytest

from dataflow_hub.operations.tour import LANGUAGES, tour_files
from dataflow_hub.settings import load_lab

NAMES = (
    *("bronze_ingestion", "cloud_credentials", "gold_aggregations", "medallion_architecture", "mlflow_random_forest", "prefect_etl"),
    *("scaling_spark", "silver_processing", "streaming_analytics", "streamlit_dashboard"),
)
FOLDER = load_lab(environ={}).workspace.root / "notebooks" / "tour"


def test_the_committed_notebooks_are_their_sources():
    """Nobody edits a generated notebook: each is byte-identical to what its source gives."""
    for path, text in tour_files(load_lab(environ={})).items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} drifted: ./lab course build"


def test_every_tour_notebook_is_known():
    """Those of the project's first description, cloud credentials and scaling among them."""
    assert sorted(path.stem for path in FOLDER.glob("*.py")) == list(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_hold_the_same_code(name):
    """Only text cells differ, cell for cell."""
    english, portuguese = (nbformat.read(FOLDER / f"{name}{suffix}.ipynb", 4).cells for suffix in LANGUAGES.values())
    assert [cell.cell_type for cell in english] == [cell.cell_type for cell in portuguese]
    code = [[(cell.id, cell.source) for cell in cells if cell.cell_type == "code"] for cells in (english, portuguese)]
    assert code[0] == code[1]
    assert not {cell.source for cell in english if cell.cell_type == "markdown"} & {
        cell.source for cell in portuguese if cell.cell_type == "markdown"
    }


@pytest.mark.parametrize("name", NAMES)
def test_no_outputs_and_no_addresses(name):
    """No output is kept in git, and no address or key in a cell: the names `lake` and `tracking` know them."""
    text = (FOLDER / f"{name}.ipynb").read_text(encoding="utf-8")
    assert all(not cell.get("outputs") for cell in json.loads(text)["cells"])
    assert "s3a://" not in text
    assert "http://" not in text
