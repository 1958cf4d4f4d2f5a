"""Rules in SQL, and rules that cannot be evaluated."""

from __future__ import annotations

import pytest
from tests.monitor.lakes import add, calls, changes, make, monitor, rule, states


def test_labels_are_the_columns_that_are_not_value_or_n(tmp_path):
    """Each row is an alert; numbers and booleans become text, null stays null."""
    lake = make(tmp_path, calls(-200, 5))
    of = rule(sql="SELECT * FROM (VALUES ('a', 1, true, NULL, 9.5, 3)) t(x, y, z, u, \"Value\", n)", above=9)
    (alert,) = monitor(lake, of, at=0).alerts
    assert alert.stream.labels == '{"u":null,"x":"a","y":"1","z":"true"}'
    assert (alert.stream.state, alert.stream.value, alert.stream.n) == ("firing", 9.5, 3)


def test_the_window_is_bound_and_not_pasted(tmp_path):
    """$window_start and $window_end are times in UTC, one of them or both."""
    lake = make(tmp_path, [*calls(-290, 5), *calls(10, 3)])
    of = rule(sql="SELECT count(*) AS value FROM events WHERE ts >= $window_start AND ts < $window_end", above=4)
    assert states(monitor(lake, of, at=0)) == {"": "firing"}
    assert states(monitor(lake, of, at=300)) == {"": "resolved"}
    until = rule(name="until", sql="SELECT count(*) AS value FROM events WHERE ts < $window_end", above=7)
    assert states(monitor(lake, until, at=300)) == {"": "firing"}


def test_n_is_held_against_min_count(tmp_path):
    """A rule in SQL that counts what its value rests on has no data below min_count; one that does not, has."""
    lake = make(tmp_path, calls(-200, 5))
    assert states(monitor(lake, rule(sql="SELECT 99 AS value, 3 AS n", above=1, min_count=4), at=0)) == {"": "no_data"}
    assert states(monitor(lake, rule(name="x", sql="SELECT 99 AS value", above=1, min_count=4), at=0)) == {"": "firing"}


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELECT count(*) AS value FROM event", ["event", "events"]),
        ("SELECT modle_version, 1 AS value FROM events", ["modle_version", "model_version"]),
        ("SELECT 1 AS val", ["no column named value", "val"]),
        ("SELECT 'high' AS value", ["'high'", "not a number"]),
        ("SELECT true AS value", ["not a number"]),
        ("SELECT x, 1 AS value FROM (VALUES ('a'), ('a')) t(x)", ["two rows", "GROUP BY"]),
        ("SELECT x, 1 AS value FROM range(600) t(x)", ["more than 500 groups"]),
        ("SELECT 1 AS value FROM read_csv('/etc/passwd')", ["read_csv"]),
        ("SELECT CAST('x' AS INTEGER) AS value", ["x"]),
        ("SELECT 1 AS value, 'many' AS n", ["'many'", "as its n"]),
    ],
)
def test_a_rule_that_cannot_be_evaluated_is_an_error_of_its_own(tmp_path, sql, words):
    """It says why, names what is near, and the rules beside it are judged as ever."""
    lake = make(tmp_path, calls(-200, 5))
    report = monitor(lake, rule(name="bad", sql=sql, above=0), rule(name="good", metric="event_count", above=1), at=0)
    found = {a.stream.rule: a for a in report.alerts}
    assert found["good"].stream.state == "firing"
    assert found["bad"].stream.state == "error"
    for word in words:
        assert word in found["bad"].stream.reason


def test_an_endless_query_stops_at_the_limit_and_is_an_error(tmp_path):
    """Three windows may run into the limit of time; the rest of the catch-up is then skipped, and said."""
    lake = make(tmp_path, calls(-200, 5))
    of = rule(
        sql="SELECT count(*) AS value FROM range(1000000000) a, range(1000000000) b WHERE a.range > b.range", above=0
    )
    report = monitor(lake, of, at=3000, since=0, limits={"timeout_s": 0.2})
    assert states(report) == {"": "error"}
    assert (report.windows, report.skipped) == (3, {"r": 7})
    assert "0.2" in report.alerts[0].stream.reason


def test_a_rule_that_recovers_goes_on_from_where_it_stood(tmp_path):
    """A rule that fails for a while keeps an open alert open, and its groups as they were."""
    lake = make(
        tmp_path,
        [
            *calls(-200, 5, model="a", cost_usd=9.0),
            *calls(100, 5, model="b", name="poison"),
            *calls(400, 5, model="a", cost_usd=1.0),
        ],
    )
    sql = (
        "SELECT model, sum(cost_usd) AS value, count(*) AS n FROM events "
        "WHERE ts >= $window_start AND ts < $window_end AND (name IS NULL OR CAST(name AS INTEGER) = 0) GROUP BY model"
    )
    of = rule(sql=sql, above=10)
    assert states(monitor(lake, of, at=0)) == {"a": "firing"}
    assert states(monitor(lake, of, at=300)) == {"a": "firing", "": "error"}
    report = monitor(lake, of, at=600)
    assert states(report) == {"a": "resolved"}
    assert [c[2:] for c in changes(report)] == [("error", "ok"), ("firing", "resolved")]


def test_one_window_that_fails_does_not_hold_up_the_next(tmp_path):
    """In a catch-up only the window with the poisoned row is an error."""
    lake = make(tmp_path, calls(-200, 5))
    add(lake, [*calls(100, 2, name="poison"), *calls(400, 2), *calls(700, 2)])
    sql = (
        "SELECT count(*) FILTER (CAST(name AS INTEGER) = 0) AS value FROM events "
        "WHERE ts >= $window_start AND ts < $window_end"
    )
    monitor(lake, rule(sql=sql, above=10), at=0)
    report = monitor(lake, rule(sql=sql, above=10), at=900)
    assert [(at, new) for at, _, _, new in changes(report)] == [(300, "error"), (600, "ok")]


def test_a_column_that_is_called_value_in_capitals_is_the_value(tmp_path):
    """SQL's names know no case."""
    lake = make(tmp_path, calls(-200, 5))
    assert states(monitor(lake, rule(sql='SELECT 3 AS "VALUE", 4 AS "N"', above=1), at=0)) == {"": "firing"}
