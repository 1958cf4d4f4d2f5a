"""What holds for rules of every kind."""

from __future__ import annotations

import random
from contextlib import nullcontext

import pytest
from tests.monitor.lakes import HOUR, MINUTE, NOON, Open, event, make, monitor, states

from deadreckon.monitor import load_rules
from deadreckon.monitor.kinds import KINDS
from deadreckon.monitor.measure import Meter

TABLES = [
    {"name": "p50", "metric": "latency_p50_ms", "window": "20m", "every": "10m", "above": 60.0},
    {"name": "fresh", "metric": "freshness_s", "window": "10m", "above": 300.0, "group_by": ["service"]},
    {
        "name": "sql",
        "sql": "SELECT service, count(*) AS value FROM events "
        "WHERE ts >= $window_start AND ts < $window_end GROUP BY service",
        "window": "10m",
        "above": 12,
    },
    {"name": "null", "kind": "quality", "check": "null_share", "subject": "tool", "window": "10m", "above": 0.5},
    {"name": "new", "kind": "quality", "check": "new_category", "subject": "tool", "window": "10m", "reference": "4h"},
    {"name": "type", "kind": "quality", "check": "type_change", "subject": "feature:x", "window": "10m"},
    {"name": "lines", "kind": "quality", "check": "quarantine_share", "window": "10m", "above": 0.1},
    {"name": "silent", "kind": "quality", "check": "freshness", "window": "10m", "above": 200, "group_by": ["tool"]},
    {"name": "spend", "kind": "budget", "limit": 1.5, "period": "hour", "forecast": True, "group_by": ["service"]},
    {
        "name": "slo",
        "kind": "slo",
        "objective": 0.9,
        "pairs": [{"burn": 1.1, "long": "1h", "short": "10m"}],
        "budget_below": 0.1,
        "period": "3h",
        "every": "5m",
    },
    {
        "name": "beat",
        "kind": "heartbeat",
        "every": "4m",
        "where": {"service": ["a", "b", "never"]},
        "group_by": ["service"],
    },
    {"name": "runs", "kind": "heartbeat", "runs_within": "30m", "group_by": ["run_id"]},
]


def lively():
    """Six hours of two services, with pauses, errors, changing types and runs that end late or never."""
    random.seed(7)
    for _ in range(900):
        at = random.uniform(-6 * HOUR, 0)
        if -2 * HOUR < at < -1.5 * HOUR:
            continue
        keys = {"service": random.choice("ab"), "operation": "chat", "cost_usd": random.random() / 20}
        yield event(
            at,
            status=random.choice(["ok"] * 5 + ["error"]),
            duration_ms=random.uniform(1, 110),
            tool=random.choice([None, "x", "y", f"z{int(at) // 3000}"]),
            features=f'{{"x": {random.choice(["1", "2.5", "true"] if at > -HOUR else ["1"])}}}',
            **keys,
        )
    for i in range(8):
        begin = -6 * HOUR + i * 40 * MINUTE
        yield event(begin, kind="run", event="run.started", status="running", run_id=f"r{i}")
        if i % 3:
            yield event(begin + i * 9 * MINUTE, kind="run", event="run.ended", status="ok", run_id=f"r{i}")


LEDGER = [
    row
    for i in range(40)
    for row in (
        {"record": "source", "source_id": "a", "lines": 20, "ingested_at": (NOON - i * 500) * 1_000_000},
        *[{"record": "quarantine", "source_id": "a", "ingested_at": (NOON - i * 500) * 1_000_000}] * (i % 5),
    )
]


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    """A lake of six lively hours."""
    return make(tmp_path_factory.mktemp("lively") / "lake", lively(), ledger=LEDGER)


def test_a_catch_up_reads_what_each_window_alone_would(lake):
    """For rules of every kind: the windows of one query are those of a query each, in value, n and groups."""
    rules = load_rules(TABLES)
    assert {rule.kind for rule in rules} >= set(KINDS) - {"drift"}  # which reads profiles, and has tests of its own
    opened = Open(lake)
    meter = Meter(opened)
    differed = set()
    for rule in rules:
        if rule.kind == "sql":
            continue  # asked for once a window anyway
        last = NOON // rule.step
        first = (NOON - 4 * HOUR) // rule.step
        together = meter.metric(rule, first, last)
        for step in range(first, last + 1):
            (alone,) = Meter(opened).metric(rule, step, step).values() or [{}]
            # A group that has nothing at all in a window may be known from the others of a catch-up.
            said = {k: (r.value, r.n) for k, r in together.get(step, {}).items() if r.n != 0}
            assert {k: (pytest.approx(r.value), r.n) for k, r in alone.items() if r.n != 0} == said
            if len({r.value for r in alone.values()}) > 1 or rule.group_by == []:
                differed.add(rule.name)
    assert len(differed) > 10
    opened.close()


def test_runs_every_five_minutes_and_one_run_after_hours_find_the_same(tmp_path):
    """The same changes at the same times, whatever the kind."""
    rules = load_rules(TABLES)
    found = {}
    for name, times in (("often", range(-2 * HOUR, 1, 300)), ("once", (-2 * HOUR, 0))):
        lake = make(tmp_path / name, lively(), ledger=LEDGER)
        opened = Open(lake)
        reports = [monitor(lake, *rules, at=at, ask=lambda opened=opened: nullcontext(opened)) for at in times]
        opened.close()
        assert not [a for a in reports[-1].alerts if a.stream.state == "error"]
        assert {a.stream.rule for a in reports[-1].alerts} == {rule.name for rule in rules}
        found[name] = sorted(
            (t.stream.window_end, t.stream.rule, t.stream.labels, t.stream.state, round(t.stream.value or 0, 9))
            for report in reports
            for t in report.transitions
        )
    assert found["often"] == found["once"]
    fired = {rule for _, rule, _, state, _ in found["once"] if state == "firing"}
    assert fired >= {"p50", "new", "spend: forecast", "beat", "runs", "slo: 1.1 times over 1h and 10m"}


def test_a_million_categories_are_no_trouble(tmp_path):
    """They are counted where the data are; grouping by them is an error of the rule."""
    old = [event(-3 * HOUR + i / 10, tool=f"t{i}") for i in range(20_000)]
    lake = make(tmp_path, [*old, *(event(-200 + i / 1000, tool=f"n{i}") for i in range(20_000))])
    tables = [
        {"name": "new", "kind": "quality", "check": "new_category", "subject": "tool", "window": "5m"},
        {"name": "each", "kind": "quality", "check": "freshness", "window": "5m", "above": 1, "group_by": ["tool"]},
        {"name": "slo", "kind": "slo", "objective": 0.99, "group_by": ["event_id"]},
        {"name": "fine", "metric": "event_count", "window": "5m", "above": 1e9},
    ]
    report = monitor(lake, *load_rules(tables), at=0)
    found = {a.stream.rule: a.stream for a in report.alerts}
    assert (found["new"].state, found["new"].value) == ("firing", 20_000.0)
    assert found["each"].state == "error"
    assert "more than 500 groups" in found["each"].reason
    assert found["fine"].state == "ok"


def test_an_empty_lake_is_never_fine(tmp_path):
    """No kind says ok of a lake that holds nothing."""
    assert set(states(monitor(make(tmp_path), *load_rules(TABLES), at=0)).values()) == {"no_data"}
