"""Drift of 10,000 streams: what an hourly run takes, and what the calibration that it rests on takes once a week.

1,000 features in 10 segments, 28 days of hourly profiles and two hours more. BENCH_FEATURES=100 makes a tenth of it.
Both runs are processes of their own, so that the peak of their memory is theirs.
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
took, peak = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(len(found.verdicts), "/".join(sorted(said)), sum(v.alarm for v in found.verdicts), took, peak)
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
    for day in range(HOURS // 24 + 1):
        con.execute(
            f"""
            COPY (
                SELECT make_timestamptz(({START}::BIGINT + h * 3600) * 1000000) AS hour, 1::TINYINT AS hours,
                    'production' AS environment, 'm' AS model, 'v' || s AS model_version, NULL::VARCHAR AS variant,
                    'feature:f' || f AS subject, 5::TINYINT AS scale,
                    (2154 + b + CASE WHEN h % 24 >= 12 THEN 1 ELSE 0 END)::INTEGER AS bucket, NULL::VARCHAR AS category,
                    greatest(1, ([2, 6, 14, 28, 44, 56, 56, 44, 28, 14, 6, 2][b + 1]
                        + (hash(f, s, h, b) % 9)::BIGINT - 4))::BIGINT AS n
                FROM range({day * 24}, least({day * 24 + 24}, {HOURS + 2})) t(h), range({FEATURES}) u(f),
                    range({SEGMENTS}) v(s), range({BUCKETS}) w(b)
            ) TO '{place}/lake_profile_buckets/{day:02}.parquet' (COMPRESSION zstd)
            """
        )
    con.close()


def run(place: Path, hour: int) -> tuple[int, str, float, float]:
    """How many verdicts one run gives, of what states, the seconds it takes, and its peak memory in MiB."""
    asked = [sys.executable, "-c", RUN, str(place), str(START + hour * 3600)]
    answer = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.splitlines()[-1].split()
    return int(answer[0]), f"{answer[1]}, {answer[2]} alarms", float(answer[3]), float(answer[4])


def main() -> int:
    """Print both; 1 when the hourly run of all streams is over 10 s or 1 GiB."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_FOLDER")) as folder:
        place = Path(folder)
        make(place)
        size = sum(f.stat().st_size for f in place.glob("lake_profile_buckets/*")) / 2**20
        print(f"{FEATURES * SEGMENTS:,} streams, {HOURS} hours of {BUCKETS} buckets each: {size:,.0f} MiB of Parquet")
        first = run(place, HOURS)
        kept = sum(f.stat().st_size for f in place.glob("kept/*/*")) / 2**20
        again = run(place, HOURS + 1)
        for what, (streams, states, seconds, peak) in (("calibrate and run", first), ("an hourly run", again)):
            print(f"{what:18} {streams:,} verdicts ({states}): {seconds:7.1f} s, {peak:6.0f} MiB at most")
        print(f"calibrations kept: {kept:,.0f} MiB; the hourly run takes 1/{first[2] / again[2]:.0f} of the first")
    return int(again[2] > MOST_SECONDS or again[3] > MOST_MIB)


if __name__ == "__main__":
    sys.exit(main())
