"""Traces: find one by any ID, or by what was slow, failed or dear; then see it span by span."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from deadreckon.dashboard.look import figures, frame
from deadreckon.dashboard.look.colours import status
from deadreckon.dashboard.look.tables import table
from deadreckon.dashboard.look.text import literal
from deadreckon.dashboard.look.tracing import draw_trace
from deadreckon.dashboard.services import links, search, traces
from deadreckon.dashboard.services.links import Wanted
from deadreckon.dashboard.services.period import period_of
from deadreckon.dashboard.services.search import Found
from deadreckon.dashboard.services.traces import LISTED, Query, Trace


def draw() -> None:
    """Draw the page."""
    desk = frame.desk()
    frame.head("Traces", desk)
    _search_box()
    wanted = links.wanted(st.query_params)
    if wanted is None:
        _list(desk)
    else:
        _found(desk, wanted)


def _search_box() -> None:
    with st.form("search", border=False, clear_on_submit=True):
        left, right = st.columns([6, 1], vertical_alignment="bottom")
        typed = left.text_input(
            "Find by ID",
            placeholder="the ID of a request, trace, span, session, run, event, response or user",
            max_chars=links.LONGEST,
        )
        if right.form_submit_button("Find", icon=":material/search:", width="stretch") and links.identifier(typed):
            st.switch_page("page/traces.py", query_params={"id": links.identifier(typed)})


def _found(desk: frame.Desk, wanted: Wanted) -> None:
    st.page_link("page/traces.py", label="All traces", icon=":material/arrow_back:")
    found = search.find(desk.source, wanted.value)
    trace_id = found.trace_id
    if found.hits and found.hits[0].field == "request":
        trace_id = search.main_trace(desk.source, found.id) or trace_id
    period = period_of("all", oldest=desk.oldest, newest=desk.newest)
    if trace_id is not None and found.drawn:
        shown = traces.trace(desk.source, trace_id)
        if shown is not None:
            span = found.id if found.hits[0].field == "span" else links.identifier(st.query_params.get("span"))
            draw_trace(desk, shown, span)
            return
    if not found.hits:
        _not_found(found)
        return
    best = found.hits[0]
    st.markdown(
        f"**{literal(found.id)}** is a {best.field} ID, in {figures.count(best.events)} events "
        f"and {figures.count(best.drawn)} traces."
    )
    if found.drawn:
        _table(traces.listed(desk.source, Query(period, id=found.id)))
    else:
        st.info("None of them is a finished span, so there is no waterfall to draw.", icon=":material/info:")
        _lines(desk, found)


def _not_found(found: Found) -> None:
    st.warning(f"Nothing in this lake carries the ID {literal(found.id)}.", icon=":material/search_off:")
    if found.near:
        st.markdown("These begin with it:")
        for near in found.near:
            st.page_link(
                "page/traces.py",
                label=f"{near.field} {literal(near.id)}",
                icon=":material/arrow_forward:",
                query_params={"id": near.id},
            )
    else:
        st.caption(
            "Was it ingested? `reckon status` says what the lake holds, `reckon quarantine list` what it refused."
        )


def _lines(desk: frame.Desk, found: Found) -> None:
    lines = search.lines(desk.source, found.id)
    st.dataframe(
        table(
            {
                "time": ("time", [line.ts for line in lines]),
                "kind": ("text", [line.kind for line in lines]),
                "event": ("text", [line.event for line in lines]),
                "level": ("text", [line.level for line in lines]),
                "status": ("text", [line.status for line in lines]),
                "model version": ("text", [line.model_version for line in lines]),
                "run": ("text", [line.run_id for line in lines]),
                "request": ("text", [line.request_id for line in lines]),
                "event ID": ("text", [line.event_id for line in lines]),
            }
        ),
        hide_index=True,
        placeholder=figures.UNKNOWN,
        column_config={"time": st.column_config.DatetimeColumn("time (UTC)", format=_TIME, timezone="UTC")},
        alt="Events that carry the ID",
    )
    st.caption(f"{len(lines):,} events, in order of time.")


def _list(desk: frame.Desk) -> None:
    period = frame.choose_period(desk)
    known = traces.span_values(desk.source)
    first = st.columns([2, 2, 2, 2])
    sort = first[0].selectbox("Order", links.SORTS, key="sort", bind="query-params")
    state = first[1].selectbox("Status", traces.STATUSES, key="status", bind="query-params")
    filters: dict[str, str | None] = {}
    for column, name in zip(first[2:], ("model_version", "tool"), strict=True):
        with column:
            filters[name] = frame.choose(name.replace("_", " ").capitalize(), name, known[name])
    others = [name for name in links.TRACE_FILTERS if name not in filters]
    with st.expander("More filters", expanded=any(st.query_params.get(name) for name in others)):
        for column, name in zip(st.columns(len(others)), others, strict=True):
            with column:
                filters[name] = frame.choose(name.capitalize(), name, known[name])
    query = Query(period, sort, state, {k: v for k, v in filters.items() if v})
    found = traces.listed(desk.source, query)
    st.caption(f"{figures.moment(period.start)} to {figures.moment(period.end)}")
    if not found:
        st.info("No trace began in this time that fits. Try a longer range, or other filters.", icon=":material/inbox:")
        return
    _table(found)


_TIME = "YYYY-MM-DD HH:mm:ss"


def _table(found: Sequence[Trace]) -> None:
    picked = st.dataframe(
        table(
            {
                "name": ("text", [t.name for t in found]),
                "status": ("text", [status(t.status) for t in found]),
                "began": ("time", [t.started_at for t in found]),
                "duration": ("number", [None if t.duration_ms is None else t.duration_ms / 1000 for t in found]),
                "spans": ("whole", [t.spans for t in found]),
                "failed": ("whole", [t.failed_spans for t in found]),
                "model calls": ("whole", [t.llm_calls for t in found]),
                "tools": ("whole", [t.tool_calls for t in found]),
                "tokens in": ("whole", [t.input_tokens for t in found]),
                "tokens out": ("whole", [t.output_tokens for t in found]),
                "cost": ("number", [t.cost_usd for t in found]),
                "version": ("text", [t.model_version for t in found]),
                "variant": ("text", [t.variant for t in found]),
                "request": ("text", [t.request_id for t in found]),
                "trace": ("text", [t.trace_id for t in found]),
            }
        ),
        hide_index=True,
        placeholder=figures.UNKNOWN,
        height=min(38 + 35 * len(found), 600),
        key="traces",
        on_select="rerun",
        selection_mode="single-cell",
        column_config={
            "name": st.column_config.TextColumn(width="medium", pinned=True),
            "began": st.column_config.DatetimeColumn("began (UTC)", format=_TIME, timezone="UTC"),
            "duration": st.column_config.NumberColumn("duration s", format="%.2f"),
            "failed": st.column_config.NumberColumn("failed spans"),
            "cost": st.column_config.NumberColumn("cost $", format="%.4f"),
        },
        alt="Traces; click one to open it",
    )
    fits = found[0].found
    st.caption(
        (f"The first {LISTED:,} of {fits:,} traces. " if fits > len(found) else f"{fits:,} traces. ")
        + "Click one to see it span by span."
    )
    for row, _ in picked["selection"]["cells"][:1]:
        st.switch_page("page/traces.py", query_params={"trace": found[row].trace_id})


if __name__ == "__main__":
    draw()
