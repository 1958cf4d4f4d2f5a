"""A rule of several levels is named as it stands in the settings; a level by its own name."""

from __future__ import annotations

import json

import pytest
from tests.delivery.parts import lines
from tests.monitor.commands import configure, reckon
from tests.monitor.lakes import event, make

AT = "2026-10-01T12:00:00Z"
RULES = """
[[rules]]
name = "spend"
kind = "budget"
limit = 10.0
period = "day"
forecast = true
[[rules]]
name = "spending"
kind = "budget"
limit = 1.0
period = "day"
warn_at = 1.0
[[sinks]]
name = "log"
kind = "file"
path = "PATH"
"""
LEVELS = {"spend", "spend: 80 % spent", "spend: forecast", "spend: unknown cost"}


@pytest.fixture
def folder(tmp_path):
    """A lake in which all but the unknown cost is over its limit."""
    make(tmp_path / "lake", [event(-60, operation="chat", status="ok", cost_usd=12.0)])
    configure(tmp_path, RULES.replace("PATH", str(tmp_path / "log.jsonl")))
    return tmp_path


def named(answer):
    return {row["rule"] for row in answer["rows"]}


def test_a_rule_is_evaluated_with_all_its_levels_and_a_level_alone(folder):
    """By `monitor --rule`, and read so by `alerts --rule`; another rule that begins alike is another."""
    assert named(reckon("monitor", "--as-of", AT, "--rule", "spend", folder=folder)[1]) == LEVELS
    assert named(reckon("monitor", "--as-of", AT, "--rule", "spend: forecast", folder=folder)[1]) == {"spend: forecast"}
    reckon("monitor", "--as-of", AT, folder=folder)
    assert named(reckon("alerts", "--rule", "spend", folder=folder)[1]) == LEVELS
    assert named(reckon("alerts", "--history", "--rule", "spend", folder=folder)[1]) == LEVELS - {"spend: unknown cost"}
    code, _, err = reckon("monitor", "--rule", "spnd", folder=folder)
    assert (code, "spend" in json.loads(err)["error"]["hint"]) == (2, True)


def test_a_rule_is_silenced_taken_and_forgotten_with_all_its_levels(folder):
    """And a level by itself."""
    silence = ("alerts", "silence", "add", "--by", "ann", "--comment", "known", "--for", "1h", "--match")
    reckon(*silence, "rule=spend", folder=folder)
    _, answer, _ = reckon("monitor", "--as-of", AT, folder=folder)
    assert {row["rule"] for row in answer["rows"] if row["silenced"]} == LEVELS
    assert {message["rule"] for message in lines(folder / "log.jsonl")} == {"spending"}
    _, taken, _ = reckon("alerts", "ack", "spend", "--by", "bob", folder=folder)
    assert named(taken) == LEVELS - {"spend: unknown cost"}
    _, let_go, _ = reckon("alerts", "ack", "spend: forecast", "--by", "bob", "--undo", folder=folder)
    assert named(let_go) == {"spend: forecast"}
    _, forgotten, _ = reckon("alerts", "--forget", "spend", folder=folder)
    assert named(forgotten) == LEVELS - {"spend: unknown cost"}
    assert named(reckon("alerts", folder=folder)[1]) == {"spending", "spending: unknown cost"}


def test_what_is_not_of_a_rule_is_of_none_of_its_levels(folder):
    """A silence of all other rules holds for no level of this one."""
    silence = ("alerts", "silence", "add", "--by", "ann", "--comment", "known", "--for", "1h")
    reckon(*silence, "--match", "rule!=spend", "--match", "rule=~.+", folder=folder)
    _, answer, _ = reckon("monitor", "--as-of", AT, folder=folder)
    assert {row["rule"] for row in answer["rows"] if not row["silenced"]} == LEVELS
