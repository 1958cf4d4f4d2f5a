"""Kill everything at random moments, then hold the lake against the oracle: nothing lost, nothing doubled."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from deadreckon.core.lake import Lake
from deadreckon.ingest import ingest

PRODUCERS = ("emit", "emit", "emit", "hand", "hand", "hand")
EVENTS = 1500
INGESTER = """
import sys, time
from deadreckon.core.errors import SourceError
from deadreckon.core.lake import Lake
from deadreckon.core.settings import Settings
from deadreckon.ingest.engine import Ingester
place, lake = sys.argv[1:]
while True:
    with Ingester(Lake.create(lake), Settings()) as ingester:
        for _ in range(20):
            ingester.run([place + "/spool", place + "/logs"])
"""


@dataclass
class Found:
    """What the oracle and the lake say, for the test to compare."""

    kills: int = 0
    begun: dict[str, set[str]] = field(default_factory=lambda: {"event": set(), "garbage": set()})
    done: dict[str, set[str]] = field(default_factory=lambda: {"event": set(), "garbage": set()})
    arrived: Counter[str] = field(default_factory=Counter)
    ids: Counter[str] = field(default_factory=Counter)
    quarantined: Counter[str] = field(default_factory=Counter)
    duplicates: int = 0
    conflicts_seen: int = 0


def run(place: Path, kills: int, seed: int) -> Found:
    """Two ingesters and six producers, killed `kills` times in all; then one quiet ingest, and what is there."""
    dice = random.Random(seed)
    for name in ("spool", "logs", "oracle"):
        (place / name).mkdir()
    running: dict[str, subprocess.Popen[bytes]] = {}
    generation: Counter[str] = Counter()

    def start(role: str) -> None:
        generation[role] += 1
        if role.startswith("ingester"):
            arguments = ["-c", INGESTER, str(place), str(place / "lake")]
        else:
            how, number = role.split("-")
            name = f"{how}{number}g{generation[role]}"
            script = str(Path(__file__).parent / "producer.py")
            arguments = [script, how, str(place), name, str(dice.random()), str(EVENTS)]
        with (place / "complaints").open("ab") as complaints:
            running[role] = subprocess.Popen([sys.executable, *arguments], stderr=complaints)

    roles = ["ingester-1", "ingester-2", *(f"{how}-{n}" for n, how in enumerate(PRODUCERS))]
    found = Found()
    try:
        for role in roles:
            start(role)
        time.sleep(2.0)  # let the ingesters come to work: a kill before that proves little
        while found.kills < kills:
            time.sleep(dice.uniform(0.2, 1.2))
            role = dice.choice(["ingester-1", "ingester-2", *roles])
            complain(running[role], place)
            running[role].send_signal(signal.SIGKILL)
            running[role].wait()
            found.kills += 1
            start(role)
            for other, process in running.items():
                if process.poll() == 0 and not other.startswith("ingester"):
                    start(other)  # a producer that is through goes on under a new name
    finally:
        for process in running.values():
            process.kill()
            process.wait()
    ingest([place / "spool", place / "logs"], place / "lake")
    read_oracle(place, found)
    read_lake(place / "lake", found)
    return found


def complain(process: subprocess.Popen[bytes], place: Path) -> None:
    """A process that ended by itself with an error is a failure of its own."""
    if process.poll() not in (None, 0, -signal.SIGKILL):
        raise AssertionError((place / "complaints").read_text())


def read_oracle(place: Path, found: Found) -> None:
    """What was begun and what was written whole, by all producers."""
    for path in (place / "oracle").iterdir():
        for line in path.read_text().splitlines():
            words = line.split(" ")
            if len(words) == 3:
                (found.begun if words[0] == "+" else found.done)[words[1]].add(words[2])


def read_lake(lake: Path, found: Found) -> None:
    """What the lake's newest version holds, read without our own views."""
    snapshot = Lake.open(lake).snapshot()
    con = duckdb.connect()
    events = [str(f.path) for f in snapshot.part("events")]
    ledger = [str(f.path) for f in snapshot.part("ledger")]
    for event_id, request in con.execute(
        "SELECT event_id, request_id FROM read_parquet($f, union_by_name = true) WHERE request_id IS NOT NULL",
        {"f": events},
    ).fetchall():
        found.ids[event_id] += 1
        found.arrived[request] += 1
    rows = con.execute(
        "SELECT record, raw, duplicates FROM read_parquet($f, union_by_name = true)", {"f": ledger}
    ).fetchall()
    for record, raw, duplicates in rows:
        if record == "quarantine":
            found.quarantined[raw] += 1
        found.duplicates += duplicates or 0


def check(found: Found) -> None:
    """0 lost, 0 doubled, quarantine exact."""
    lost = found.done["event"] - set(found.arrived)
    assert not lost, f"{len(lost)} lost, such as {sorted(lost)[:3]}"
    strange = set(found.arrived) - found.begun["event"]
    assert not strange, f"{len(strange)} nobody wrote, such as {sorted(strange)[:3]}"
    doubled = [name for name, count in found.arrived.items() if count > 1]
    assert not doubled, f"{len(doubled)} doubled, such as {sorted(doubled)[:3]}"
    again = [name for name, count in found.ids.items() if count > 1]
    assert not again, f"{len(again)} ids of several events, such as {sorted(again)[:3]}"
    garbage = {raw.split('"')[3]: count for raw, count in found.quarantined.items() if raw.count('"') >= 4}
    assert len(garbage) == len(found.quarantined), f"unexpected quarantine: {list(found.quarantined)[:3]}"
    lost = found.done["garbage"] - set(garbage)
    assert not lost, f"{len(lost)} refused lines lost, such as {sorted(lost)[:3]}"
    strange = set(garbage) - found.begun["garbage"]
    assert not strange, f"{len(strange)} refused lines that nobody wrote, such as {sorted(strange)[:3]}"
    doubled = [name for name, count in garbage.items() if count > 1]
    assert not doubled, f"{len(doubled)} refused lines doubled, such as {sorted(doubled)[:3]}"
