"""OTLP spans."""

from __future__ import annotations

from typing import Any, Final

from deadreckon.ingest.dialects import genai
from deadreckon.ingest.dialects.draft import Draft
from deadreckon.ingest.dialects.otlp import logfire
from deadreckon.ingest.dialects.otlp.frame import Frame
from deadreckon.ingest.dialects.otlp.values import (
    NotOtlpError,
    attributes,
    event_id,
    instant,
    joined,
    nanos,
    objects,
    others,
    span_id,
    taken,
    text,
    trace_id,
)

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
    {
        *("First Token Stream Event", "gen_ai.content.completion.chunk", "ai.stream.firstChunk", "gen_ai.first_token"),
        "mlflow.chunk.item.0",
    }
)
_EVALUATION: Final = "gen_ai.evaluation.result"


def events(frame: Frame) -> list[dict[str, Any]]:
    """One event per span, followed by a score for each evaluation that the span carries."""
    found = []
    for span in frame.records:
        found += _span(frame, span)
    return found


def _span(frame: Frame, span: dict[str, Any]) -> list[dict[str, Any]]:
    left: dict[str, Any] = {}
    start, end = taken(span, "startTimeUnixNano", nanos, left), taken(span, "endTimeUnixNano", nanos, left)
    took = (end - start) / 1e6 if start and end and end >= start else None
    if end is not None and took is None:
        left["endTimeUnixNano"] = span["endTimeUnixNano"]
    status = taken(span, "status", _status, left) or ("", {})
    inside = [_with_attributes(one) for one in taken(span, "events", objects, left) or ()]
    columns = {
        "kind": "span",
        "ts": instant(start),
        "trace_id": taken(span, "traceId", trace_id, left),
        "span_id": taken(span, "spanId", span_id, left),
        "parent_span_id": taken(span, "parentSpanId", span_id, left),
        "name": taken(span, "name", text, left),
        "duration_ms": took,
        "status": status[0] or (None if end is None else "ok"),
    }
    draft = frame.draft(span, joined(_own(span, status[1], inside, left), others(span, _KNOWN)), columns)
    if start is not None:
        _first_token(draft, inside, start)
    if status[0] == "" and draft.columns.get("level") == "error" and "langfuse.observation.level" in draft.rest:
        draft.columns["status"] = "error"
        draft.fill("error_message", draft.at("langfuse.observation.status_message"))
    if status[0] != "ok":
        _failure(draft, inside, status[1])
    sort = draft.rest.get(logfire.SORT)
    if sort == "span":
        logfire.begun(draft)
    elif sort == "pending_span" or (sort == "log" and not logfire.answered(draft, start)):
        _as_log(draft, sort, start)
    return [draft.event(), *_scores(draft, inside, start)]


def _as_log(draft: Draft, sort: str, start: int | None) -> None:
    """What logfire sends as a span and is none: a log, or the notice that a span has begun, which comes later."""
    draft.columns["kind"] = "log"
    if sort == "log":
        draft.columns.pop("duration_ms", None)
    _identify(draft, draft, start, sort)


def _identify(event: Draft, span: Draft, at: int | None, *said: str) -> None:
    """Give an event that came with a span an id that follows from the span's, so that a repetition is known."""
    of_span = [span.columns.get("trace_id"), span.columns.get("span_id")]
    if all(of_span):
        event.columns.setdefault("event_id", event_id(at, *said, *map(str, of_span)))


def _status(value: Any) -> tuple[str, dict[str, Any]]:
    """Our word for the status, empty when it was not set, and what else it says."""
    code = value.get("code", 0) if type(value) is dict else None
    if type(code) not in (int, str) or code not in _CODES:
        raise NotOtlpError
    return _CODES[code], others(value, ("code",))


def _own(
    span: dict[str, Any], status: dict[str, Any], inside: list[dict[str, Any]], left: dict[str, Any]
) -> dict[str, Any]:
    """What a span says beside its columns and attributes, by the names that OTLP has for it."""
    own: dict[str, Any] = {}
    kind = span.get("kind")
    if kind is not None and kind != 0:
        own["kind"] = _KINDS.get(kind, kind) if type(kind) is int else kind
    if status:
        own["status"] = status
    if inside:
        own["events"] = inside
    links = taken(span, "links", objects, left)
    if links:
        own["links"] = [_with_attributes(link) for link in links]
    return joined(own, left)


def _with_attributes(record: dict[str, Any]) -> dict[str, Any]:
    left: dict[str, Any] = {}
    given = taken(record, "attributes", attributes, left)
    return others(record, ("attributes",)) | ({"attributes": given} if given else left)


def _first_token(draft: Draft, inside: list[dict[str, Any]], start: int) -> None:
    for event in inside:
        if event.get("name") in _FIRST_TOKEN:
            at = taken(event, "timeUnixNano", nanos, {})
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
    raised = [e["attributes"] for e in inside if e.get("name") == "exception" and type(e.get("attributes")) is dict]
    if raised:
        draft.fill("error_type", raised[-1].get("exception.type"))
        draft.fill("error_message", raised[-1].get("exception.message"))
    message = status.get("message")
    if type(message) is str and message:
        draft.fill("error_message", message)


def _scores(draft: Draft, inside: list[dict[str, Any]], start: int | None) -> list[dict[str, Any]]:
    """Evaluations are span events in OpenTelemetry; each is a score of its own in ours."""
    scores: list[dict[str, Any]] = []
    for event in inside:
        given = event.get("attributes")
        if event.get("name") == _EVALUATION and type(given) is dict:
            columns = {
                key: value
                for key, value in draft.columns.items()
                if key in ("trace_id", "session_id", "request_id", "service", "environment", "model", "model_version")
            }
            score = Draft({"kind": "score", "parent_span_id": draft.columns.get("span_id"), **columns}, dict(given))
            score.columns["ts"] = instant(taken(event, "timeUnixNano", nanos, {})) or draft.columns.get("ts")
            score.lift("name", "gen_ai.evaluation.name")
            genai.lift(score)
            _identify(score, draft, start, "score", str(len(scores)))
            scores.append({k: v for k, v in score.event().items() if v is not None})
    return scores
