"""Each view's rules, on a few rows each: what counts, what is NULL, and what happens to what is odd."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from tests.queries.lakes import NOW, Row, at, make_lake

from deadreckon.core.settings import Settings
from deadreckon.queries.connection import binding_of
from deadreckon.queries.engine import Engine, Limits

Ask = Callable[..., list[tuple[Any, ...]]]
PRICES = {
    "fox": {
        "input_per_mtok": 2.0,
        "output_per_mtok": 10.0,
        "cache_read_per_mtok": 0.5,
        "cache_write_per_mtok": 4.0,
        "valid_from": "2026-06-10",
        "source": "list of June",
        "earlier": [{"input_per_mtok": 4.0, "output_per_mtok": 20.0, "source": "old list"}],
    },
    "fox-2": {"input_per_mtok": 1.0, "output_per_mtok": 1.0},
}


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """Ask a query of a lake that holds the given events and ledger rows."""
    lakes = count()

    def query(sql: str, events: list[Row], ledger: list[Row] | None = None) -> list[tuple[Any, ...]]:
        lake = make_lake(tmp_path / str(next(lakes)), events, ledger or [])
        settings = Settings.model_validate({"prices": PRICES})
        engine = Engine(binding_of(lake.snapshot(), settings), Limits(**settings.query.model_dump()))
        try:
            return engine.answer(sql, {}).rows
        finally:
            engine.close()

    return query


def span(span_id: str, **fields: Any) -> dict[str, Any]:
    """A finished span of trace t."""
    return {"kind": "span", "trace_id": "t", "span_id": span_id, "ts": at("12"), "duration_ms": 100.0, **fields}


def chat(span_id: str, **fields: Any) -> dict[str, Any]:
    """A call of a language model in trace t."""
    return span(span_id, **{"operation": "chat", "model": "fox", "model_version": "1", **fields})


# What is a model call


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


# What a call costs


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"cost_usd": 7.0, "input_tokens": 1_000_000, "output_tokens": 0}, (7.0, "reported", 2.0)),
        ({"cost_usd": 0.0}, (0.0, "reported", None)),
        ({"input_tokens": 1_000_000, "output_tokens": 100_000}, (3.0, "computed", 3.0)),
        (
            {"input_tokens": 1_000_000, "output_tokens": 1_000_000, "reasoning_tokens": 900_000},
            (12.0, "computed", 12.0),
        ),
        (
            {"input_tokens": 1_000_000, "cache_read_tokens": 400_000, "cache_write_tokens": 100_000},
            (1.0 + 0.2 + 0.4, "computed", 1.6),
        ),
        ({"input_tokens": 100, "cache_read_tokens": 1_000_000}, (0.5, "computed", 0.5)),
        ({"input_tokens": None, "output_tokens": 5}, (None, "unpriced", None)),
        ({"model": "unheard-of", "input_tokens": 5, "output_tokens": 5}, (None, "unpriced", None)),
        ({"ts": at("9"), "input_tokens": 1_000_000}, (4.0, "computed", 4.0)),
        ({"ts": at("10"), "input_tokens": 1_000_000}, (2.0, "computed", 2.0)),
        ({"ts": at("9 23:59:59"), "input_tokens": 1_000_000, "cache_read_tokens": 1_000_000}, (4.0, "computed", 4.0)),
        ({"model_version": "fox-2", "input_tokens": 1_000_000}, (1.0, "computed", 1.0)),
    ],
)
def test_cost_is_reported_or_computed_and_never_made_up(
    ask: Ask, fields: dict[str, Any], expected: tuple[float | None, str, float | None]
) -> None:
    """Cached tokens are part of input and reasoning part of output; prices hold from their day on; unknown is NULL."""
    row = ask("SELECT cost_usd, cost_source, computed_usd FROM model_calls", [chat("a", **fields)])[0]
    assert row[1] == expected[1]
    assert (row[0], row[2]) == (pytest.approx(expected[0]), pytest.approx(expected[2]))


def test_unknown_cost_is_left_out_and_counted(ask: Ask) -> None:
    """A sum says how many calls it is made of and how many it lacks."""
    rows = [chat("a", cost_usd=1.0), chat("b", cost_usd=3.0), chat("c", model="fox")]
    sql = "SELECT calls, priced_calls, unpriced_calls, cost_usd, cost_per_call_usd FROM cost_by_version"
    assert ask(sql, rows) == [(3, 2, 1, 4.0, 2.0)]


def test_the_price_used_is_named(ask: Ask) -> None:
    """Where a price comes from stays with the figure."""
    rows = [chat("a", input_tokens=1, ts=at("9")), chat("b", input_tokens=1, ts=at("11"))]
    assert ask("SELECT price_source FROM model_calls ORDER BY ts", rows) == [("old list",), ("list of June",)]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ("ok", False)),
        ({"error_type": "Boom"}, ("error", True)),
        ({"status": "ok", "error_type": "Boom"}, ("ok", False)),
        ({"status": "timeout"}, ("timeout", True)),
        ({"status": "cancelled"}, ("cancelled", False)),
    ],
)
def test_status_is_read_as_it_is_meant(ask: Ask, fields: dict[str, Any], expected: tuple[str, bool]) -> None:
    """A line without a status failed if it names an error."""
    assert ask("SELECT status, failed FROM model_calls", [chat("a", **fields)]) == [expected]


def test_latency_is_of_answers_and_timeouts(ask: Ask) -> None:
    """An error may come at once, and a cancelled call says nothing; a time-out is a wait."""
    rows = [
        chat("a", duration_ms=100.0, ttft_ms=10.0),
        chat("b", duration_ms=300.0, status="timeout"),
        chat("c", duration_ms=1.0, status="error"),
        chat("d", duration_ms=2.0, status="cancelled"),
        chat("e", duration_ms=None),
    ]
    assert ask("SELECT calls, p50_ms, max_ms, ttft_calls, ttft_p50_ms FROM latency_by_version", rows) == [
        (2, 200.0, 300.0, 1, 10.0)
    ]


def test_error_rate_leaves_cancelled_calls_out(ask: Ask) -> None:
    """What users broke off is no failure of the model; where all were broken off there is no rate."""
    rows = [
        chat("a"),
        chat("b", status="error", error_type="X"),
        chat("c", status="cancelled"),
        chat("d", status="timeout"),
    ]
    rows.append(chat("e", status="cancelled", model_version="2"))
    sql = "SELECT model_version, calls, failed, cancelled, error_rate, error_type FROM errors_by_version ORDER BY 1"
    assert ask(sql, rows) == [("1", 4, 2, 1, pytest.approx(2 / 3), "X"), ("2", 1, 0, 1, None, None)]


def test_a_call_that_was_asked_again_is_wasted_even_if_it_ended_ok(ask: Ask) -> None:
    """Attempts of one step belong together by trace, parent, operation and name."""
    step = {"parent_span_id": "r", "name": "plan", "cost_usd": 1.0}
    rows = [
        chat("a", **step, attempt=1, ts=at("12 10:00:00")),
        chat("b", **step, attempt=2, ts=at("12 10:00:01"), status="timeout"),
        chat("c", **step, attempt=3, ts=at("12 10:00:02")),
        chat("d", **{**step, "name": "answer"}, attempt=1, ts=at("12 10:00:03")),
        chat("e", **{**step, "name": "other"}, attempt=1, ts=at("12 10:00:04"), status="cancelled"),
    ]
    assert ask("SELECT span_id, reason, retried, cost_usd FROM wasted_cost ORDER BY 1", rows) == [
        ("a", "retried", True, 1.0),
        ("b", "timeout", True, 1.0),
        ("e", "cancelled", False, 1.0),
    ]


def test_tokens_per_second_count_from_the_first_token(ask: Ask) -> None:
    """Speed is that of writing, not of waiting; where nothing is known there is none."""
    rows = [chat("a", duration_ms=1100.0, ttft_ms=100.0, output_tokens=50), chat("b", duration_ms=5.0, ttft_ms=5.0)]
    assert ask("SELECT tokens_per_s FROM llm_calls ORDER BY span_id", rows) == [(50.0,), (None,)]


# Traces, requests, sessions


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


# Runs and versions

VERSIONS = {"dataset": "d1", "features": "f1", "labels": "l1", "inference": "i1"}


def run(run_id: str, event: str, ts: str, **fields: Any) -> dict[str, Any]:
    """An event of a run."""
    return {"kind": "run", "run_id": run_id, "event": event, "ts": at(ts), **fields}


def test_a_run_without_an_end_is_running_and_says_when_it_was_seen_last(ask: Ask) -> None:
    """A trainer that was killed does not look finished."""
    rows = [
        run("r", "run.start", "1 10:00:00", status="running", params='{"lr": 0.1}', versions=json.dumps(VERSIONS)),
        {"kind": "metric", "run_id": "r", "name": "loss", "value": 1.0, "step": 1, "ts": at("1 10:05:00")},
        {"kind": "metric", "run_id": "other", "name": "loss", "value": 1.0, "ts": at("1")},
    ]
    sql = (
        "SELECT run_id, status, ended_at, last_seen_at, version_dataset, version_metrics, metrics FROM runs ORDER BY 1"
    )
    assert ask(sql, rows) == [
        ("other", "unknown", None, at("1"), None, None, 1),
        ("r", "running", None, at("1 10:05:00"), "d1", None, 1),
    ]


@pytest.mark.parametrize("text", ['{"dataset": ', "plain words", '"d1"', "[1]", "", "null"])
def test_json_that_is_none_is_null_and_no_error(ask: Ask, text: str) -> None:
    """One odd line must not take a whole view down."""
    rows = [
        run("r", "run.start", "1", versions=text, params=text),
        run("r", "run.fold", "1", fold="1", attributes=text),
        {"kind": "alert", "name": "a", "label": "ok", "attributes": text},
    ]
    assert ask("SELECT version_dataset FROM runs", rows) == [(None,)]
    assert ask("SELECT leaks FROM folds", rows) == [(None,)]
    assert ask("SELECT severity FROM alerts", rows) == [(None,)]


def test_a_run_that_was_resumed_ends_as_it_ended_last(ask: Ask) -> None:
    """First it failed, then it was continued under the same id and ended well."""
    rows = [
        run("r", "run.start", "1 10:00:00", status="running", name="train"),
        run("r", "run.end", "1 11:00:00", status="error", error_type="OOM", duration_ms=5.0),
        run("r", "run.start", "2 10:00:00", status="running", name="train"),
        run("r", "run.end", "2 11:00:00", status="ok", model="m", model_version="2", duration_ms=9.0),
    ]
    assert ask("SELECT name, status, model_version, duration_ms, ended_at FROM runs", rows) == [
        ("train", "ok", "2", 9.0, at("2 11:00:00"))
    ]


def test_the_newest_value_of_a_step_counts(ask: Ask) -> None:
    """A step that was logged again after a resume replaces the old one; the last step is marked."""
    step = {"kind": "metric", "run_id": "r", "name": "loss"}
    rows = [
        {**step, "step": 1, "value": 9.0, "ts": at("1")},
        {**step, "step": 2, "value": 8.0, "ts": at("2")},
        {**step, "step": 2, "value": 5.0, "ts": at("3")},
        {**step, "step": 1, "value": 7.0, "fold": "a", "ts": at("3")},
        {"kind": "metric", "name": "queue", "value": 1.0},
    ]
    assert ask("SELECT fold, step, value, is_last FROM run_metrics ORDER BY fold NULLS FIRST, step", rows) == [
        (None, 1, 9.0, False),
        (None, 2, 5.0, True),
        ("a", 1, 7.0, True),
    ]


def test_the_stage_of_a_version_is_its_last_move(ask: Ask) -> None:
    """History, current place, and who moved it why; a version that was only called has no stage."""
    move = {"kind": "stage", "model": "m", "model_version": "1"}
    rows = [
        {**move, "stage": "shadow", "ts": at("1"), "reason": "new", "actor": "bot"},
        {**move, "stage": "production", "ts": at("3")},
        {"kind": "prediction", "model": "m", "model_version": "2"},
    ]
    assert ask("SELECT model_version, stage, stage_since, stage_reason, moves, calls FROM models ORDER BY 1", rows) == [
        ("1", "production", at("3"), None, 2, 0),
        ("2", None, None, None, 0, 1),
    ]
    assert ask("SELECT stage, previous_stage, until_ts FROM stages ORDER BY ts", rows) == [
        ("shadow", None, at("3")),
        ("production", "shadow", None),
    ]


@pytest.mark.parametrize(
    ("request_run", "runs", "expected"),
    [
        (None, [("a", "ok", "m", "1", "1")], ("a", "version")),
        (None, [("a", "ok", "m", "1", "1"), ("b", "ok", "m", "1", "2")], ("b", "version")),
        (None, [("a", "ok", "m", "1", "1"), ("b", "error", "m", "1", "2")], ("a", "version")),
        (None, [("a", "ok", None, "1", "1")], ("a", "version")),
        (None, [("a", "ok", "other", "1", "1")], (None, None)),
        (None, [("a", "ok", "m", "2", "1")], (None, None)),
        ("a", [("a", "ok", "m", "1", "1"), ("b", "ok", "m", "1", "2")], ("a", "prediction")),
        ("agent", [("a", "ok", "m", "1", "1"), ("agent", "ok", None, None, "3")], ("a", "version")),
        ("agent", [("agent", "ok", None, None, "3")], ("agent", "named")),
        ("gone", [], (None, None)),
    ],
)
def test_the_run_behind_an_answer_is_found(
    ask: Ask,
    request_run: str | None,
    runs: list[tuple[str, str, str | None, str | None, str]],
    expected: tuple[str | None, str | None],
) -> None:
    """The run the prediction names if it made that version, else the version's latest good run, else the named one."""
    events: list[Row] = [
        run(run_id, "run.end", day, status=status, model=model, model_version=version, versions=json.dumps(VERSIONS))
        for run_id, status, model, version, day in runs
    ]
    answer = {"kind": "prediction", "request_id": "q", "model": "m", "model_version": "1", "run_id": request_run}
    rows = ask("SELECT run_id, run_found, version_dataset FROM provenance", [*events, {**answer, "ts": at("9")}])
    assert rows == [(*expected, "d1" if expected[0] else None)]


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        (("2026-01-31", "2026-02-03", 3), (False, False, False)),
        (("2026-01-31", "2026-02-02", 3), (False, True, True)),
        (("2026-01-31", "2026-01-31", 0), (True, False, True)),
        (("2026-02-10", "2026-02-03", 3), (True, True, True)),
        (("2026-01-31T12:00:00", "2026-01-31T12:00:00", 0), (False, False, False)),
        (("2026-01-31T12:00:00", "2026-01-31T11:00:00", None), (True, None, True)),
        (("2026-01-31", None, 3), (None, None, None)),
        (("soon", "later", 3), (None, None, None)),
        (("2026-01-31", "2026-02-03", "three"), (False, None, False)),
    ],
)
def test_leakage_is_flagged(
    ask: Ask, dates: tuple[str, str | None, Any], expected: tuple[bool | None, bool | None, bool | None]
) -> None:
    """A test that begins before training ends, or too soon after it; what cannot be read is not called clean."""
    train_end, test_start, gap = dates
    held = {"train_start": "2026-01-01", "train_end": train_end, "test_start": test_start, "gap_days": gap}
    row = run("r", "run.fold", "1", fold="1", attributes=json.dumps(held))
    assert ask("SELECT overlap, gap_too_short, leaks FROM folds", [row]) == [expected]


def test_a_fold_that_was_logged_again_is_one_row(ask: Ask) -> None:
    """The newest log of a fold counts."""
    held = {"train_end": "2026-01-31", "test_start": "2026-02-03", "gap_days": 3}
    rows = [
        run("r", "run.fold", "1", fold="1", attributes=json.dumps({**held, "train_end": "2026-03-01"})),
        run("r", "run.fold", "2", fold="1", attributes=json.dumps(held)),
    ]
    assert ask("SELECT ts, leaks FROM folds", rows) == [(at("2"), False)]


# Tools, guards, alerts, bookkeeping


def test_tools_are_known_by_operation_or_name(ask: Ask) -> None:
    """A span of a tool counts whether or not the tracer set the operation; an agent that mentions a tool does not."""
    rows = [
        span("a", operation="execute_tool", name="search"),
        span("b", tool="lookup", status="timeout", attempt=2),
        span("c", tool="lookup", operation="internal"),
        span("d", tool="lookup", operation="invoke_agent"),
    ]
    assert ask("SELECT tool, calls, failed, error_rate, retries FROM tools ORDER BY 1", rows) == [
        ("lookup", 2, 1, 0.5, 1),
        ("search", 1, 0, 0.0, 0),
    ]


def test_an_alert_stands_where_its_newest_window_left_it(ask: Ask) -> None:
    """Current state by rule and labels, however late a transition was written."""

    def alert(state: str, window_end: str, labels: str | None = None) -> dict[str, Any]:
        end = at(window_end).isoformat().replace("+00:00", "Z")
        held = {"rule": "slow", "severity": "critical", "window_end": end, "threshold": 0.5, "previous": "ok"}
        return {
            "kind": "alert",
            "name": "slow",
            "label": state,
            "event": f"alert.{state}",
            "labels": labels,
            "ts": at(window_end),
            "attributes": json.dumps(held),
        }

    rows = [
        alert("firing", "1"),
        alert("resolved", "2"),
        alert("pending", "3"),
        alert("firing", "4"),
        alert("ok", "2", '{"m":"x"}'),
    ]
    sql = "SELECT labels, state, since, severity, threshold, changes, fired, last_fired_at FROM alerts ORDER BY changes"
    assert ask(sql, rows[::-1]) == [
        ('{"m":"x"}', "ok", at("2"), "critical", 0.5, 1, 0, None),
        (None, "firing", at("4"), "critical", 0.5, 4, 2, at("4")),
    ]


def test_a_quarantined_line_is_open_until_it_is_resolved(ask: Ask) -> None:
    """A replayed or dropped line stays in the view with what became of it."""
    refused = {"record": "quarantine", "error_code": "invalid_json", "raw": "{", "source_path": "a.log"}
    ledger = [
        {**refused, "quarantine_id": "s:0", "source_offset": 0},
        {**refused, "quarantine_id": "s:9", "source_offset": 9},
        {"record": "resolution", "quarantine_id": "s:9", "resolution": "replayed"},
    ]
    assert ask("SELECT quarantine_id, state, resolved_at FROM quarantine ORDER BY 1", [], ledger) == [
        ("s:0", "open", None),
        ("s:9", "replayed", NOW),
    ]


def test_a_source_is_one_row_over_all_its_commits(ask: Ask) -> None:
    """Lines and events add up, the offset is the furthest."""
    row = {"record": "source", "source_id": "s", "source_path": "a.log", "duplicates": 1, "quarantined": 2}
    ledger = [
        {**row, "end_offset": 90, "lines": 7, "committed": 4},
        {**row, "end_offset": 50, "lines": 5, "committed": 2},
    ]
    sql = "SELECT source_path, end_offset, lines, committed, duplicates, quarantined, commits FROM sources"
    assert ask(sql, [], ledger) == [("a.log", 90, 12, 6, 2, 4, 2)]


def test_freshness_says_how_late_events_arrive(ask: Ask) -> None:
    """Age runs to now, delay from happening to ingest."""
    rows = [
        {"kind": "log", "service": "api", "ts": at("20 11:59:00")},
        {"kind": "log", "service": "api", "ts": at("20 11:58:00")},
    ]
    found = ask("SELECT service, events, last_ts, delay_p50_s, age_s > 0 OR age_s <= 0 FROM freshness", rows)
    assert found == [("api", 2, at("20 11:59:00"), 90.0, True)]


def test_contracts_and_decisions_keep_their_words(ask: Ask) -> None:
    """The kind of a contract is its type; options stay JSON."""
    rows = [
        {"kind": "contract", "name": "cap", "label": "budget", "passed": False, "action": "stopped"},
        {
            "kind": "decision",
            "name": "next",
            "choice": "escalate",
            "options": '["answer","escalate"]',
            "reason": "angry",
        },
    ]
    assert ask("SELECT type, passed, action FROM contracts", rows) == [("budget", False, "stopped")]
    assert ask("SELECT choice, options, reason FROM decisions", rows) == [
        ("escalate", '["answer","escalate"]', "angry")
    ]
