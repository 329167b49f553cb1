"""The candidates of lesson 2.3: which is better than which is the data's doing, whatever the seed."""

from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import jupytext
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow_hub.datagen.catalogue import generate

LESSON = Path(__file__).parents[2] / "courses" / "mlops" / "03-registry" / "lesson.py"
NEEDED = ("import io", "EXPERIMENT =")  # how the cells begin that define the candidates


def cells():
    """Give the cells of the lesson's source that define its candidates, compiled; without the picture, which asks who the student is."""
    sources = [cell.source for cell in jupytext.read(LESSON, fmt="py:percent").cells if cell.cell_type == "code"]
    found = [source for source in sources if source.startswith(NEEDED)]
    assert len(found) == len(NEEDED)
    return [compile(source.split("\nmodel_path(")[0], str(LESSON), "exec") for source in found]


@settings(max_examples=3, deadline=None)
@given(st.integers(0, 2**63 - 1))
def test_losses_of_the_candidates_have_one_order_on_every_seed(seed):
    """What the hidden checks of the gate take for granted: better, worse, a memory of the past, and a leak that beats all."""
    batches = generate("entregas", seed, "S").batches
    lake = SimpleNamespace(landing=lambda _: "landing", files=lambda _: sorted(batches), read=lambda path: batches[path.rsplit("/", 1)[-1]])
    names = {"lake": lake, "tracking": SimpleNamespace(model_name=lambda name: name)}
    for cell in cells():
        exec(cell, names)
    past, holdout = names["past"], names["holdout"]

    def loss(recipe, rows):
        columns, model = names["RECIPES"][recipe]
        model.fit(past[columns].astype("int64") if recipe == "whole" else past[columns], past.atrasou)
        return names["loss"](model, rows)

    falling = [loss(recipe, holdout) for recipe in ("memory", "few", "whole", "line", "forest", "leak")]
    assert all(worse > better + 0.01 for worse, better in pairwise(falling))
    assert min(loss(recipe, past) for recipe in ("few", "line", "forest")) > loss("memory", past) + 0.1
