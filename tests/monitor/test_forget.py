"""Rules that are gone: their states stay until somebody forgets them."""

from __future__ import annotations

import pytest
from tests.monitor.lakes import NOON, calls, changes, make, monitor, rule

from deadreckon.core.errors import DataError, UsageError
from deadreckon.monitor import current, exit_code, forget, history, waiting

OLD = rule(name="old name", metric="latency_p95_ms", above=1000, group_by=["model"])
OTHER = rule(name="other", metric="event_count", above=1)


@pytest.fixture
def lake(tmp_path):
    """A rule with one alert that fires and one that does not, and another rule."""
    made = make(
        tmp_path,
        [*calls(-200, 5, model="a"), *calls(-200, 5, model="b", duration_ms=5000.0), *calls(100, 5, model="b")],
    )
    monitor(made, OLD, OTHER, at=0)
    return made


def test_forgetting_a_rule_resolves_what_fires_and_leaves_the_others(lake):
    """The alert that was told is told to be over, with the reason; the other rule stands as it stood."""
    (closed,) = forget(lake, "old name", now=NOON + 60)
    assert closed.stream.window_end == NOON + 60
    assert (closed.stream.state, closed.previous, closed.labels) == ("resolved", "firing", {"model": "b"})
    assert [a.stream.rule for a in current(lake)] == ["other"]
    assert [(a.previous, a.stream.state) for a in history(lake, rules=["old name"])] == [
        ("firing", "resolved"),
        (None, "firing"),
    ]
    assert [a.stream.state for a in waiting(lake).alerts if a.stream.rule == "old name"] == ["firing", "resolved"]


def test_a_rule_that_is_still_there_begins_anew(lake):
    """No window is judged twice, and the next one finds its groups as if for the first time."""
    forget(lake, "old name", now=NOON + 60)
    assert monitor(lake, OLD, at=60).windows == 0
    report = monitor(lake, OLD, at=300)
    assert changes(report) == []
    assert [a.stream.labels for a in report.alerts] == ['{"model":"b"}']


def test_a_clock_that_ran_ahead_is_said_and_can_be_put_right(lake):
    """Windows judged before their time would never be judged again; forgetting the rule lets it begin anew."""
    ahead = monitor(lake, OTHER, at=86_400)
    assert ahead.unknown == {}
    report = monitor(lake, OTHER, at=300)
    assert report.windows == 0
    assert "a clock was wrong" in report.unknown["other"]
    assert exit_code(report.alerts, unknown=report.unknown) == 1
    assert exit_code([], unknown=report.unknown) == 3
    forget(lake, "other", now=NOON + 300)
    report = monitor(lake, OTHER, at=300)
    assert "no state" in report.unknown["other"]
    report = monitor(lake, OTHER, at=600)
    assert (report.windows, report.unknown) == (1, {})


def test_a_rule_without_states_cannot_be_forgotten(lake, tmp_path_factory):
    """A misspelt name changes nothing and names the nearest."""
    with pytest.raises(UsageError, match="'old nam'") as caught:
        forget(lake, "old nam", now=NOON)
    assert "old name" in caught.value.hint
    empty = make(tmp_path_factory.mktemp("empty"))
    with pytest.raises(UsageError):
        forget(empty, "x", now=NOON)
    with pytest.raises(DataError):
        current(empty)
