"""Transitions on their way to becoming events."""

from __future__ import annotations

import json
import math
from collections import Counter
from datetime import UTC, datetime
from uuid import UUID

import pytest
from tests.monitor.lakes import NOON, calls, make, monitor, rule

from deadreckon.cli.alert_events import tell
from deadreckon.core.schema import EVENTS
from deadreckon.core.settings import Settings
from deadreckon.ingest import ingest
from deadreckon.monitor import event_of, settle, store, waiting
from deadreckon.queries import connect

USER = "sha256:" + 64 * "a"
NOW = datetime.fromtimestamp(NOON + 600, UTC)
BY_VERSION = rule(
    name="slow",
    metric="latency_p95_ms",
    above=1000,
    group_by=["model_version", "tool", "attempt"],
    labels={"team": "agents", "user_id": USER, "level": "high"},
)


@pytest.fixture
def lake(tmp_path):
    """A lake in which something fires in two windows."""
    made = make(
        tmp_path / "lake",
        [
            *calls(-200, 5, model_version="a", attempt=2, duration_ms=5000.0),
            *calls(100, 5, model_version="b", duration_ms=5000.0),
        ],
    )
    monitor(made, BY_VERSION, at=0)
    monitor(made, BY_VERSION, at=300)
    return made


def _in_lake(lake):
    with connect(lake) as con:
        return Counter(con.execute("SELECT event_id, label FROM events WHERE kind = 'alert'").fetchall())


def test_transitions_wait_until_they_are_told(lake):
    """Oldest first, over several runs; settled, they wait no more, and the next run's do."""
    batch = waiting(lake)
    assert [(a.stream.window_end - NOON, a.stream.state) for a in batch.alerts] == [
        (0, "firing"),
        (300, "no_data"),
        (300, "firing"),
    ]
    assert waiting(lake) == batch
    settle(lake, batch)
    settle(lake, batch)
    assert waiting(lake).alerts == ()
    monitor(lake, BY_VERSION, at=600)
    assert [a.stream.state for a in waiting(lake).alerts] == ["no_data"]


def test_each_reader_keeps_its_own_place(lake):
    """What was written as events is still to be delivered elsewhere."""
    settle(lake, waiting(lake))
    assert len(waiting(lake, "pager").alerts) == 3
    settle(lake, waiting(lake, "pager"), "pager")
    assert waiting(lake, "pager").alerts == ()


def test_telling_again_after_a_crash_in_between_doubles_nothing(lake, tmp_path):
    """The events were ingested, the process died before it noted so: the next run tells them again, to no effect."""
    lines = [json.dumps(event_of(a)) for a in waiting(lake).alerts]
    (tmp_path / "before-the-crash.jsonl").write_text("\n".join(lines) + "\n")
    ingest([tmp_path / "before-the-crash.jsonl"], lake.root)
    before = _in_lake(lake)
    assert len(before) == 3
    settings = Settings(lake=str(lake.root))
    assert tell(lake, settings, NOW) == 3
    assert tell(lake, settings, NOW) == 0
    assert _in_lake(lake) == before


def test_an_event_holds_columns_the_lake_knows_and_its_labels_where_they_are_columns(lake):
    """A version or tool fills its column; labels never overwrite what the event says of itself."""
    event = event_of(waiting(lake).alerts[0])
    assert event.keys() <= EVENTS.keys()
    assert event["model_version"] == "a"
    assert event["user_id"] == USER
    assert "tool" not in event
    assert "attempt" not in event
    assert event["level"] == "warning"
    assert event["labels"] == {
        "attempt": "2",
        "level": "high",
        "model_version": "a",
        "team": "agents",
        "tool": None,
        "user_id": USER,
    }
    assert event["attributes"]["group"] == {"attempt": "2", "model_version": "a", "tool": None}


def test_what_is_told_is_in_the_lake_as_it_was(lake):
    """user_id is not hashed a second time, and attributes come back as JSON."""
    tell(lake, Settings(lake=str(lake.root)), NOW)
    with connect(lake) as con:
        user, attributes = con.execute(
            "SELECT user_id, attributes FROM events WHERE kind = 'alert' AND label = 'firing' ORDER BY ts"
        ).fetchone()
    assert user == USER
    told = json.loads(attributes)
    assert (told["window_end"], told["n"], told["previous"]) == ("2026-10-01T12:00:00Z", 5, None)


def test_an_id_is_a_uuid_of_the_window_s_end_and_the_same_in_every_lake(lake, tmp_path):
    """Version 8, in order of time, from nothing but rule, labels, window and state."""
    again = make(tmp_path / "again", calls(-200, 5, model_version="a", attempt=2, duration_ms=5000.0))
    monitor(again, BY_VERSION, at=0)
    first, *_, last = waiting(lake).alerts
    assert waiting(again).alerts[0].event_id == first.event_id
    assert (UUID(first.event_id).version, UUID(first.event_id).variant) == (8, "specified in RFC 4122")
    assert int(first.event_id.replace("-", "")[:12], 16) == NOON * 1000
    assert first.event_id < last.event_id
    assert len({t.event_id for t in store.transitions(lake)}) == 3


def test_a_value_without_a_number_in_json_is_told_as_text(tmp_path):
    """An infinite value has no JSON: the column stays empty and the attributes say it."""
    lake = make(tmp_path, calls(-200, 5))
    monitor(lake, rule(sql="SELECT 'inf'::DOUBLE AS value", above=1), at=0)
    (alert,) = waiting(lake).alerts
    assert alert.stream.value == math.inf
    assert (event_of(alert)["value"], event_of(alert)["attributes"]["value"]) == (None, "inf")
    tell(lake, Settings(lake=str(lake.root)), NOW)
    assert len(_in_lake(lake)) == 1
