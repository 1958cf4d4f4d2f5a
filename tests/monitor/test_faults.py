"""Monitors that are killed, and monitors that compete: nothing twice, nothing lost."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter

import pytest
from tests.monitor.commands import configure, reckon, start
from tests.monitor.lakes import NOON, calls, make

from deadreckon.core.lake import Lake
from deadreckon.monitor import current, store
from deadreckon.monitor.alert import when
from deadreckon.queries import connect

STEPS = 16
KILLS = 8
RULES = """
[[rules]]
name = "slow"
metric = "latency_p95_ms"
window = "5m"
above = 1000
for = "5m"
group_by = ["model_version"]

[[rules]]
name = "many"
sql = '''
SELECT model_version, count(*) AS value FROM events
WHERE ts >= $window_start AND ts < $window_end AND kind <> 'alert' GROUP BY model_version
'''
window = "10m"
every = "5m"
above = 7
"""
WALK = """
import sys
from contextlib import nullcontext
from datetime import UTC, datetime
from deadreckon.cli.alert_events import tell
from deadreckon.core.lake import Lake
from deadreckon.core.settings import load
from deadreckon.ingest import engine
from deadreckon.monitor import load_rules, run
from tests.monitor.lakes import Open
settings = load()
lake = Lake.open(settings.lake)
rules = load_rules(settings.rules)
views = Open(lake)  # the events do not change, so the views are bound once and a step takes a part of a second
print("ready", flush=True)
for at in range(int(sys.argv[1]), int(sys.argv[2]) + 1, 300):
    report = run(lake, rules, lambda: nullcontext(views), as_of=at, now=at)
    if tell(lake, settings, datetime.fromtimestamp(at, UTC)) or report.windows:
        print("step", flush=True)
"""
COMMIT_AND_DIE = """
import os, signal, sys
from datetime import UTC, datetime
from deadreckon.core.lake import Lake
from deadreckon.core.settings import load
from deadreckon.monitor import load_rules, run
from deadreckon.monitor.asking import asker
settings = load()
lake = Lake.open(settings.lake)
at = float(sys.argv[1])
run(lake, load_rules(settings.rules), lambda: asker(lake, settings), as_of=at, now=at)
os.kill(os.getpid(), signal.SIGKILL)
"""


def _events():
    """Two versions that are slow and busy in turns, one of which stops."""
    found = []
    for w in range(STEPS):
        found += calls(w * 300, 3 + w % 3, model_version="v1", duration_ms=5000.0 if w % 7 in (2, 3, 4) else 10.0)
        if w < STEPS // 2:
            found += calls(w * 300, 5, model_version="v2", duration_ms=5000.0 if w % 2 else 10.0)
    return found


def _told(folder):
    """How often each alert event is in the lake."""
    with connect(folder / "lake") as con:
        return Counter(i for (i,) in con.execute("SELECT event_id FROM events WHERE kind = 'alert'").fetchall())


def _transitions(folder):
    return store.transitions(Lake.open(folder / "lake"))


def _stands(folder):
    return {(a.stream.rule, a.stream.labels): a.stream for a in current(Lake.open(folder / "lake"))}


@pytest.fixture(scope="module")
def oracle(tmp_path_factory):
    """What one monitor in peace finds."""
    folder = tmp_path_factory.mktemp("oracle")
    make(folder / "lake", _events())
    configure(folder, RULES)
    for at in (300, STEPS * 300):
        process = start(WALK, str(NOON + at), str(NOON + at), folder=folder)
        process.communicate()
    transitions = _transitions(folder)
    assert len(transitions) > 8
    assert set(_told(folder).values()) == {1}
    return [(t.stream, t.previous) for t in transitions], _stands(folder)


@pytest.mark.fault
def test_a_monitor_killed_before_its_alerts_are_told_tells_them_next_time(tmp_path):
    """The states are committed, the process dies, and the next run writes each event once."""
    make(tmp_path / "lake", _events())
    configure(tmp_path, RULES)
    for step in (3, 5):
        process = start(COMMIT_AND_DIE, str(NOON + step * 300), folder=tmp_path)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
    transitions = _transitions(tmp_path)
    assert len({t.run for t in transitions}) == 2
    assert _told(tmp_path) == {}
    _, answer, _ = reckon("monitor", "--as-of", when(NOON + 5 * 300).isoformat(), folder=tmp_path)
    assert (answer["windows"], answer["alerts_written"]) == (0, len(transitions))
    assert _told(tmp_path) == Counter(t.event_id for t in transitions)


@pytest.mark.fault
def test_monitors_killed_at_random_find_what_one_in_peace_finds(tmp_path, oracle):
    """Some kills, in evaluating, committing, telling or ingesting: no state and no event is lost or doubled."""
    make(tmp_path / "lake", _events())
    configure(tmp_path, RULES)
    chance = random.Random(7)
    kills = 0
    for _ in range(KILLS):
        process = start(WALK, str(NOON + 300), str(NOON + STEPS * 300), folder=tmp_path)
        for _ in range(1 + chance.randrange(3)):
            process.stdout.readline()
        time.sleep(chance.random() * 0.7)
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            kills += 1
        process.communicate()
    assert kills > KILLS // 2
    process = start(WALK, str(NOON + 300), str(NOON + STEPS * 300), folder=tmp_path)
    _, err = process.communicate()
    assert process.returncode == 0, err
    transitions = _transitions(tmp_path)
    assert [(t.stream, t.previous) for t in transitions] == oracle[0]
    assert _stands(tmp_path) == oracle[1]
    assert _told(tmp_path) == Counter(t.event_id for t in transitions)


@pytest.mark.fault
def test_two_monitors_at_once_do_not_double(tmp_path, oracle):
    """Both walk through the same windows at the same time, and what is left is what one leaves."""
    make(tmp_path / "lake", _events())
    configure(tmp_path, RULES)
    pair = [start(WALK, str(NOON + 300), str(NOON + STEPS * 300), folder=tmp_path) for _ in range(2)]
    for process in pair:
        _, err = process.communicate()
        assert process.returncode == 0, err
    transitions = _transitions(tmp_path)
    assert [(t.stream, t.previous) for t in transitions] == oracle[0]
    assert _stands(tmp_path) == oracle[1]
    assert _told(tmp_path) == Counter(t.event_id for t in transitions)
