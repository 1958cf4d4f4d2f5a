"""Base relations: what the views read, bound to the files of one snapshot of the lake.

`lake_events` and `lake_ledger` hold the table's two parts with every column of the schema, whichever columns the
files of older versions have; `lake_prices` holds the price table of the settings.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import duckdb

from deadreckon.core import schema
from deadreckon.core.lake import DataFile, Snapshot
from deadreckon.queries.prices import Price

MACROS_FILE: Final = "duckdb.sql"
BASE_RELATIONS: Final = ("lake_events", "lake_ledger", "lake_prices")


def literal(text: str) -> str:
    """A text as SQL writes it; for paths and names of ours where SQL takes no parameter."""
    return "'" + text.replace("'", "''") + "'"


def base_relations(con: duckdb.DuckDBPyConnection, snapshot: Snapshot, prices: Iterable[Price]) -> dict[str, str]:
    """The query of each base relation, by name."""
    return {
        "lake_events": _part(con, snapshot.part(schema.PART_EVENTS), schema.events_part()),
        "lake_ledger": _part(con, snapshot.part(schema.PART_LEDGER), schema.ledger_part()),
        "lake_prices": _prices(prices),
    }


def _part(con: duckdb.DuckDBPyConnection, files: Sequence[DataFile], columns: tuple[schema.Column, ...]) -> str:
    if not files:
        empty = [f"CAST(NULL AS {c.duckdb_type}) AS {c.name}" for c in columns]
        return f"SELECT {', '.join(empty)}, CAST(NULL AS DATE) AS date WHERE false"
    # union_by_name would open every file again for every use of every view. Files mostly agree: they are grouped by
    # the columns that they have, and each group binds on its first file alone.
    paths = [str(f.path) for f in files]
    groups = con.execute(
        """
        SELECT columns, types, list(file_name) FROM (
            SELECT file_name, list(name ORDER BY name) AS columns, list(duckdb_type ORDER BY name) AS types
            FROM parquet_schema($files) WHERE num_children IS NULL GROUP BY file_name
        ) GROUP BY ALL ORDER BY 3
        """,
        {"files": paths},
    ).fetchall()
    return "\nUNION ALL\n".join(
        _group(dict(zip(names, types, strict=True)), of, columns) for names, types, of in groups
    )


def _group(present: dict[str, str], paths: Sequence[str], columns: tuple[schema.Column, ...]) -> str:
    selected = []
    for column in columns:
        type_ = column.duckdb_type
        if column.name not in present:
            selected.append(f"CAST(NULL AS {type_}) AS {column.name}")
        elif present[column.name] in (type_, _LONG_NAMES.get(type_)):
            selected.append(column.name)
        else:
            selected.append(f"CAST({column.name} AS {type_}) AS {column.name}")
    listed = ", ".join(literal(p) for p in sorted(paths))
    return (
        f"SELECT {', '.join(selected)}, date FROM read_parquet([{listed}], "
        "hive_partitioning=true, hive_types={'part': VARCHAR, 'date': DATE})"
    )


_LONG_NAMES: Final = {"TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE"}


def _prices(prices: Iterable[Price]) -> str:
    rows = [p.sql_row() for p in prices]
    body = f"VALUES {', '.join(rows)}" if rows else "SELECT " + ", ".join(["NULL"] * 8) + " WHERE false"
    return (
        "SELECT CAST(model AS VARCHAR) AS model, CAST(valid_from AS TIMESTAMPTZ) AS valid_from, "
        "CAST(valid_to AS TIMESTAMPTZ) AS valid_to, CAST(input_per_mtok AS DOUBLE) AS input_per_mtok, "
        "CAST(output_per_mtok AS DOUBLE) AS output_per_mtok, CAST(cache_read_per_mtok AS DOUBLE) AS cache_read_per_mtok, "
        "CAST(cache_write_per_mtok AS DOUBLE) AS cache_write_per_mtok, CAST(source AS VARCHAR) AS source "
        f"FROM ({body}) AS p(model, valid_from, valid_to, input_per_mtok, output_per_mtok, cache_read_per_mtok, "
        "cache_write_per_mtok, source)"
    )
