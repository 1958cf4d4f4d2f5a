"""Profile rows as arrays: which streams a relation of profiles holds, and what is in their windows.

The relations are `lake_profile_buckets`, whose rows for the same bucket add up, and `profile_subjects`; a stream is
found by its number from then on, so that no text is read a second time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import duckdb
import numpy as np

from deadreckon.drift.buckets import Integers
from deadreckon.drift.watch.reference import Watch

Arrays = dict[str, Integers]
SLOT: Final = "epoch_us(p.hour) // 1000000 // $seconds"


def condition(watch: Watch, *, reference: bool) -> tuple[str, dict[str, Any]]:
    """Which rows are watched: a condition on `p` with `$from` and `$to` in epoch seconds, and the other parameters."""
    terms = [
        "p.hour >= make_timestamptz(CAST($from AS BIGINT) * 1000000)",
        "p.hour < make_timestamptz(CAST($to AS BIGINT) * 1000000)",
    ]
    # Hours that were put together into days are no hourly windows any more.
    terms.append(f"p.hours * 3600 <= {watch.cadence.seconds}")
    params: dict[str, Any] = {}
    subjects = []
    for place, name in enumerate(watch.subjects):
        params[f"subject{place}"] = name
        subjects.append(f"p.subject = $subject{place} OR p.subject GLOB $subject{place}")
    terms.append(f"({' OR '.join(subjects)})")
    against = dict(watch.against)
    wanted = {d: v for d, v in dict(watch.where).items() if not (reference and d in against)}
    for dimension, values in (wanted | ({d: (v,) for d, v in against.items()} if reference else {})).items():
        names = [f"{dimension}{place}" for place in range(len(values))]
        params |= dict(zip(names, values, strict=True))
        terms.append(f"p.{dimension} IN ({', '.join(f'${n}' for n in names)})")
    if not reference:
        for dimension, value in against.items():
            params[f"not_{dimension}"] = value
            terms.append(f"p.{dimension} IS DISTINCT FROM $not_{dimension}")
    return " AND ".join(terms), params


def make_streams(con: duckdb.DuckDBPyConnection, watch: Watch, start: int, end: int) -> None:
    """Make `watch_streams`: the reference's streams by kind, each with a number from 0 on, and its rows' number."""
    where, params = condition(watch, reference=True)
    dims = _dims(watch.shared)
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE watch_streams AS
        SELECT
            CAST(row_number() OVER (PARTITION BY kind ORDER BY subject{dims}) - 1 AS BIGINT) AS stream,
            f.*, s.kind, coalesce(s.origin, 0.0) AS origin
        FROM (
            SELECT p.subject{_dims(watch.shared, "p.")}, count(*) AS n_rows, min(p.scale) AS scale
            FROM lake_profile_buckets p WHERE {where} GROUP BY ALL
        ) f JOIN profile_subjects s USING (subject)
        """,  # noqa: S608  # names of dimensions
        params | {"from": start, "to": end},
    )


def make_categories(con: duckdb.DuckDBPyConnection, watch: Watch, start: int, end: int, most: int) -> None:
    """Make `watch_categories`: the column of each value of a categorical stream, the rare ones all in `most`.

    `single`: whether one window alone has the value.
    """
    where, params = condition(watch, reference=True)
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE watch_categories AS
        SELECT stream, category, least(row_number() OVER (PARTITION BY stream ORDER BY n DESC, category) - 1, $most)
            AS "column", n_windows = 1 AS single
        FROM (
            SELECT s.stream, p.category, sum(p.n) AS n, count(DISTINCT {SLOT}) AS n_windows
            FROM lake_profile_buckets p JOIN watch_streams s ON {_same(watch.shared)}
            WHERE {where} AND s.kind = 'categorical' AND p.category IS NOT NULL GROUP BY ALL
        )
        """,  # noqa: S608
        params | {"from": start, "to": end, "most": most, "seconds": watch.cadence.seconds},
    )


def reference_rows(
    con: duckdb.DuckDBPyConnection, watch: Watch, start: int, end: int, kind: str, streams: tuple[int, int]
) -> Arrays:
    """The reference's rows of these streams, by stream: stream, slot, scale, place (bucket or column), single, n."""
    where, params = condition(watch, reference=True)
    if kind == "numeric":
        columns, join = "p.scale, p.bucket AS place, false AS single", ""
    else:
        columns, join = '0 AS scale, c."column" AS place, c.single', "JOIN watch_categories c USING (stream, category)"
    return _arrays(
        con,
        f"""
        SELECT s.stream, {SLOT} AS slot, {columns}, CAST(sum(p.n) AS BIGINT) AS n
        FROM lake_profile_buckets p JOIN watch_streams s ON {_same(watch.shared)} {join}
        WHERE {where} AND s.kind = $kind AND s.stream >= $first AND s.stream < $last
          AND {"p.bucket IS NOT NULL" if kind == "numeric" else "p.category IS NOT NULL"}
        GROUP BY ALL ORDER BY stream
        """,  # noqa: S608
        params
        | {"from": start, "to": end, "seconds": watch.cadence.seconds, "kind": kind}
        | {"first": streams[0], "last": streams[1]},
    )


def make_present(
    con: duckdb.DuckDBPyConnection, watch: Watch, start: int, streams: str, expected: Sequence[Mapping[str, str | None]]
) -> list[tuple[Any, ...]]:
    """Make `watch_present`: the streams of one window, and those that are expected (the labels of each).

    Rows of id, kind, its stream in the reference (a file; None: it has none), n, subject, and the values of `group_by`.
    """
    where, params = condition(watch, reference=False)
    dims = _dims(watch.group_by)
    names = ("subject", *watch.group_by)
    params |= {f"expected_{name}": [labels[name] for labels in expected] for name in names}
    listed = ", ".join(f"unnest(CAST($expected_{name} AS VARCHAR[])) AS {name}" for name in names)
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE watch_present AS
        SELECT CAST(row_number() OVER (PARTITION BY f.kind ORDER BY f.subject{_dims(watch.group_by, "f.")}) - 1
            AS BIGINT) AS id, f.*, s.stream
        FROM (
            SELECT subject{dims}, k.kind, CAST(sum(n) AS BIGINT) AS n
            FROM (
                SELECT p.subject{_dims(watch.group_by, "p.")}, p.n FROM lake_profile_buckets p WHERE {where}
                UNION ALL SELECT *, 0 FROM (SELECT {listed})
            ) JOIN profile_subjects k USING (subject)
            GROUP BY ALL
        ) f LEFT JOIN read_parquet($streams) s ON s.kind = f.kind AND {_same(watch.shared, "f")}
        """,  # noqa: S608
        params | {"from": start, "to": start + watch.cadence.seconds, "streams": streams},
    )
    return con.execute(
        f"SELECT id, kind, stream, n, subject{dims} FROM watch_present ORDER BY kind, id"  # noqa: S608
    ).fetchall()


def window_rows(con: duckdb.DuckDBPyConnection, watch: Watch, start: int, kind: str, categories: str) -> Arrays:
    """The window's rows of the streams that have a reference: id, scale, place (bucket or column; -1 new), n."""
    where, params = condition(watch, reference=False)
    if kind == "numeric":
        columns, join = "p.scale, p.bucket AS place", ""
    else:
        columns = '0 AS scale, coalesce(c."column", -1) AS place'
        join = "LEFT JOIN read_parquet($categories) c ON c.stream = s.stream AND c.category = p.category"
        params["categories"] = categories
    return _arrays(
        con,
        f"""
        SELECT s.id, {columns}, CAST(sum(p.n) AS BIGINT) AS n
        FROM lake_profile_buckets p JOIN watch_present s ON {_same(watch.group_by)} {join}
        WHERE {where} AND s.kind = $kind AND s.stream IS NOT NULL
          AND {"p.bucket IS NOT NULL" if kind == "numeric" else "p.category IS NOT NULL"}
        GROUP BY ALL
        """,  # noqa: S608
        params | {"from": start, "to": start + watch.cadence.seconds, "kind": kind},
    )


def first_hour(con: duckdb.DuckDBPyConnection) -> int | None:
    """When the profiles begin, in epoch seconds; None where there are none."""
    row = con.execute("SELECT epoch_us(min(hour)) // 1000000 FROM lake_profile_buckets").fetchone()
    return row[0] if row else None


def _arrays(con: duckdb.DuckDBPyConnection, sql: str, params: Mapping[str, Any]) -> Arrays:
    found = con.execute(sql, dict(params)).fetchnumpy()
    return {name: np.asarray(np.ma.getdata(column), dtype=np.int64) for name, column in found.items()}


def _dims(names: tuple[str, ...], prefix: str = "") -> str:
    return "".join(f", {prefix}{name}" for name in names)


def _same(names: tuple[str, ...], left: str = "p") -> str:
    return " AND ".join([f"{left}.subject = s.subject", *(f"{left}.{d} IS NOT DISTINCT FROM s.{d}" for d in names)])
