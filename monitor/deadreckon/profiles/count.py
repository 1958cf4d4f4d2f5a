"""Events counted into profiles: chunk by chunk, so that memory does not grow with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final

import duckdb

from deadreckon.core import schema
from deadreckon.core.profiles import CARRIERS, COUNTS, NEW, OTHER, SCALE
from deadreckon.profiles.subjects import CATEGORICAL, JSON, MOST, NAMED, NUMERIC, READ, SETTLED, TOP
from deadreckon.profiles.wide import PARSED, Wide, common
from deadreckon.queries.binding import Part, part_query

_OBJECT: Final = """
    SELECT g, coalesce(known.s, {other}) AS s, {parsed}
    FROM (
        SELECT g, unnest(json_keys({column})) AS key, CAST(unnest(json_extract({column}, '$.*')) AS VARCHAR) AS value
        FROM chunk WHERE json_valid({column})
    )
    LEFT JOIN (
        SELECT s, substr(subject, length('{prefix}:') + 1) AS key FROM subjects WHERE starts_with(subject, '{prefix}:')
    ) AS known USING (key)
    WHERE value <> 'null'
"""
_NAMED: Final = """
    SELECT g, coalesce(subjects.s, {other}), value, CASE WHEN value IS NULL THEN label END
    FROM chunk LEFT JOIN subjects ON subjects.subject = '{kind}:' || name
    WHERE chunk.kind = '{kind}' AND name IS NOT NULL
"""
_KEYS: Final = """
    SELECT '{prefix}:' || key AS subject
    FROM (
        SELECT DISTINCT unnest(json_keys({column})) AS key
        FROM (FROM chunk SELECT {column} WHERE {column} IS NOT NULL {limit}) WHERE json_valid({column})
    )
"""
_NAMES: Final = "SELECT '{kind}:' || name FROM chunk WHERE kind = '{kind}' AND name IS NOT NULL"
_SAMPLE: Final = "LIMIT 5000"
"""Events whose keys are asked for first: most often they have them all."""
_COLUMN: Final = "SELECT g, {s}, {column}, count(*), 0 FROM chunk WHERE {column} IS NOT NULL GROUP BY ALL"
_CARRIER: Final = "SELECT g, '{column}', count(*) FROM chunk WHERE has_{column} GROUP BY g"
_MEASURE: Final = """
    SELECT g, {s} AS s, CAST({column} AS DOUBLE) AS number, CAST(NULL AS VARCHAR) AS label, 0.0::DOUBLE AS origin
    FROM chunk WHERE {column} IS NOT NULL
"""
_OBSERVED: Final = """
    SELECT g, seen.s, number, label, coalesce(origin, 0.0) FROM seen JOIN subjects ON subjects.s = seen.s
    WHERE kind IS DISTINCT FROM 'categorical' OR (number IS NULL AND label IS NULL)
"""

_FIRST: Final = "SELECT {s}, number, label FROM ({values})"
_WORDS: Final = "SELECT g, {s}, value, n, n_other FROM ({counted})"
_NUMBERS: Final = "SELECT g, {s}, number, label, CAST('{origin!r}' AS DOUBLE) FROM ({values})"


NOWHERE: Final = dict.fromkeys((*JSON, *NAMED), "NULL")


@dataclass(frozen=True, slots=True)
class _Key:
    """A key that is read as a column, and what is known of its subject by now."""

    wide: Wide
    place: int
    s: int
    kind: str | None
    origin: float | None


class Tally:
    """What is counted on one connection; `known`: the query of the subjects that are frozen already, or nothing."""

    def __init__(self, con: duckdb.DuckDBPyConnection, known: str) -> None:
        self._con = con
        con.execute(_text("tables.sql"))
        con.execute(_text("bucket_of.sql"))
        if known:
            self._recall(known)
        rest = [f"{prefix}:{OTHER}" for prefix in (*JSON, *NAMED)]
        fixed: dict[str, str | None] = dict.fromkeys(rest)
        fixed |= {**dict.fromkeys(NUMERIC, "numeric"), **dict.fromkeys(CATEGORICAL, "categorical")}
        con.execute(
            """
            INSERT INTO subjects
            SELECT (SELECT count(*) FROM subjects) + row_number() OVER (), subject, kind,
                CASE WHEN kind IS DISTINCT FROM 'categorical' THEN 0.0 END, true, 0, kind IS NOT NULL
            FROM (SELECT unnest($names) AS subject, unnest($kinds) AS kind) ANTI JOIN subjects USING (subject)
            """,
            {"names": list(fixed), "kinds": list(fixed.values())},
        )
        ids = dict(con.execute("SELECT subject, s FROM subjects").fetchall())
        self._rest = {prefix: str(ids[f"{prefix}:{OTHER}"]) for prefix in (*JSON, *NAMED)}
        measures = [_MEASURE.format(s=ids[name], column=column) for name, column in NUMERIC.items()]
        self._measures = " UNION ALL ".join([*measures, _OBSERVED])
        self._columns = " UNION ALL ".join(_COLUMN.format(s=ids[n], column=c) for n, c in CATEGORICAL.items())

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

    def add(self, files: Sequence[Path], rows: tuple[int, int] | None = None) -> None:
        """Count the events of these files; of one file, it can be the rows of a range, whose end is not included.

        Raises:
            duckdb.Error: one cannot be read.
        """
        columns = {c.name: c.duckdb_type for c in schema.events_part() if c.name in READ}
        events = part_query(self._con, Part(tuple(map(str, files)), columns), rows)
        # An event's day is where it lies; it is told by its time as well.
        events = f"FROM ({events}) SELECT * EXCLUDE (date)"
        wide = [common(self._con, events, prefix, column) for prefix, column in JSON.items()]
        for one in wide:
            events = one.read(events)
        carriers = " UNION ALL ".join(_CARRIER.format(column=column) for column in CARRIERS)
        self._run("chunk.sql", events=events, carriers=carriers)
        self._name(_SAMPLE, wide)
        if self._see():
            self._name("", wide)
            if self._see():
                self._see(self._rest)
        first = [_FIRST.format(s=k.s, values=k.wide.values(k.place)) for k in self._keys(wide) if not k.kind]
        self._run("sight.sql", observed=" UNION ALL ".join(["SELECT s, number, label FROM seen", *first]))
        words, measures = [self._columns], [self._measures]
        for k in self._keys(wide):
            if k.kind == "categorical":
                words.append(_WORDS.format(s=k.s, counted=k.wide.counted(k.place)))
            else:
                measures.append(_NUMBERS.format(s=k.s, values=k.wide.values(k.place), origin=k.origin or 0.0))
        self._run("words.sql", {"top": TOP, "settled": SETTLED}, columns=" UNION ALL ".join(words))
        self._run("tally.sql", {"new": NEW, "other": OTHER}, measures=" UNION ALL ".join(measures))

    def rows(self, version: int) -> None:
        """Make `bucket_rows`, `summary_rows` and `subject_rows` of what was counted."""
        counts = ", ".join(f"coalesce(sum({n}), 0)::BIGINT AS {n}" for n in COUNTS)
        self._run("rows.sql", {"scale": SCALE, "version": version}, counts=counts)

    def _name(self, limit: str, wide: Sequence[Wide]) -> None:
        keys = [_KEYS.format(prefix=prefix, column=column, limit=limit) for prefix, column in JSON.items()]
        self._run(
            "names.sql",
            {"most": MOST, "wide": [subject for one in wide for subject in one.subjects]},
            names=" UNION ALL ".join([*keys, *(_NAMES.format(kind=kind) for kind in NAMED)]),
        )

    def _keys(self, wide: Sequence[Wide]) -> Iterator[_Key]:
        found = self._con.execute("SELECT subject, s, kind, origin FROM subjects").fetchall()
        known = {subject: rest for subject, *rest in found}
        for one in wide:
            for place, subject in enumerate(one.subjects):
                yield _Key(one, place, *known.get(subject, known[f"{one.prefix}:{OTHER}"]))

    def _see(self, rest: Mapping[str, str] = NOWHERE) -> bool:
        """Make `seen`; whether it has names that are not known. `rest`: the subjects as which these are counted."""
        parsed = PARSED.format(v="value")
        pairs = [
            _OBJECT.format(prefix=prefix, column=column, other=rest[prefix], parsed=parsed)
            for prefix, column in JSON.items()
        ]
        pairs += [_NAMED.format(kind=kind, other=rest[kind]) for kind in NAMED]
        self._run("seen.sql", pairs=" UNION ALL ".join(pairs))
        return self._con.execute("SELECT count(*) FROM seen WHERE s IS NULL").fetchone() != (0,)

    def _run(self, name: str, given: Mapping[str, object] | None = None, /, **words: str) -> None:
        for statement in self._con.extract_statements(_text(name).format(**words)):
            values = {k: v for k, v in (given or {}).items() if k in statement.named_parameters}
            self._con.execute(statement, values)


def _text(name: str) -> str:
    return (resources.files("deadreckon.profiles") / name).read_text("utf-8")
