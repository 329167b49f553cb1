"""A Streamlit page is shown in a notebook as it would be in a browser, as far as a lesson needs it."""

import pandas as pd
import pytest

from dataflow_kernels.page_preview import preview

ROWS = [{"dia": "2026-03-01T00:00:00", "receita": 3.5}, {"dia": "2026-03-02T00:00:00", "receita": 0.0}]
CHART = {
    "data": {"values": ROWS},
    "mark": "bar",
    "encoding": {
        "x": {"field": "dia", "type": "temporal", "title": "the day"},
        "y": {"field": "receita", "type": "quantitative", "axis": {"title": "R$ a day"}},
    },
}


def page(name, chart):
    """Show one element of each kind that lessons use."""
    import streamlit as st

    st.title(f"Loja {name}")
    left, right = st.columns(2)
    left.metric("receita", "1.234,56")
    right.metric("pedidos", 7)
    st.vega_lite_chart(chart)
    st.dataframe(pd.DataFrame({"categoria": ["Música"], "pedidos": [7]}))
    st.caption("version 3")


def test_everything_on_the_page_is_shown_in_its_order(capfd):
    """Texts, numbers, chart and table, as HTML and as text; and nothing goes to stderr, which would count as an error."""
    shown = preview(page, "<Aurora>", CHART)
    html = shown._repr_html_()
    places = [html.index(part) for part in ("Loja &lt;Aurora&gt;", "1.234,56", "<svg", "Música", "version 3")]
    assert places == sorted(places)
    assert "receita: 1.234,56" in repr(shown)
    assert repr(shown).splitlines()[0] == "Loja <Aurora>"
    assert not capfd.readouterr().err


def test_a_chart_has_the_titles_that_its_description_gives_and_no_others():
    """A chart without titles is shown without titles, so that one sees that they are missing."""
    titled = preview(page, "Aurora", CHART)._repr_html_()
    bare = preview(page, "Aurora", {**CHART, "encoding": {"x": {"field": "dia"}, "y": {"field": "receita"}}})._repr_html_()
    assert "<!-- the day -->" in titled
    assert "<!-- R$ a day -->" in titled
    assert "<!-- dia -->" not in bare
    assert "<svg" in preview(page, "Aurora", {"data": {"values": ROWS}, "mark": "bar"})._repr_html_()


def test_what_the_page_raises_is_raised():
    """A student sees their own error and its line, and not an empty page."""

    def broken():
        message = "no gold today"
        raise ValueError(message)

    with pytest.raises(ValueError, match="no gold today"):
        preview(broken)
