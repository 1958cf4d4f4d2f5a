"""The charts are valid Vega-Lite, whatever is in them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import altair as alt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.dashboard.steps import step

from deadreckon.dashboard.look import charts, colours
from deadreckon.dashboard.look.timeline import timeline
from deadreckon.dashboard.look.waterfall import waterfall
from deadreckon.dashboard.services.alerts import changes
from deadreckon.dashboard.services.overview import Point
from deadreckon.dashboard.services.period import Period
from deadreckon.dashboard.services.source import Source
from deadreckon.dashboard.services.traces import Query, listed
from deadreckon.dashboard.services.tree import grow, tree_of

START = datetime(2026, 10, 1, tzinfo=UTC)
PERIOD = Period(START, START + timedelta(hours=3))
STEP = PERIOD.step
EVIL = "<b>\"'\\]); alert(1) //"
PALETTE = colours.by_version(["m 1", EVIL])


def valid(spec: dict[str, Any]) -> None:
    """Check a specification against Vega-Lite's schema, as Altair carries it."""
    alt.Chart.from_dict(json.loads(json.dumps(spec)), validate=True)


@pytest.mark.parametrize("chart", [charts.calls, charts.errors, charts.latency, charts.cost])
@pytest.mark.parametrize("bands", [(), ((START, START + STEP, "rule"),)])
def test_charts_are_valid(chart: Any, bands: Any) -> None:
    """With and without points, gaps and alerts, for names of any kind."""
    points = [
        Point(START, "m 1", 3, 1, 1 / 3, 10.0, 20.0, 0.5),
        Point(START, EVIL, 1, 0, 0.0, 10.0, 20.0, 0.5),
        Point(START + STEP, "m 1"),
        Point(START + 2 * STEP, "m 1", 1, 0, None, None, None, 0.0),
    ]
    for shown in (points, []):
        valid(chart(shown, PERIOD, PALETTE, bands))


def test_bars_are_stacked() -> None:
    """Versions of one bucket stand on each other, and none is drawn where there was no call."""
    points = [Point(START, "m 1", 3), Point(START, EVIL, 2), Point(START + STEP, "m 1", 0)]
    rows = charts.calls(points, PERIOD, PALETTE)["layer"][-1]["data"]["values"]
    assert [(row["y"], row["y2"]) for row in rows] == [(0, 3), (3, 5)]


def test_lines_break_over_gaps() -> None:
    """Where nobody called there is no line: the points before and behind are two pieces."""
    busy = {"calls": 1, "error_rate": 0.1}
    points = [Point(START + i * STEP, "m 1", **busy) for i in (0, 1, 3)]
    rows = charts.errors(points, PERIOD, PALETTE)["layer"][-1]["data"]["values"]
    assert [row["run"] == rows[0]["run"] for row in rows] == [True, True, False]


def test_pictures_of_the_demo_are_valid(story: Source) -> None:
    """The waterfall of its worst trace, and the history of its alerts."""
    everything = Period(datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC))
    worst = listed(story, Query(everything, "failed"))[0]
    grown = tree_of(story, worst.trace_id)
    assert grown is not None
    valid(waterfall(grown))
    picture = timeline(changes(story), everything.end)
    assert picture is not None
    valid(picture)
    assert timeline([], everything.end) is None


@given(st.text())
def test_a_name_in_the_waterfall_is_data(name: str) -> None:
    """Span names stand in an expression of the chart's axis as JSON texts: none can end its text and go on as code."""
    picture = waterfall(grow([step(name, None)]))
    expression = picture["layer"][0]["encoding"]["y"]["axis"]["labelExpr"]
    assert expression.endswith("[datum.value]")
    assert len(json.loads(expression.removesuffix("[datum.value]"))) == 1
