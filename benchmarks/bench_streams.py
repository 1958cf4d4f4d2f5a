"""Drift of 10,000 streams: what the hourly runs of a week take, in each seventh of which a share of them moves on.

1,000 features in 10 segments, 36 days of hourly profiles. BENCH_FEATURES=100 makes a tenth of it; BENCH_RUNS=24 looks
at a day in place of the week; BENCH_SORTED=1 puts all profiles into one file by subject, as compaction leaves a month.
The first run has to calibrate all. Runs are processes of their own, so that the peak of their memory is theirs.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb

FEATURES = int(os.environ.get("BENCH_FEATURES", "1000"))
SEGMENTS = 10
BUCKETS = 12
HOURS = 28 * 24
RUNS = int(os.environ.get("BENCH_RUNS", "168"))
START = 2950 * 7 * 86_400
MOST_SECONDS, MOST_MIB = 10.0, 1024

RUN = """
import resource, sys, time
from pathlib import Path
import duckdb
from deadreckon.drift.detector.edetector import Budget
from deadreckon.drift.watch import States, Trailing, Watch, judge

place, hour, started = Path(sys.argv[1]), int(sys.argv[2]), time.perf_counter()
con = duckdb.connect()
con.execute("SET TimeZone = 'UTC'; SET threads = 2; SET memory_limit = '500MB'")
con.execute(f"SET temp_directory = '{place}/spill'")
for name in ("lake_profile_buckets", "profile_subjects"):
    con.execute(f"CREATE VIEW {name} AS FROM read_parquet('{place}/{name}/*.parquet')")
watch = Watch(("feature:*",), ("model_version",), reference=Trailing(28, 7))
states = States.new(())
path = place / "states.json"
import orjson
if path.exists():
    states = States.of_rows(orjson.loads(path.read_bytes()))
(found,) = judge(con, watch, [hour], states, Budget, place / "kept")
path.write_bytes(orjson.dumps(found.states.rows()))
said = {v.state for v in found.verdicts}
used = resource.getrusage(resource.RUSAGE_SELF)
took, work, peak = time.perf_counter() - started, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
print(len(found.verdicts), "/".join(sorted(said)), sum(v.alarm for v in found.verdicts), took, work, peak)
"""


def make(place: Path) -> None:
    """Profiles of streams whose values lie around 10, a little higher in the afternoon; one file a day."""
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'; SET threads = 2; SET memory_limit = '1GB'")
    con.execute(f"SET temp_directory = '{place}/spill'")
    for name in ("lake_profile_buckets", "profile_subjects"):
        (place / name).mkdir()
    con.execute(
        f"COPY (SELECT 'feature:f' || i AS subject, 'numeric' AS kind, 0.0 AS origin, NULL::VARCHAR[] AS categories"
        f" FROM range({FEATURES}) t(i)) TO '{place}/profile_subjects/0.parquet'"
    )
    for day in range(-(-(HOURS + RUNS + 1) // 24)):
        con.execute(
            f"""
            COPY (
                SELECT make_timestamptz(({START}::BIGINT + h * 3600) * 1000000) AS hour, 1::TINYINT AS hours,
                    'production' AS environment, 'm' AS model, 'v' || s AS model_version, NULL::VARCHAR AS variant,
                    'feature:f' || f AS subject, 5::TINYINT AS scale,
                    (2154 + b + CASE WHEN h % 24 >= 12 THEN 1 ELSE 0 END)::INTEGER AS bucket, NULL::VARCHAR AS category,
                    greatest(1, ([2, 6, 14, 28, 44, 56, 56, 44, 28, 14, 6, 2][b + 1]
                        + (hash(f, s, h, b) % 9)::BIGINT - 4))::BIGINT AS n
                FROM range({day * 24}, least({day * 24 + 24}, {HOURS + RUNS + 1})) t(h), range({FEATURES}) u(f),
                    range({SEGMENTS}) v(s), range({BUCKETS}) w(b)
            ) TO '{place}/lake_profile_buckets/{day:02}.parquet' (COMPRESSION zstd)
            """
        )
    if os.environ.get("BENCH_SORTED"):
        con.execute(
            f"COPY (FROM '{place}/lake_profile_buckets/*.parquet' ORDER BY subject, hour, model_version, bucket)"
            f" TO '{place}/sorted.parquet' (COMPRESSION zstd)"
        )
        for file in (place / "lake_profile_buckets").iterdir():
            file.unlink()
        (place / "sorted.parquet").rename(place / "lake_profile_buckets" / "0.parquet")
    con.close()


def run(place: Path, hour: int) -> tuple[int, str, float, float, float]:
    """How many verdicts one run gives, of what states, seconds, those of the processor, and its peak memory in MiB."""
    asked = [sys.executable, "-c", RUN, str(place), str(START + hour * 3600)]
    answer = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.splitlines()[-1].split()
    seconds, work, peak = (float(a) for a in answer[3:6])
    return int(answer[0]), f"{answer[1]}, {answer[2]} alarms", seconds, work, peak


def main() -> int:
    """Print what they take; 1 when an hourly run of all streams but the first is over 10 s or 1 GiB."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_FOLDER")) as folder:
        place = Path(folder)
        make(place)
        size = sum(f.stat().st_size for f in place.glob("lake_profile_buckets/*")) / 2**20
        print(f"{FEATURES * SEGMENTS:,} streams, {HOURS + RUNS} hours of {BUCKETS} buckets: {size:,.0f} MiB of Parquet")
        streams, states, seconds, work, peak = run(place, HOURS)
        print(f"the first run: {streams:,} verdicts ({states}): {seconds:.1f} s, {peak:.0f} MiB", flush=True)
        print(f"  ({work:.1f} s of the processor)")
        kept = sum(f.stat().st_size for f in place.glob("kept/*/*")) / 2**20
        moving, others = [], []
        for hour in range(HOURS + 1, HOURS + 1 + RUNS):
            (moving if hour % 7 == 0 else others).append(run(place, hour))
        for what, runs in (("a share moves on", moving), ("none does", others)):
            took = sorted(r[2] for r in runs)
            print(
                f"{len(runs)} hourly runs in which {what}: median {took[len(took) // 2]:.1f} s, worst {took[-1]:.1f} s"
                f" ({max(r[3] for r in runs):.1f} s of the processor), {max(r[4] for r in runs):.0f} MiB;"
                f" {sorted({r[1] for r in runs})}"
            )
        print(f"calibrations of all streams take {kept:,.0f} MiB of the disk")
    return int(max(r[2] for r in moving + others) > MOST_SECONDS or max(r[4] for r in moving + others) > MOST_MIB)


if __name__ == "__main__":
    sys.exit(main())
