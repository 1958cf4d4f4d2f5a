"""Tools, guards, alerts and bookkeeping, on a few rows each: what counts, what is NULL, and what is odd."""

from __future__ import annotations

import json
from typing import Any

from tests.queries.asking import Ask, ask, span
from tests.queries.lakes import NOW, at

__all__ = ["ask"]


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
