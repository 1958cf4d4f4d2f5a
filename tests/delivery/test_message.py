"""What receivers read."""

from __future__ import annotations

import json
import math
import shlex
from dataclasses import replace

import pytest
from tests.delivery.parts import alert, message
from tests.monitor.lakes import calls, event, make

from deadreckon.core.settings import Settings
from deadreckon.delivery import message_of
from deadreckon.delivery.message import message_of_group
from deadreckon.queries import connect


def test_a_message_in_plain_words():
    """What, whose, how much, since when, and what to do next."""
    text = message().text
    assert text.splitlines()[:3] == [
        "[critical] slow answers is firing (model_version=v2, team=agents): 2,500 > 2,000, since 2026-10-01 12:00 UTC",
        "p95 of v2 is 2500 ms",
        "Runbook: https://example.org/r",
    ]
    for line in (
        "State: ok to firing, since 2026-10-01 12:00 UTC",
        "Window: 2026-10-01 11:45 to 2026-10-01 12:00 UTC, 33 events",
        "Measured: m",
        "  reckon alerts --history --rule 'slow answers'",
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
    subject = message(state=state).subject
    assert subject.startswith(f"[critical] slow answers {verb} (model_version=v2, team=agents)")
    assert subject.endswith("since 2026-10-01 12:00 UTC")
    assert ("2,500" in subject) == (state not in ("no_data", "error"))


def test_where_nothing_was_measured_the_next_step_is_another():
    """A rule that is broken is looked at by itself; where data are missing, the lake is."""
    broken = message(state="error", value=None, reason="no such column").text.splitlines()
    assert broken[-1] == "  reckon monitor --rule 'slow answers' --dry-run --details"
    assert message(state="no_data", value=None, reason="no events").text.splitlines()[-1] == "  reckon status"


def test_a_drift_alert_says_what_moved():
    """In its first line, in place of the evidence; what only programs need stays out, the command is there whole."""
    facts = {"moved": "0 to 1: 8% before, 86% now; 1 to 2: 15% before, 0% now", "explain": "reckon drift explain ..."}
    facts |= {"reference": "2026-10-03T15:00:00Z..2026-10-17T15:00:00Z", "e": 4.5, "ks": 0.78, "ks_floor": 0.05}
    found = alert(value=1.0, threshold=0.99, facts=facts, labels={"subject": "feature:age"})
    text = message_of(replace(found, metric="drift")).text.splitlines()
    assert "is firing (subject=feature:age): 0 to 1: 8% before, 86% now, since" in text[0]
    assert text[text.index("moved:") + 1 :][:3] == [
        "  0 to 1: 8% before, 86% now",
        "  1 to 2: 15% before, 0% now",
        "reference 2026-10-03 15:00..2026-10-17 15:00, ks 0.78",
    ]
    assert text[-1] == "  reckon drift explain ..."
    assert "0.99" not in " ".join(text)


def test_a_group_says_of_each_what_it_is_about():
    """Where to look is said once."""
    both = [message(), message(state="error", value=None, reason="no such column")]
    text = message_of_group({"team": "agents"}, both, "k").text
    assert text.splitlines()[0] == "2 alerts of team=agents"
    assert all(one.text.splitlines()[0] in text for one in both)
    assert text.count("Next:") == 1


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
    assert "AND model_version = 'v2'" in message().text
    make(tmp_path, [event(-60, model_version="v2", trace_id="t1"), *calls(-60, 3, model_version="v2")])
    for version in ("v2", 'v"2$'):
        stream = replace(alert().stream, labels=json.dumps({"model_version": version}))
        steps = message_of(replace(alert(), stream=stream)).text.partition("  reckon sql ")[2]
        sql = shlex.split(steps)[0]
        with connect(tmp_path, settings=Settings(lake=str(tmp_path))) as con:
            assert con.execute(sql).fetchall() == ([("t1",)] if version == "v2" else [])
