"""What people did is kept once, with who, when and why, and becomes events once."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter

import pyarrow as pa
import pytest
from tests.monitor.commands import configure, environment
from tests.monitor.lakes import NOON, calls, make, monitor, rule

from deadreckon.core.errors import UsageError
from deadreckon.core.lake import Lake
from deadreckon.monitor import current, deed_store, exit_code, forget, store
from deadreckon.monitor.lifecycle import acknowledge, expire, silence
from deadreckon.monitor.matcher import parse
from deadreckon.monitor.standing import key_of
from deadreckon.queries import connect

SLOW = rule(name="slow", metric="latency_p95_ms", above=1000, group_by=["model_version"], labels={"team": "a"})
RULES = """
[[rules]]
name = "slow"
metric = "latency_p95_ms"
window = "5m"
above = 1000
group_by = ["model_version"]
"""
ACK = """
import sys
from deadreckon.core.lake import Lake
from deadreckon.monitor.lifecycle import acknowledge
lake = Lake.open("lake")
print("ready", flush=True)
sys.stdin.readline()
print(len(acknowledge(lake, "slow", {}, by=sys.argv[1], comment="race", now=float(sys.argv[2]))))
"""
TELL = """
import sys
from datetime import UTC, datetime
from deadreckon.cli.alert_events import tell
from deadreckon.core.lake import Lake
from deadreckon.core.settings import load
settings = load()
lake = Lake.open(settings.lake)
print("ready", flush=True)
sys.stdin.readline()
tell(lake, settings, datetime.fromtimestamp(float(sys.argv[1]), UTC))
"""
DIE = """
import os, signal, sys
from deadreckon.monitor import deed_store
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
deed_store.settle = die
"""


@pytest.fixture
def lake(tmp_path):
    """Two versions are slow."""
    slow = [calls(-200, 5, model_version=v, duration_ms=5000.0) for v in ("v1", "v2")]
    made = make(tmp_path / "lake", [*slow[0], *slow[1]])
    monitor(made, SLOW, at=0)
    return made


def mute(lake, *matchers, now=NOON, until=NOON + 3600):
    made = [parse(m) for m in matchers]
    return silence(lake, made, starts_at=now, ends_at=until, by="ann", comment="deploy", now=now)


def ready(code, *arguments, folder):
    """Python code in a process of its own, which waits for a line."""
    command = [sys.executable, "-c", code, *arguments]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    return subprocess.Popen(command, cwd=folder, env=environment(), text=True, **pipes)


def together(processes):
    """Let processes that are ready go at once; what they print."""
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    return [process.communicate() for process in processes]


def test_a_silence_is_kept_with_who_when_and_why(lake):
    """And what ended it."""
    made = mute(lake, "rule=sl*", "team=~a")
    (found,) = deed_store.read(lake).silences()
    assert found == made
    deed = found.made
    assert (deed.by, deed.comment, deed.at, deed.ends_at) == ("ann", "deploy", NOON, NOON + 3600)
    assert [str(m) for m in deed.matchers] == ["rule=sl*", "team=~a"]
    ended = expire(lake, deed.id[:5], by="bob", comment="done", now=NOON + 60)
    assert (ended.until, ended.ended.by, ended.active(NOON + 59), ended.active(NOON + 60)) == (
        NOON + 60,
        "bob",
        True,
        False,
    )
    with pytest.raises(UsageError, match="was over"):
        expire(lake, deed.id, by="bob", comment="", now=NOON + 61)
    with pytest.raises(UsageError, match="there is no silence"):
        expire(lake, "zz", by="bob", comment="", now=NOON + 61)
    assert len(deed_store.read(lake).deeds) == 2


def test_the_longest_of_several_silences_counts(lake):
    """Until it ends."""
    mute(lake, "rule=slow", until=NOON + 100)
    longer = mute(lake, "model_version=v1", until=NOON + 200)
    alerts = current(lake)
    found = dict(
        zip((a.labels["model_version"] for a in alerts), deed_store.read(lake).silencing(alerts, NOON), strict=True)
    )
    assert found["v1"] == longer
    assert found["v2"].until == NOON + 100
    assert deed_store.read(lake).silencing(alerts, NOON + 200) == [None, None]


def test_an_alert_is_taken_once_until_it_ends(lake):
    """By label; again is nothing new; what is not open cannot be taken."""
    take = {"by": "bob", "comment": "mine", "now": NOON}
    assert len(acknowledge(lake, "slow", {"model_version": "v1"}, **take)) == 1
    assert [a.labels["model_version"] for a in acknowledge(lake, "slow", {"team": "a"}, **take)] == ["v2"]
    assert acknowledge(lake, "slow", {}, **take) == []
    alerts = current(lake)
    assert [deed.by for deed in deed_store.read(lake).taken(alerts)] == ["bob", "bob"]
    assert len(acknowledge(lake, "slow", {}, **take, undo=True)) == 2
    assert deed_store.read(lake).taken(alerts) == [None, None]
    for wrong in (("slo", {}), ("slow", {"model_version": "v9"})):
        with pytest.raises(UsageError, match="is open"):
            acknowledge(lake, *wrong, **take)
    acknowledge(lake, "slow", {}, **take)
    forget(lake, "slow", now=NOON + 60)
    with pytest.raises(UsageError, match="is open"):
        acknowledge(lake, "slow", {}, **take)


def test_what_is_silenced_does_not_count_for_the_exit_code(lake):
    """Neither as firing nor as missing; but nothing known at all still does."""
    alerts = current(lake)
    keys = {key_of(a) for a in alerts}
    assert exit_code(alerts) == 1
    assert exit_code(alerts, silenced=keys) == 0
    assert exit_code(alerts, silenced=set(list(keys)[:1])) == 1
    assert exit_code(alerts, silenced=keys, unknown={"other"}) == 3


def test_a_table_of_an_older_version_gets_the_columns_that_it_lacks(lake, monkeypatch):
    """And its files are read as they are."""
    folder = lake.root.parent / "old"
    older = make(folder, calls(-200, 5, model_version="v1", duration_ms=5000.0))
    schema = store.ALERT_STATES.schema
    with monkeypatch.context() as patch:
        kept = store.COLUMNS.remove(store.COLUMNS.get_field_index("clear_since"))
        patch.setattr(store, "COLUMNS", kept)
        patch.setattr(
            store,
            "ALERT_STATES",
            store.TableSpec("alert_states", schema.remove(schema.get_field_index("clear_since")), ("part",)),
        )
        monitor(older, SLOW, at=0)
    assert "clear_since" not in {f.name for f in older.table(store.ALERT_STATES).schema().fields}
    assert [a.stream.state for a in current(older)] == ["firing"]
    monitor(older, SLOW, at=300)
    assert "clear_since" in {f.name for f in older.table(store.ALERT_STATES).schema().fields}
    assert [a.stream.state for a in current(older)] == ["no_data"]


def test_a_table_of_an_older_version_keeps_columns_that_nobody_knows(lake, monkeypatch):
    """One of them is read and written on, also where it lacks the facts."""
    older = make(lake.root.parent / "old", calls(-200, 5, model_version="v1", duration_ms=5000.0))
    place = store.COLUMNS.get_field_index("facts")
    columns = store.COLUMNS.set(place, pa.field("detail", pa.string()))
    with monkeypatch.context() as patch:
        patch.setattr(store, "COLUMNS", columns)
        schema = columns.append(pa.field("part", pa.string()))
        patch.setattr(store, "ALERT_STATES", store.TableSpec("alert_states", schema, ("part",)))
        row = store._row
        patch.setattr(store, "_row", lambda *given: {"detail": "{}", **row(*given)})
        monitor(older, SLOW, at=0)
    monitor(older, SLOW, at=300)
    assert {"detail", "facts"} <= {f.name for f in older.table(store.ALERT_STATES).schema().fields}
    assert [a.stream.state for a in current(older)] == ["no_data"]
    assert [a.stream.state for a in store.transitions(older)] == ["firing", "no_data"]


@pytest.mark.fault
def test_two_who_take_an_alert_at_the_same_moment_do_not_both(tmp_path, lake):
    """One commits; the other looks again and finds it taken."""
    for turn in range(3):
        answers = together([ready(ACK, name, str(NOON + turn), folder=tmp_path) for name in ("ann", "bob", "cid")])
        assert sorted(out.strip() for out, _ in answers) == ["0", "0", "2"], answers
        acknowledge(lake, "slow", {}, by="x", comment="", now=NOON + turn, undo=True)
    deeds = deed_store.read(Lake.open(tmp_path / "lake")).deeds
    assert Counter(d.deed for d in deeds) == {"acknowledged": 6, "unacknowledged": 6}
    assert len({d.id for d in deeds}) == 12


@pytest.mark.fault
def test_what_people_did_is_an_event_once(tmp_path, lake):
    """Two tell it at the same moment after one was killed between writing and noting so."""
    configure(tmp_path, RULES)
    made = mute(lake, "rule=slow")
    acknowledge(lake, "slow", {}, by="bob", comment="mine", now=NOON)
    process = ready(DIE + TELL, str(NOON), folder=tmp_path)
    process.communicate("\n")
    assert process.returncode < 0
    for _, err in together([ready(TELL, str(NOON), folder=tmp_path) for _ in range(2)]):
        assert not err
    assert deed_store.untold(lake).deeds == ()
    with connect(lake) as con:
        sql = (
            "SELECT event, name, reason, attributes FROM events WHERE kind = 'alert' AND event LIKE '%ed' ORDER BY ALL"
        )
        rows = [r for r in con.execute(sql).fetchall() if r[0] in ("alert.silenced", "alert.acknowledged")]
        history = con.execute("SELECT DISTINCT state FROM alert_history").fetchall()
        firing = con.execute("SELECT count(*) FROM alerts WHERE state = 'firing'").fetchone()
    assert [r[:3] for r in rows] == [("alert.acknowledged", "slow", "mine")] * 2 + [("alert.silenced", None, "deploy")]
    told = json.loads(rows[2][3])
    assert (told["silence"], told["by"], told["matchers"]) == (made.made.id, "ann", ["rule=slow"])
    assert history == [("firing",)]
    assert firing == (2,)
