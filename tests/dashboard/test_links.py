"""What comes in by a link is checked, and what goes out can be read again."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deadreckon.dashboard.services import links
from deadreckon.dashboard.services.alerts import Change, labels_of, unit_of

TRACE = "4ecccb3dd0eea3f373ade0fd9fd50770"


def change(metric: str = "duration_p95_ms", **labels: str) -> Change:
    """A change to firing over an hour."""
    return Change(
        event_id="e",
        rule="slow",
        labels=labels,
        state="firing",
        previous="ok",
        severity="warning",
        metric=metric,
        value=1.0,
        threshold=1.0,
        start=datetime(2026, 10, 20, 12, 0, 30, tzinfo=UTC),
        end=datetime(2026, 10, 20, 13, 0, 30, tzinfo=UTC),
        until=None,
        next_state=None,
        reason="",
        runbook="",
        facts={},
    )


@pytest.mark.parametrize(
    ("pasted", "expected"),
    [
        (f"  {TRACE} ", TRACE),
        (f"'{TRACE}'", TRACE),
        (f"00-{TRACE.upper()}-00f067aa0ba902b7-03", TRACE),
        ("req-1\x00", ""),
        ("x" * 201, ""),
        ("' OR 1=1 --", "OR 1=1 --"),
        ("", ""),
        (None, ""),
    ],
)
def test_identifiers(pasted: str | None, expected: str) -> None:
    """IDs are taken as they are pasted; what cannot be one is nothing. They are bound, so SQL in them is a text."""
    assert links.identifier(pasted) == expected


def test_the_most_specific_id_counts() -> None:
    """Of several IDs in a link the narrowest is looked for."""
    assert links.wanted({"session": "s", "trace": TRACE}) == links.Wanted("trace", TRACE)
    assert links.wanted({"trace": " ", "range": "7d"}) is None


def test_an_alert_leads_to_its_window() -> None:
    """The link holds the whole window, grown to minutes, the labels that can be filtered by, and the order."""
    params = links.traces_of(change(model_version="1.6.0", customer="acme"))
    assert params == {
        "range": "custom",
        "from": "2026-10-20T12:00",
        "until": "2026-10-20T13:01",
        "model_version": "1.6.0",
        "sort": "slowest",
    }
    assert links.unfiltered(change(model_version="1.6.0", customer="acme")) == {"customer": "acme"}


@pytest.mark.parametrize(
    ("metric", "order"),
    [
        ("ttft_p95_ms", "slowest"),
        ("latency_mean_ms", "slowest"),
        ("cost_usd", "costliest"),
        ("output_tokens", "costliest"),
        ("tool_error_rate", "failed"),
        ("contract_failures", "failed"),
        ("event_count", "newest"),
        ("sql", "newest"),
        ("", "newest"),
    ],
)
def test_order_by_metric(metric: str, order: str) -> None:
    """What an alert measures says which traces are worth looking at first."""
    assert links.sort_for(metric) == order


@given(st.none() | st.text())
def test_labels_of_anything(text: str | None) -> None:
    """Labels that are no JSON object are none, and never break a page."""
    assert isinstance(labels_of(text), dict)


def test_labels_keep_their_values() -> None:
    """Texts stay as they are, other values are JSON, and null is no label."""
    assert labels_of('{"a": "x", "b": 1, "c": null, "d": [1]}') == {"a": "x", "b": "1", "d": "[1]"}


def test_units_come_from_the_monitor() -> None:
    """A metric's value is shown in the monitor's unit; a rule with SQL of its own has none."""
    assert unit_of("latency_p95_ms") == "milliseconds"
    assert unit_of("sql") == ""
