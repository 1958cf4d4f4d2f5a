"""Charts over time, one look for all: UTC, units on the axes, a colour for each model version.

They are Vega-Lite specifications as plain dicts: Altair's objects would check and copy every row again for each click,
which took longer than asking the lake.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from deadreckon.dashboard.look import colours, figures
from deadreckon.dashboard.look.text import literal, plain
from deadreckon.dashboard.services.overview import Point
from deadreckon.dashboard.services.period import Period, later

HEIGHT: Final = 250
NAME: Final = 60
"""Characters of a version's name in a chart."""

Spec = dict[str, Any]
Palette = Mapping[str, str]
Band = tuple[datetime, datetime, str]
"""When an alert was firing, and which."""


def calls(points: Sequence[Point], period: Period, palette: Palette, bands: Sequence[Band] = ()) -> Spec:
    """Model calls per bucket, versions stacked."""
    axis = {"format": "d", "tickMinStep": 1, "tickCount": 5}
    return _bars(points, period, palette, bands, f"calls per {figures.step(period.step)}", lambda p: p.calls, axis)


def cost(points: Sequence[Point], period: Period, palette: Palette, bands: Sequence[Band] = ()) -> Spec:
    """US dollars per bucket, versions stacked."""
    axis = {"format": "$~g", "tickCount": 5}
    return _bars(points, period, palette, bands, f"US $ per {figures.step(period.step)}", lambda p: p.cost_usd, axis)


def errors(points: Sequence[Point], period: Period, palette: Palette, bands: Sequence[Band] = ()) -> Spec:
    """The share of calls that failed, in percent."""
    rows = [_row(p, period) | {"y": p.error_rate} for p in points if p.error_rate is not None]
    highest = max((p.error_rate or 0.0 for p in points), default=0.0)
    # Where nothing failed, the line lies at the bottom of an axis that has a scale.
    scale = {"domain": [0, 0.05]} if highest == 0 else {"zero": True}
    return _lines(rows, period, palette, bands, "failed calls", {"format": ".0~%", "tickCount": 5}, scale)


def latency(points: Sequence[Point], period: Period, palette: Palette, bands: Sequence[Band] = ()) -> Spec:
    """How long calls took, in seconds: the median, dotted, and the slowest 5 %."""
    rows = [_row(p, period) | {"y": p.p95_ms / 1000, "what": "p95"} for p in points if p.p95_ms is not None]
    rows += [_row(p, period) | {"y": p.p50_ms / 1000, "what": "p50"} for p in points if p.p50_ms is not None]
    axis = {"format": "~g", "tickCount": 5}
    return _lines(rows, period, palette, bands, "seconds: p95, dotted p50", axis, {"zero": True}, dotted=True)


def legend(labels: Sequence[str], palette: Palette) -> str:
    """The legend of all charts, as Markdown."""
    return "\u2003 ".join(f':color[■]{{foreground="{palette[label]}"}} {literal(label, NAME)}' for label in labels)


def iso(at: datetime) -> str:
    """A time as a chart reads it."""
    return at.isoformat().replace("+00:00", "Z")


def _row(point: Point, period: Period) -> dict[str, Any]:
    return {
        "at": iso(max(point.at, period.start)),
        "to": iso(min(later(point.at, period.step), period.end)),
        "version": plain(point.label, NAME),
        "when": f"{point.at:%a %d %b %H:%M} UTC, {figures.step(period.step)}",
        "calls": figures.count(point.calls),
        "failed": f"{point.failed:,} ({figures.percent(point.error_rate)})",
        "p50": figures.milliseconds(point.p50_ms),
        "p95": figures.milliseconds(point.p95_ms),
        "cost": figures.dollars(point.cost_usd),
    }


_TOOLTIP: Final = [
    {"field": name, "type": "nominal", "title": title}
    for name, title in (
        ("version", "version"),
        ("when", "from"),
        ("calls", "calls"),
        ("failed", "failed"),
        ("p50", "p50"),
        ("p95", "p95"),
        ("cost", "cost"),
    )
]


def _bars(
    points: Sequence[Point],
    period: Period,
    palette: Palette,
    bands: Sequence[Band],
    title: str,
    value: Callable[[Point], float],
    axis: Mapping[str, Any],
) -> Spec:
    # Stacked here: Vega-Lite takes a bar with two ends on a line of time for a horizontal one.
    height: dict[datetime, float] = {}
    rows = []
    for point in points:
        below = height.get(point.at, 0.0)
        height[point.at] = below + value(point)
        if value(point):
            rows.append(_row(point, period) | {"y": below, "y2": height[point.at]})
    marks = {
        "data": {"values": rows},
        "mark": {"type": "rect", "strokeWidth": 0},
        "encoding": {
            "x": _x(),
            "x2": {"field": "to"},
            "y": {"field": "y", "type": "quantitative", "title": title, "axis": dict(axis), "scale": {"zero": True}},
            "y2": {"field": "y2"},
            "color": _colour(points, palette),
            "tooltip": _TOOLTIP,
        },
    }
    return _chart(marks, bands, period)


def _lines(
    rows: Sequence[dict[str, Any]],
    period: Period,
    palette: Palette,
    bands: Sequence[Band],
    title: str,
    axis: Mapping[str, Any],
    scale: Mapping[str, Any],
    *,
    dotted: bool = False,
) -> Spec:
    # A line goes on only from one bucket to the next: over a gap nobody knows what was.
    runs: dict[tuple[str, str], tuple[str, int]] = {}
    for row in rows:
        key = (row["version"], row.get("what", ""))
        last, run = runs.get(key, ("", 0))
        runs[key] = (row["to"], run if last == row["at"] else run + 1)
        row["run"] = f"{key[0]} {key[1]} {runs[key][1]}"
    encoding: dict[str, Any] = {
        "x": _x(),
        "y": {"field": "y", "type": "quantitative", "title": title, "axis": dict(axis), "scale": dict(scale)},
        "color": _colour(rows, palette),
        "detail": {"field": "run", "type": "nominal"},
        "tooltip": _TOOLTIP,
    }
    if dotted:
        encoding["strokeDash"] = {
            "field": "what",
            "type": "nominal",
            "scale": {"domain": ["p95", "p50"], "range": [[1, 0], [2, 3]]},
            "legend": None,
        }
    marks = {
        "data": {"values": list(rows)},
        "mark": {"type": "line", "strokeWidth": 2, "point": {"size": 16, "filled": True}},
        "encoding": encoding,
    }
    return _chart(marks, bands, period)


def _chart(marks: Spec, bands: Sequence[Band], period: Period) -> Spec:
    seen = [(max(start, period.start), min(end, period.end), rule) for start, end, rule in bands]
    shades = [
        {"at": iso(start), "to": iso(end), "alert": f"{plain(rule, 80)} was firing"}
        for start, end, rule in seen
        if start < end
    ]
    shade = {
        "data": {"values": shades},
        "mark": {"type": "rect", "color": colours.BAD, "opacity": 0.12},
        "encoding": {
            "x": _x(),
            "x2": {"field": "to"},
            "tooltip": [{"field": "alert", "type": "nominal", "title": "alert"}],
        },
    }
    # Invisible points at both ends: the line of time shows the whole period, whatever there is in it.
    ends = {
        "data": {"values": [{"at": iso(period.start)}, {"at": iso(period.end)}]},
        "mark": {"type": "point", "opacity": 0, "tooltip": False},
        "encoding": {"x": _x()},
    }
    return {"layer": [ends, *([shade] if shades else []), marks], "height": HEIGHT}


def _x() -> dict[str, Any]:
    return {
        "field": "at",
        "type": "temporal",
        "title": "time (UTC)",
        "scale": {"type": "utc", "nice": False},
        "axis": {"grid": False, "labelOverlap": True, "tickCount": 8},
    }


def _colour(rows: Sequence[Point] | Sequence[dict[str, Any]], palette: Palette) -> dict[str, Any]:
    present = {plain(row.label, NAME) if isinstance(row, Point) else row["version"] for row in rows}
    shown = [label for label in palette if plain(label, NAME) in present]
    scale = {"domain": [plain(label, NAME) for label in shown], "range": [palette[label] for label in shown]}
    return {"field": "version", "type": "nominal", "scale": scale, "legend": None}
