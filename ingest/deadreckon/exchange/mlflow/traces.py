"""MLflow's traces: spans of each of its schemas as OTLP, assessments as scores."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from deadreckon.exchange.identity import instant, known_by, span_id, trace_id
from deadreckon.exchange.mlflow.kept import Assessment, Trace
from deadreckon.exchange.spans import Span, line
from deadreckon.exchange.written import event, number

SCOPE: Final = "mlflow.import"
_STATUSES: Final = {
    **dict.fromkeys(("OK", "STATUS_CODE_OK", "TraceStatus.OK"), "ok"),
    **dict.fromkeys(("ERROR", "STATUS_CODE_ERROR", "TraceStatus.ERROR"), "error"),
}
_SOURCES: Final = {"HUMAN": "human", "LLM_JUDGE": "judge", "AI_JUDGE": "judge", "CODE": "code"}
_OF_ALL: Final = ("mlflow.trace.session", "mlflow.trace.user", "mlflow.sourceRun")
"""Metadata of a trace that hold for each of its spans."""


def spans(trace: Trace) -> Iterator[bytes]:
    """The lines of a trace's spans. A trace whose spans are kept elsewhere is one span, with what its store says.

    One that has just begun has none: its root is to come, by a name of its own.
    """
    shared = {key: trace.metadata[key] for key in _OF_ALL if trace.metadata.get(key)}
    about = {
        "mlflow.experiment": trace.experiment,
        "mlflow.trace.tags": trace.tags,
        "mlflow.trace.metadata": {
            k: v for k, v in trace.metadata.items() if v and not k.startswith("mlflow.trace.size")
        },
        **{f"mlflow.trace.{key}": value for key, value in trace.rest.items() if key == "client_request_id"},
    }
    about = {key: value for key, value in about.items() if value}
    for kept in trace.spans:
        yield line(_span(trace, kept, shared, about))
    if not trace.spans and not trace.has_just_begun:
        yield line(_alone(trace, {**shared, **about}))


def _span(trace: Trace, kept: Mapping[str, Any], shared: Mapping[str, Any], about: Mapping[str, Any]) -> Span:
    """A span of either schema: the newer has its ids at the top, the older in `context`."""
    context = kept.get("context")
    if isinstance(context, dict):
        start, end, parent = kept.get("start_time"), kept.get("end_time"), kept.get("parent_id")
        code, message = kept.get("status_code"), kept.get("status_message")
        clock = "timestamp"
    else:
        context = kept
        start, end, parent = (
            kept.get("start_time_unix_nano"),
            kept.get("end_time_unix_nano"),
            kept.get("parent_span_id"),
        )
        status = kept.get("status") or {}
        code, message = status.get("code"), status.get("message")
        clock = "time_unix_nano"
    given = kept.get("attributes") or {}
    attributes = {**shared, **{key: _text(value) for key, value in given.items()}}
    if not parent:
        attributes |= {key: value for key, value in about.items() if key not in attributes}
    return Span(
        trace_id(context.get("trace_id") or trace.request_id),
        span_id(context.get("span_id")),
        str(kept.get("name") or ""),
        _nanos(start),
        _nanos(end) or None,
        span_id(parent) if parent else None,
        _STATUSES.get(str(code), ""),
        message or None,
        attributes,
        [
            {"name": one.get("name"), "at": one.get(clock), "attributes": one.get("attributes")}
            for one in kept.get("events") or ()
            if isinstance(one, dict)
        ],
        [
            {"traceId": trace_id(one.get("trace_id")), "spanId": span_id(one.get("span_id"))}
            for one in kept.get("links") or ()
            if isinstance(one, dict)
        ],
        SCOPE,
    )


def _text(value: Any) -> str:
    """An attribute as MLflow sends it by OTLP: JSON in a text."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _nanos(value: Any) -> int | None:
    try:
        return int(value) if value else None
    except (TypeError, ValueError):
        return None


def _alone(trace: Trace, attributes: dict[str, Any]) -> Span:
    start = (trace.timestamp or 0) * 1_000_000
    return Span(
        trace_id(trace.request_id),
        span_id(f"{trace.request_id}:root"),
        trace.tags.get("mlflow.traceName") or "trace",
        start,
        start + (trace.took or 0) * 1_000_000,
        status=_STATUSES.get(str(trace.status), ""),
        attributes={
            **attributes,
            "mlflow.spanInputs": _input(trace),
            "mlflow.spanOutputs": trace.rest.get("response_preview") or trace.metadata.get("mlflow.traceOutputs"),
            "mlflow.spans": "kept elsewhere",
        },
        scope=SCOPE,
    )


def _input(trace: Trace) -> str | None:
    return trace.rest.get("request_preview") or trace.metadata.get("mlflow.traceInputs")


def begun(trace: Trace) -> bytes:
    """The line of a trace of which nothing but its beginning is known."""
    return event(
        "log",
        event="mlflow.trace",
        ts=instant(trace.timestamp),
        event_id=known_by(trace.timestamp, "mlflow", "trace", trace.request_id),
        trace_id=trace_id(trace.request_id),
        name=trace.tags.get("mlflow.traceName"),
        status="running",
        session_id=trace.metadata.get("mlflow.trace.session"),
        user_id=trace.metadata.get("mlflow.trace.user"),
        run_id=trace.metadata.get("mlflow.sourceRun"),
        input=_input(trace),
        attributes={"mlflow": {"experiment": trace.experiment}} if trace.experiment else None,
    )


def scores(trace: Trace) -> Iterator[bytes]:
    """The lines of what was said about a trace."""
    first = next(iter(trace.spans), {}).get("context")
    named = first.get("trace_id") if isinstance(first, dict) else None  # MLflow 2 named the trace otherwise
    for one in trace.assessments:
        yield _score(trace, trace_id(named or trace.request_id), one)


def _score(trace: Trace, of: str, one: Assessment) -> bytes:
    """A score; what was expected, and what was overridden since, are no scores but logs."""
    value, label = _valued(one.value)
    judged = one.valid and one.sort == "feedback"
    at = one.updated or one.created
    rest = {
        "assessment_id": one.assessment_id,
        "source_id": one.source_id,
        "created": instant(one.created) if one.created != at else None,
        "value": one.value if not isinstance(one.value, int | float | str) else None,
        "valid": one.valid if not one.valid else None,
        **one.rest,
    }
    words = ("mlflow", one.assessment_id, at, one.sort, one.valid)
    return event(
        "score" if judged else "log",
        event="score" if judged else "score.withdrawn" if one.sort == "feedback" else f"mlflow.{one.sort}",
        ts=instant(at),
        event_id=known_by(at, *words),
        trace_id=of,
        span_id=span_id(one.span_id) if one.span_id else None,
        run_id=one.run_id or trace.metadata.get("mlflow.sourceRun"),
        session_id=trace.metadata.get("mlflow.trace.session"),
        name=one.name,
        value=value,
        label=label,
        source=_SOURCES.get((one.source_type or "").upper()),
        reason=one.rationale,
        attributes={
            "mlflow": {key: item for key, item in rest.items() if item is not None},
            "imported_as": f"mlflow {one.assessment_id}",
        },
    )


def _valued(value: Any) -> tuple[Any, str | None]:
    """A value as a number, as a label, or as both."""
    if isinstance(value, bool):
        return int(value), str(value).lower()
    if isinstance(value, int | float):
        return number(value), None
    return None, None if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
