"""Runs of the monitor over real lakes: each window once, whatever cron does."""

from __future__ import annotations

import math
from contextlib import closing, nullcontext

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.monitor.lakes import HOUR, MINUTE, NOON, Open, add, calls, changes, event, make, monitor, rule, states

from deadreckon.core.errors import DataError
from deadreckon.core.lake import Lake
from deadreckon.monitor import current, history, store
from deadreckon.monitor.schedule import CATCH_UP

SLOW = rule(name="slow", metric="latency_p95_ms", above=1000, group_by=["model_version"])


def test_a_slow_version_fires_and_its_neighbour_does_not(tmp_path):
    """Each combination of labels is an alert of its own, with value, n and threshold."""
    lake = make(
        tmp_path,
        [*calls(-200, 20, model_version="v1"), *calls(-200, 20, model_version="v2", duration_ms=5000.0)],
    )
    report = monitor(lake, SLOW, at=0)
    assert states(report) == {"v1": "ok", "v2": "firing"}
    fired = next(a for a in report.alerts if a.stream.state == "firing")
    assert (fired.stream.value, fired.stream.n, fired.stream.threshold) == (5000.0, 20, 1000.0)
    assert (fired.window_start, fired.stream.window_end) == (NOON - 300, NOON)
    assert "model_version=v2" in fired.summary


def test_running_again_changes_nothing(tmp_path):
    """The same time again evaluates nothing, commits nothing and still says how things stand."""
    lake = make(tmp_path, calls(-200, 20, model_version="v2", duration_ms=5000.0))
    first = monitor(lake, SLOW, at=0)
    version = lake.table(store.ALERT_STATES).version()
    for at in (0, 60, -3000):
        again = monitor(lake, SLOW, at=at)
        assert (again.windows, again.transitions, again.run) == (0, (), first.run)
        assert states(again) == {"v2": "firing"}
    assert lake.table(store.ALERT_STATES).version() == version


def test_a_lake_behind_a_link_is_judged_again_and_again(tmp_path):
    """States are replaced whatever way leads to them, as cron's may be another than a person's."""
    (tmp_path / "data").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "data")
    make(tmp_path / "data", calls(-200, 20, model_version="v2", duration_ms=5000.0))
    add(Lake.open(tmp_path / "data"), calls(100, 20, model_version="v2"))
    for way, at, state in (("link", 0, "firing"), ("data/../link", 300, "resolved"), ("data", 600, "no_data")):
        assert set(states(monitor(Lake.open(tmp_path / way), SLOW, at=at)).values()) == {state}


def test_a_window_holds_its_start_and_not_its_end(tmp_path):
    """An event at the very boundary counts in the window that it begins, and in that one only."""
    lake = make(tmp_path, [event(-300), event(-0.000001), event(0), event(299.999999)])
    of = rule(metric="event_count", above=0)
    assert [a.stream.value for a in monitor(lake, of, at=0).alerts] == [2.0]
    assert [a.stream.value for a in monitor(lake, of, at=300).alerts] == [2.0]


def test_windows_longer_than_their_step_overlap(tmp_path):
    """An hour every five minutes counts an event in twelve windows; a window need not be a multiple of its step."""
    lake = make(tmp_path, [event(0)])
    hour = rule(name="hour", metric="event_count", above=0, window="1h", every="5m", no_data="ok")
    odd = rule(name="odd", metric="event_count", above=0, window="7m", every="5m", no_data="ok")
    monitor(lake, hour, odd, at=-300)
    report = monitor(lake, hour, odd, at=2 * HOUR)
    ends = {name: [c[0] for c in changes(report) if c[3] == "firing"] for name in ("hour", "odd")}
    assert ends["hour"][0] == 300
    assert {(t.stream.rule, t.stream.window_end - NOON) for t in report.transitions} == {
        ("hour", 300),
        ("odd", 300),
        ("hour", HOUR + 300),
        ("odd", 600),
    }


def test_a_step_longer_than_its_window_looks_at_parts(tmp_path):
    """Five minutes of every hour: what happens in between is not looked at."""
    lake = make(tmp_path, [*calls(-30 * MINUTE, 5), *calls(-4 * MINUTE, 2)])
    report = monitor(lake, rule(metric="event_count", above=100, every="1h"), at=0)
    assert [a.stream.value for a in report.alerts] == [2.0]


def test_missed_runs_are_caught_up_window_by_window(tmp_path):
    """A breach that came and went while cron was down is found, with the times at which it happened."""
    lake = make(
        tmp_path,
        [
            e
            for w in range(10)
            for e in calls(w * 300, 5, duration_ms=5000.0 if w in (3, 4) else 10.0, model_version="v")
        ],
    )
    monitor(lake, SLOW, at=300)
    report = monitor(lake, SLOW, at=3000)
    label = '{"model_version":"v"}'
    assert changes(report) == [(1200, label, "ok", "firing"), (1800, label, "firing", "resolved")]
    assert report.windows == 9


def test_a_group_that_disappears_is_no_data_and_not_ok(tmp_path):
    """Version v2 stops while v1 goes on: nobody knows that v2 is well."""
    lake = make(
        tmp_path,
        [*calls(-200, 5, model_version="v1"), *calls(-200, 5, model_version="v2"), *calls(100, 5, model_version="v1")],
    )
    monitor(lake, SLOW, at=0)
    report = monitor(lake, SLOW, at=300)
    assert states(report) == {"v1": "ok", "v2": "no_data"}
    assert changes(report) == [(300, '{"model_version":"v2"}', "ok", "no_data")]


def test_a_group_that_stays_away_is_forgotten_unless_its_alert_is_open(tmp_path):
    """After forget_after a version that is gone is expected no more, but an alert that was never resolved stays."""
    lake = make(
        tmp_path,
        [
            *calls(-200, 5, model_version="well"),
            *calls(-200, 5, model_version="slow", duration_ms=5000.0),
            *[e for w in range(6) for e in calls(w * 300, 5, model_version="new")],
        ],
    )
    of = rule(metric="latency_p95_ms", above=1000, group_by=["model_version"], forget_after="20m")
    assert states(monitor(lake, of, at=0)) == {"well": "ok", "slow": "firing"}
    assert states(monitor(lake, of, at=900)) == {"well": "no_data", "slow": "no_data", "new": "ok"}
    report = monitor(lake, of, at=1200)
    assert states(report) == {"slow": "no_data", "new": "ok"}
    assert [a.stream.labels for a in current(lake, states=["firing"])] == ['{"model_version":"slow"}']


def test_an_empty_lake_has_no_healthy_rule(tmp_path):
    """With and without groups, by metric and by SQL, whatever the policy: no data."""
    lake = make(tmp_path)
    rules = [
        rule(name="plain", metric="error_rate", above=0.1),
        rule(name="kind", metric="error_rate", above=0.1, no_data="ok"),
        rule(name="grouped", metric="error_rate", above=0.1, group_by=["model"]),
        rule(name="count", metric="event_count", below=1),
        rule(name="fresh", metric="freshness_s", above=600),
        rule(name="sql", sql="SELECT count(*) AS value FROM events", above=10),
        rule(name="rows", sql="SELECT model, 1 AS value FROM events", above=10),
        rule(name="intake", metric="quarantined_lines", above=0),
    ]
    report = monitor(lake, *rules, at=0)
    found = {a.stream.rule: a.stream.state for a in report.alerts}
    assert found == {r.name: "no_data" for r in rules} | {"count": "firing"}


def test_a_stale_lake_is_no_data_with_any_policy(tmp_path):
    """Events of yesterday say nothing about now, and the monitor's own alerts are no sign of life."""
    lake = make(tmp_path, [*calls(-86_400, 50), event(-100, kind="alert", event="alert.firing")])
    report = monitor(
        lake,
        rule(name="a", metric="error_rate", above=0.1),
        rule(name="b", metric="error_rate", above=0.1, no_data="ok"),
        rule(name="c", metric="event_count", above=100),
        rule(name="d", sql="SELECT count(*) AS value FROM events", above=100),
        at=0,
    )
    assert {a.stream.rule: a.stream.state for a in report.alerts} == dict.fromkeys("abcd", "no_data")


def test_a_rule_whose_group_has_nothing_yet_is_no_data_until_one_comes(tmp_path):
    """Before its first group a rule stands for itself; then the groups speak for it."""
    lake = make(tmp_path, [*calls(-200, 5), *calls(100, 5, tool="search", status="error")])
    of = rule(metric="tool_error_rate", above=0.5, group_by=["tool"])
    assert states(monitor(lake, of, at=0)) == {"": "no_data"}
    report = monitor(lake, of, at=300)
    assert states(report) == {"search": "firing"}
    assert changes(report) == [(300, "{}", "no_data", "ok"), (300, '{"tool":"search"}', None, "firing")]


def test_groups_without_any_measured_event_do_not_begin(tmp_path):
    """Events without a duration make no group of a latency rule, and so no lasting lack of data."""
    lake = make(tmp_path, [*calls(-200, 5, model_version="v1"), event(-100, kind="log", model_version="other")])
    assert states(monitor(lake, SLOW, at=0)) == {"v1": "ok"}


def test_events_that_come_late_do_not_change_a_window_that_was_judged(tmp_path):
    """A window is judged once; with a delay it waits for them."""
    lake = make(tmp_path, calls(-200, 5))
    prompt = rule(name="prompt", metric="event_count", above=10)
    patient = rule(name="patient", metric="event_count", above=10, delay="1m")
    assert states(monitor(lake, prompt, at=0)) == {"": "ok"}
    monitor(lake, patient, at=0)
    add(lake, calls(-100, 20))
    report = monitor(lake, prompt, patient, at=60)
    assert {a.stream.rule: (a.stream.state, a.stream.value) for a in report.alerts} == {
        "prompt": ("ok", 5.0),
        "patient": ("firing", 25.0),
    }


def test_values_that_are_no_numbers_are_never_ok(tmp_path):
    """NaN costs are left out of a metric, and SQL that gives NaN or NULL has no data."""
    lake = make(tmp_path, [*calls(-200, 5, cost_usd=math.nan), *calls(-100, 5, cost_usd=2.0)])
    report = monitor(
        lake,
        rule(name="cost", metric="cost_usd", above=100),
        rule(name="nan", sql="SELECT 'NaN'::DOUBLE AS value", above=0),
        rule(name="null", sql="SELECT NULL::DOUBLE AS value", above=0),
        rule(name="inf", sql="SELECT 'inf'::DOUBLE AS value", above=0),
        at=0,
    )
    found = {a.stream.rule: (a.stream.state, a.stream.value, a.stream.n) for a in report.alerts}
    assert found["cost"] == ("ok", 10.0, 5)
    assert found["nan"][0] == found["null"][0] == "no_data"
    assert found["inf"][:2] == ("firing", math.inf)
    kept = {a.stream.rule: a.stream.value for a in current(lake)}
    assert math.isnan(kept["nan"])
    assert kept["null"] is None


def test_a_dry_run_writes_nothing(tmp_path):
    """It finds what a run would find, and the lake is as it was, without even a table."""
    lake = make(tmp_path, calls(-200, 20, model_version="v2", duration_ms=5000.0))
    before = sorted(p for p in tmp_path.rglob("*"))
    report = monitor(lake, SLOW, at=0, dry_run=True)
    assert states(report) == {"v2": "firing"}
    assert sorted(p for p in tmp_path.rglob("*")) == before
    with pytest.raises(DataError, match="never ran"):
        current(lake)


def test_rules_that_are_not_asked_for_keep_their_states(tmp_path):
    """A run of one rule leaves the others as they were, evaluated windows and all."""
    lake = make(tmp_path, [*calls(-200, 20, model_version="v2", duration_ms=5000.0), *calls(100, 5)])
    other = rule(name="other", metric="event_count", above=1)
    monitor(lake, SLOW, other, at=0)
    report = monitor(lake, other, at=300)
    assert [a.stream.rule for a in report.others] == ["slow"]
    kept = {(a.stream.rule, a.stream.state, a.stream.window_end - NOON, a.run) for a in current(lake)}
    assert kept == {("slow", "firing", 0, 1), ("other", "firing", 300, 2)}


def test_the_table_of_states_stays_one_small_file(tmp_path):
    """Six runs leave one live file of states, and one of transitions for each run that had some."""
    lake = make(tmp_path, [e for w in range(6) for e in calls(w * 300, 3, model_version="v")])
    for w in range(1, 7):
        monitor(lake, SLOW, at=w * 300)
    snapshot = lake.snapshot(store.ALERT_STATES)
    assert len(snapshot.part(store.STATE)) == 1
    assert len(snapshot.part(store.TRANSITION)) == 0


def test_a_year_away_is_caught_up_to_a_bound_and_said(tmp_path):
    """The newest windows are judged and the number of the others is in the report."""
    lake = make(tmp_path, calls(-200, 5))
    of = rule(metric="event_count", above=1, window="1m")
    monitor(lake, of, at=0)
    report = monitor(lake, of, at=(CATCH_UP + 7) * 60)
    assert (report.windows, report.skipped) == (CATCH_UP, {"r": 7})


def test_history_is_told_newest_first_and_can_be_cut(tmp_path):
    """Transitions of all runs, by rule, state and time."""
    lake = make(
        tmp_path,
        [e for w in range(4) for e in calls(w * 300, 5, duration_ms=5000.0 if w % 2 else 1.0, model_version="v")],
    )
    monitor(lake, SLOW, at=300)
    for w in range(2, 5):
        monitor(lake, SLOW, at=w * 300)
    told = [(a.stream.window_end - NOON, a.previous, a.stream.state) for a in history(lake)]
    assert told == [(1200, "resolved", "firing"), (900, "firing", "resolved"), (600, "ok", "firing")]
    assert len(history(lake, states=["firing"])) == 2
    assert len(history(lake, since=NOON + 600)) == 2
    assert history(lake, rules=["other"]) == []


WINDOWS = st.lists(
    st.lists(st.tuples(st.sampled_from(["a", "b"]), st.sampled_from([1.0, 900.0, 5000.0])), max_size=3),
    min_size=1,
    max_size=12,
)
MIXED = [
    rule(name="slow", metric="latency_p95_ms", above=1000, clear_above=500, group_by=["model"], for_="10m"),
    rule(name="wide", metric="latency_p50_ms", above=1000, window="12m", every="5m", no_data="firing"),
    rule(name="quiet", metric="event_count", below=2, group_by=["model"], forget_after="15m"),
    rule(name="age", metric="freshness_s", above=400, group_by=["model"]),
    rule(
        name="sql",
        sql="SELECT model, max(duration_ms) AS value, count(*) AS n FROM events "
        "WHERE ts >= $window_start AND ts < $window_end AND kind <> 'alert' GROUP BY model",
        above=1000,
        every="10m",
        no_data="ok",
    ),
]


@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(WINDOWS, st.lists(st.integers(1, 4000), max_size=5))
def test_however_cron_comes_by_the_same_transitions_are_found(tmp_path_factory, windows, times):
    """One catch-up run, a run for each window, and runs at any odd times leave the same transitions and states."""
    events = [
        event(w * 300 + i, model=m, duration_ms=d) for w, group in enumerate(windows) for i, (m, d) in enumerate(group)
    ]
    end = len(windows) * 300 + 600
    found = []
    for looks in ([], range(300, end, 300), sorted(t for t in times if t < end)):
        lake = make(tmp_path_factory.mktemp("lake"), events)
        with closing(Open(lake)) as views:
            for at in (0, *looks, end):
                monitor(lake, *MIXED, at=at, ask=lambda: nullcontext(views))  # called in the loop only
        told = [(a.stream, a.previous, a.event_id) for a in store.transitions(lake)]
        stands = {(a.stream.rule, a.stream.labels): a.stream for a in current(lake)}
        found.append((told, stands))
        assert len({event_id for *_, event_id in told}) == len(told)
    assert found[0] == found[1] == found[2]
