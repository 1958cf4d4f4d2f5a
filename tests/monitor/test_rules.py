"""What [[rules]] may say."""

from __future__ import annotations

import pytest

from deadreckon.core.errors import ConfigError
from deadreckon.monitor import load_rules

GOOD = {"name": "slow", "metric": "latency_p95_ms", "window": "5m", "above": 2000}


def refused(*tables) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load_rules(tables)
    return caught.value


def test_a_rule_says_little_and_means_defaults():
    """Evaluation steps are windows, thresholds clear where they are breached, one event is enough."""
    (rule,) = load_rules([GOOD])
    assert (rule.step, rule.for_, rule.least, rule.no_data, rule.severity) == (300, 0, 1, "no_data", "warning")


def test_every_key_is_read():
    """A rule with all keys loads; `for` is a key as TOML writes it."""
    (rule,) = load_rules(
        [
            GOOD
            | {
                "where": {"operation": "chat", "environment": ["prod", "staging"], "stream": True, "attempt": 1},
                "every": "1m",
                "delay": "30s",
                "group_by": ["model", "model_version"],
                "below": 1.0,
                "clear_above": 1500.0,
                "clear_below": 2,
                "for": "10m",
                "keep_firing_for": "15m",
                "kind": "threshold",
                "min_count": 20,
                "no_data": "firing",
                "forget_after": "1d",
                "severity": "critical",
                "labels": {"team": "agents"},
                "summary": "{value:.0f} for {model_version} ({team})",
                "runbook": "https://example.org/slow",
            }
        ]
    )
    assert (rule.step, rule.for_, rule.forget_after, rule.keep_firing_for) == (60, 600, 86_400, 900)


def test_a_rule_in_sql_need_not_say_its_kind():
    """The kind follows from the keys, and a kind that contradicts them is refused."""
    sql = {"name": "s", "window": "5m", "above": 0, "sql": "SELECT 1 AS value"}
    assert [r.kind for r in load_rules([GOOD, sql])] == ["threshold", "sql"]
    error = refused(sql | {"kind": "threshold"})
    assert "unknown key 'sql'" in error.message or "has no metric" in error.message


def test_an_unknown_kind_names_the_nearest():
    """As unknown keys do."""
    error = refused(GOOD | {"kind": "treshold"})
    assert "no kind 'treshold'" in error.message
    assert "threshold" in error.hint


@pytest.mark.parametrize(
    ("change", "message", "hint"),
    [
        ({"abov": 1}, "unknown key 'abov'", "above"),
        ({"for_": "5m"}, "unknown key 'for_'", "for"),
        ({"metric": "latncy_p95_ms"}, "no metric 'latncy_p95_ms'", "latency_p95_ms"),
        ({"group_by": ["modle_version"]}, "'modle_version', which is not a column", "model_version"),
        ({"where": {"enviroment": "prod"}}, "'enviroment', which is not a column", "environment"),
        ({"group_by": ["duration_ms"]}, "cannot be compared exactly", ""),
        ({"group_by": ["features"]}, "cannot be compared exactly", ""),
        ({"group_by": ["model", "model"]}, "'model' twice", ""),
        ({"where": {"attempt": "1"}}, "does not fit the column, which holds a bigint", ""),
        ({"where": {"attempt": True}}, "does not fit", ""),
        ({"where": {"model": 3}}, "does not fit the column, which holds a string", ""),
        ({"where": {"model": []}}, "empty list", ""),
        ({"where": {"model": ["a", 1]}}, "does not fit", ""),
        ({"window": "5 minutes"}, "not a duration", ""),
        ({"window": "0s"}, "greater than 0", ""),
        ({"window": 300}, "not a duration", ""),
        ({"above": None}, "without a threshold", ""),
        ({"above": "2000"}, "valid number", ""),
        ({"above": float("nan")}, "finite", ""),
        ({"above": True}, "valid number", ""),
        ({"clear_above": 3000}, "resolve while breached", ""),
        ({"below": 10, "clear_below": 5}, "resolve while breached", ""),
        ({"clear_below": 5}, "goes with below", ""),
        ({"above": 10, "below": 20}, "no value can be clear", ""),
        ({"above": 10, "below": 1, "clear_above": 4, "clear_below": 6}, "no value can be clear", ""),
        ({"sql": "SELECT 1 AS value"}, "exactly one of metric and sql", ""),
        ({"metric": None}, "exactly one of metric and sql", ""),
        ({"severity": "fatal"}, "'info', 'warning' or 'critical'", ""),
        ({"min_count": -1}, "greater than or equal to 0", ""),
        ({"min_count": 1.5}, "valid integer", ""),
        ({"summary": "{value.real}"}, "not a plain name", ""),
        ({"summary": "{versoin}"}, "{versoin}", ""),
        ({"labels": {"model": "x"}, "group_by": ["model"]}, "which group_by fills", ""),
        ({"labels": {"n": 1}}, "valid string", ""),
        ({"name": ""}, "at least 1 character", ""),
        ({"name": "a\nb"}, "pattern", ""),
    ],
)
def test_a_wrong_rule_is_refused_by_name_with_what_is_wrong(change, message, hint):
    """Unknown keys, columns and metrics name the nearest; impossible thresholds are found before anything runs."""
    error = refused(GOOD | change)
    assert message in error.message
    assert hint in error.hint
    assert error.exit_code == 2


def test_a_missing_key_is_named():
    """A rule without a window, or without a name, says so."""
    assert "rule 'x' has no window" in refused({"name": "x", "metric": "event_count", "above": 1}).message
    assert "rule 2 of [[rules]] has no name" in refused(GOOD, {"metric": "event_count"}).message


def test_two_rules_with_one_name_are_refused():
    """A name is half of an alert's identity, so both places are named."""
    assert "rules 1 and 3 are both named 'slow'" in refused(GOOD, GOOD | {"name": "b"}, GOOD).message


SQL = {"name": "s", "window": "5m", "above": 0}


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELEC 1", "cannot be parsed"),
        ("SELECT 1 AS value; SELECT 2 AS value", "exactly one SELECT"),
        ("", "exactly one SELECT"),
        ("DROP VIEW events", "exactly one SELECT"),
        ("COPY (SELECT 1) TO '/tmp/x'", "exactly one SELECT"),
        ("SELECT $now AS value", "$now, which is not bound"),
        ("SELECT ? AS value", "not bound"),
    ],
)
def test_sql_that_could_never_be_evaluated_is_refused(sql, message):
    """Anything but one SELECT over the two parameters is found when rules are loaded."""
    assert message in refused(SQL | {"sql": sql}).message


def test_filters_do_not_go_with_sql():
    """A rule in SQL says its own WHERE and GROUP BY; a key of another kind names those that have it."""
    error = refused(SQL | {"sql": "SELECT 1 AS value", "where": {"model": "m"}})
    assert "unknown key 'where'" in error.message
    assert "goes with kind threshold" in error.hint


def test_rules_on_what_ingest_read_know_other_columns():
    """Quarantined lines have a source and no model."""
    table = {"name": "q", "metric": "quarantined_lines", "window": "1h", "above": 0}
    assert load_rules([table | {"group_by": ["source_path"]}])[0].group_by == ["source_path"]
    assert "'model', which" in refused(table | {"group_by": ["model"]}).message


@pytest.mark.parametrize(("side", "bound"), [("above", 20.0), ("below", -0.5), ("above", 1.5)])
def test_a_bound_that_a_share_cannot_pass_is_refused(side, bound):
    """20 for 20 % would never fire, and nobody would know."""
    table = {"name": "errors", "metric": "error_rate", "window": "1h", side: bound}
    with pytest.raises(ConfigError) as error:
        load_rules([table])
    assert "is a share, from 0 to 1" in error.value.message
