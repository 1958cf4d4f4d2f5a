"""`connect()`: every view, on the newest snapshot."""

from __future__ import annotations

from pathlib import Path

from tests.queries.lakes import at, make_lake

from deadreckon.queries import connect
from deadreckon.queries.catalog import views


def test_every_view_answers_on_an_empty_lake(tmp_path: Path) -> None:
    """A lake without a single event has every view, each with no row."""
    con = connect(make_lake(tmp_path))
    for name in views():
        assert con.execute(f"SELECT count(*) FROM {name}").fetchone() is not None


def test_an_event_comes_back_in_utc(tmp_path: Path) -> None:
    """Times are handed over in UTC whatever the machine's zone."""
    con = connect(make_lake(tmp_path, [{"kind": "log", "ts": at("3 10:00:00")}]))
    assert con.execute("SELECT ts, date FROM events").fetchall() == [(at("3 10:00:00"), at("3").date())]
