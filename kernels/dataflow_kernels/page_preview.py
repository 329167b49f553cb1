"""A Streamlit page inside a notebook: run without a server, and shown with its texts, numbers, charts and tables in their order."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from streamlit.testing.v1 import AppTest

_TIMEOUT_SECONDS = 60.0
_SCRIPT = "import streamlit as st\nst.session_state['page']()"
_BOX = "border:1px solid #d0d7de;border-radius:10px;padding:1em 1.5em;max-width:50em;font-family:sans-serif"
_NUMBER = '<div style="display:inline-block;min-width:12em"><div style="color:#59636e">{}</div><div style="font-size:1.8em">{}</div></div>'
_TAGS = {"title": "h2", "header": "h3", "subheader": "h4"}


class Preview:
    """What a page showed, as a notebook displays it; as plain text, its texts and numbers."""

    def __init__(self, html: str, text: str) -> None:
        self._html, self._text = html, text

    def _repr_html_(self) -> str:
        return f'<div style="{_BOX}">{self._html}</div>'

    def __repr__(self) -> str:
        return self._text


def preview(page: Callable[..., None], *arguments: Any) -> Preview:
    """Run `page(*arguments)`, a function that calls Streamlit, as Streamlit would run it, and give what it showed.

    Raises
    ------
    Exception
        Whatever the page raised.
    """
    from streamlit.logger import set_log_level

    set_log_level("ERROR")  # it would warn, on stderr, that no browser is there
    from streamlit.testing.v1 import AppTest

    raised: list[Exception] = []

    def run() -> None:
        try:
            page(*arguments)
        except Exception as error:  # noqa: BLE001 - shown to the student as it is
            raised.append(error)

    app = AppTest.from_string(_SCRIPT, default_timeout=_TIMEOUT_SECONDS)
    app.session_state["page"] = run
    app.run()
    if raised:
        raise raised[0]
    parts = list(_parts(app))
    return Preview("".join(html for html, _ in parts), "\n".join(text for _, text in parts))


def _parts(app: AppTest) -> Iterator[tuple[str, str]]:
    """Give each element of the page as HTML and as text; what has neither, such as a column, holds elements that follow."""
    element: Any
    for element in app.main:
        kind = element.type
        value: Any = getattr(element, "value", None)
        if kind == "metric":
            yield _NUMBER.format(escape(element.label), escape(str(value))), f"{element.label}: {value}"
        elif kind == "vega_lite_chart":
            yield _chart(element.proto), "[chart]"
        elif kind in {"dataframe", "table"}:
            yield value.to_html(index=False, border=0), value.to_string(index=False)
        elif isinstance(value, str):
            tag = _TAGS.get(kind, "p")
            yield f"<{tag}>{escape(value)}</{tag}>", value


def _chart(proto: Any) -> str:
    """Draw a Vega-Lite chart of one view as SVG: its bars or its line, and the titles of its axes as far as it has them."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    encoding = json.loads(proto.spec).get("encoding", {})
    x, y = encoding.get("x", {}), encoding.get("y", {})
    figure = Figure(figsize=(7.5, 2.8), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.subplots()
    rows = _rows(proto)
    if x.get("field") in rows and y.get("field") in rows:
        sums = rows.groupby(x["field"])[y["field"]].sum()
        axes.bar(range(len(sums)), sums.to_numpy(), color="#a8820a")
        axes.set_xticks(range(len(sums)), [str(each)[:10] for each in sums.index], rotation=45, fontsize="small")
    axes.set_xlabel(_title(x))
    axes.set_ylabel(_title(y))
    out = io.StringIO()
    figure.savefig(out, format="svg")
    return out.getvalue()[out.getvalue().index("<svg") :]


def _rows(proto: Any) -> pd.DataFrame:
    """Read the rows of a chart: Streamlit sends them apart from its description."""
    import pandas as pd
    import pyarrow as pa

    for data in [proto.data.data, *(each.data.data for each in proto.datasets)]:
        if data:
            return pa.ipc.open_stream(data).read_pandas()
    return pd.DataFrame()


def _title(channel: dict[str, Any]) -> str:
    return str(channel.get("title") or (channel.get("axis") or {}).get("title") or "")
