"""What a rule tells beside its value goes wherever the alert goes."""

from __future__ import annotations

import json
from contextlib import redirect_stdout
from io import StringIO

import pytest
from tests.monitor.commands import configure, reckon
from tests.monitor.lakes import calls, make, monitor

from deadreckon.cli import main
from deadreckon.core.errors import ConfigError
from deadreckon.delivery.message import message_of
from deadreckon.monitor import current, history, load_rules
from deadreckon.monitor.facts import facts_line
from deadreckon.queries import connect

TABLE = {"name": "tools", "kind": "quality", "check": "new_category", "subject": "tool", "window": "5m"}
RULES = """
[[rules]]
name = "tools"
kind = "quality"
check = "new_category"
subject = "tool"
known = ["search"]
window = "5m"
summary = "{value} new: {examples}"
[[sinks]]
name = "log"
kind = "file"
path = "PATH"
"""
AT = "2026-10-01T12:00:00Z"


def test_facts_go_with_the_alert(tmp_path):
    """To its sentence, its event, every sink, and `reckon alerts`, also after they were kept."""
    make(tmp_path / "lake", [*calls(-200, 3, tool="search"), *calls(-100, 2, tool="refund")])
    configure(tmp_path, RULES.replace("PATH", str(tmp_path / "log.jsonl")))
    _, answer, _ = reckon("monitor", "--as-of", AT, folder=tmp_path)
    (row,) = answer["rows"]
    assert (row["summary"], row["facts"]) == ("1 new: refund", {"examples": "refund"})
    assert reckon("alerts", folder=tmp_path)[1]["rows"][0]["facts"] == {"examples": "refund"}
    sent = json.loads((tmp_path / "log.jsonl").read_text())
    assert sent["facts"] == {"examples": "refund"}
    assert "\nexamples refund\n" in sent["text"]
    out = StringIO()
    with redirect_stdout(out):
        main(["alerts", "--details", "--format", "table", "--config", str(tmp_path / "deadreckon.toml")])
    assert "examples refund" in out.getvalue()
    with connect(tmp_path / "lake") as con:
        told = con.execute("SELECT json_text(attributes, 'facts') FROM alert_history").fetchall()
    assert [json.loads(facts) for (facts,) in told] == [{"examples": "refund"}]


def test_facts_are_gone_with_the_windows_that_had_them(tmp_path):
    """They are of the newest window, and of each transition those of its own."""
    lake = make(tmp_path, [*calls(-200, 2, tool="refund"), *calls(100, 2, tool="search")])
    (of,) = load_rules([TABLE | {"known": ["search"]}])
    monitor(lake, of, at=0)
    monitor(lake, of, at=300)
    assert current(lake)[0].stream.facts == {}
    assert [a.stream.facts for a in history(lake)] == [{}, {"examples": "refund"}]


def test_a_fact_that_is_not_known_is_a_dash_and_one_that_cannot_be_is_refused(tmp_path):
    """In a summary; the names depend on the kind of rule."""
    (of,) = load_rules([TABLE | {"known": ["search"], "summary": "new: {examples}"}])
    (alert,) = monitor(make(tmp_path, calls(-100, 2, tool="search")), of, at=0).alerts
    assert alert.summary == "new: -"
    with pytest.raises(ConfigError, match="budget_left"):
        load_rules([TABLE | {"summary": "{budget_left}"}])


def test_numbers_that_json_does_not_have_are_told_as_text(tmp_path):
    """And read well by people."""
    (of,) = load_rules([TABLE])
    (alert,) = monitor(make(tmp_path), of, at=0).alerts
    facts = {"share": 0.123456789, "most": float("inf"), "none": None, "empty": "", "burn_long": 2.0}
    object.__setattr__(alert.stream, "facts", facts)
    assert json.loads(message_of(alert).body)["facts"]["most"] == "inf"
    assert facts_line(facts) == "share 0.123457, most inf, burn long 2"
    assert facts_line({f"f{i}": i for i in range(20)}).endswith(", f11 11, and 8 more")
