"""What receivers read."""

from __future__ import annotations

import json
import math
import shlex

import pytest
from tests.delivery.parts import alert, message
from tests.monitor.lakes import calls, event, make

from deadreckon.core.settings import Settings
from deadreckon.delivery import message_of
from deadreckon.queries import connect


def test_a_message_in_plain_words():
    """What, whose, how much, since when, and what to do next."""
    text = message().text
    for line in (
        "[critical] slow answers is firing (model_version=v2, team=agents)",
        "p95 of v2 is 2500 ms",
        "State: firing (was ok)",
        "m: 2500, bound 2000, from 33 events",
        "Window: 2026-10-01T11:45:00Z to 2026-10-01T12:00:00Z",
        "Since: 2026-10-01T12:00:00Z",
        "Runbook: https://example.org/r",
        "What it went through: reckon alerts --history --rule 'slow answers'",
    ):
        assert line in text.splitlines()


@pytest.mark.parametrize(
    ("state", "verb"),
    [
        ("firing", "is firing"),
        ("resolved", "is resolved"),
        ("pending", "may fire soon"),
        ("ok", "is back to normal"),
        ("no_data", "has no data"),
        ("error", "cannot be evaluated"),
    ],
)
def test_each_state_has_its_words(state, verb):
    """The subject alone says what happened."""
    assert message(state=state).subject == f"[critical] slow answers {verb} (model_version=v2, team=agents)"


def test_programs_get_every_fact():
    """As JSON, with the key by which a message is known again; the same at every try."""
    found = json.loads(message().body)
    assert found["event_id"] == message().key == alert().event_id
    assert found["labels"] == {"model_version": "v2", "team": "agents"}
    wanted = {"version": 1, "rule": "slow answers", "state": "firing", "previous": "ok", "severity": "critical"}
    wanted |= {"value": 2500.0, "threshold": 2000.0, "n": 33, "runbook": "https://example.org/r"}
    wanted |= {"since": "2026-10-01T12:00:00Z", "alert_since": "2026-10-01T12:00:00Z", "reason": ""}
    assert {key: found[key] for key in wanted} == wanted
    assert message().body == message().body


def test_a_value_without_a_number_in_json_is_text():
    """An infinite value arrives as such; none as null."""
    assert json.loads(message(value=math.inf).body)["value"] == "inf"
    assert json.loads(message(value=None).body)["value"] is None


def test_labels_cannot_break_out_of_the_subject():
    """A line break in a label would be a header of its own."""
    assert "\n" not in message(labels={"x": "a\r\nBcc: all@example.org"}).subject


def test_what_happened_can_be_traced(tmp_path):
    """By a label that is an id; else by SQL that finds the traces of the window, whatever its labels hold."""
    assert message(labels={"session_id": "it's 7"}).text.endswith("reckon trace 'it'\"'\"'s 7'")
    make(tmp_path, [event(-60, model_version="v2", trace_id="t1"), *calls(-60, 3, model_version="v2")])
    step = message_of(alert()).text.splitlines()[-1]
    sql = shlex.split(step.partition("reckon sql ")[2])[0]
    with connect(tmp_path, settings=Settings(lake=str(tmp_path))) as con:
        assert con.execute(sql).fetchall() == [("t1",)]
