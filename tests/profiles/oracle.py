"""What the profiles must say, counted from the events in the plainest way."""

from __future__ import annotations

from collections import Counter
from typing import Any

from deadreckon.core.lake import Lake
from deadreckon.core.settings import Settings
from deadreckon.profiles import connect
from deadreckon.queries import connect as every_view

Counts = dict[tuple[Any, ...], int]


def events(lake: Lake) -> Counts:
    """Events with a duration by hour and version, and with each feature, tool and its value."""
    with every_view(lake, settings=Settings()) as con:
        rows = con.execute(
            "SELECT hour(ts), model_version, duration_ms, tool, json_extract_string(features, '$.age') FROM events"
        ).fetchall()
    counts: Counter[tuple[Any, ...]] = Counter()
    for hour, version, duration, tool, age in rows:
        counts[hour, version, "latency_ms", None] += duration is not None
        counts[hour, version, "tool:name", tool] += tool is not None
        counts[hour, version, "feature:age", None] += age is not None
    return {key: n for key, n in counts.items() if n}


def profiled(lake: Lake) -> Counts:
    """The same as the profiles' buckets have it; each must agree with its summary."""
    with connect(lake) as con:
        rows = con.execute(
            "SELECT hour(hour), model_version, subject, category, sum(n) FROM profile_buckets "
            "WHERE subject IN ('latency_ms', 'tool:name', 'feature:age') GROUP BY ALL"
        ).fetchall()
        summed = con.execute(
            "SELECT hour(hour), model_version, subject, sum(n) FROM profile_summaries "
            "WHERE subject IN ('latency_ms', 'tool:name', 'feature:age') GROUP BY ALL HAVING sum(n) > 0"
        ).fetchall()
    of_buckets: Counter[tuple[Any, ...]] = Counter()
    for hour, version, subject, _, n in rows:
        of_buckets[hour, version, subject] += int(n)
    assert of_buckets == {tuple(key): int(n) for *key, n in summed}
    return {(hour, version, subject, category): int(n) for hour, version, subject, category, n in rows}
