"""The database in memory that batches are decoded by, set up for that one use."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from uuid import uuid4

import duckdb
import pyarrow as pa

from deadreckon.core.errors import ConfigError
from deadreckon.core.settings import Settings
from deadreckon.ingest.convert import literal

MEMORY: Final = "640MB"
MOST_THREADS: Final = 8
"""Each thread holds rows of its own: with more of them a batch outgrows the memory, and gains little."""
MOST_PLANS: Final = 16
"""Statements that a reader keeps planned: a few for each kind of log that it meets."""


def connect(settings: Settings) -> duckdb.DuckDBPyConnection:
    """A database of its own, empty, for decoding lines.

    Raises:
        ConfigError: the settings name no time zone.
    """
    con = duckdb.connect()
    con.execute(f"SET memory_limit = '{MEMORY}'")
    con.execute(f"SET threads = {min(MOST_THREADS, os.cpu_count() or 1)}")
    con.execute(f"SET temp_directory = {literal(str(Path(tempfile.gettempdir()) / f'reckon-{uuid4().hex}'))}")
    # The one takes what two branches of a CASE share out of both, and so computes for every row what few rows need.
    # The other makes a join of `kind NOT IN ('span', ...)`.
    con.execute("SET disabled_optimizers = 'common_subexpressions, in_clause'")
    _begin(con, settings)
    return con


class Reader:
    """A session whose statements read lines, and are planned once for all batches and days that are alike.

    To plan the decoder's statement takes as long as to run it over some thousand lines.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self.con = con
        self.name = uuid4().hex
        self._given: dict[pa.Schema, _Given] = {}
        self._plans: dict[tuple[str, str, str], str] = {}

    def close(self) -> None:
        """Let go of the session."""
        self.con.close()

    def run(self, query: str, lines: pa.Table, copy: str = "") -> duckdb.DuckDBPyConnection:
        """The result of a SELECT in which lines_in are these lines.

        `copy`: the file, and options, that a COPY writes it to, which then is what gives a result.
        """
        with self.reading(lines) as relation:
            key = (relation, query, copy)
            plan = self._plans.pop(key, None) or self._planned(*key)
            self._plans[key] = plan  # the last used is the last forgotten
            return self.con.execute(f"EXECUTE {plan}")

    @contextmanager
    def reading(self, lines: pa.Table) -> Iterator[str]:
        """The name of a relation that these lines are in meanwhile."""
        given = self._given.get(lines.schema)
        if given is None:
            given = self._given[lines.schema] = _Given(f"lines_{len(self._given)}", lines)
            self.con.register(given.relation, given)
        given.lines = lines
        try:
            yield given.relation
        finally:
            given.lines = lines.schema.empty_table()

    def _planned(self, relation: str, query: str, copy: str) -> str:
        if len(self._plans) >= MOST_PLANS:
            self.con.execute(f"DEALLOCATE {self._plans.pop(next(iter(self._plans)))}")
        name = f"plan_{uuid4().hex}"
        query = f"WITH lines_in AS (FROM {relation}) {query}"
        self.con.execute(f"PREPARE {name} AS {f'COPY ({query}) TO {copy}' if copy else query}")
        return name


class _Given:
    """What DuckDB asks for rows each time that a statement runs."""

    def __init__(self, relation: str, lines: pa.Table) -> None:
        self.relation = relation
        self.lines = lines

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.lines.__arrow_c_stream__(requested_schema)


def reader(con: duckdb.DuckDBPyConnection, settings: Settings) -> Reader:
    """A session of its own in the same database, for another thread."""
    cursor = con.cursor()
    _begin(cursor, settings)
    return Reader(cursor)


def _begin(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    con.execute("SET preserve_insertion_order = false")
    zone = settings.ingest.naive_timezone
    try:
        con.execute(f"SET TimeZone = {literal(zone)}")
    except duckdb.Error as error:
        raise ConfigError(
            f"setting 'ingest.naive_timezone' is {zone!r}, which is no time zone",
            hint="name one of the IANA database, as Europe/Berlin or UTC",
        ) from error
