"""Ingest against DuckDB's raw, unguarded COPY of the same file, in turn, each in a process of its own.

The yardstick is given the file's columns, found beforehand, so that its time is that of reading once: it keeps no
offsets, refuses nothing, drops no duplicates, syncs nothing. Must reach 0.6 of its speed, in under 1 GiB, with a lake
of at most a fifth of the JSON.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

EVENTS = int(os.environ.get("BENCH_EVENTS", "1000000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
MUST_REACH = 0.6
MOST_MEMORY_MIB = 1024
MOST_SIZE = 0.2
ROOT = Path(__file__).parent.parent

MEASURED = """
import json, resource, sys, time
{setup}
started = time.perf_counter()
{work}
wall = time.perf_counter() - started
usage = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({{"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "mib": usage.ru_maxrss / 1024}}))
"""
RAW_SETUP = """
import duckdb
con = duckdb.connect()
file, columns, target = sys.argv[1:4]
"""
RAW_WORK = """
con.execute(
    f"COPY (SELECT * FROM read_json('{file}', format = 'newline_delimited', columns = {columns})) "
    f"TO '{target}' (FORMAT parquet, COMPRESSION zstd)"
)
"""
OUR_SETUP = """
from deadreckon.ingest import ingest
import deadreckon.ingest.engine
file, lake = sys.argv[1:3]
"""
OUR_WORK = """
summary = ingest([file], lake)
assert summary.quarantined == 0, summary
"""


def main() -> int:
    """Print medians and the ratio; 1 when a bound is missed."""
    with tempfile.TemporaryDirectory(prefix="deadreckon-bench-") as folder:
        place = Path(folder)
        file = place / "events.jsonl"
        command = [sys.executable, str(ROOT / "sample_logs/generate.py"), "--events", str(EVENTS), "--out", str(file)]
        subprocess.run(command, check=True)
        size = file.stat().st_size
        columns = _columns(file)
        raw, ours = [], []
        lake_size = 0
        for number in range(ROUNDS):
            raw.append(_measure(RAW_SETUP, RAW_WORK, str(file), columns, str(place / "raw.parquet")))
            lake = place / f"lake{number}"
            ours.append(_measure(OUR_SETUP, OUR_WORK, str(file), str(lake)))
            lake_size = sum(f.stat().st_size for f in lake.rglob("*") if f.is_file())
            print(f"round {number + 1}: raw {raw[-1]['wall']:.2f} s, ingest {ours[-1]['wall']:.2f} s", flush=True)
        ratio = statistics.median(r["wall"] / o["wall"] for r, o in zip(raw, ours, strict=True))
        memory = max(o["mib"] for o in ours)
        for name, runs in (("raw COPY", raw), ("ingest", ours)):
            wall = statistics.median(r["wall"] for r in runs)
            cpu = statistics.median(r["cpu"] for r in runs)
            print(
                f"{name:9} {wall:6.2f} s wall, {cpu:6.2f} s cpu, {size / wall / 1e6:6.1f} MB/s, "
                f"{EVENTS / wall:10,.0f} events/s, {max(r['mib'] for r in runs):6.0f} MiB at most"
            )
        print(f"ingest runs at {ratio:.2f} of raw COPY's speed (must reach {MUST_REACH})")
        print(f"the lake is {lake_size / size:.3f} of the JSON's {size / 1e6:.0f} MB (at most {MOST_SIZE})")
        return int(ratio < MUST_REACH or memory > MOST_MEMORY_MIB or lake_size / size > MOST_SIZE)


def _columns(file: Path) -> str:
    import duckdb

    described = duckdb.connect().execute(f"DESCRIBE SELECT * FROM read_json('{file}', sample_size = -1)").fetchall()
    return "{" + ", ".join(f"'{name}': '{kind}'" for name, kind, *_ in described) + "}"


def _measure(setup: str, work: str, *arguments: str) -> dict[str, float]:
    script = MEASURED.format(setup=setup, work=work)
    done = subprocess.run([sys.executable, "-c", script, *arguments], check=True, capture_output=True, text=True)
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


if __name__ == "__main__":
    sys.exit(main())
