"""Maintenance of a lake of many small commits: our compaction beside delta-rs's own, and what either gives to readers.

delta-rs neither sorts, nor compares what it wrote with what it read, nor forces it to the disk before it commits.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from deadreckon.core.doctor import doctor
from deadreckon.core.lake import Lake
from deadreckon.core.maintenance import Step, maintain
from deadreckon.core.settings import IngestSettings, Settings
from deadreckon.ingest import ingest

EVENTS = int(os.environ.get("BENCH_EVENTS", "200000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
ROOT = Path(__file__).parent.parent


def main() -> int:
    """Print figures; there is no bound to miss."""
    with tempfile.TemporaryDirectory(prefix="deadreckon-bench-") as folder:
        home = Path(folder)
        file, small = home / "events.jsonl", home / "small"
        command = [sys.executable, str(ROOT / "sample_logs/generate.py"), "--events", str(EVENTS), "--out", str(file)]
        subprocess.run(command, check=True)
        ingest([file], small, settings=Settings(ingest=IngestSettings(batch_bytes=1 << 20)))
        file.unlink()
        show("as ingested", Lake.open(small), 0)
        theirs = Lake.open(shutil.copytree(small, home / "theirs"))
        ours = Lake.open(shutil.copytree(small, home / "ours"))
        show("delta-rs compact", theirs, seconds(lambda: theirs.table().optimize.compact(target_size=256 << 20)))
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        show("reckon maintain", ours, seconds(lambda: maintain(ours, steps={Step.compact}, now=tomorrow)))
        print(f"{'checkpoint':18} {seconds(lambda: maintain(ours, steps={Step.checkpoint})):8.2f} s")
        for name, lake in (("as ingested", small), ("compacted", ours.root)):
            print(f"{'doctor, ' + name:25} {seconds(lambda place=lake: doctor(place)):8.2f} s")
            print(f"{'doctor --deep, ' + name:25} {seconds(lambda place=lake: doctor(place, deep=True)):8.2f} s")
    return 0


def show(name: str, lake: Lake, took: float) -> None:
    """One line: what was done, the files that are live now, and how long readers take."""
    files = lake.snapshot().part("events")
    paths = [str(f.path) for f in files]
    read = "FROM read_parquet($f, union_by_name = true)"
    one = duckdb.execute(f"SELECT event_id {read} USING SAMPLE 1", {"f": paths}).fetchone()
    scan = median(lambda: duckdb.execute(f"SELECT model, avg(duration_ms) {read} GROUP BY 1", {"f": paths}).fetchall())
    find = median(
        lambda: duckdb.execute(f"SELECT * {read} WHERE event_id = $id", {"f": paths, "id": one[0]}).fetchall()
    )
    size = sum(f.size for f in files) / 1e6
    print(
        f"{name:18} {took:8.2f} s {len(files):6} event files {size:8.1f} MB"
        f"   scan {scan * 1000:6.0f} ms   one event {find * 1000:6.0f} ms"
    )


def seconds(work: Callable[[], object]) -> float:
    """How long it takes, once."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def median(work: Callable[[], object]) -> float:
    """The median of some rounds."""
    return statistics.median(seconds(work) for _ in range(ROUNDS))


if __name__ == "__main__":
    sys.exit(main())
