"""What calls cost, how they ended and how long they took."""

from __future__ import annotations

from typing import Any

import pytest
from tests.queries.asking import Ask, ask, chat
from tests.queries.lakes import at

__all__ = ["ask"]


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
