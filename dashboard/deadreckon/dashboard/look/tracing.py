"""One trace: its figures, its waterfall, the span that is looked at, and what else was logged in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
import streamlit as st

from deadreckon.dashboard.look import figures
from deadreckon.dashboard.look.cards import badge
from deadreckon.dashboard.look.frame import Desk
from deadreckon.dashboard.look.tables import table
from deadreckon.dashboard.look.text import literal, plain
from deadreckon.dashboard.look.waterfall import DRAWN, PICKED, measures, name, title, waterfall
from deadreckon.dashboard.services import tree
from deadreckon.dashboard.services.traces import Trace
from deadreckon.dashboard.services.tree import CUT, Row, Tree


def draw_trace(desk: Desk, trace: Trace, span_id: str) -> None:
    """Draw a trace, opened at a span where one is asked for, else at the first that failed."""
    grown = tree.tree_of(desk.source, trace.trace_id)
    if grown is None:
        st.warning("This trace has no finished span.", icon=":material/info:")
        return
    _head(trace)
    _figures(trace)
    picked = _waterfall(trace, grown)
    _span(desk, trace, grown, _place(grown, picked, span_id))
    _notes(desk, trace)
    with st.expander(f"All {len(grown.rows):,} spans as a table"):
        _table(grown)


def _head(trace: Trace) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(literal(trace.name or "trace", 120), anchor=False, width="content")
        badge(trace.status)
    ids = (
        ("Trace", trace.trace_id, "trace"),
        ("Request", trace.request_id, "request"),
        ("Session", trace.session_id, "session"),
        ("User", trace.user_id, "id"),
    )
    with st.container(horizontal=True):
        for label, value, kind in ids:
            if value:
                st.page_link(
                    "page/traces.py",
                    label=f"{label} {literal(value, 60)}",
                    query_params={kind: value},
                    width="content",
                )
    about = (trace.environment, trace.service, trace.agent, trace.model_version, trace.variant)
    st.caption(f"Began {trace.started_at:%Y-%m-%d %H:%M:%S} UTC · " + " · ".join(literal(a, 60) for a in about if a))


def _figures(trace: Trace) -> None:
    unpriced = f"; {trace.unpriced_calls:,} unpriced calls left out" if trace.unpriced_calls else ""
    shown = (
        ("Duration", figures.milliseconds(trace.duration_ms), "From the first span's beginning to the last one's end."),
        ("Spans", figures.count(trace.spans), f"{trace.failed_spans:,} failed, {trace.cancelled_spans:,} cancelled."),
        ("Model calls", figures.count(trace.llm_calls), "Calls of language models."),
        ("Tool calls", figures.count(trace.tool_calls), "Calls of tools."),
        (
            "Tokens",
            f"{figures.compact(trace.input_tokens)} → {figures.compact(trace.output_tokens)}",
            "Into the model calls → out of them; cached and reasoning tokens are inside them.",
        ),
        ("Cost", figures.dollars(trace.cost_usd), f"Of the model calls{unpriced}."),
    )
    for column, (label, value, note) in zip(st.columns([12, 10, 13, 12, 17, 12]), shown, strict=True):
        column.metric(label, value, help=note, border=True)


def _waterfall(trace: Trace, grown: Tree) -> int | None:
    adrift = sum(row.adrift for row in grown.rows)
    words = f"Waterfall of {len(grown.rows)} spans over {figures.milliseconds(grown.length_ms)}"
    with st.container(border=True):
        event: Any = st.vega_lite_chart(
            None,
            waterfall(grown),
            width="stretch",
            key=f"waterfall-{trace.trace_id}",
            on_select="rerun",
            selection_mode=PICKED,
            alt=words,
        )
        notes = ["Click a bar to see its span."]
        if len(grown.rows) > DRAWN:
            notes.append(f"The first {DRAWN} of {len(grown.rows):,} spans are drawn; the table below has them all.")
        if grown.truncated:
            notes.append(f"The trace has more than {tree.MOST:,} spans: the rest was not read.")
        if adrift:
            notes.append(f"⚠ {adrift:,} spans name a parent that is not among the finished spans of this trace.")
        if grown.unpriced:
            calls = "1 model call is" if grown.unpriced == 1 else f"{grown.unpriced:,} model calls are"
            notes.append(f"{calls} unpriced: nobody has entered what they cost.")
        st.caption(" ".join(notes))
    chosen = event.get("selection", {}).get(PICKED) or []
    place = chosen[0].get(PICKED) if chosen else None
    return place if isinstance(place, int) and 0 <= place < len(grown.rows) else None


def _place(grown: Tree, picked: int | None, span_id: str) -> int:
    if picked is not None:
        return picked
    for place, row in enumerate(grown.rows):
        if span_id and row.span.span_id == span_id:
            return place
    for bad in (("error", "timeout"), ("cancelled",)):
        found = [p for p, row in enumerate(grown.rows) if row.span.status in bad]
        if found:
            # The deepest of the first is where it began; its parents ended so because of it.
            return max(found, key=lambda p: (grown.rows[p].depth, -p))
    return 0


def _span(desk: Desk, trace: Trace, grown: Tree, place: int) -> None:
    key = f"span-{trace.trace_id}-{place}"  # another bar was clicked: the box begins anew at it
    place = st.selectbox(
        "Span",
        range(len(grown.rows)),
        index=place,
        format_func=lambda p: f"{title(grown.rows[p])}   ({measures(grown.rows[p].span)})",
        key=key,
    )
    row = grown.rows[place]
    content = tree.content_of(desk.source, trace.trace_id, row.span.event_id)
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{literal(name(row.span))}**", width="content")
            badge(row.span.status)
        left, right = st.columns([2, 3])
        with left:
            _facts(row, content.facts if content else {})
        with right:
            if content is None:
                st.caption("Its event is not in the lake any more.")
                return
            _content("Error", _error(row, content.facts), None)
            _content("Input", content.input, content.input_length)
            _content("Output", content.output, content.output_length)
            _content("Attributes", content.attributes, content.attributes_length)
            if not (content.input or content.output or content.attributes):
                st.caption("It carries no input, output or attributes.")


def _error(row: Row, facts: dict[str, Any]) -> str | None:
    parts = [row.span.error_type, facts.get("error_message")]
    return ": ".join(str(p) for p in parts if p) or None


def _facts(row: Row, facts: dict[str, Any]) -> None:
    span = row.span
    shown: dict[str, str | None] = {
        "operation": span.operation,
        "duration": figures.milliseconds(span.duration_ms),
        "began after": figures.milliseconds(row.start_ms),
        "agent": span.agent,
        "tool": span.tool,
        "model": " ".join(p for p in (span.model, span.model_version) if p) or None,
        "first token": figures.milliseconds(span.ttft_ms) if span.ttft_ms is not None else None,
        "tokens in": figures.count(span.input_tokens) if span.input_tokens is not None else None,
        "tokens out": figures.count(span.output_tokens) if span.output_tokens is not None else None,
        "cost": f"{figures.dollars(span.cost_usd)} ({span.cost_source})" if span.is_model_call else None,
        "span ID": span.span_id,
        "parent": span.parent_span_id,
    }
    shown |= {
        key.replace("_", " "): str(value)
        for key, value in facts.items()
        if key not in ("ts", "ttft_ms", "error_type", "error_message")
    }
    known = {k: v for k, v in shown.items() if v}
    st.dataframe(
        table({"what": ("text", list(known)), "is": ("text", [plain(v) for v in known.values()])}),
        hide_index=True,
        placeholder=figures.UNKNOWN,
        height="content",
        column_config={"what": st.column_config.TextColumn(width="small")},
        alt="What the span says of itself",
    )


def _content(label: str, text: str | None, length: int | None) -> None:
    if not text:
        return
    shown, language = _pretty(text)
    cut = f": the first {CUT:,} of {length:,} characters" if length is not None and length > len(text) else ""
    st.caption(f"{label}{cut}")
    # A code block shows text as text, whatever is in it.
    st.code(shown, language=language, wrap_lines=True, height=260 if shown.count("\n") > 10 else "content")


def _pretty(text: str) -> tuple[str, str | None]:
    try:
        parsed = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text, None
    if isinstance(parsed, dict | list):
        return orjson.dumps(parsed, option=orjson.OPT_INDENT_2).decode(), "json"
    return text, None


def _notes(desk: Desk, trace: Trace) -> None:
    notes = tree.notes_of(desk.source, trace.trace_id, trace.request_id)
    if not notes:
        return
    st.markdown("**Also logged** in this trace, or about its request")
    st.dataframe(
        table(
            {
                "time": ("time", [n.ts for n in notes]),
                "kind": ("text", [n.kind for n in notes]),
                "what": ("text", [n.what for n in notes]),
                "result": ("text", [n.result for n in notes]),
                "why": ("text", [n.why for n in notes]),
                "service": ("text", [n.service for n in notes]),
            }
        ),
        hide_index=True,
        placeholder=figures.UNKNOWN,
        column_config={
            "time": st.column_config.DatetimeColumn("time (UTC)", format="YYYY-MM-DD HH:mm:ss.SSS", timezone="UTC"),
            "why": st.column_config.TextColumn(width="large"),
        },
        alt="Decisions, contracts, scores, feedback and log lines of the trace",
    )


def _table(grown: Tree) -> None:
    rows: Sequence[Row] = grown.rows
    st.dataframe(
        table(
            {
                "span": ("text", [title(r) for r in rows]),
                "operation": ("text", [r.span.operation for r in rows]),
                "status": ("text", [r.span.status for r in rows]),
                "began ms": ("number", [r.start_ms for r in rows]),
                "duration ms": ("number", [r.span.duration_ms for r in rows]),
                "tokens in": ("whole", [r.span.input_tokens for r in rows]),
                "tokens out": ("whole", [r.span.output_tokens for r in rows]),
                "cost $": ("number", [r.span.cost_usd for r in rows]),
                "error": ("text", [r.span.error_type for r in rows]),
                "span ID": ("text", [r.span.span_id for r in rows]),
            }
        ),
        hide_index=True,
        placeholder=figures.UNKNOWN,
        column_config={"cost $": st.column_config.NumberColumn(format="%.5f")},
        alt="All spans of the trace",
    )
