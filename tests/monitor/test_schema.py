"""The JSON Schema of the rules, and what it says of rules that load and that do not."""

from __future__ import annotations

import json
import re
import tomllib

import jsonschema
import pytest
from tests.monitor.commands import REPOSITORY

from deadreckon.cli import main
from deadreckon.cli.app import COMMANDS
from deadreckon.core.errors import ConfigError
from deadreckon.monitor import load_rules
from deadreckon.monitor.kinds import KINDS
from deadreckon.monitor.rules import documented, schema

PAGES = [REPOSITORY / "docs" / "monitor.md", REPOSITORY / "README.md"]
SETTINGS = [REPOSITORY / "sample_logs" / "deadreckon.toml"]


def documents():
    for page in PAGES:
        yield from re.findall(r"```toml\n(.*?)```", page.read_text("utf-8"), flags=re.DOTALL)
    for file in SETTINGS:
        yield file.read_text("utf-8")


@pytest.fixture(scope="module")
def validator():
    jsonschema.Draft202012Validator.check_schema(schema())
    return jsonschema.Draft202012Validator(schema())


def test_every_documented_rule_is_valid(validator):
    """The examples of the pages and of the sample logs, of every kind."""
    rules = [rule for text in documents() for rule in tomllib.loads(text).get("rules", [])]
    for rule in rules:
        assert list(validator.iter_errors({"rules": [rule]})) == []
    assert {rule.get("kind", "sql" if "sql" in rule else "threshold") for rule in rules} >= set(KINDS)


@pytest.mark.parametrize(
    "table",
    [
        {"name": "r", "metric": "event_count", "window": "5m", "above": 1, "abov": 1},
        {"name": "r", "metric": "event_count", "window": 300, "above": 1},
        {"name": "r", "metric": "event_count", "window": "5 minutes", "above": 1},
        {"name": "r", "metric": "event_count", "above": 1},
        {"name": "r", "kind": "budget", "limit": 1.0, "period": "year"},
        {"name": "r", "kind": "budget", "limit": -1, "period": "day"},
        {"name": "r", "kind": "slo", "objective": 1.5},
        {"name": "r", "kind": "slo", "objective": 0.99, "pairs": [{"burn": 2.0, "long": "1h"}]},
        {"name": "r", "kind": "heartbeat", "every": "5m", "window": "5m", "where": {"service": "a"}},
        {"name": "r", "kind": "quality", "check": "nulls", "window": "1h"},
        {"name": "r", "kind": "sql", "window": "1h", "above": 1},
        {"name": "", "metric": "event_count", "window": "5m", "above": 1},
    ],
)
def test_what_does_not_load_is_not_valid(validator, table):
    """Unknown keys, wrong types, missing keys and values that no key has."""
    with pytest.raises(ConfigError):
        load_rules([table])
    assert list(validator.iter_errors({"rules": [table]}))


@pytest.mark.parametrize(
    ("table", "path", "says"),
    [
        ({"metric": "event_count", "window": "5m", "above": 1, "abov": 1}, [], "'abov' was unexpected"),
        ({"sql": "SELECT 1 AS value", "window": "5m", "above": 1, "metric": "x"}, [], "'metric' was unexpected"),
        ({"window": "5m", "above": 1}, [], "'metric' is a required property"),
        ({"kind": "quality", "check": "null_share", "window": "5m", "subjct": "tool"}, [], "'subjct' was unexpected"),
        ({"kind": "quality", "check": "nulls", "window": "5m"}, ["check"], "'nulls' is not one of ['null_share'"),
        ({"kind": "budget", "period": "day"}, [], "'limit' is a required property"),
        ({"kind": "slo", "objective": 0.99, "pairs": [{"burn": 2.0, "long": "1h"}]}, ["pairs", 0], "'short' is a"),
        ({"kind": "heartbeat", "every": 300}, ["every"], "300 is not of type 'string'"),
        ({"kind": "drift", "subjects": "latency_ms"}, ["subjects"], "'latency_ms' is not of type 'array'"),
        ({"kind": "drfit", "subjects": ["latency_ms"]}, ["kind"], "'drfit' is not one of ['threshold'"),
    ],
)
def test_what_is_wrong_is_named(validator, table, path, says):
    """One error, at the key that is wrong and in its words: not that the rule is no rule of any kind."""
    (error,) = validator.iter_errors({"rules": [{"name": "r", **table}]})
    assert list(error.absolute_path) == ["rules", 0, *path]
    assert says in error.message


def test_the_schema_says_what_every_key_means():
    """Each kind has its keys, each key its sentence."""
    for kind, model in KINDS.items():
        keys = schema()["$defs"][kind]["properties"]
        assert set(keys) == {field.alias or name for name, field in model.model_fields.items()}
        assert all(key["description"] for key in keys.values())
    assert {name for name, _ in documented("slo")} == {
        *("objective", "period", "slower_than_ms", "pairs", "clear_at", "budget_below")
    }


def test_the_command_prints_it(capsys):
    """`reckon monitor schema` is one JSON document, without a lake or settings."""
    assert main(["monitor", "schema"]) == 0
    assert json.loads(capsys.readouterr().out) == schema()


def test_the_monitors_help_names_the_words_that_go_with_it(capsys):
    """They are commands of their own, which nobody would find otherwise."""
    main(["monitor", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    words = [name for name in COMMANDS if name.startswith("monitor ")]
    assert words
    assert all(f"reckon {name}" in said for name in words)
