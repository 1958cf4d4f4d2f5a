"""Alerts: what fires now, what fired before, and from each the way to the traces of its window."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import streamlit as st

from deadreckon.dashboard.look import figures, frame
from deadreckon.dashboard.look.cards import alert_card
from deadreckon.dashboard.look.tables import table
from deadreckon.dashboard.look.text import literal, plain
from deadreckon.dashboard.look.timeline import timeline
from deadreckon.dashboard.services import links, watch
from deadreckon.dashboard.services.alerts import MOST, STATES, Change, Standing, change, changes, standings

CARDS: Final = 20
"""Alerts that are shown as cards."""


def draw() -> None:
    """Draw the page."""
    desk = frame.desk()
    frame.head("Alerts", desk)
    _watch(desk)
    now = standings(desk.source)
    raised = [s for s in now if s.firing and not s.silenced]
    silenced = [s for s in now if s.firing and s.silenced]
    asked = links.identifier(st.query_params.get("alert"))
    if asked and asked not in {s.change_id for s in (*raised, *silenced)}:
        found = change(desk.source, asked)
        if found is None:
            st.warning(f"There is no alert {literal(asked)} in this lake.", icon=":material/search_off:")
        else:
            alert_card(desk.source, found, marked=True)
    st.subheader("Firing now", anchor=False)
    if not raised:
        st.success(f"Nothing fires{' that is not silenced' if silenced else ''}.", icon=":material/check_circle:")
    _cards(desk, raised, asked)
    if silenced:
        st.subheader("Silenced", anchor=False)
        _cards(desk, silenced, asked)
    _waiting([s for s in now if not s.firing and s.state in ("pending", "error")])
    _history(desk, changes(desk.source))


def _watch(desk: frame.Desk) -> None:
    looked = watch.last_look(desk.source)
    if looked.looked is None:
        st.warning(
            f"Nobody keeps watch: {literal(looked.trouble)}. {literal(looked.hint)}", icon=":material/visibility_off:"
        )
        return
    age = datetime.now(UTC) - looked.looked
    text = f"The monitor looked last {figures.age(age)} ago, {figures.moment(looked.looked)}."
    if age > frame.stale_after():
        st.warning(f"{text} What happened since, nobody has judged: run `reckon monitor`.", icon=":material/history:")
    else:
        st.caption(text)


def _cards(desk: frame.Desk, raised: Sequence[Standing], asked: str) -> None:
    # The one that a link asks for comes first.
    for standing in sorted(raised, key=lambda s: s.change_id != asked)[:CARDS]:
        fired = change(desk.source, standing.change_id)
        if fired is not None:
            alert_card(desk.source, fired, standing=standing, marked=standing.change_id == asked)
    if len(raised) > CARDS:
        st.caption(f"And {len(raised) - CARDS:,} more: `reckon alerts --state firing` lists them all.")


def _waiting(found: Sequence[Standing]) -> None:
    if not found:
        return
    st.subheader("Not firing, but not well", anchor=False)
    st.dataframe(
        table(
            {
                "rule": ("text", [s.rule for s in found]),
                "labels": ("text", [_labels(s.labels) for s in found]),
                "state": ("text", [s.state for s in found]),
                "since": ("time", [s.since for s in found]),
                "reason": ("text", [s.reason for s in found]),
            }
        ),
        hide_index=True,
        placeholder=figures.UNKNOWN,
    )


def _history(desk: frame.Desk, past: Sequence[Change]) -> None:
    st.subheader("History", anchor=False)
    if not past:
        st.info("No rule has changed its state yet.", icon=":material/inbox:")
        return
    picture = timeline(past, max(desk.newest, *(c.end for c in past)))
    if picture is not None:
        st.vega_lite_chart(None, picture, width="stretch", alt="When each alert was firing, pending or without data")
    left, right = st.columns(2)
    with left:
        rule = frame.choose("Rule", "rule", sorted({c.rule for c in past}))
    states = right.pills(
        "Changes to", STATES, selection_mode="multi", default=["firing", "resolved", "error"], key="state",
        bind="query-params",
    )  # fmt: skip
    found = [c for c in past if (not rule or c.rule == rule) and (not states or c.state in states)]
    if not found:
        st.info("No change of state fits; choose other states or another rule.", icon=":material/filter_alt:")
        return
    picked = st.dataframe(
        table(
            {
                "when": ("time", [c.end for c in found]),
                "rule": ("text", [c.rule for c in found]),
                "labels": ("text", [_labels(c.labels) for c in found]),
                "to": ("text", [c.state for c in found]),
                "from": ("text", [c.previous for c in found]),
                "severity": ("text", [c.severity for c in found]),
                "value": ("number", [c.value for c in found]),
                "threshold": ("number", [c.threshold for c in found]),
                "reason": ("text", [c.reason for c in found]),
            }
        ),
        hide_index=True,
        placeholder=figures.UNKNOWN,
        key="changes",
        on_select="rerun",
        selection_mode="single-cell",
        column_config={
            "when": st.column_config.DatetimeColumn("when (UTC)", format="YYYY-MM-DD HH:mm", timezone="UTC"),
            "value": st.column_config.NumberColumn(format="%.4g"),
            "threshold": st.column_config.NumberColumn(format="%.4g"),
            "reason": st.column_config.TextColumn(width="large"),
        },
        alt="Changes of state, newest first",
    )
    chosen = [found[row] for row, _ in picked["selection"]["cells"] if row < len(found)]
    if chosen:
        alert_card(desk.source, chosen[0])
    else:
        oldest = f" Older than the newest {MOST:,} are not read." if len(past) >= MOST else ""
        st.caption(f"{len(found):,} of {len(past):,} changes.{oldest} Click one to see its window and its traces.")


def _labels(labels: object) -> str:
    found = labels if isinstance(labels, dict) else {}
    return plain(", ".join(f"{k}={v}" for k, v in found.items()))


if __name__ == "__main__":
    draw()
