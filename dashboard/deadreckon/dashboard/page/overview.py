"""Overview: is it well? Traffic, errors, latency, cost and what is firing, per model version."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import streamlit as st

from deadreckon.dashboard.look import charts, colours, figures, frame
from deadreckon.dashboard.look.cards import alert_line
from deadreckon.dashboard.look.tables import Column, table
from deadreckon.dashboard.look.text import literal
from deadreckon.dashboard.services import links, overview, watch
from deadreckon.dashboard.services.alerts import Change, Standing, changes, standings
from deadreckon.dashboard.services.overview import CHARTED, Calls, Overview, Selection

SORT_OF: Final = {
    "failed": "failed",
    "error rate": "failed",
    "cost": "costliest",
    "a call": "costliest",
    "unpriced": "costliest",
}
"""Which traces are looked for when a cell of this column is clicked; else the slowest."""


def draw() -> None:
    """Draw the page."""
    desk = frame.desk()
    frame.head("Overview", desk)
    standing = [s for s in standings(desk.source) if s.firing]
    raised = [s for s in standing if not s.silenced]
    _alerts(desk, raised, len(standing) - len(raised))
    known = overview.known(desk.source)
    selection = _choose(desk, known)
    shown = overview.overview(desk.source, selection)
    _figures(shown, selection, raised)
    if not shown.total.calls:
        st.info("No model was called in this time. Try a longer range, or other filters.", icon=":material/inbox:")
        return
    palette = colours.by_version(known.versions)
    _charts(shown, selection, palette, changes(desk.source), desk.newest)
    _versions(shown.versions, raised, selection)


def _alerts(desk: frame.Desk, raised: Sequence[Standing], silenced: int) -> None:
    looked = watch.last_look(desk.source)
    if looked.looked is None:
        st.info(
            f"Nobody keeps watch: {literal(looked.trouble)}. {literal(looked.hint)}", icon=":material/visibility_off:"
        )
    if not raised and not silenced:
        return
    with st.container(border=True):
        more = f", and {silenced} silenced" if silenced else ""
        st.markdown(f"**{len(raised)} alert{'' if len(raised) == 1 else 's'} firing{more}**")
        for standing in raised[:5]:
            alert_line(standing)
        if len(raised) > 5:
            st.page_link("page/alerts.py", label=f"and {len(raised) - 5} more", icon=":material/arrow_forward:")


def _choose(desk: frame.Desk, known: overview.Known) -> Selection:
    first, second, third = st.columns([6, 2, 4])
    with first:
        period = frame.choose_period(desk)
    with second:
        environment = frame.choose("Environment", "environment", known.environments)
    versions = third.multiselect(
        "Model versions", known.versions, key="version", bind="query-params", placeholder="all"
    )
    return Selection(period, environment, tuple(sorted(versions)))


def _figures(shown: Overview, selection: Selection, raised: Sequence[Standing]) -> None:
    past = shown.past
    then_requests, then_calls = past or (None, None)
    period = selection.period
    requests, total = shown.requests, shown.total
    st.caption(
        f"{figures.moment(period.start)} to {figures.moment(period.end)}"
        + (f"; changes against the {_length(period.length)} before" if past else "")
    )
    columns = st.columns([11, 15, 13, 13, 9, 13])
    columns[0].metric(
        "Requests",
        figures.count(requests.requests),
        _delta(requests.requests, then_requests, "requests"),
        delta_color="off",
        help="User requests that began in this time.",
        **_CARD,
    )
    columns[1].metric(
        "Failed requests",
        figures.percent(requests.error_rate),
        _delta(requests.error_rate, then_requests, "error_rate"),
        delta_color="inverse",
        help=f"{requests.failed:,} ended in an error or timeout, of those that were not cancelled "
        f"({requests.cancelled:,} were).",
        **_CARD,
    )
    columns[2].metric(
        "Latency p95",
        figures.milliseconds(requests.p95_ms),
        _delta(requests.p95_ms, then_requests, "p95_ms"),
        delta_color="inverse",
        help="95 % of the requests that were answered or timed out took at most this; half of them "
        f"{figures.milliseconds(requests.p50_ms)}.",
        **_CARD,
    )
    columns[3].metric(
        "Failed calls",
        figures.percent(total.error_rate),
        _delta(total.error_rate, then_calls, "error_rate"),
        delta_color="inverse",
        help=f"{total.failed:,} of {total.calls:,} model calls; {total.retries:,} calls were retries.",
        **_CARD,
    )
    columns[4].metric(
        "Cost",
        figures.dollars(total.cost_usd),
        _delta(total.cost_usd, then_calls, "cost_usd"),
        delta_color="inverse",
        help=f"As reported, else computed from tokens and prices.{_unpriced(total)}",
        **_CARD,
    )
    columns[5].metric(
        "Alerts firing",
        str(len(raised)),
        help="Raised, not resolved and not silenced, whatever the time range.",
        **_CARD,
    )


_CARD: Final[dict[str, Any]] = {"border": True, "height": "stretch"}


def _unpriced(total: Calls) -> str:
    return f" {total.unpriced:,} calls have no price and are left out." if total.unpriced else ""


def _length(length: object) -> str:
    seconds = length.total_seconds() if hasattr(length, "total_seconds") else 0.0
    return figures.milliseconds(seconds * 1000)


def _delta(now: float | None, then: object, name: str) -> str | None:
    return figures.change(now, getattr(then, name, None))


def _bands(found: Sequence[Change], shown: Overview, sort: str, newest: datetime) -> list[charts.Band]:
    """When alerts about what a chart shows were firing."""
    versions = {v.model_version for v in shown.versions[:CHARTED]}
    return [
        (c.start, c.until or newest, c.rule)
        for c in found
        if c.state == "firing"
        and links.sort_for(c.metric) == sort
        and c.labels.get("model_version", None) in (versions | {None})
    ]


def _charts(
    shown: Overview, selection: Selection, palette: dict[str, str], found: Sequence[Change], newest: datetime
) -> None:
    drawn = (
        ("Traffic", charts.calls, "", "Model calls over time, by version"),
        ("Errors", charts.errors, "failed", "Share of model calls that failed over time, by version"),
        ("Latency", charts.latency, "slowest", "Median and 95th percentile of the time of model calls, by version"),
        ("Cost", charts.cost, "costliest", "Cost of model calls over time, by version"),
    )
    present = {v.label for v in shown.versions[:CHARTED]}
    st.markdown(charts.legend([label for label in palette if label in present], palette))
    shaded = False
    for place in range(0, len(drawn), 2):
        for column, (title, chart, sort, words) in zip(st.columns(2), drawn[place : place + 2], strict=True):
            bands = _bands(found, shown, sort, newest)
            shaded = shaded or any(end > selection.period.start for _, end, _ in bands)
            with column.container(border=True):
                st.markdown(f"**{title}**")
                picture = chart(shown.points, selection.period, palette, bands)
                st.vega_lite_chart(None, picture, width="stretch", alt=words)
    notes = []
    if len(shown.versions) > CHARTED:
        notes.append(f"The charts show the {CHARTED} busiest of {len(shown.versions)} versions.")
    if shaded:
        notes.append("Shaded: an alert about what the chart shows was firing.")
    if notes:
        st.caption(" ".join(notes))


def _versions(versions: Sequence[Calls], raised: Sequence[Standing], selection: Selection) -> None:
    st.subheader("Model versions", anchor=False)
    columns: dict[str, Column] = {
        "version": ("text", [v.label for v in versions]),
        "calls": ("whole", [v.calls for v in versions]),
        "error rate": ("number", [v.error_rate for v in versions]),
        "failed": ("whole", [v.failed for v in versions]),
        "p50": ("number", [v.p50_ms for v in versions]),
        "p95": ("number", [v.p95_ms for v in versions]),
        "p99": ("number", [v.p99_ms for v in versions]),
        "first token": ("number", [v.ttft_p50_ms for v in versions]),
        "cost": ("number", [v.cost_usd for v in versions]),
        "a call": ("number", [v.cost_per_call_usd for v in versions]),
        "unpriced": ("whole", [v.unpriced for v in versions]),
        "tokens in": ("whole", [v.input_tokens for v in versions]),
        "tokens out": ("whole", [v.output_tokens for v in versions]),
        "firing": ("whole", [sum(s.concerns(v.model, v.model_version) for s in raised) for v in versions]),
    }
    number = st.column_config.NumberColumn
    picked = st.dataframe(
        table(columns),
        hide_index=True,
        placeholder=figures.UNKNOWN,
        key="versions",
        on_select="rerun",
        selection_mode="single-cell",
        column_config={
            "version": st.column_config.TextColumn(width="medium", pinned=True),
            "calls": number(format="localized"),
            "error rate": number(format="percent", help="Errors and timeouts per call that was not cancelled."),
            "p50": number("p50 ms", format="%.0f", help="Over calls that were answered or timed out."),
            "p95": number("p95 ms", format="%.0f"),
            "p99": number("p99 ms", format="%.0f"),
            "first token": number("first token p50 ms", format="%.0f"),
            "cost": number("cost $", format="%.2f", help="Of the calls with a known cost."),
            "a call": number("$ per call", format="%.5f"),
            "unpriced": number(help="Calls whose cost should be known and is not: they are not in the cost."),
            "tokens in": number(format="compact"),
            "tokens out": number(format="compact"),
            "firing": number("alerts firing", help="Raised alerts whose labels name this version."),
        },
        alt="Calls, failures, latency and cost per model version",
    )
    st.caption("Click a cell to see the traces behind it: the slowest, the failed or the costliest of that version.")
    for row, column in picked["selection"]["cells"][:1]:
        _follow(versions[row], column, selection)


def _follow(version: Calls, column: str, selection: Selection) -> None:
    params = links.window(selection.period.start, selection.period.end) | {"sort": SORT_OF.get(column, "slowest")}
    for name, value in (
        ("model", version.model),
        ("model_version", version.model_version),
        ("environment", selection.environment),
    ):
        if value:
            params[name] = value
    st.switch_page("page/traces.py", query_params=params)


if __name__ == "__main__":
    draw()
