"""Matchers: Alertmanager's signs, on labels, rule and severity."""

from __future__ import annotations

import pytest
from tests.delivery.parts import alert

from deadreckon.core.errors import UsageError
from deadreckon.monitor.matcher import LONGEST, facts_of, matches_everything, matching, parse

FACTS = facts_of(alert(labels={"model_version": "v2", "team": "agents", "tool": None}))


def holds(*texts):
    return matching([parse(text) for text in texts], [FACTS]) == [True]


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("rule=slow answers", True),
        ("rule=slow*", True),
        ("rule=slow", False),
        ("rule=[rs]low?answers", True),
        ("rule!=slow*", False),
        ("severity=critical", True),
        ("model_version=v2", True),
        ("model_version = v2", True),
        ("model_version=v*", False),
        ("model_version!=v1", True),
        ("model_version=~v[12]", True),
        ("model_version=~v", False),
        ("model_version=~|v2", True),
        ("model_version!~v.*", False),
        ("tool=", True),
        ("tool=~.*", True),
        ("tool!=x", True),
        ("region=", True),
        ("region=~.+", False),
        ("region!~.+", True),
    ],
)
def test_a_matcher_holds_as_in_alertmanager(text, held):
    """Anchored; what is not there is empty; only `rule` is a glob."""
    assert holds(text) is held


def test_all_of_several_must_hold():
    """One that does not is enough."""
    assert holds("rule=slow*", "team=agents")
    assert not holds("rule=slow*", "team=models")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("slow", "no matcher"),
        ("=v2", "no matcher"),
        ("tool=~(", "no regular expression"),
        ("tool=~(?=x)", "no regular expression"),
        ("tool=~((a{1,100}){1,100}){1,100}", "no regular expression"),
        (f"tool={'x' * (LONGEST + 1)}", "longer than"),
    ],
)
def test_what_is_no_matcher_is_said(text, message):
    """With what to write instead."""
    with pytest.raises(UsageError, match=message) as caught:
        parse(text)
    assert caught.value.hint


def test_a_regular_expression_takes_time_in_proportion_to_the_text():
    """One over which a backtracking engine would think for longer than the universe is old."""
    facts = [{"tool": "a" * 10_000 + "b"}]
    assert matching([parse("tool=~(a+)+"), parse("tool=~(a|aa)*")], facts) == [False]


def test_what_holds_for_everything_is_known():
    """A silence of it would silence all there is."""
    assert matches_everything([parse("tool=~.*"), parse("team!=x")])
    assert matches_everything([])
    assert not matches_everything([parse("tool=~.*"), parse("team=x")])
