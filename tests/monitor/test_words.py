"""Numbers as people read them, with their units and plurals."""

from __future__ import annotations

import pytest
from tests.monitor.kinds.test_kinds import TABLES
from tests.monitor.lakes import calls, make, monitor

from deadreckon.core.words import counted
from deadreckon.delivery import message_of
from deadreckon.monitor import load_rules
from deadreckon.monitor.words import against, amount, rough, unit_of


def test_nouns_go_with_their_numbers():
    """One line, and more."""
    assert [counted(n, "line") for n in (0, 1, 2, 1234)] == ["0 lines", "1 line", "2 lines", "1,234 lines"]
    assert counted(2, "query", "queries") == "2 queries"


@pytest.mark.parametrize(
    ("value", "metric", "said"),
    [
        (2500.4, "latency_p95_ms", "2,500 ms"),
        (0.48127, "error_rate", "48.13 %"),
        (0.0001, "null_share", "0.01 %"),
        (1234.0, "tokens_spent", "1,234 tokens"),
        (1.0, "output_tokens", "1 token"),
        (1.0, "calls_forecast", "1 call"),
        (1.3734, "cost_usd", "1.37 USD"),
        (0.00042, "cost_per_call_usd", "0.00042 USD"),
        (43_200.0, "freshness_s", "12h"),
        (309_615.0, "silent_s", "3d14h"),
        (90.0, "freshness_s", "90 s"),
        (14.4, "burn_rate", "14.4x"),
        (3.0, "sql", "3"),
        (None, "error_rate", "-"),
        (float("inf"), "sql", "inf"),
    ],
)
def test_values_have_their_units(value, metric, said):
    """By what the rule measures."""
    assert amount(value, metric) == said


def test_a_value_and_its_bound_share_a_unit():
    """Which is said once; a drift has no bound that people would know."""
    assert against(2500, 2000, "latency_p95_ms") == "2,500 > 2,000 ms"
    assert against(1, 20, "tokens_spent") == "1 < 20 tokens"
    assert against(309_600, 43_200, "freshness_s") == "3d14h > 12h"
    assert against(0.2, 0.2, "error_rate") == "20 = 20 %"
    assert (against(1.0, 0.99, "drift"), against(0.2, 0.99, "drift")) == ("drifted", "no drift")
    assert [rough(s) for s in (0, 59.6, 3_661, 90_061)] == ["0s", "1m", "1h1m", "1d1h"]


def test_every_kind_measures_in_a_unit_that_is_known():
    """An alert that is kept names its metric alone."""
    for rule in load_rules([{**table, "name": f"{i}"} for i, table in enumerate(TABLES)]):
        if rule.measure is not None:
            assert unit_of(rule.metric) == rule.measure.unit.partition(",")[0]


def test_a_summary_may_have_both(tmp_path):
    """With their units, as {amount} and {bound}."""
    table = {"name": "r", "metric": "latency_p95_ms", "window": "5m", "above": 1000, "summary": "{amount} of {bound}"}
    (alert,) = monitor(make(tmp_path, calls(-200, 5, duration_ms=5000.0)), *load_rules([table]), at=0).alerts
    assert alert.summary == "5,000 ms of 1,000 ms"


@pytest.mark.parametrize(("no_data", "counts"), [("ok", "ok"), ("firing", "firing")])
def test_too_few_events_are_no_measure(tmp_path, no_data, counts):
    """What they would have been is not said: it was not judged."""
    table = {"name": "r", "metric": "error_rate", "window": "5m", "above": 0.2, "min_count": 8, "no_data": no_data}
    (alert,) = monitor(make(tmp_path, calls(-200, 5, status="error")), *load_rules([table]), at=0).alerts
    assert alert.stream.state == counts
    assert alert.summary == f"r has nothing to judge, which counts as {counts}: 5 of at least 8 events in the window"
    assert "100" not in message_of(alert).subject
