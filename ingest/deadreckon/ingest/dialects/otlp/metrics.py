"""OTLP metrics: each data point an event of kind metric."""

from __future__ import annotations

from typing import Any, Final

from deadreckon.ingest.dialects.otlp.frame import Frame
from deadreckon.ingest.dialects.otlp.values import NotOtlpError, integer, nanos, objects, others

_SHAPES: Final = ("gauge", "sum", "histogram", "exponentialHistogram", "summary")
_KNOWN: Final = frozenset({"name", "unit", *_SHAPES})
_POINT: Final = frozenset({"attributes", "timeUnixNano", "asDouble", "asInt"})


def events(frame: Frame) -> list[dict[str, Any]]:
    """One event per data point; a histogram's count, sum and buckets are attributes, under `otel.point`."""
    found = []
    for metric in frame.records:
        shapes = [shape for shape in _SHAPES if shape in metric]
        name, unit = metric.get("name"), metric.get("unit")
        if len(shapes) != 1 or type(metric[shapes[0]]) is not dict or type(name) is not str:
            raise NotOtlpError
        if unit is not None and type(unit) is not str:
            raise NotOtlpError
        data = metric[shapes[0]]
        about = {"type": shapes[0], **others(metric, _KNOWN), **others(data, ("dataPoints",))}
        columns = {"kind": "metric", "name": name or None, "unit": unit or None}
        found += [_point(frame, one, columns, about) for one in objects(data.get("dataPoints"))]
    return found


def _point(frame: Frame, point: dict[str, Any], columns: dict[str, Any], about: dict[str, Any]) -> dict[str, Any]:
    value = point["asDouble"] if "asDouble" in point else integer(point.get("asInt"))
    if value is not None and type(value) not in (int, float) and value not in ("NaN", "Infinity", "-Infinity"):
        raise NotOtlpError
    own: dict[str, Any] = {"metric": about}
    left = {k: v for k, v in point.items() if k not in _POINT and v is not None}
    if left:
        own["point"] = left
    at = nanos(point.get("timeUnixNano"))
    return frame.draft(point, own, {**columns, "ts": at, "value": value}).event()
