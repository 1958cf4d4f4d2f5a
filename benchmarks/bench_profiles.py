"""Profiles: how fast they are built beside the machine's own GROUP BY, and how soon they answer.

The yardstick is what DuckDB needs on the same files, in the same run, to group the same observations by the same keys
and count them: no buckets, no sums, nothing kept. Both by the processor time that they take, shared by two cores: what
else the machine does matters little then. The questions are asked of profiles as a great lake has them, by its size in
rows: they do not depend on how many events were counted.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import orjson
from deltalake.transaction import AddAction

from deadreckon.core.lake import Lake, commit
from deadreckon.core.profiles import BUCKET, COLUMNS, PROFILES, SUBJECT, SUMMARY
from deadreckon.core.settings import Settings
from deadreckon.queries import connect

EVENTS = int(os.environ.get("BENCH_EVENTS", "2000000"))
DAYS = int(os.environ.get("BENCH_DAYS", "28"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
GOAL_PER_S = 8e6
"""On two cores; what holds on any machine is the ratio."""
CORES = 2
MUST_RATIO = 0.75
MUST_ANSWER_MS = 200.0
FILES = 8
HOURS = 24
MEASURES = ("duration_ms", "ttft_ms", "cost_usd", "input_tokens", "output_tokens")
FEATURES = tuple(f"x{i}" for i in range(8))

MAKE = """
COPY (
    SELECT
        'id-' || i AS event_id,
        TIMESTAMPTZ '2026-10-01' + to_microseconds(CAST(i * {step} AS BIGINT)) AS ts,
        'prediction' AS kind,
        CASE WHEN i % 10 < 9 THEN 'prod' ELSE 'staging' END AS environment,
        'm' || i % 2 AS model,
        '1.' || i % 3 AS model_version,
        CAST(NULL AS VARCHAR) AS variant,
        exp(random() * 6) AS duration_ms,
        exp(random() * 4) AS ttft_ms,
        random() / 100 AS cost_usd,
        CAST(random() * 1000 AS BIGINT) AS input_tokens,
        CAST(random() * 100 AS BIGINT) AS output_tokens,
        'tool ' || i % 5 AS tool,
        'ok' AS status,
        to_json({{{features}, country: 'c' || i % 7}})::VARCHAR AS features
    FROM range({first}, {last}) AS t(i)
) TO '{path}' (FORMAT parquet, COMPRESSION zstd)
"""
BUILD = """
import json, sys, time
from deadreckon.core.lake import Lake
from deadreckon.profiles import profile
started = time.process_time()
done = profile(Lake.open(sys.argv[1]))
print(json.dumps({"cpu": time.process_time() - started, "events": done.events, "buckets": done.buckets}))
"""
QUESTIONS = {
    "p95 of latency by hour, one version, a day": """
        SELECT hour, p95, p95_error FROM percentiles_by_hour
        WHERE subject = 'latency_ms' AND model_version = 'v1' AND hour >= TIMESTAMPTZ '2026-10-27 00:00:00+00'
    """,
    "all percentiles of latency by version, all time": """
        SELECT * FROM percentiles_by_version WHERE subject = 'latency_ms'
    """,
    "p99 of cost by day": "SELECT date, model_version, p99 FROM percentiles_by_day WHERE subject = 'cost_usd'",
    "one feature's histograms by hour, all time": """
        SELECT hour, bucket, sum(n) FROM profile_buckets WHERE subject = 'feature:x1' GROUP BY ALL
    """,
    "null share of one feature by day": """
        SELECT CAST(hour AS DATE), sum(n_null) / sum(n + n_null) FROM profile_summaries
        WHERE subject = 'feature:x1' GROUP BY ALL
    """,
    "calls and mean latency by hour": """
        SELECT hour, sum(n), sum(sum) / sum(n) FROM profile_summaries WHERE subject = 'latency_ms' GROUP BY ALL
    """,
    "the last hour of every stream": """
        SELECT subject, model_version, bucket, category, sum(n) FROM profile_buckets
        WHERE hour = TIMESTAMPTZ '2026-10-28 23:00:00+00' GROUP BY ALL
    """,
}


def main() -> int:
    """Print the speeds and times; 1 when one misses what it must reach."""
    with tempfile.TemporaryDirectory(prefix="deadreckon-bench-") as folder:
        built = building(Path(folder) / "events")
        slowest = answering(Path(folder) / "profiles")
    return int(built < MUST_RATIO or slowest > MUST_ANSWER_MS)


def building(place: Path) -> float:
    """How fast profiles are built, as a part of the yardstick's speed; the best of the rounds of both."""
    lake = Lake.create(place)
    root = lake.table_path()
    actions = []
    step = HOURS * 3_600_000_000 / EVENTS
    features = ", ".join(f"{name}: random()" for name in FEATURES)
    for number in range(FILES):
        path = root / "part=events" / "date=2026-10-01" / f"{number}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        first, last = EVENTS * number // FILES, EVENTS * (number + 1) // FILES
        duckdb.execute(MAKE.format(step=step, features=features, first=first, last=last, path=path))
        partition = {"part": "events", "date": "2026-10-01"}
        actions.append(_added(root, path, partition, last - first))
    commit(lake.table(), actions)
    observations = EVENTS * (len(MEASURES) + len(FEATURES) + 3)  # the country, the tool and the status
    files = [str(root / a.path) for a in actions]
    ours, theirs = [], []
    for _ in range(ROUNDS):
        theirs.append(_yardstick(files))
        found = subprocess.run([sys.executable, "-c", BUILD, str(place)], check=True, capture_output=True, text=True)
        ours.append(orjson.loads(found.stdout)["cpu"])
        shutil.rmtree(place / PROFILES.name)
    mine, plain = (observations / (min(seconds) / CORES) for seconds in (ours, theirs))
    print(
        f"building    {mine / 1e6:6.1f} million observations/s, GROUP BY alone {plain / 1e6:6.1f}: "
        f"ratio {mine / plain:.2f} "
        f"(at least {MUST_RATIO}; {GOAL_PER_S / 1e6:.0f} million are the goal)"
    )
    return mine / plain


def _yardstick(files: list[str]) -> float:
    keys = "date_trunc('hour', ts) AS hour, environment, model, model_version, variant"
    measured = " UNION ALL ".join(
        f"SELECT {keys}, '{name}' AS subject, CAST({name} AS DOUBLE) AS x FROM events" for name in MEASURES
    )
    named = " UNION ALL ".join(
        f"SELECT {keys}, '{name}', CAST(NULL AS DOUBLE) FROM events" for name in ("tool", "status")
    )
    unpacked = (
        f"SELECT {keys}, unnest(json_keys(features)), "
        "TRY_CAST(unnest(json_extract(features, '$.*')) ->> '$' AS DOUBLE) FROM events"
    )
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'; SET preserve_insertion_order = false; SET enable_progress_bar = false")
        con.execute(f"CREATE VIEW events AS FROM read_parquet({files})")
        started = time.process_time()
        con.execute(
            f"FROM ({measured} UNION ALL {named} UNION ALL {unpacked}) "
            "SELECT hour, environment, model, model_version, variant, subject, count(*), count(x) GROUP BY ALL"
        ).fetchall()
        return time.process_time() - started


def answering(place: Path) -> float:
    """The slowest question's milliseconds; the median of the rounds of each."""
    lake = Lake.create(place)
    lake.ensure_table(PROFILES)
    root = lake.table_path(PROFILES)
    rows = 0
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        con.execute(
            """
            CREATE TABLE streams AS
            SELECT hour, 1::TINYINT AS hours, environment, 'm' AS model, 'v' || v AS model_version,
                NULL::VARCHAR AS variant, subject
            FROM (SELECT unnest(generate_series(TIMESTAMPTZ '2026-10-01', TIMESTAMPTZ '2026-10-01' + to_days($days)
                - INTERVAL 1 HOUR, INTERVAL 1 HOUR)) AS hour),
                (VALUES ('prod'), ('staging')) AS e(environment),
                range(1, 4) AS t(v),
                (SELECT unnest(list_concat($measures, ['feature:x' || i FOR i IN range(40)])) AS subject);
            """,
            {"measures": ["latency_ms", "ttft_ms", "cost_usd", "input_tokens", "output_tokens"], "days": DAYS},
        )
        # 100 million events in all: each stream's hour has its share, over some 90 buckets.
        share = int(100e6 / (DAYS * HOURS * 6))
        con.execute(
            f"""
            CREATE VIEW {BUCKET}_rows AS
            SELECT streams.*, 5::TINYINT AS scale, (2300 + b)::INTEGER AS bucket, NULL::VARCHAR AS category,
                greatest(1, ({share} * exp(-0.5 * pow((b - 45) / 15.0, 2)) / 37.6)::BIGINT) AS n
            FROM streams, range(90) AS t(b);
            CREATE VIEW {SUMMARY}_rows AS
            SELECT streams.*, {share}::BIGINT AS n, 0::BIGINT AS n_null, 0::BIGINT AS n_nan, 0::BIGINT AS n_posinf,
                0::BIGINT AS n_neginf, 0::BIGINT AS n_other, {share} * 300.0::DOUBLE AS sum,
                {share} * 1e5::DOUBLE AS sum_sq, 1.0::DOUBLE AS min, 5000.0::DOUBLE AS max
            FROM streams
            UNION ALL BY NAME
            SELECT DISTINCT ON (hour, environment, model_version) streams.* REPLACE ('features' AS subject),
                {share}::BIGINT AS n, 0::BIGINT AS n_null, 0::BIGINT AS n_nan, 0::BIGINT AS n_posinf,
                0::BIGINT AS n_neginf, 0::BIGINT AS n_other
            FROM streams;
            CREATE VIEW {SUBJECT}_rows AS
            SELECT DISTINCT subject, 'numeric' AS kind, 0.0::DOUBLE AS origin, NULL::VARCHAR[] AS categories,
                true AS complete, 0::BIGINT AS seen, 1::BIGINT AS version
            FROM streams;
            """
        )
        actions = []
        for part in (BUCKET, SUMMARY, SUBJECT):
            month = "1970-01-01" if part == SUBJECT else "2026-10-01"
            path = root / f"part={part}" / f"date={month}" / "one.parquet"
            path.parent.mkdir(parents=True)
            order = "subject" if part == SUBJECT else "subject, hour"
            con.execute(
                f"COPY (FROM {part}_rows SELECT {', '.join(COLUMNS[part])} ORDER BY {order}) TO '{path}' "
                "(FORMAT parquet, COMPRESSION zstd)"
            )
            count = con.execute(f"FROM {part}_rows SELECT count(*)").fetchone()
            rows += count[0] if count else 0
            actions.append(_added(root, path, {"part": part, "date": month}, count[0] if count else 0))
        commit(lake.table(PROFILES), actions)
    size = sum(a.size for a in actions) / 1e6
    print(f"{rows:,} rows of profiles ({size:.0f} MB): 270 streams, {DAYS} days by the hour, 100 million events")
    return max(_asked(lake, name, sql) for name, sql in QUESTIONS.items())


def _asked(lake: Lake, name: str, sql: str) -> float:
    took = []
    with connect(lake, settings=Settings()) as con:
        for _ in range(ROUNDS):
            started = time.perf_counter()
            con.execute(sql).fetchall()
            took.append((time.perf_counter() - started) * 1000)
    median = statistics.median(took)
    print(f"answering   {median:6.0f} ms  {name}")
    return median


def _added(root: Path, path: Path, partition: dict[str, str], rows: int) -> AddAction:
    return AddAction(
        path.relative_to(root).as_posix(),
        path.stat().st_size,
        partition,
        int(time.time() * 1000),
        data_change=True,
        stats=orjson.dumps({"numRecords": rows}).decode(),
    )


if __name__ == "__main__":
    sys.exit(main())
