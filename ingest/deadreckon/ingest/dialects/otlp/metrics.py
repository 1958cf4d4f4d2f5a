"""OTLP metrics: each data point an event of kind metric."""

from __future__ import annotations

from typing import Any, Final

from deadreckon.ingest.dialects.otlp.frame import Frame
from deadreckon.ingest.dialects.otlp.values import (
    NotOtlpError,
    instant,
    integer,
    joined,
    nanos,
    objects,
    others,
    taken,
    text,
)

_SHAPES: Final = ("gauge", "sum", "histogram", "exponentialHistogram", "summary")
_KNOWN: Final = frozenset({"name", "unit", *_SHAPES})
_POINT: Final = frozenset({"attributes", "timeUnixNano", "asDouble", "asInt"})


def events(frame: Frame) -> list[dict[str, Any]]:
    """One event per data point; a histogram's count, sum and buckets are attributes, under `otel.point`."""
    found = []
    for metric in frame.records:
        shapes = [shape for shape in _SHAPES if metric.get(shape) is not None]
        if len(shapes) != 1 or type(metric[shapes[0]]) is not dict:
            raise NotOtlpError
        data = metric[shapes[0]]
        left: dict[str, Any] = {}
        columns = {
            "kind": "metric",
            "name": taken(metric, "name", text, left),
            "unit": taken(metric, "unit", text, left),
        }
        about = joined({"type": shapes[0]}, others(metric, _KNOWN), others(data, ("dataPoints",)), left)
        found += [_point(frame, one, columns, about) for one in objects(data.get("dataPoints"))]
    return found


def _point(frame: Frame, point: dict[str, Any], columns: dict[str, Any], about: dict[str, Any]) -> dict[str, Any]:
    left = {key: value for key, value in point.items() if key not in _POINT and value is not None}
    at = instant(taken(point, "timeUnixNano", nanos, left))
    value = taken(point, "asDouble", _number, left)
    if value is None:
        value = taken(point, "asInt", _number, left)
    own: dict[str, Any] = {"metric": about}
    if left:
        own["point"] = left
    return frame.draft(point, own, {**columns, "ts": at, "value": value}).event()


def _number(value: Any) -> int | float | str:
    number = integer(value)
    if type(number) in (int, float) or number in ("NaN", "Infinity", "-Infinity"):
        return number  # type: ignore[no-any-return]  # its type was just asked for
    raise NotOtlpError
