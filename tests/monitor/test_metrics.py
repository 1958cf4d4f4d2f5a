"""What each metric measures, against answers worked out by hand."""

from __future__ import annotations

import pytest
from tests.monitor.lakes import MINUTE, NOON, calls, event, make, monitor, rule

from deadreckon.monitor.metrics import METRICS

ENDED = [
    *[event(-100 - i, status="ok", duration_ms=float(i + 1), cost_usd=0.5, input_tokens=100) for i in range(10)],
    event(-50, status="error", duration_ms=1000.0, tool="search", cost_usd=1.0, output_tokens=7),
    event(-49, status="timeout", duration_ms=2000.0, tool="search"),
    event(-48, status="cancelled", tool="search", ttft_ms=80.0),
    event(-47, status="ok", tool="search", ttft_ms=40.0),
    event(-46, status="running", tool="search"),
    event(-45, kind="log", level="error"),
    event(-44, kind="score", value=0.5),
    event(-43, kind="score", value=1.0),
    event(-42, kind="feedback", value=-1.0),
    event(-41, kind="feedback", value=2.0),
    event(-40, kind="contract", passed=False),
    event(-39, kind="contract", passed=True),
    event(-38, kind="contract"),
    event(-10, kind="alert", event="alert.firing", status="error", value=100.0, duration_ms=9e9),
]
INTAKE = [
    {"record": "source", "source_id": "a", "lines": 90, "quarantined": 3, "ingested_at": (NOON - 60) * 1_000_000},
    {"record": "source", "source_id": "b", "lines": 10, "quarantined": 0, "ingested_at": (NOON - 30) * 1_000_000},
    {"record": "quarantine", "source_id": "a", "ingested_at": (NOON - 60) * 1_000_000},
    {"record": "source", "source_id": "a", "lines": 50, "quarantined": 9, "ingested_at": (NOON + 60) * 1_000_000},
]
KNOWN = {
    "event_count": (23, 23),
    "error_count": (2, 14),
    "error_rate": (2 / 14, 14),
    "timeout_rate": (1 / 14, 14),
    "cancelled_rate": (1 / 14, 14),
    "tool_error_rate": (2 / 4, 4),
    "latency_p50_ms": (6.5, 12),
    "latency_p90_ms": (901.0, 12),
    "latency_p95_ms": (1450.0, 12),
    "latency_p99_ms": (1890.0, 12),
    "latency_mean_ms": (3055 / 12, 12),
    "ttft_p50_ms": (60.0, 2),
    "ttft_p95_ms": (78.0, 2),
    "cost_usd": (6.0, 11),
    "cost_per_call_usd": (6.0 / 11, 11),
    "input_tokens": (1000, 10),
    "output_tokens": (7, 1),
    "score_mean": (0.75, 2),
    "feedback_mean": (0.5, 2),
    "contract_failures": (1, 2),
    "contract_failure_rate": (0.5, 2),
    "quarantined_lines": (3, 100),
    "quarantined_rate": (0.03, 100),
    "freshness_s": (38, 1),
}


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """Every metric over the same five minutes."""
    lake = make(tmp_path_factory.mktemp("lake"), ENDED, ledger=INTAKE)
    most = {name: 1 if metric.unit.startswith("share") else 1e12 for name, metric in METRICS.items()}
    rules = [rule(name=name, metric=name, above=above) for name, above in most.items()]
    return {a.stream.rule: a.stream for a in monitor(lake, *rules, at=0).alerts}


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_gives_the_value_and_n_worked_out_by_hand(measured, name):
    """Ended calls only for rates, finite values only for measures, never the monitor's own alerts."""
    value, n = KNOWN[name]
    assert measured[name].state == "ok"
    assert measured[name].value == pytest.approx(value)
    assert measured[name].n == n


def test_filters_hold_together_and_a_list_is_any_of(tmp_path):
    """Where compares text, numbers and booleans exactly."""
    lake = make(
        tmp_path,
        [
            *calls(-200, 3, model="a", stream=True, attempt=1),
            *calls(-150, 5, model="b", stream=True, attempt=2),
            *calls(-100, 7, model="c", stream=False, attempt=1),
            *calls(-50, 11, model="it's", attempt=1),
        ],
    )

    def counted(**where):
        (alert,) = monitor(lake, rule(metric="event_count", above=100, where=where), at=0, dry_run=True).alerts
        return alert.stream.value

    assert counted(model="a") == 3
    assert counted(model=["a", "b"]) == 8
    assert counted(stream=True, attempt=[1, 2]) == 8
    assert counted(attempt=1, model=["a", "c"], stream=False) == 7
    assert counted(model="it's") == 11


def test_alerts_are_counted_only_when_asked_for(tmp_path):
    """A rule on kind = alert watches the monitor itself, such as rules that flap."""
    lake = make(tmp_path, [*calls(-200, 3), event(-100, kind="alert"), event(-90, kind="alert")])
    watching = rule(metric="event_count", above=1, where={"kind": "alert"})
    assert monitor(lake, watching, at=0).alerts[0].stream.value == 2


def test_groups_are_combinations_and_null_is_one_of_them(tmp_path):
    """Events without a version are a group too: they are not silently left out."""
    lake = make(tmp_path, [*calls(-200, 3, model="a", attempt=1), *calls(-100, 2, attempt=2)])
    report = monitor(lake, rule(metric="event_count", above=100, group_by=["model", "attempt"]), at=0)
    assert {a.stream.labels: a.stream.value for a in report.alerts} == {
        '{"attempt":"1","model":"a"}': 3.0,
        '{"attempt":"2","model":null}': 2.0,
    }


def test_columns_named_like_the_query_s_own_words_can_be_grouped(tmp_path):
    """step, name, value and the like are columns of events and no trouble."""
    lake = make(tmp_path, calls(-200, 3, step=7, name="n", label="l", source="s"))
    of = rule(metric="latency_p50_ms", above=1000, group_by=["step", "name", "label", "source"])
    (alert,) = monitor(lake, of, at=0).alerts
    assert alert.stream.labels == '{"label":"l","name":"n","source":"s","step":"7"}'


def test_freshness_looks_behind_the_window_and_not_ahead(tmp_path):
    """The newest event before the window's end counts, however old; a clock that runs ahead does not."""
    lake = make(tmp_path, [event(-90 * MINUTE), event(100), event(600)])
    of = rule(metric="freshness_s", above=3600)
    assert monitor(lake, of, at=0).alerts[0].stream.value == 5400
    assert monitor(lake, of, at=300).alerts[0].stream.value == 200


def test_freshness_of_each_group_is_its_own(tmp_path):
    """One service falls silent while another goes on."""
    lake = make(tmp_path, [event(-1000, service="a"), *[event(w * 300 - 1, service="b") for w in range(5)]])
    of = rule(metric="freshness_s", above=1500, group_by=["service"])
    monitor(lake, of, at=0)
    report = monitor(lake, of, at=1200)
    assert {a.stream.labels: (a.stream.state, a.stream.value) for a in report.alerts} == {
        '{"service":"a"}': ("firing", 2200.0),
        '{"service":"b"}': ("ok", 1.0),
    }


def test_more_groups_than_a_rule_may_have_is_an_error(tmp_path):
    """Grouping by request_id is a mistake, and said as one."""
    lake = make(tmp_path, [event(-100, request_id=f"r{i}") for i in range(501)])
    (alert,) = monitor(lake, rule(metric="event_count", above=1, group_by=["request_id"]), at=0).alerts
    assert alert.stream.state == "error"
    assert "more than 500 groups" in alert.stream.reason


def test_a_long_catch_up_with_many_groups_is_measured_in_parts(tmp_path):
    """More rows than one answer holds are asked for again in halves, with the same result."""
    lake = make(tmp_path, [event(w * 60 + 1, model=f"m{m}") for w in range(120) for m in range(200)])
    of = rule(metric="event_count", window="1m", above=0, group_by=["model"])
    report = monitor(lake, of, at=7200, since=0)
    assert (report.windows, len(report.alerts)) == (120, 200)
    assert {a.stream.state for a in report.alerts} == {"firing"}
    assert len(report.transitions) == 200
