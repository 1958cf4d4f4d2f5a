"""Rules on who should be heard from."""

from __future__ import annotations

import pytest
from tests.monitor.lakes import HOUR, MINUTE, add, calls, event, make, monitor, rule, states

from deadreckon.core.errors import ConfigError


def beat(**keys):
    return rule(kind="heartbeat", **({"window": None} | keys))


def test_silence_for_longer_than_allowed_fires(tmp_path):
    """Every ten minutes and a minute of grace: eleven are fine, twelve are not; the value is the silence."""
    lake = make(tmp_path, [event(-11 * MINUTE, service="a"), *calls(-HOUR, 3600, service="b")])
    of = beat(every="10m", grace="1m", where={"service": "a"})
    (alert,) = monitor(lake, of, at=0).alerts
    assert (alert.stream.state, alert.stream.value) == ("ok", 660.0)
    (alert,) = monitor(lake, of, at=300).alerts
    assert (alert.stream.state, alert.stream.value) == ("firing", 960.0)
    assert alert.summary == "r: 16m without a sign (allowed: 11m)"
    add(lake, [event(400, service="a")])
    assert states(monitor(lake, of, at=600)) == {"": "resolved"}


def test_a_writer_that_never_appeared_is_silent_too(tmp_path):
    """For as long as the lake has been listening: an hour's lake has not waited for a day."""
    lake = make(tmp_path, calls(-HOUR, 3600, service="b"))
    (alert,) = monitor(lake, beat(every="10m", where={"service": "a"}), at=0).alerts
    assert (alert.stream.state, alert.stream.value) == ("firing", 3600.0)
    assert states(monitor(lake, beat(name="d", every="1d", where={"service": "a"}), at=0)) == {"": "ok"}


def test_each_writer_of_a_list_is_expected(tmp_path):
    """One alert for each, also for the one that was never there."""
    lake = make(tmp_path, calls(-HOUR, 3600, service="a"))
    of = beat(every="5m", where={"service": ["a", "b"]}, group_by=["service"])
    assert states(monitor(lake, of, at=0)) == {"a": "ok", "b": "firing"}


def test_expected_values_are_compared_as_groups_are_called(tmp_path):
    """Booleans and numbers too: one that was heard from is not taken for one that never was."""
    lake = make(tmp_path, calls(-HOUR, 3600, stream=True, attempt=1))
    of = beat(every="5m", where={"stream": [True, False], "attempt": 1}, group_by=["stream", "attempt"])
    assert states(monitor(lake, of, at=0)) == {"1,true": "ok", "1,false": "firing"}


def test_groups_that_were_seen_are_expected(tmp_path):
    """Without a list, whoever wrote is expected to go on."""
    lake = make(tmp_path, [event(-3 * HOUR, host="x"), *calls(-HOUR, 3600, host="y")])
    of = beat(every="5m", group_by=["host"])
    assert states(monitor(lake, of, at=0)) == {"x": "firing", "y": "ok"}


def test_an_empty_lake_is_no_data(tmp_path):
    """Nothing was ever logged: nothing is known, and nothing is fine."""
    assert states(monitor(make(tmp_path), beat(every="5m", where={"service": "a"}), at=0)) == {"": "no_data"}


def test_a_dead_lake_fires(tmp_path):
    """A heartbeat is believed when nothing else is there either."""
    lake = make(tmp_path, calls(-3 * HOUR, 10, service="a"))
    assert states(monitor(lake, beat(every="5m", where={"service": "a"}), at=0)) == {"": "firing"}


def run_of(at, run_id, status=None, **more):
    return event(at, kind="run", event="run.started" if status is None else "run.ended", run_id=run_id, **more) | (
        {"status": status or "running"}
    )


def test_a_run_that_never_ended_fires_until_it_does(tmp_path):
    """Two hours are allowed; folds are no ends; one that ended, or began lately, is fine."""
    lake = make(
        tmp_path,
        [
            run_of(-3 * HOUR, "late"),
            event(-2.5 * HOUR, kind="run", event="run.fold", run_id="late", status="ok"),
            run_of(-3 * HOUR, "done"),
            run_of(-2 * HOUR, "done", "ok"),
            run_of(-HOUR, "young"),
            *calls(-10 * MINUTE, 1200),
        ],
    )
    of = beat(runs_within="2h")
    (alert,) = monitor(lake, of, at=0).alerts
    assert (alert.stream.state, alert.stream.value) == ("firing", 1.0)
    assert alert.summary == "r: runs begun more than 2h ago that have not ended: 1"
    add(lake, [run_of(100, "late", "error")])
    assert states(monitor(lake, of, at=300)) == {"": "resolved"}


def test_each_late_run_can_be_an_alert(tmp_path):
    """By run_id, resolved when that run ends."""
    lake = make(tmp_path, [run_of(-3 * HOUR, "a"), run_of(-3 * HOUR, "b"), *calls(-10 * MINUTE, 1200)])
    of = beat(runs_within="2h", group_by=["run_id"])
    assert states(monitor(lake, of, at=0)) == {"a": "firing", "b": "firing"}
    add(lake, [run_of(100, "a", "ok")])
    assert states(monitor(lake, of, at=300)) == {"a": "resolved", "b": "firing"}


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"where": {"service": "a"}}, "exactly one of every"),
        ({"every": "5m", "runs_within": "1h", "where": {"service": "a"}}, "exactly one of every"),
        ({"every": "5m"}, "whose sign"),
        ({"every": "5m", "where": {"service": "a"}, "grce": "1m"}, "'grce'"),
    ],
)
def test_a_wrong_heartbeat_is_refused(keys, words):
    """With what is wrong."""
    with pytest.raises(ConfigError, match=words):
        beat(**keys)
