"""Views over many events: each view in full, and a few beside the shortest query that gives the same figures.

The short query knows its lake: that every call is a span with a reported cost, that no span is doubled, that no file
lacks a column. What the view costs beyond it is what its guarantees cost.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb

from deadreckon.core.settings import Settings
from deadreckon.ingest import ingest
from deadreckon.queries import connect
from deadreckon.queries.catalog import views
from deadreckon.queries.sandbox import Sandbox

EVENTS = int(os.environ.get("BENCH_EVENTS", "1000000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
ROOT = Path(__file__).parent.parent
GROUP = "environment, model, model_version, variant, operation"
CALLS = "lake_events WHERE kind = 'span' AND operation IN ('chat', 'embeddings')"
SHORTEST = {
    "latency_by_version": f"""
        SELECT {GROUP}, count(*), quantile_cont(duration_ms, [0.5, 0.9, 0.95, 0.99]), avg(duration_ms),
               quantile_cont(ttft_ms, [0.5, 0.9, 0.95, 0.99])
        FROM {CALLS} AND status IN ('ok', 'timeout') GROUP BY ALL
    """,
    "errors_by_version": f"SELECT {GROUP}, status, count(*) FROM {CALLS} GROUP BY ALL",
    "cost_by_version": f"""
        SELECT {GROUP}, count(*), sum(cost_usd), sum(input_tokens), sum(output_tokens), sum(cache_read_tokens)
        FROM {CALLS} GROUP BY ALL
    """,
    "tools": """
        SELECT environment, tool, count(*), count(*) FILTER (WHERE status = 'error'),
               quantile_cont(duration_ms, [0.5, 0.95])
        FROM lake_events WHERE kind = 'span' AND operation = 'execute_tool' GROUP BY ALL
    """,
    "span_tree": """
        WITH RECURSIVE s AS (SELECT trace_id, span_id, parent_span_id, name FROM lake_events WHERE kind = 'span'),
        tree AS (
            SELECT *, 0 AS depth, name AS path FROM s WHERE parent_span_id IS NULL
            UNION ALL
            SELECT s.*, depth + 1, path || ' > ' || s.name
            FROM tree JOIN s ON s.trace_id = tree.trace_id AND s.parent_span_id = tree.span_id
        )
        FROM tree
    """,
    "loops": """
        SELECT trace_id, tool, input, count(*), sum(duration_ms), min(ts), max(ts)
        FROM lake_events WHERE kind = 'span' AND input IS NOT NULL GROUP BY ALL HAVING count(*) > 1
    """,
}


def main() -> int:
    """Print medians; there is no bound to miss."""
    with tempfile.TemporaryDirectory(prefix="deadreckon-bench-") as folder:
        file, lake = Path(folder) / "events.jsonl", Path(folder) / "lake"
        command = [sys.executable, str(ROOT / "sample_logs/generate.py"), "--events", str(EVENTS), "--out", str(file)]
        subprocess.run(command, check=True)
        ingest([file], lake)
        settings = Settings(lake=str(lake))
        print(f"{'connect()':20} {measured(lambda: connect(settings=settings).close()) * 1000:8.0f} ms")
        with Sandbox(settings) as sandbox:
            first = time.perf_counter()
            sandbox.query("SELECT 1")
            print(f"{'sandbox, opened':20} {(time.perf_counter() - first) * 1000:8.0f} ms")
            again = measured(lambda: sandbox.query("SELECT count(*) FROM sources"))
            print(f"{'sandbox, next query':20} {again * 1000:8.0f} ms")
        with connect(settings=settings) as con:
            for name in views():
                table(con, f"FROM {name}")  # reads the footers, which stay known
                print(f"{name:20} {measured(lambda n=name: table(con, f'FROM {n}')) * 1000:8.0f} ms")
            for name, sql in SHORTEST.items():
                ours, least = [], []
                for _ in range(ROUNDS):
                    ours.append(measured(lambda n=name: table(con, f"FROM {n}"), 1))
                    least.append(measured(lambda s=sql: table(con, s), 1))
                ratio = statistics.median(o / r for o, r in zip(ours, least, strict=True))
                print(f"{name:20} {ratio:8.2f} x the shortest query")
    return 0


def table(con: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Answer a query in full without handing its rows to Python."""
    con.execute(f"CREATE OR REPLACE TEMP TABLE answer AS {sql}")


def measured(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """The median seconds of some rounds."""
    seconds = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


if __name__ == "__main__":
    sys.exit(main())
