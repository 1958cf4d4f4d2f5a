"""Processes that work on one lake at the same time, for tests that kill some of them.

Run as `python crew.py ROLE LAKE FOLDER NAME`; each goes on until the file FOLDER/stop exists, and prints `ready` first.
"""

from __future__ import annotations

import json
import random
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from deadreckon.core.doctor import doctor
from deadreckon.core.errors import LockHeldError
from deadreckon.core.lake import Lake
from deadreckon.core.maintenance import maintain
from deadreckon.core.settings import MaintainSettings
from deadreckon.ingest import ingest

PAST = datetime.now(UTC) - timedelta(days=5)


def write_and_ingest(lake: Path, folder: Path, name: str) -> None:
    """Append numbered lines of past and present days to a log, and ingest it, again and again."""
    log, number = folder / f"{name}.jsonl", 0
    while not (folder / "stop").exists():
        with log.open("a") as file:
            for _ in range(random.randrange(1, 30)):
                ts = (PAST + timedelta(days=number % 6, seconds=number)).isoformat()
                file.write(json.dumps({"ts": ts, "event": "tick", "number": f"{name}-{number}"}) + "\n")
                number += 1
        ingest([log], lake)
    (folder / f"{name}.count").write_text(str(number))


def read(lake: Path, folder: Path, name: str) -> None:
    """Count the events again and again: never fewer than before, never one twice, never a file missing."""
    seen = looks = 0
    while not (folder / "stop").exists():
        files = [str(f.path) for f in Lake.open(lake).snapshot().part("events")]
        if files:
            query = "SELECT count(*), count(DISTINCT attributes->>'number') FROM read_parquet($f, union_by_name = true)"
            count, distinct = duckdb.execute(query, {"f": files}).fetchone() or (0, 0)
            if count != distinct or count < seen:
                (folder / f"{name}.wrong").write_text(f"{count} events, {distinct} different, {seen} before")
                return
            seen, looks = count, looks + 1
    (folder / f"{name}.looks").write_text(str(looks))


def keep_house(lake: Path, folder: Path, _name: str) -> None:
    """Maintain without a pause, with small files so that there is always something to merge."""
    rules = MaintainSettings.model_construct(retention_days=0, vacuum_hours=168, target_file_bytes=200_000)
    while not (folder / "stop").exists():
        maintain(Lake.open(lake), rules)


def cure(lake: Path, folder: Path, _name: str) -> None:
    """Repair without a pause."""
    while not (folder / "stop").exists():
        try:
            doctor(lake, repair=True)
        except LockHeldError:
            time.sleep(0.01)


if __name__ == "__main__":
    role, lake, folder, name = sys.argv[1:]
    print("ready", flush=True)
    {"writer": write_and_ingest, "reader": read, "keeper": keep_house, "doctor": cure}[role](
        Path(lake), Path(folder), name
    )
