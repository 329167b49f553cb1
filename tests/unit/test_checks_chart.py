"""A chart is judged by what it says, however it was written; what is no chart is told as such."""

import json
import math

import pytest

from dataflow_kernels.checks import ArtefactError
from dataflow_kernels.checks.chart import MAX_CHARACTERS, read_chart, read_json

ROWS = [{"dia": "2026-03-01T00:00:00", "receita": 1.5}, {"dia": "2026-03-01", "receita": 2}, {"dia": "2026-03-02", "receita": 0}]
X = {"field": "dia", "type": "temporal", "title": "day"}
Y = {"field": "receita", "type": "quantitative", "title": "R$"}


def chart(**more):
    return json.dumps({"mark": "bar", "data": {"values": ROWS}, "encoding": {"x": X, "y": Y}, **more})


def test_axes_and_days_are_read():
    """Rows of one day add up; a day is the first ten characters."""
    found = read_chart(chart())
    assert (found.x.field, found.x.type, found.x.title, found.y.title, found.y.aggregate) == ("dia", "temporal", "day", "R$", "")
    assert found.by_day() == {"2026-03-01": 3.5, "2026-03-02": 0.0}


def test_a_chart_made_with_altair_reads_alike():
    """Altair keeps the rows apart, under a name."""
    import altair as alt
    import pandas as pd

    table = pd.DataFrame({"dia": pd.to_datetime(["2026-03-01", "2026-03-02"]), "receita": [3.5, 0.0]})
    made = alt.Chart(table).mark_bar().encode(x=alt.X("dia:T", title="day"), y=alt.Y("receita:Q", axis=alt.Axis(title="R$")))
    found = read_chart(made.to_json())
    assert found.by_day() == read_chart(chart()).by_day()
    assert (found.x.title, found.y.title) == ("day", "R$")


def test_a_value_that_is_no_number_spoils_its_day():
    """A text, a missing amount or one that no float can hold is not 0."""
    rows = [{"dia": "2026-03-01", "receita": "1,5"}, {"dia": "2026-03-02"}, {"dia": "2026-03-03", "receita": 10**400}]
    found = read_chart(chart(data={"values": rows}))
    assert all(math.isnan(value) for value in found.by_day().values())


@pytest.mark.parametrize(
    "text",
    [
        None, "", "no JSON", "[" * 100_000, "[]", "{}", json.dumps({"mark": "bar"}), chart(encoding=3), chart(data=None), chart(data={}),
        chart(data={"values": [1]}), chart(data={"name": "x"}, datasets=[]), '"' + "x" * MAX_CHARACTERS + '"',
    ],
)  # fmt: skip
def test_what_is_no_chart_is_told(text):
    """Whatever a student's code wrote, the check says so and does not break."""
    with pytest.raises(ArtefactError):
        read_chart(text)


def test_axes_that_say_nothing_are_empty():
    """Titles that are missing, or no text, count as missing."""
    found = read_chart(chart(encoding={"x": 3, "y": {"field": ["a"], "axis": 1, "title": ["R$", "a day"]}}))
    assert (found.x.field, found.y.title) == ("", "R$ a day")
    assert read_json("[1]") == [1]
