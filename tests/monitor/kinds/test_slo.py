"""Rules on how fast the errors that an objective allows are used up."""

from __future__ import annotations

import pytest
from tests.monitor.lakes import HOUR, MINUTE, NOON, Open, add, calls, make, monitor

from deadreckon.core.errors import ConfigError
from deadreckon.monitor import load_rules
from deadreckon.monitor.windows import ask as asked

SLO = {"name": "chat", "kind": "slo", "objective": 0.99}


def test_a_pair_fires_only_while_both_windows_burn(tmp_path):
    """An outage is critical at once and over soon: the hour still remembers it, the five minutes do not."""
    good = calls(-HOUR, 3600, spacing=1.0)
    lake = make(tmp_path, good)
    page = load_rules([SLO])[0]
    assert (page.name, page.severity, page.above) == ("chat: 14.4 times over 1h and 5m", "critical", 14.4)
    assert monitor(lake, page, at=0).alerts[0].stream.state == "ok"
    add(lake, calls(0, 900, spacing=1.0, status="error"))
    (alert,) = monitor(lake, page, at=900).alerts
    # 900 of the hour's 3,600 are bad: a quarter, where a hundredth is allowed.
    assert (alert.stream.state, alert.stream.value, alert.stream.n) == ("firing", pytest.approx(25.0), 3600)
    assert alert.labels == {"slo": "chat"}
    assert "25.0 times as fast as 0.99 over 30d allows" in alert.summary
    # 900 of 4,500 events of the period are bad, where 45 may be; the last five minutes were bad throughout.
    burn_long, burn_short, left = (alert.stream.facts[name] for name in page.facts)
    assert (burn_long, burn_short, left) == (pytest.approx(25.0), pytest.approx(100.0), pytest.approx(1 - 900 / 45))
    add(lake, calls(900, 600, spacing=1.0))
    (alert,) = monitor(lake, page, at=1500).alerts
    assert (alert.stream.state, alert.stream.value) == ("resolved", 0.0)


def test_the_pairs_have_their_own_windows_steps_and_severities(tmp_path):
    """A slow burn is no page: over three days it is a warning, looked at once an hour."""
    said = load_rules([SLO | {"severity": "info"}])
    assert {r.severity for r in said} == {"info"}
    rules = load_rules([SLO])
    assert [(r.above, r.window, r.step, r.severity) for r in rules] == [
        (14.4, HOUR, 300, "critical"),
        (6.0, 6 * HOUR, 300, "critical"),
        (1.0, 72 * HOUR, HOUR, "warning"),
    ]
    slow = [*calls(-72 * HOUR, 8640, spacing=30.0), *calls(-72 * HOUR, 173, spacing=1490.0, status="error")]
    report = monitor(make(tmp_path, slow), *rules, at=0)
    assert [a.stream.state for a in report.alerts] == ["ok", "ok", "firing"]
    assert report.alerts[2].stream.value == pytest.approx(173 / 8813 / 0.01, rel=0.1)


def test_one_query_answers_many_windows_exactly(tmp_path):
    """Buckets summed up for each window give what each window by itself would have given."""
    events = [e for i in range(60) for e in calls(-i * 97, 1 + i % 3, status=("ok", "error", "timeout", "ok")[i % 4])]
    lake = make(tmp_path, [*events, *calls(-50, 5, status="running"), *calls(-50, 5, kind="alert", status="error")])
    pairs = [{"burn": 2.0, "long": "20m", "short": "7m"}]
    (part,) = load_rules([SLO | {"objective": 0.9, "pairs": pairs, "every": "3m"}])
    opened = Open(lake)
    last = (NOON + 600) // part.step
    rows = {row.step: row for row in part.measured(opened, last - 30, last)}
    alone = [row for step in range(last - 30, last + 1) for row in part.measured(opened, step, step)]
    assert {r.step: (r.value, r.n) for r in alone} == {s: (r.value, r.n) for s, r in rows.items()}
    for step, row in rows.items():
        counted = []
        for window in (1200, 420):
            bound = {"a": (step * part.step - window) * 1_000_000, "b": step * part.step * 1_000_000}
            sql = (
                "SELECT count(*), count(*) FILTER (WHERE status <> 'ok') FROM events WHERE status <> 'running' "
                "AND kind <> 'alert' AND epoch_us(ts) >= $a AND epoch_us(ts) < $b"
            )
            n, bad = asked(opened, sql, bound)[0]
            counted.append((n, bad / n / 0.1 if n else None))
        (n, long), (short_n, short) = counted
        if short_n:
            assert (row.n, row.value) == (n, pytest.approx(min(long, short)))
    opened.close()


def test_no_calls_at_the_end_neither_fire_nor_hide(tmp_path):
    """Where the last minutes are empty, a quiet hour is fine, and a burning one is not known to go on."""
    page = load_rules([SLO])[0]
    assert monitor(make(tmp_path / "a", calls(-HOUR, 100)), page, at=0).alerts[0].stream.state == "ok"
    burning = make(tmp_path / "b", calls(-HOUR, 100, status="error"))
    assert monitor(burning, page, at=0).alerts[0].stream.state == "no_data"


def test_latency_can_be_the_objective(tmp_path):
    """An event that took longer is bad, whatever its status; one that states no duration is not counted."""
    events = [
        *calls(-200, 96, spacing=0.1, duration_ms=100.0, status="error"),
        *calls(-200, 4, duration_ms=3000.0),
        *calls(-100, 50, duration_ms=None),
    ]
    rules = load_rules([SLO | {"slower_than_ms": 2000.0, "pairs": [{"burn": 3.0, "long": "1h", "short": "5m"}]}])
    (alert,) = monitor(make(tmp_path, events), *rules, at=0).alerts
    assert (alert.stream.state, alert.stream.value, alert.stream.n) == ("firing", pytest.approx(4.0), 100)


def test_groups_burn_on_their_own(tmp_path):
    """One alert for each service."""
    events = [*calls(-200, 50, service="a", status="error"), *calls(-200, 50, service="b")]
    page = load_rules([SLO | {"group_by": ["service"]}])[0]
    report = monitor(make(tmp_path, events), page, at=0)
    assert {a.stream.labels: a.stream.state for a in report.alerts} == {
        '{"service":"a"}': "firing",
        '{"service":"b"}': "ok",
    }


def test_the_budget_that_is_left_can_be_watched(tmp_path):
    """Over the period half of the allowed errors came: half is left."""
    events = [*calls(-20 * HOUR, 995, spacing=1.0), *calls(-10 * HOUR, 5, status="timeout")]
    rules = load_rules([SLO | {"period": "1d", "budget_below": 0.6}])
    (alert,) = monitor(make(tmp_path, events), rules[-1], at=0).alerts
    assert alert.stream.rule == "chat: budget left"
    assert (alert.stream.state, alert.stream.value) == ("firing", pytest.approx(0.5))
    assert "50.0% is left" in alert.summary


def test_a_clear_threshold_is_a_share_of_the_burn(tmp_path):
    """It resolves when it burns at that share or less."""
    lake = make(tmp_path, calls(-5 * MINUTE, 100, spacing=2.0, status="error"))
    pair = {"burn": 5.0, "long": "10m", "short": "5m"}
    rules = load_rules([SLO | {"objective": 0.9, "clear_at": 0.5, "pairs": [pair]}])
    assert monitor(lake, *rules, at=0).alerts[0].stream.state == "firing"
    add(lake, [*calls(0, 60, status="error"), *calls(100, 100)])
    (alert,) = monitor(lake, *rules, at=300).alerts
    assert (alert.stream.state, alert.stream.value) == ("firing", pytest.approx(60 / 160 / 0.1))


def test_what_is_left_is_known_of_each_window_that_burns(tmp_path):
    """In a catch-up as by itself, group by group; and a summary may name it."""
    events = [
        e for i in range(60) for e in calls(-i * 97, 1 + i % 3, status=("ok", "error", "ok")[i % 3], tool="ab"[i % 2])
    ]
    opened = Open(make(tmp_path, events))
    pairs = [{"burn": 3.0, "long": "20m", "short": "7m"}]
    summary = "{burn_long:.1f} and {burn_short:.1f}, {budget_left:.0%} left"
    (part,) = load_rules([SLO | {"objective": 0.9, "pairs": pairs, "group_by": ["tool"], "summary": summary}])
    last = NOON // part.step
    together = {(row.step, str(row.labels)): row for row in part.measured(opened, last - 20, last)}
    alone = [row for step in range(last - 20, last + 1) for row in part.measured(opened, step, step)]
    assert {(r.step, str(r.labels)): r for r in alone} == together
    left = [row.facts.get("budget_left") for row in together.values() if row.value is not None and row.value > 3.0]
    assert left
    assert all(one is not None for one in left)
    opened.close()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"objective": 1.0}, ["objective", "less than 1"]),
        ({"objective": 99}, ["objective"]),
        ({"objective": 0.9}, ["14.4 cannot be passed", "10"]),
        ({"objctive": 0.9}, ["unknown key 'objctive'", "objective"]),
        ({"pairs": []}, ["pairs"]),
        ({"pairs": [{"burn": 2.0, "long": "5m", "short": "1h"}]}, ["shorter than its long one"]),
        ({"pairs": [{"burn": 2.0, "long": "5m"}]}, ["no pairs.0.short"]),
        ({"pairs": [{"burn": 2.0, "long": "5m", "short": "1m", "sevrity": "info"}]}, ["pairs.0.sevrity", "severity"]),
        ({"above": 3}, ["unknown key 'above'", "threshold"]),
    ],
)
def test_a_wrong_objective_is_refused(change, words):
    """With what is wrong, and the nearest key."""
    with pytest.raises(ConfigError) as caught:
        load_rules([SLO | change])
    said = f"{caught.value.message} {caught.value.hint}"
    for word in words:
        assert word in said
