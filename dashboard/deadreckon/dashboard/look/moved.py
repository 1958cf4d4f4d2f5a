"""What moved, as it is shown: the values before and now, the parts and segments, and requests to open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from deadreckon.core.errors import DeadreckonError
from deadreckon.dashboard.look import colours, figures
from deadreckon.dashboard.look.tables import table
from deadreckon.dashboard.look.text import literal, plain
from deadreckon.dashboard.services.alerts import Change
from deadreckon.dashboard.services.moved import explained
from deadreckon.dashboard.services.source import Source

if TYPE_CHECKING:
    from deadreckon.drift.explain import Explanation, Part

BARS: Final = 24
"""Groups that are drawn; numbers have 22 at most, of categories those with most of the change."""
SEGMENTS: Final = 8
ROW: Final = 24
"""Pixels of a group: two bars beside each other."""
AROUND: Final = 70
NAME: Final = 32


def what_moved(source: Source, change: Change) -> None:
    """The explanation of an alert of drift."""
    with st.spinner("Looking at what moved"):
        found = explained(source, change)
    if isinstance(found, DeadreckonError):
        st.info(
            f"What moved cannot be shown: {literal(found.message)}. Looked for {_selected(change, 'current')} "
            f"against {_selected(change, 'reference')}.",
            icon=":material/search_off:",
        )
        return
    st.markdown(f"**{figures.percent(found.total_variation)} of {literal(change.labels['subject'])} moved**")
    st.caption(
        f"Now: {found.n_current:,} values of {_selected(change, 'current')}  \n"
        f"Before: {found.n_reference:,} of {_selected(change, 'reference')}"
    )
    alt = f"Shares of the values of {change.labels['subject']} before and now"
    st.vega_lite_chart(None, histogram(found), width="stretch", alt=alt)
    st.caption("The values whose share changed most")
    _parts(found)
    if found.segments:
        st.caption(
            "Where the change comes from: how much of it the events with this value explain, and what is left without"
        )
        _segments(found)
    if found.exemplars:
        st.caption("Newest requests with a value that grew")
        with st.container(horizontal=True):
            for request in found.exemplars:
                st.page_link(
                    "page/traces.py",
                    label=literal(request, NAME),
                    icon=":material/account_tree:",
                    query_params={"request": request},
                )


def histogram(found: Explanation) -> dict[str, Any]:
    """The shares of each group of values before and now, beside each other."""
    shown = list(found.parts)
    if found.kind == "categorical":
        kept = sorted(shown, key=lambda p: -abs(p.change))[:BARS]
        shown = [p for p in shown if p in kept]
    values = [
        {"values": _name(part), "side": side, "share": share, "told": figures.percent(share)}
        for part in shown
        for side, share in (("before", part.reference), ("now", part.current))
    ]
    bars = {
        "data": {"values": values},
        "mark": {"type": "bar", "cornerRadius": 1},
        "encoding": {
            "y": {
                "field": "values",
                "type": "nominal",
                "sort": [_name(part) for part in shown],
                "title": None,
                "axis": {"labelLimit": 160, "labelOverlap": False, "ticks": False, "domain": False},
            },
            "yOffset": {"field": "side", "type": "nominal", "sort": ["before", "now"]},
            "x": {
                "field": "share",
                "type": "quantitative",
                "title": "share of the values",
                "axis": {"format": ".0~%", "tickCount": 5},
            },
            "color": {
                "field": "side",
                "type": "nominal",
                "scale": {"domain": ["before", "now"], "range": [colours.GREY, colours.NOW]},
                "legend": {"title": None, "orient": "top", "symbolType": "square"},
            },
            "tooltip": [
                {"field": name, "type": "nominal", "title": title}
                for name, title in (("values", "values"), ("side", "when"), ("told", "share"))
            ],
        },
    }
    return {"layer": [bars], "height": ROW * len(shown) + AROUND}


def _parts(found: Explanation) -> None:
    moved = found.moved()
    st.dataframe(
        table(
            {
                "values": ("text", [_name(p) for p in moved]),
                "before": ("text", [figures.percent(p.reference) for p in moved]),
                "now": ("text", [figures.percent(p.current) for p in moved]),
                "change": ("text", [_signed(p.change) for p in moved]),
            }
        ),
        hide_index=True,
        alt="The values whose share changed most",
    )


def _segments(found: Explanation) -> None:
    shown = found.segments[:SEGMENTS]
    st.dataframe(
        table(
            {
                "attribute": ("text", [plain(s.attribute) for s in shown]),
                "value": ("text", ["(none)" if s.value is None else plain(s.value) for s in shown]),
                "explains": ("text", [figures.percent(s.explains) for s in shown]),
                "left without": ("text", [figures.percent(s.without) for s in shown]),
                "share before": ("text", [figures.percent(s.reference) for s in shown]),
                "share now": ("text", [figures.percent(s.current) for s in shown]),
            }
        ),
        hide_index=True,
        alt="How much of the change each segment explains",
    )


def _selected(change: Change, side: str) -> str:
    return literal(str(change.facts[side]).replace(",", ", ").replace("..", " to "))


def _name(part: Part) -> str:
    if part.low is None or part.high is None:
        return plain(part.label, NAME)
    return f"{figures.number(part.low)} to {figures.number(part.high)}"


def _signed(change: float) -> str:
    return f"{'+' if change > 0 else '-'}{figures.percent(abs(change))}"
