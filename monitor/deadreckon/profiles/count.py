"""Events counted into profiles: chunk by chunk, so that memory does not grow with them."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Final

import duckdb

from deadreckon.core import schema
from deadreckon.core.profiles import CARRIERS, COUNTS, NEW, OTHER, SCALE
from deadreckon.profiles.subjects import CATEGORICAL, JSON, NAMED, NUMERIC, READ, SETTLED, TOP
from deadreckon.queries.binding import Part, part_query

_PAIRS_JSON: Final = """
    SELECT
        g,
        '{prefix}:' || key AS subject,
        CASE
            WHEN ascii(value) < 58 AND ascii(value) <> 34 THEN TRY_CAST(value AS DOUBLE)
            WHEN trim(value, '"') IN ('NaN', 'Infinity', '-Infinity') THEN TRY_CAST(trim(value, '"') AS DOUBLE)
        END AS number,
        CASE WHEN number IS NULL THEN json_extract_string(value, '$') END AS label
    FROM (
        SELECT g, unnest(json_keys({column})) AS key, CAST(unnest(json_extract({column}, '$.*')) AS VARCHAR) AS value
        FROM chunk WHERE json_valid({column})
    )
    WHERE value <> 'null'
"""
_PAIRS_NAMED: Final = """
    SELECT g, '{kind}:' || name, value, CASE WHEN value IS NULL THEN label END
    FROM chunk WHERE kind = '{kind}' AND name IS NOT NULL
"""
_PAIRS_COLUMN: Final = "SELECT g, '{subject}', CAST(NULL AS DOUBLE), {column} FROM chunk WHERE {column} IS NOT NULL"
_CARRIER: Final = "SELECT g, '{column}', count(*) FROM chunk WHERE {column} IS NOT NULL GROUP BY g"
_MEASURE: Final = """
    SELECT g, {s} AS s, CAST({column} AS DOUBLE) AS number, CAST(NULL AS VARCHAR) AS label, 0.0::DOUBLE AS origin
    FROM chunk WHERE {column} IS NOT NULL
"""
_OBSERVED: Final = """
    SELECT g, seen.s, number, label, coalesce(origin, 0.0) FROM seen JOIN subjects ON subjects.s = seen.s
    WHERE kind IS DISTINCT FROM 'categorical' OR (number IS NULL AND label IS NULL)
"""


class Tally:
    """What is counted on one connection; `known`: the query of the subjects that are frozen already, or nothing."""

    def __init__(self, con: duckdb.DuckDBPyConnection, known: str) -> None:
        self._con = con
        con.execute(_text("tables.sql"))
        con.execute(_text("bucket_of.sql"))
        if known:
            self._recall(known)
        con.execute(
            """
            INSERT INTO subjects
            SELECT (SELECT count(*) FROM subjects) + row_number() OVER (), subject, 'numeric', 0.0, true, 0, true
            FROM (SELECT unnest($fixed) AS subject) ANTI JOIN subjects USING (subject)
            """,
            {"fixed": list(NUMERIC)},
        )
        ids = dict(con.execute("SELECT subject, s FROM subjects").fetchall())
        measures = [_MEASURE.format(s=ids[name], column=column) for name, column in NUMERIC.items()]
        self._measures = " UNION ALL ".join([*measures, _OBSERVED])

    def _recall(self, known: str) -> None:
        self._con.execute(f"CREATE TEMP TABLE known AS {known}")
        self._con.execute(
            """
            INSERT INTO subjects
            SELECT row_number() OVER (ORDER BY subject), subject, kind, origin, complete, seen, false FROM known;
            INSERT INTO categories SELECT s, unnest(categories) FROM known JOIN subjects USING (subject);
            DROP TABLE known;
            """
        )

    def add(self, files: Sequence[Path]) -> None:
        """Count the events of these files.

        Raises:
            duckdb.Error: one cannot be read.
        """
        columns = {c.name: c.duckdb_type for c in schema.events_part() if c.name in READ}
        pairs = [
            *(_PAIRS_JSON.format(prefix=prefix, column=column) for prefix, column in JSON.items()),
            *(_PAIRS_NAMED.format(kind=kind) for kind in NAMED),
            *(_PAIRS_COLUMN.format(subject=name, column=column) for name, column in CATEGORICAL.items()),
        ]
        events = part_query(self._con, Part(tuple(map(str, files)), columns))
        # An event's day is where it lies; it is told by its time as well.
        chunk = _text("chunk.sql").format(
            events=f"FROM ({events}) SELECT * EXCLUDE (date)",
            pairs=" UNION ALL ".join(pairs),
            carriers=" UNION ALL ".join(_CARRIER.format(column=column) for column in CARRIERS),
        )
        self._con.execute(chunk)
        for statement in self._con.extract_statements(_text("sight.sql")):
            given = {"top": TOP, "settled": SETTLED}
            self._con.execute(statement, {k: v for k, v in given.items() if k in statement.named_parameters})
        for statement in self._con.extract_statements(_text("tally.sql").format(measures=self._measures)):
            given_words = {"new": NEW, "other": OTHER}
            self._con.execute(statement, {k: v for k, v in given_words.items() if k in statement.named_parameters})

    def rows(self, version: int) -> None:
        """Make `bucket_rows`, `summary_rows` and `subject_rows` of what was counted."""
        counts = ", ".join(f"coalesce(sum({n}), 0)::BIGINT AS {n}" for n in COUNTS)
        for statement in self._con.extract_statements(_text("rows.sql").format(counts=counts)):
            given = {"scale": SCALE, "version": version}
            self._con.execute(statement, {k: v for k, v in given.items() if k in statement.named_parameters})


def _text(name: str) -> str:
    return (resources.files("deadreckon.profiles") / name).read_text("utf-8")
