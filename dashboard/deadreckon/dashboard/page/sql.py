"""SQL: any question, read-only and under limits, with the views and their columns beside it."""

from __future__ import annotations

import streamlit as st

from deadreckon.core.errors import DataError, QueryError
from deadreckon.dashboard.look import figures, frame
from deadreckon.dashboard.look.tables import table
from deadreckon.dashboard.look.text import literal
from deadreckon.dashboard.services import console
from deadreckon.queries.catalog import View, views
from deadreckon.queries.sandbox import Answer

FIRST = "errors_by_version"


def draw() -> None:
    """Draw the page."""
    desk = frame.desk()
    frame.head("SQL", desk)
    left, right = st.columns([3, 2], gap="large")
    with right:
        view = _views()
    with left:
        _console(desk, view)


def _views() -> View:
    st.markdown("**Views**")
    names = list(views())
    asked = st.query_params.get("view")
    if asked is not None and console.view_named(asked) is None:
        st.warning(f"There is no view {literal(asked, 80)}.", icon=":material/search_off:")
    name = st.selectbox(
        "View",
        sorted(names),
        index=sorted(names).index(FIRST),
        key="view",
        bind="query-params",
        label_visibility="collapsed",
    )
    view = views()[name]
    st.markdown(literal(view.purpose[:1].upper() + view.purpose[1:], 2000))
    st.caption(f"Grain: {literal(view.grain, 1000)}")
    st.dataframe(
        table(
            {
                "column": ("text", [c.name for c in view.columns]),
                "unit": ("text", [c.unit for c in view.columns]),
                "meaning": ("text", [c.doc for c in view.columns]),
            }
        ),
        hide_index=True,
        height=min(38 + 35 * len(view.columns), 560),
        column_config={"meaning": st.column_config.TextColumn(width="large")},
        alt=f"Columns of the view {view.name}",
    )
    return view


def _console(desk: frame.Desk, view: View) -> None:
    # Another view brings its own query; what was typed for the one before stays until then.
    if st.session_state.get("query_for") != view.name:
        st.session_state["query_for"] = view.name
        st.session_state["query"] = console.sample_query(view)
        st.session_state.pop("asked", None)
    with st.form("console", border=False):
        sql = st.text_area("Query", key="query", height=190, max_chars=100_000)
        if st.form_submit_button("Run", type="primary", icon=":material/play_arrow:"):
            st.session_state["asked"] = sql
    st.caption(console.limits_of(desk.settings.query) + " Ctrl+Enter runs the query.")
    if "asked" in st.session_state:
        _answer(desk, st.session_state["asked"])


def _answer(desk: frame.Desk, sql: str) -> None:
    try:
        with st.spinner("asking", show_time=True):
            answer = desk.source.ask_freely(sql)
    except (QueryError, DataError) as error:
        st.error(literal(error.message, 2000), icon=":material/error:")
        if error.hint:
            st.info(literal(error.hint, 2000), icon=":material/lightbulb:")
        return
    _facts(answer)
    st.dataframe(console.table_of(answer), hide_index=True, placeholder="NULL", alt="The answer")
    st.download_button(
        "Download as CSV",
        console.csv_of(answer),
        file_name="answer.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
    )


def _facts(answer: Answer) -> None:
    many = f"{len(answer.rows):,} row{'' if len(answer.rows) == 1 else 's'}"
    st.caption(
        f"{many} in {figures.milliseconds(answer.elapsed_ms)}, as of the ingest of {figures.moment(answer.as_of)}."
    )
    if answer.truncated:
        st.warning(
            f"Only the first {len(answer.rows):,} rows: there are more. Aggregate, filter, or page with OFFSET.",
            icon=":material/content_cut:",
        )


if __name__ == "__main__":
    draw()
