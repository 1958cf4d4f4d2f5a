"""Profile rows as arrays: which streams a relation of profiles holds, and what is in their windows.

The relations are `lake_profile_buckets`, whose rows for the same bucket add up, `run_profile_buckets` of the same form,
where a run is the reference, and `profile_subjects`; a stream is found by its number from then on, so that no text is
read a second time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import duckdb
import numpy as np

from deadreckon.drift.buckets import Integers
from deadreckon.drift.watch.reference import Version, Watch

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
    where = {} if reference and watch.run else dict(watch.where)  # a run is all of itself, whatever is watched
    wanted = {d: v for d, v in where.items() if not (reference and d in against)}
    for dimension, values in (wanted | ({d: (v,) for d, v in against.items()} if reference else {})).items():
        names = [f"{dimension}{place}" for place in range(len(values))]
        params |= dict(zip(names, values, strict=True))
        terms.append(f"p.{dimension} IN ({', '.join(f'${n}' for n in names)})")
    if not reference:
        for dimension, value in against.items():
            params[f"not_{dimension}"] = value
            terms.append(f"p.{dimension} IS DISTINCT FROM $not_{dimension}")
    return " AND ".join(terms), params


def make_streams(con: duckdb.DuckDBPyConnection, version: Version) -> None:
    """Make `watch_streams`: the share's streams by kind, each with a number from 0 on, and its rows' number."""
    watch = version.watch
    where, params = condition(watch, reference=True)
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE watch_streams AS
        SELECT
            CAST(row_number() OVER (PARTITION BY kind ORDER BY subject{_dims(watch.shared)}) - 1 AS BIGINT) AS stream,
            f.*, s.kind, coalesce(s.origin, 0.0) AS origin
        FROM (
            SELECT p.subject{_dims(watch.shared, "p.")}, count(*) AS n_rows, min(p.scale) AS scale
            FROM {version.relation} p WHERE {where} GROUP BY ALL
        ) f JOIN profile_subjects s USING (subject)
        WHERE {_share(watch.shared, version.shares)} = {version.share}
        """,  # noqa: S608  # names of dimensions
        params | {"from": version.start, "to": version.end},
    )


def make_categories(con: duckdb.DuckDBPyConnection, version: Version, most: int) -> None:
    """Make `watch_categories`: the values of a categorical stream, numbered, and the column of each.

    The frequent ones have their number as their column, the rare ones are all in `most`. `single`: whether one window
    alone has the value.
    """
    watch = version.watch
    where, params = condition(watch, reference=True)
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE watch_categories AS
        SELECT stream, category, row_number() OVER (PARTITION BY stream ORDER BY n DESC, category) - 1 AS number,
            least(number, $most) AS "column", n_windows = 1 AS single
        FROM (
            SELECT s.stream, p.category, sum(p.n) AS n, count(DISTINCT {SLOT}) AS n_windows
            FROM {version.relation} p JOIN watch_streams s ON {_same(watch.shared)}
            WHERE {where} AND s.kind = 'categorical' AND p.category IS NOT NULL GROUP BY ALL
        )
        """,  # noqa: S608
        params | {"from": version.start, "to": version.end, "most": most, "seconds": watch.cadence.seconds},
    )


def reference_rows(con: duckdb.DuckDBPyConnection, version: Version, kind: str, streams: tuple[int, int]) -> Arrays:
    """The reference's rows of these streams, in no order: stream, slot, scale, place (bucket or value), single, n.

    Rows of the same bucket are not added up. `slot` is the window's number since the epoch.
    """
    watch = version.watch
    where, params = condition(watch, reference=True)
    if kind == "numeric":
        columns, join = "p.scale, p.bucket AS place", ""
    else:
        columns, join = "c.number AS place, c.single", "JOIN watch_categories c USING (stream, category)"
    return _arrays(
        con,
        f"""
        SELECT s.stream, {SLOT} AS slot, {columns}, p.n
        FROM {version.relation} p JOIN watch_streams s ON {_same(watch.shared)} {join}
        WHERE {where} AND s.kind = $kind AND s.stream >= $first AND s.stream < $last
          AND {"p.bucket IS NOT NULL" if kind == "numeric" else "p.category IS NOT NULL"}
        """,  # noqa: S608
        params
        | {"from": version.start, "to": version.end, "seconds": watch.cadence.seconds, "kind": kind}
        | {"first": streams[0], "last": streams[1]},
    )


def make_known(con: duckdb.DuckDBPyConnection, folders: Sequence[tuple[Path, Mapping[str, int]]]) -> None:
    """Make `watch_known` and `watch_columns`: streams and categories of all shares, numbered through.

    `folders`: where each share's are, and by kind what its numbers begin with.
    """
    streams, categories = [], []
    for folder, first in folders:
        path = str(folder).replace("'", "''")
        numeric, categorical = first["numeric"], first["categorical"]
        begin = f"CASE kind WHEN 'numeric' THEN {numeric} ELSE {categorical} END"
        streams.append(f"FROM read_parquet('{path}/streams.parquet') SELECT * REPLACE (stream + {begin} AS stream)")
        categories.append(
            f"FROM read_parquet('{path}/categories.parquet') SELECT * REPLACE (stream + {categorical} AS stream)"
        )
    con.execute(f"CREATE OR REPLACE TEMP TABLE watch_known AS {' UNION ALL '.join(streams)}")
    con.execute(f"CREATE OR REPLACE TEMP VIEW watch_columns AS {' UNION ALL '.join(categories)}")


def make_present(
    con: duckdb.DuckDBPyConnection, watch: Watch, start: int, expected: Sequence[Mapping[str, str | None]]
) -> list[tuple[Any, ...]]:
    """Make `watch_present`: the streams of one window, and those that are expected (the labels of each).

    Rows of id, kind, its stream in the reference (None: it has none), share, n, subject, and the values of `group_by`.
    Also `watch_rows`, the window's profiles: they are read once, as where they are sorted by subject a whole month is
    looked through for an hour.
    """
    where, params = condition(watch, reference=False)
    dims = _dims(watch.group_by)
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE watch_rows AS
        SELECT p.subject{_dims(watch.group_by, "p.")}, p.scale, p.bucket, p.category, p.n
        FROM lake_profile_buckets p WHERE {where}
        """,  # noqa: S608
        params | {"from": start, "to": start + watch.cadence.seconds},
    )
    names = ("subject", *watch.group_by)
    listed = ", ".join(f"unnest(CAST($expected_{name} AS VARCHAR[])) AS {name}" for name in names)
    shares = watch.reference.shares(watch.cadence)
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE watch_present AS
        SELECT CAST(row_number() OVER (PARTITION BY f.kind ORDER BY f.subject{_dims(watch.group_by, "f.")}) - 1
            AS BIGINT) AS id, f.*, s.stream, {_share(watch.shared, shares, "f.")} AS share
        FROM (
            SELECT subject{dims}, k.kind, CAST(sum(n) AS BIGINT) AS n
            FROM (SELECT subject{dims}, n FROM watch_rows UNION ALL SELECT *, 0 FROM (SELECT {listed}))
            JOIN profile_subjects k USING (subject)
            GROUP BY ALL
        ) f LEFT JOIN watch_known s ON s.kind = f.kind AND {_same(watch.shared, "f")}
        """,  # noqa: S608
        {f"expected_{name}": [labels[name] for labels in expected] for name in names},
    )
    return con.execute(
        f"SELECT id, kind, stream, share, n, subject{dims} FROM watch_present ORDER BY kind, id"  # noqa: S608
    ).fetchall()


def window_rows(con: duckdb.DuckDBPyConnection, watch: Watch, kind: str) -> Arrays:
    """The rows of `watch_present`'s streams that have a reference: id, scale, place (bucket or column; -1 new), n."""
    if kind == "numeric":
        columns, join = "p.scale, p.bucket AS place", ""
    else:
        columns = '0 AS scale, coalesce(c."column", -1) AS place'
        join = "LEFT JOIN watch_columns c ON c.stream = s.stream AND c.category = p.category"
    return _arrays(
        con,
        f"""
        SELECT s.id, {columns}, p.n
        FROM watch_rows p JOIN watch_present s ON {_same(watch.group_by)} {join}
        WHERE s.kind = $kind AND s.stream IS NOT NULL
          AND {"p.bucket IS NOT NULL" if kind == "numeric" else "p.category IS NOT NULL"}
        """,  # noqa: S608
        {"kind": kind},
    )


def _arrays(con: duckdb.DuckDBPyConnection, sql: str, params: Mapping[str, Any]) -> Arrays:
    found = con.execute(sql, dict(params)).fetchnumpy()
    return {name: np.asarray(np.ma.getdata(column), dtype=np.int64) for name, column in found.items()}


def _dims(names: tuple[str, ...], prefix: str = "") -> str:
    return "".join(f", {prefix}{name}" for name in names)


def _same(names: tuple[str, ...], left: str = "p") -> str:
    return " AND ".join([f"{left}.subject = s.subject", *(f"{left}.{d} IS NOT DISTINCT FROM s.{d}" for d in names)])


def _share(names: tuple[str, ...], shares: int, prefix: str = "") -> str:
    """Which share a stream is of: by the MD5 of its subject and dimensions, so that it never changes."""
    parts = ", ".join([f"{prefix}subject", *(f"coalesce({prefix}{name}, chr(30))" for name in names)])
    return f"CAST(md5_number_lower(concat_ws(chr(31), {parts})) % {shares} AS INTEGER)"
