"""The frame of every page: which lake, how fresh, what is wrong with it, and the period that is looked at."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import streamlit as st

from deadreckon.core.errors import DeadreckonError
from deadreckon.core.settings import Settings, load
from deadreckon.dashboard.look import figures
from deadreckon.dashboard.look.text import literal
from deadreckon.dashboard.serve import STALE_VARIABLE
from deadreckon.dashboard.services.freshness import STALE_AFTER, Extent, Freshness, extent_of, judge
from deadreckon.dashboard.services.period import CUSTOM, DEFAULT_RANGE, RANGES, Period, period_of
from deadreckon.dashboard.services.source import Source, opened

LOOK_EVERY: Final = timedelta(seconds=20)


@dataclass(frozen=True, slots=True)
class Desk:
    """What every page works with."""

    settings: Settings
    source: Source
    extent: Extent
    freshness: Freshness

    @property
    def newest(self) -> datetime:
        """The newest event, where there is any."""
        return self.extent.newest or datetime.now(UTC)

    @property
    def oldest(self) -> datetime:
        """The oldest event, where there is any."""
        return self.extent.oldest or self.newest


def desk() -> Desk:
    """The lake as it is now.

    Raises:
        DeadreckonError: the settings are wrong, or the lake is missing or damaged.
    """
    settings = load()
    source = opened(settings)
    source.refresh()
    extent = extent_of(source)
    return Desk(settings, source, extent, judge(extent, datetime.now(UTC), stale_after()))


def stale_after() -> timedelta:
    """The age from which data is stale, as the dashboard was started."""
    try:
        return timedelta(seconds=float(os.environ.get(STALE_VARIABLE, "")))
    except (ValueError, OverflowError):
        return STALE_AFTER


def head(title: str, at: Desk) -> None:
    """A page's title, and a warning across the page where the data is old."""
    st.title(title, anchor=False)
    if at.freshness.level == "stale" and at.freshness.age is not None:
        st.warning(
            f"**Stale: the newest event is {figures.age(at.freshness.age)} old** "
            f"({figures.moment(at.extent.newest)}). Everything here describes the past; whether all is well now, "
            "nobody knows. New events come in with `reckon ingest`.",
            icon=":material/history:",
        )


def sidebar(at: Desk) -> None:
    """Which lake, and how fresh it is; looked at again every 20 seconds."""
    with st.sidebar:
        _watch(at.source.version)


@st.fragment(run_every=LOOK_EVERY)
def _watch(drawn: int) -> None:
    try:
        now = desk()
    except DeadreckonError:
        st.rerun()  # the lake is gone or damaged by now: the whole page says so
    if now.source.version != drawn:
        st.rerun()  # something was ingested since the page was drawn
    freshness, extent = now.freshness, now.extent
    if freshness.level == "empty":
        st.badge("empty", color="gray", icon=":material/inbox:")
    elif freshness.level == "fresh":
        st.badge("fresh", color="green", icon=":material/check_circle:")
    else:
        st.badge("stale", color="red", icon=":material/history:")
    if freshness.age is not None:
        st.markdown(f"Newest event **{figures.age(freshness.age)} ago**")
        st.caption(figures.moment(extent.newest))
    st.caption(f"{figures.count(extent.events)} events · last ingest {figures.moment(extent.ingested)}")
    if extent.quarantined:
        st.caption(f"{figures.count(extent.quarantined)} lines in quarantine: `reckon quarantine list`")
    if extent.ahead:
        st.caption(f"{figures.count(extent.ahead)} events are dated after their ingestion: some clock is wrong")
    st.caption(f"Lake {literal(_place(now.source.lake.root))}")


@st.fragment(run_every=LOOK_EVERY)
def await_lake() -> None:
    """Draw the page anew once the lake can be opened; for pages that say why it cannot."""
    try:
        desk()
    except DeadreckonError:
        return
    st.rerun()


def _place(root: Path) -> Path:
    here = Path.cwd()
    return root.relative_to(here) if root != here and root.is_relative_to(here) else root


def choose_period(at: Desk, *, default: str = DEFAULT_RANGE) -> Period:
    """The row in which a period is chosen; it is part of the page's address."""
    name = st.segmented_control(
        "Time range",
        [*RANGES, CUSTOM],
        default=default,
        key="range",
        bind="query-params",
        help="Ranges end with the newest event, so that there is something to see when nothing arrives any more.",
    )
    start = until = None
    if name == CUSTOM:
        left, right = st.columns(2)
        whole = period_of("all", oldest=at.oldest, newest=at.newest)
        limits: dict[str, Any] = {
            "min_value": datetime(1, 1, 1),  # noqa: DTZ001  # the widget knows no time zones; it speaks UTC here
            "max_value": datetime(9999, 12, 31, 23, 59),  # noqa: DTZ001  # as above
            "step": 60,
            "bind": "query-params",
            "format": "YYYY-MM-DD",
        }
        start = left.datetime_input("From (UTC)", value=whole.start.replace(tzinfo=None), key="from", **limits)
        until = right.datetime_input("Until (UTC)", value=whole.end.replace(tzinfo=None), key="until", **limits)
    return period_of(name or default, oldest=at.oldest, newest=at.newest, start=start, until=until)


def choose(label: str, key: str, known: Sequence[str], **more: Any) -> str | None:
    """One of these values or all; a value that a link asks for is offered even where nothing has it any more."""
    from deadreckon.dashboard.services.links import clean

    asked = clean(st.query_params.get(key)) or st.session_state.get(key)
    options = list(known) + ([asked] if asked and asked not in known else [])
    chosen: str | None = st.selectbox(
        label, options, index=None, placeholder="all", key=key, bind="query-params", **more
    )
    return chosen
