"""Traces, requests and sessions: what belongs together, and what is counted once."""

from __future__ import annotations

from tests.queries.asking import Ask, ask, chat, span
from tests.queries.lakes import at

__all__ = ["ask"]


def test_a_trace_with_several_roots_or_none_is_one_row(ask: Ask) -> None:
    """The earliest root names the trace; without any root the earliest span does."""
    rows = [
        span("b", name="late root", ts=at("12 00:00:05")),
        span("a", name="root", ts=at("12 00:00:01"), status="error"),
        span("x", name="orphan", parent_span_id="gone", trace_id="u", status="cancelled"),
    ]
    sql = "SELECT trace_id, name, roots, spans, status, duration_ms FROM traces ORDER BY 1"
    assert ask(sql, rows) == [("t", "root", 2, 2, "error", 4100.0), ("u", "orphan", 0, 1, "cancelled", 100.0)]


def test_a_request_lasts_as_long_as_its_root_and_not_until_its_judge(ask: Ask) -> None:
    """Who scores later adds cost, not time; the root's model version answered."""
    common = {"request_id": "q"}
    rows = [
        span("r", name="answer", operation="invoke_agent", model="fox", model_version="7", duration_ms=900.0, **common),
        chat("a", parent_span_id="r", cost_usd=1.0, **common),
        chat("j", trace_id="judge", model="judge", ts=at("12 01:00:00"), cost_usd=0.5, **common),
        {"kind": "feedback", "request_id": "q", "ts": at("13"), "name": "click"},
    ]
    sql = "SELECT duration_ms, model, model_version, traces, spans, cost_usd, trace_id, name FROM requests"
    assert ask(sql, rows) == [(900.0, "fox", "7", 2, 3, 1.5, "t", "answer")]


def test_a_request_without_spans_is_known_by_its_prediction(ask: Ask) -> None:
    """A classical model's service that only logs predictions has requests too."""
    rows = [
        {"kind": "log", "request_id": "q", "ts": at("3 10:00:00"), "duration_ms": 12.0, "event": "GET /score"},
        {
            "kind": "prediction",
            "request_id": "q",
            "ts": at("3 10:00:01"),
            "model": "m",
            "model_version": "3",
            "run_id": "r",
        },
    ]
    sql = "SELECT status, duration_ms, name, model, model_version, run_id, spans, model_calls FROM requests"
    assert ask(sql, rows) == [("ok", 12.0, "GET /score", "m", "3", "r", 0, 1)]


def test_feedback_alone_makes_no_request_but_is_kept(ask: Ask) -> None:
    """A click on a request that the lake does not hold says so."""
    rows = [{"kind": "feedback", "request_id": "gone", "name": "click", "model_version": "5"}]
    assert ask("SELECT (SELECT count(*) FROM requests), request_found, model_version FROM feedback", rows) == [
        (0, False, "5")
    ]


def test_a_session_gathers_requests_cost_and_feedback(ask: Ask) -> None:
    """What happened in a conversation, in one row."""
    common = {"session_id": "s"}
    rows = [
        chat("a", request_id="1", cost_usd=1.0, **common),
        chat("b", request_id="2", status="timeout", **common),
        {"kind": "feedback", "name": "thumb", "value": 1.0, "ts": at("12 00:01:00"), **common},
        {"kind": "feedback", "name": "thumb", "value": -1.0, "ts": at("12 00:01:00"), "user_id": "u", **common},
    ]
    sql = """
        SELECT requests, model_calls, failed_spans, cost_usd, unpriced_calls, feedback, feedback_mean, user_id,
            duration_ms
        FROM sessions
    """
    assert ask(sql, rows) == [(2, 2, 1, 1.0, 1, 2, 0.0, "u", 60_000.0)]


def test_scores_without_a_version_take_that_of_the_request(ask: Ask) -> None:
    """A judge need not know which version answered."""
    rows = [
        span("r", request_id="q", operation="invoke_agent", model="fox", model_version="7", variant="canary"),
        {"kind": "score", "request_id": "q", "name": "good", "value": 1.0, "source": "judge"},
        {"kind": "score", "span_id": "r", "trace_id": "t", "name": "good", "value": 0.0, "source": "code"},
        {"kind": "score", "name": "good", "model": "fox", "model_version": "8", "run_id": "e", "source": "code"},
    ]
    sql = "SELECT target, model, model_version, variant FROM scores ORDER BY target"
    assert ask(sql, rows) == [
        ("request", "fox", "7", "canary"),
        ("run", "fox", "8", None),
        ("span", None, None, None),
    ]
    assert ask("SELECT model_version, scores, mean, sd FROM scores_by_version WHERE model_version = '7'", rows) == [
        ("7", 1, 1.0, None)
    ]
