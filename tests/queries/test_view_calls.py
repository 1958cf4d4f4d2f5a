"""What is a model call, and what is the same one told again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.queries.asking import Ask, ask, chat, span
from tests.queries.lakes import at

__all__ = ["ask"]


def test_an_agent_that_repeats_its_totals_is_not_counted_again(ask: Ask) -> None:
    """Tokens and cost come from model calls alone."""
    root = span("r", operation="invoke_agent", agent="a", input_tokens=30, output_tokens=3, cost_usd=3.0)
    calls = [chat(s, parent_span_id="r", input_tokens=15, output_tokens=1, cost_usd=1.5) for s in ("a", "b")]
    row = ask("SELECT llm_calls, input_tokens, output_tokens, cost_usd, spans FROM traces", [root, *calls])
    assert row == [(2, 30, 2, 3.0, 3)]


def test_a_prediction_inside_a_call_is_that_call(ask: Ask) -> None:
    """A prediction written within a model's span is an observation on it and no second call."""
    prediction = {"kind": "prediction", "trace_id": "t", "span_id": "a", "model": "fox", "model_version": "1"}
    assert ask("SELECT operation FROM model_calls", [chat("a"), prediction]) == [("chat",)]


def test_a_bare_prediction_beside_calls_of_its_version_is_one_of_them(ask: Ask) -> None:
    """A prediction with no figures of its own, in a trace with calls of the same version, adds no call."""
    prediction = {"kind": "prediction", "trace_id": "t", "span_id": "root", "model": "fox", "model_version": "1"}
    other = {**prediction, "model": "router"}
    timed = {**prediction, "duration_ms": 5.0}
    assert ask(
        "SELECT operation, model, duration_ms FROM model_calls ORDER BY ALL", [chat("a"), prediction, other, timed]
    ) == [
        ("chat", "fox", 100.0),
        ("predict", "fox", 5.0),
        ("predict", "router", None),
    ]


def test_predictions_of_a_classical_model_are_calls_without_a_price(ask: Ask) -> None:
    """A model that is not paid by the token has no cost, and is not reproached with it."""
    rows = [
        {"kind": "prediction", "model": "m", "model_version": "1", "duration_ms": 3.0, "request_id": str(i)}
        for i in range(3)
    ]
    assert ask("SELECT calls, priced_calls, unpriced_calls, cost_usd FROM cost_by_version", rows) == [(3, 0, 0, None)]
    assert ask("SELECT DISTINCT is_llm, cost_source, operation, status FROM model_calls", rows) == [
        (False, "none", "predict", "ok")
    ]


def test_a_log_line_of_a_call_counts_unless_its_span_is_there(ask: Ask) -> None:
    """A logger without spans is heard; a library's log of a call that has its span is not a second one."""
    inside = {"kind": "log", "operation": "chat", "model": "fox", "trace_id": "t", "span_id": "a", "input_tokens": 1}
    alone = {**inside, "span_id": None, "trace_id": None}
    assert ask("SELECT count(*) FROM llm_calls", [chat("a"), inside, alone]) == [(2,)]


def test_a_call_around_a_call_gives_way_to_the_one_inside(ask: Ask) -> None:
    """A framework's span around its client's, or around its attempts, is the same call seen from outside."""
    outer = chat("o", input_tokens=30, cost_usd=3.0)
    attempts = [
        chat("a", parent_span_id="o", attempt=1, status="error"),
        chat("b", parent_span_id="o", attempt=2, input_tokens=30, cost_usd=3.0),
    ]
    assert ask("SELECT span_id FROM model_calls ORDER BY 1", [outer, *attempts]) == [("a",), ("b",)]
    embedding = chat("e", parent_span_id="o", operation="embeddings", input_tokens=1)
    assert ask("SELECT span_id FROM model_calls ORDER BY 1", [outer, embedding]) == [("e",), ("o",)]
    elsewhere = chat("x", parent_span_id="o", trace_id="other", input_tokens=1)
    assert ask("SELECT span_id FROM model_calls ORDER BY 1", [outer, elsewhere]) == [("o",), ("x",)]


def test_a_call_around_a_call_stays_where_only_it_knows_what_was_used(ask: Ask) -> None:
    """A client that streams may not know its tokens: the money must not be lost with the outer span."""
    rows = [chat("o", input_tokens=30, cost_usd=3.0), chat("a", parent_span_id="o")]
    assert ask("SELECT cost_usd FROM traces", rows) == [(3.0,)]
    neither = [chat("o"), chat("a", parent_span_id="o")]
    assert ask("SELECT span_id FROM model_calls", neither) == [("a",)]


def told(span_id: str, library: str, **fields: Any) -> dict[str, Any]:
    """A span that an instrumentation wrote of answer r1."""
    attributes = json.dumps({"otel": {"scope": {"name": library}}})
    used = {"input_tokens": 30, "cost_usd": 3.0}
    return chat(span_id, **{"response_id": "r1", "attributes": attributes, "service": "shop", **used, **fields})


def test_two_spans_of_one_answer_are_one_call(ask: Ask) -> None:
    """Two libraries may tell of an answer without knowing of each other: neither span is inside the other."""
    framework = told("f", "langchain", trace_id="x", duration_ms=120.0)
    client = told("c", "openai", trace_id="y")
    spans = "SELECT span_id FROM model_calls ORDER BY 1"
    assert ask(spans, [framework, client]) == [("c",)]
    assert ask(spans, [framework, {**client, "input_tokens": None, "cost_usd": None}]) == [("f",)]
    inside = {**client, "trace_id": "x", "parent_span_id": "f"}
    for took in (50.0, 120.0, 150.0):
        assert ask(spans, [framework, {**inside, "duration_ms": took}]) == [("c",)]
    thrice = [{**framework, "duration_ms": 100.0}, client, told("d", "http", trace_id="z")]
    assert ask("SELECT count(*), sum(input_tokens) FROM model_calls", thrice) == [(1, 30)]


@pytest.mark.parametrize(
    "other",
    [{"ts": at("13")}, {"response_id": "r2"}, {"response_id": None}, {"service": "bank"}, {"attributes": None}],
    ids=["a cache gave it again", "another answer", "no answer's id", "another service", "nobody says who told"],
)
def test_what_may_be_another_answer_is_another_call(ask: Ask, other: dict[str, Any]) -> None:
    """An id may be a stub's, or that of an answer given twice: what is not surely told twice is counted."""
    rows = [told("f", "langchain", trace_id="x", duration_ms=120.0), told("c", "openai", trace_id="y") | other]
    assert ask("SELECT span_id FROM model_calls ORDER BY 1", rows) == [("c",), ("f",)]
    rows = [told("f", "openai", trace_id="x", duration_ms=120.0), told("c", "openai", trace_id="y")]
    assert ask("SELECT span_id FROM model_calls ORDER BY 1", rows) == [("c",), ("f",)]


def test_a_span_that_has_only_begun_is_not_counted(ask: Ask) -> None:
    """Some tracers write a span's begin too."""
    rows = [chat("a", status="running", duration_ms=None), chat("a", status="ok")]
    assert ask("SELECT (SELECT count(*) FROM spans), (SELECT count(*) FROM model_calls)", rows) == [(1, 1)]


def asked(**fields: Any) -> dict[str, Any]:
    """A prediction of a language model for request q, in no trace."""
    fixed = {"kind": "prediction", "request_id": "q", "model": "fox", "model_version": "1", "ts": at("12 00:00:00")}
    return {**fixed, **fields}


@pytest.mark.parametrize("trace", [None, "t"])
@pytest.mark.parametrize(
    ("prediction", "calls"),
    [
        ({}, 1),
        ({"model_version": None}, 1),
        ({"model_version": "2"}, 2),
        ({"model": "wolf"}, 2),
        ({"request_id": "other"}, 2),
        ({"ts": at("13")}, 1),
        ({"duration_ms": 95.0}, 1),
        ({"duration_ms": 95.0, "ts": at("12 00:00:30")}, 2),
        ({"input_tokens": 10, "output_tokens": 5}, 1),
        ({"input_tokens": 11, "output_tokens": 5}, 2),
        ({"cost_usd": 0.1}, 1),
        ({"response_id": "r1"}, 1),
        ({"response_id": "r2"}, 2),
        ({"attempt": 1}, 1),
        ({"attempt": 2}, 2),
        ({"status": "error"}, 2),
        ({"kind": "log", "operation": "chat"}, 1),
        ({"kind": "log", "operation": "chat", "status": "running"}, 1),
    ],
)
def test_a_line_of_a_request_is_the_call_of_its_span(
    ask: Ask, trace: str | None, prediction: dict[str, Any], calls: int
) -> None:
    """Without a trace the request tells, unless something that both state says that they are two calls."""
    fields = {"request_id": "q", "trace_id": trace, "response_id": "r1", "attempt": 1}
    call = chat("a", **fields, input_tokens=10, output_tokens=5, cost_usd=0.1)
    rows = ask("SELECT operation, status FROM model_calls ORDER BY ALL", [call, asked(**prediction)])
    assert len(rows) == calls
    assert ("chat", "ok") in rows
    assert ask("SELECT sum(calls) FROM cost_by_day", [call, asked(**prediction)]) == [(calls,)]


def test_a_request_that_really_called_twice_has_two_calls(ask: Ask) -> None:
    """As many spans as there are, and every line that none of them can be."""
    spans = [
        chat("a", request_id="q", trace_id=None, input_tokens=10),
        chat("b", request_id="q", trace_id=None, input_tokens=20, ts=at("12 00:01:00")),
    ]
    lines = [asked(input_tokens=10), asked(input_tokens=20, ts=at("12 00:01:00")), asked()]
    assert ask("SELECT span_id FROM model_calls ORDER BY 1", [*spans, *lines]) == [("a",), ("b",)]
    third = asked(input_tokens=30, ts=at("12 00:02:00"))
    assert ask("SELECT count(*), sum(input_tokens) FROM llm_calls", [*spans, *lines, third]) == [(3, 60)]
    traced = {"trace_id": "elsewhere"}
    assert ask("SELECT count(*) FROM model_calls", [chat("a", request_id="q"), asked(**traced)]) == [(2,)]


def test_what_only_the_line_of_a_call_states_is_not_lost(ask: Ask) -> None:
    """A span that does not know its tokens gives way to the line that does; a failed one is another call."""
    first = chat("a", request_id="q")
    failed = {**first, "status": "error"}
    again = chat("b", request_id="q", ts=at("12 00:00:01"))
    line = asked(input_tokens=7, cost_usd=0.5, ts=at("12 00:00:01.100"))
    assert ask("SELECT span_id, cost_usd FROM model_calls", [first, line]) == [(None, 0.5)]
    rows = ask("SELECT span_id, input_tokens FROM model_calls ORDER BY ALL", [failed, again, line])
    assert rows == [("a", None), (None, 7)]


@pytest.mark.parametrize("written", [-5.0, float("nan"), float("inf"), 1e300])
def test_a_duration_that_can_be_none_is_not_known(ask: Ask, written: float) -> None:
    """A clock that went back, or a writer that counts in something else, spoils no other row and no quantile."""
    rows = [
        chat("a", duration_ms=written, request_id="q"),
        chat("b", duration_ms=100.0, request_id="q"),
        {"kind": "prediction", "model": "m", "duration_ms": written},
        span("c", tool="find", duration_ms=written),
    ]
    assert ask("SELECT span_id, duration_ms, end_ts = ts FROM spans ORDER BY 1", rows) == [
        ("a", None, True),
        ("b", 100.0, False),
        ("c", None, True),
    ]
    assert ask("SELECT calls, p50_ms FROM latency_by_version", rows) == [(1, 100.0)]
    assert ask("SELECT duration_ms FROM traces", rows) == [(100.0,)]
    assert ask("SELECT duration_ms FROM requests", rows) == [(100.0,)]
    assert ask("SELECT calls, p95_ms FROM tools", rows) == [(1, None)]
    assert ask("SELECT count(*), count(duration_ms) FROM predictions", rows) == [(1, 0)]
