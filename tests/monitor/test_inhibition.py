"""Alerts that explain others."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.monitor.lakes import NOON, rule

from deadreckon.core.errors import ConfigError
from deadreckon.monitor import load_rules
from deadreckon.monitor.alert import tell
from deadreckon.monitor.inhibit import Policy
from deadreckon.monitor.shapes import Grouped
from deadreckon.monitor.stream import Stream, key_of

FRESH = rule(name="fresh", metric="freshness_s", above=900, group_by=["environment"])
SLOW = rule(name="slow", metric="latency_p95_ms", above=1, group_by=["model_version"], labels={"team": "a"})
ERRORS = rule(name="errors", metric="error_rate", above=0.1, group_by=["model_version"], severity="critical")


def stands(of, state="firing", **group):
    """An alert of a rule, open where it fires."""
    return tell(of, Stream(of.name, key_of(group), state, NOON, NOON, active_since=NOON if state == "firing" else None))


def inhibited(policy, *alerts):
    return [None if one is None else one.stream.rule for one in policy.inhibiting(alerts)]


def test_an_open_source_inhibits_a_target_that_agrees_with_it():
    """In the labels named; one that is resolved, or of another version, does not."""
    table = {"source": {"rule": "err*"}, "target": {"severity": "warning"}, "equal": ["model_version"]}
    policy = Policy.of([SLOW, ERRORS], [table])
    of_v1, of_v2 = stands(SLOW, model_version="v1"), stands(SLOW, model_version="v2")
    assert inhibited(policy, stands(ERRORS, model_version="v1"), of_v1, of_v2) == [None, "errors", None]
    assert inhibited(policy, stands(ERRORS, "resolved", model_version="v1"), of_v1) == [None, None]


def test_signs_and_labels_that_are_not_there():
    """Values may begin with a sign, and two alerts without a label agree in it."""
    table = {"source": {"rule": "=~err.*"}, "target": {"team": "!=b"}, "equal": ["region"]}
    policy = Policy.of([SLOW, ERRORS], [table])
    assert inhibited(policy, stands(SLOW, model_version="v1"), stands(ERRORS, model_version="v1")) == ["errors", None]


def test_nothing_inhibits_itself():
    """Where source and target match the same alert, it stands for itself."""
    policy = Policy.of([SLOW], [{"source": {"rule": "slow"}, "target": {"rule": "slow"}}])
    assert inhibited(policy, stands(SLOW, model_version="v1")) == [None]


def kind(called, name="s", **where):
    """A rule of a kind, as far as inhibition looks at it."""
    return Grouped.model_construct(name=name, kind=called, where_=where)


def of(name, **group):
    told = stands(SLOW, **group)
    return replace(told, stream=replace(told.stream, rule=name))


@pytest.mark.parametrize(
    ("source", "inhibits"),
    [
        (kind("heartbeat"), True),
        (kind("quality"), True),
        (rule(name="s", metric="freshness_s", above=1), True),
        (rule(name="s", metric="quarantined_rate", above=1), True),
        (rule(name="s", metric="event_count", below=5), True),
        (rule(name="s", metric="event_count", above=5), False),
        (rule(name="s", metric="latency_p95_ms", above=5), False),
        (kind("sql"), False),
        (kind("drift"), False),
    ],
)
def test_data_that_are_missing_or_broken_explain_drift(source, inhibits):
    """Without any setting; and nothing but drift."""
    policy = Policy({"s": source, "drift": kind("drift", "drift"), "slow": SLOW})
    found = inhibited(policy, of("s"), of("drift", model_version="v1"), stands(SLOW, model_version="v1"))
    assert found == [None, "s" if inhibits else None, None]


@pytest.mark.parametrize(
    ("about", "group", "aim", "target", "inhibits"),
    [
        ({}, {}, {}, {"model_version": "v1"}, True),
        ({}, {"model_version": "v1"}, {}, {"model_version": "v1", "feature": "age"}, True),
        ({}, {"model_version": "v1"}, {}, {"model_version": "v2"}, False),
        ({}, {"environment": "staging"}, {}, {"model_version": "v2"}, False),
        ({"environment": "prod"}, {}, {"environment": "prod"}, {"feature": "age"}, True),
        ({"environment": "staging"}, {}, {"environment": "prod"}, {}, False),
        ({"environment": "staging"}, {}, {}, {}, False),
    ],
)
def test_only_on_the_same_data(about, group, aim, target, inhibits):
    """A source explains what is about no more than it is itself: staging says nothing of all."""
    policy = Policy({"s": kind("quality", **about), "drift": kind("drift", "drift", **aim)})
    assert inhibited(policy, of("s", **group), of("drift", **target)) == [None, "s" if inhibits else None]


def test_a_check_of_one_subject_explains_drift_of_that_subject():
    """Nulls in one feature say nothing of another."""
    nulls = {
        "kind": "quality",
        "name": "s",
        "check": "null_share",
        "subject": "feature:age",
        "window": "1h",
        "above": 0,
    }
    policy = Policy({"s": load_rules([nulls])[0], "drift": kind("drift", "drift")})
    age, income = (of("drift", subject=f"feature:{name}") for name in ("age", "income"))
    assert inhibited(policy, of("s"), age, income) == [None, "s", None]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"source": {"rule": "a"}}, "no target"),
        ({"source": {"rule": "a"}, "target": {"rule": "b"}, "equals": []}, "unknown key 'equals'"),
        ({"source": {}, "target": {"rule": "b"}}, "source"),
        ({"source": {"rule": "=~("}, "target": {"rule": "b"}}, "no regular expression"),
    ],
)
def test_a_wrong_table_is_refused(table, message):
    """Before anything runs, with its place."""
    with pytest.raises(ConfigError, match="table 1 of") as caught:
        Policy.of([], [table])
    assert message in caught.value.message
