"""OTLP spans."""

from __future__ import annotations

from typing import Any, Final

from deadreckon.ingest.dialects import genai
from deadreckon.ingest.dialects.draft import Draft
from deadreckon.ingest.dialects.otlp.frame import Frame
from deadreckon.ingest.dialects.otlp.values import NotOtlpError, attributes, identity, nanos, objects, others

_KNOWN: Final = frozenset(
    {
        *("traceId", "spanId", "parentSpanId", "name", "kind", "startTimeUnixNano", "endTimeUnixNano"),
        *("attributes", "events", "links", "status"),
    }
)
_KINDS: Final = {1: "internal", 2: "server", 3: "client", 4: "producer", 5: "consumer"}
_CODES: Final = {
    0: "",
    1: "ok",
    2: "error",
    "STATUS_CODE_UNSET": "",
    "STATUS_CODE_OK": "ok",
    "STATUS_CODE_ERROR": "error",
}
_FIRST_TOKEN: Final = frozenset(
    {"First Token Stream Event", "gen_ai.content.completion.chunk", "ai.stream.firstChunk", "gen_ai.first_token"}
)
_EVALUATION: Final = "gen_ai.evaluation.result"


def events(frame: Frame) -> list[dict[str, Any]]:
    """One event per span, followed by a score for each evaluation that the span carries."""
    found = []
    for span in frame.records:
        found += _span(frame, span)
    return found


def _span(frame: Frame, span: dict[str, Any]) -> list[dict[str, Any]]:
    start, end = nanos(span.get("startTimeUnixNano")), nanos(span.get("endTimeUnixNano"))
    status = span.get("status")
    if status is not None and type(status) is not dict:
        raise NotOtlpError
    status = status or {}
    code = status.get("code", 0)
    if type(code) not in (int, str) or code not in _CODES:
        raise NotOtlpError
    inside = [_event(one) for one in objects(span.get("events"))]
    own = others(span, _KNOWN) | _own(span, status, inside)
    ended = end is not None and start is not None
    own |= {} if ended or end is None else {"endTimeUnixNano": span["endTimeUnixNano"]}
    columns = {
        "kind": "span",
        "ts": start,
        "trace_id": identity(span.get("traceId"), 32),
        "span_id": identity(span.get("spanId"), 16),
        "parent_span_id": identity(span.get("parentSpanId"), 16),
        "name": _text(span.get("name")),
        "duration_ms": (end - start) / 1e6 if end is not None and start is not None else None,
        "status": _CODES[code] or ("ok" if ended else None),
    }
    draft = frame.draft(span, own, columns)
    if start is not None:
        _first_token(draft, inside, start)
    if code not in (1, "STATUS_CODE_OK"):
        _failure(draft, inside, status)
    if draft.at("logfire.span_type") == "pending_span":
        draft.columns["kind"] = "log"  # a notice that a span has begun; the span itself comes later
    return [draft.event(), *_scores(draft, inside)]


def _own(span: dict[str, Any], status: dict[str, Any], inside: list[dict[str, Any]]) -> dict[str, Any]:
    own: dict[str, Any] = {}
    kind = span.get("kind")
    if kind is not None and kind != 0:
        own["kind"] = _KINDS.get(kind, kind) if type(kind) is int else kind
    about = others(status, ("code",))
    if about:
        own["status"] = about
    if inside:
        own["events"] = inside
    links = objects(span.get("links"))
    if links:
        own["links"] = [_with_attributes(link) for link in links]
    return own


def _event(event: dict[str, Any]) -> dict[str, Any]:
    nanos(event.get("timeUnixNano"))
    return _with_attributes(event)


def _with_attributes(record: dict[str, Any]) -> dict[str, Any]:
    given = attributes(record.get("attributes"))
    return others(record, ("attributes",)) | ({"attributes": given} if given else {})


def _text(value: Any) -> str | None:
    if value is not None and type(value) is not str:
        raise NotOtlpError
    return value or None


def _first_token(draft: Draft, inside: list[dict[str, Any]], start: int) -> None:
    for event in inside:
        if event.get("name") in _FIRST_TOKEN:
            at = nanos(event.get("timeUnixNano"))
            if at is not None and at >= start:
                draft.fill("ttft_ms", (at - start) / 1e6)
            return
    since = genai.opened(draft.at("langfuse.observation.completion_start_time"))
    if type(since) is str:
        seconds = _instant(since)
        if seconds is not None and seconds >= start / 1e9:
            draft.fill("ttft_ms", round((seconds - start / 1e9) * 1000, 3))


def _instant(text: str) -> float | None:
    from datetime import UTC, datetime

    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()


def _failure(draft: Draft, inside: list[dict[str, Any]], status: dict[str, Any]) -> None:
    raised = [e["attributes"] for e in inside if e.get("name") == "exception" and "attributes" in e]
    if raised:
        draft.fill("error_type", raised[-1].get("exception.type"))
        draft.fill("error_message", raised[-1].get("exception.message"))
    message = status.get("message")
    if type(message) is str and message:
        draft.fill("error_message", message)


def _scores(draft: Draft, inside: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Evaluations are span events in OpenTelemetry; each is a score of its own in ours."""
    scores = []
    for event in inside:
        if event.get("name") == _EVALUATION:
            columns = {
                key: value
                for key, value in draft.columns.items()
                if key in ("trace_id", "session_id", "request_id", "service", "environment", "model", "model_version")
            }
            score = Draft({"kind": "score", "parent_span_id": draft.columns.get("span_id"), **columns}, {})
            score.rest = dict(event.get("attributes", {}))
            score.columns["ts"] = nanos(event.get("timeUnixNano")) or draft.columns.get("ts")
            score.lift("name", "gen_ai.evaluation.name")
            genai.lift(score)
            scores.append({k: v for k, v in score.event().items() if v is not None})
    return scores
