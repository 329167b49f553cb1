"""The dashboards' page, run by Streamlit for each reader; `services/streamlit_server` starts it.

It shows nothing to who did not come through the login proxy. Cell values are shown as text: a table's content never becomes HTML.
"""

from __future__ import annotations

import hmac
from datetime import UTC, datetime
from functools import partial

import pandas as pd
import streamlit as st

from dataflow_hub.dashboards import reader
from dataflow_hub.dashboards.texts import speak
from dataflow_hub.errors import LabError
from dataflow_hub.services import streamlit_server
from dataflow_hub.settings import Lab, load_lab

_REFRESH = "5s"
_REMEMBER_SECONDS = 4  # many readers cost one read
_FEW = 40


@st.cache_resource
def lab() -> Lab:
    """Give the lab; its settings do not change while this runs."""
    return load_lab()


@st.cache_data(ttl=_REMEMBER_SECONDS, show_spinner=False)
def live() -> reader.Live | None:
    """Give the live orders."""
    return reader.read_live(lab())


@st.cache_data(ttl=_REMEMBER_SECONDS, show_spinner=False)
def names() -> list[str]:
    """Give the gold tables' names."""
    return reader.table_names(lab())


@st.cache_data(ttl=_REMEMBER_SECONDS, show_spinner=False, max_entries=8)
def table(name: str) -> reader.Table:
    """Give one gold table."""
    return reader.read_table(lab(), name)


@st.fragment(run_every=_REFRESH)
def show_live(say: partial[str]) -> None:
    """Show the live orders, again every few seconds."""
    st.header(say("live"))
    try:
        now, found = datetime.now(UTC), live()
    except LabError:
        st.warning(say("down"))
        return
    if found is None or found.newest is None:
        st.info(say("live_none"))
        return
    if not found.is_stale(now):
        st.success(say("fresh", seconds=max(0, round((now - found.newest).total_seconds()))))
    else:
        st.warning(say("stale", when=_moment(found.newest)))
    st.metric(say("events"), f"{found.n_events:,}")
    st.dataframe(found.by_kind, hide_index=True)
    st.caption(say("by_minute"))
    st.bar_chart(found.by_minute, x="minuto", y="eventos")


@st.fragment(run_every="30s")
def show_tables(say: partial[str]) -> None:
    """Show the gold tables: one at a time, with a chart where there is one text and one number to draw."""
    st.header(say("tables"))
    try:
        found = names()
        if not found:
            st.info(say("tables_none"))
            return
        chosen = table(str(st.selectbox(say("choose"), found)))
    except LabError:
        st.warning(say("down"))
        return
    st.caption(say("facts", version=chosen.version, when=_moment(chosen.changed), rows=f"{chosen.n_rows:,}"))
    if chosen.n_rows > len(chosen.rows):
        st.caption(say("first", rows=f"{len(chosen.rows):,}"))
    labels = [name for name in chosen.rows if not pd.api.types.is_numeric_dtype(chosen.rows[name])]
    numbers = [name for name in chosen.rows if pd.api.types.is_numeric_dtype(chosen.rows[name])]
    if labels and numbers and len(chosen.rows) <= _FEW:
        st.bar_chart(chosen.rows, x=labels[0], y=numbers[-1])
    st.dataframe(chosen.rows, hide_index=True)


def _moment(when: datetime) -> str:
    return when.strftime("%Y-%m-%d %H:%M:%S")


def main() -> None:
    """Show the page in the reader's language."""
    headers = st.context.headers
    say = partial(speak, headers.get(streamlit_server.LANGUAGE_HEADER) or "en")
    st.set_page_config(page_title="DataFlow Lab", layout="wide")
    word = headers.get(streamlit_server.DOOR_HEADER) or ""
    if not hmac.compare_digest(word.encode(), streamlit_server.door_word(lab()).encode()):
        st.error(say("closed"))
        st.stop()
    st.title(say("title"))
    show_live(say)
    show_tables(say)


main()
