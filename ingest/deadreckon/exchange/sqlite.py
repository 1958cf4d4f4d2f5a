"""SQLite files of others: opened for reading alone, asked in short transactions, so that no writer waits for us."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import quote

from deadreckon.core.errors import SourceError

_MAGIC: Final = b"SQLite format 3\0"
PAGE: Final = 500
"""Rows that are read at once: while they are, nobody can write to a database that is not in WAL mode."""
PATIENCE_S: Final = 30.0


class Database:
    """A SQLite file. Use as a context manager."""

    def __init__(self, path: Path, what: str) -> None:
        """`what`: whose database it should be, for people.

        Raises:
            SourceError: there is no such file, or it is no SQLite database that can be read.
        """
        self.path = path
        self._what = what
        _check(path, what)
        try:
            self._con = sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode=ro", uri=True, timeout=PATIENCE_S)
        except sqlite3.Error as error:
            raise self._trouble(error) from error
        self._con.row_factory = sqlite3.Row
        try:
            self.tables: dict[str, frozenset[str]] = self._schema()
        except BaseException:
            self._con.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._con.close()

    def need(self, *tables: str, hint: str) -> None:
        """Make sure that these tables are there.

        Raises:
            SourceError: one is not.
        """
        missing = [name for name in tables if name not in self.tables]
        if missing:
            raise SourceError(f"{self.path} is no database of {self._what}: it has no table {missing[0]}", hint=hint)

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """All rows of a query, which should be few.

        Raises:
            SourceError: the database is damaged, or was locked for too long.
        """
        try:
            return self._con.execute(query, values).fetchall()
        except (sqlite3.Error, UnicodeDecodeError) as error:  # what SQLite says cites what it found
            raise self._trouble(error) from error

    def pages(self, table: str, columns: Mapping[str, str], where: str = "") -> Iterator[list[sqlite3.Row]]:
        """The rows of a table, in the order in which they were written, some at a time; none if it is not there.

        `columns`: what each is to be called, by its name in the table; one that an older version has not is NULL.
        `where`: a condition on t, the table.
        """
        if table not in self.tables:
            return
        have = self.tables[table]
        wanted = ", ".join(
            f't."{name}" AS "{called}"' if name in have else f'NULL AS "{called}"' for name, called in columns.items()
        )
        query = (
            f'SELECT t.rowid AS "_row", {wanted} FROM "{table}" AS t '  # noqa: S608 - names of ours alone
            f"WHERE t.rowid > ? {f'AND ({where})' if where else ''} ORDER BY t.rowid LIMIT {PAGE}"
        )
        last = -(1 << 63)
        while page := self.rows(query, [last]):
            yield page
            last = page[-1]["_row"]

    def of_each(
        self, table: str, key: str, columns: Sequence[str], keys: Sequence[Any]
    ) -> dict[Any, list[dict[str, Any]]]:
        """The rows of a table that belong to each of some keys; none if it is not there."""
        found: dict[Any, list[dict[str, Any]]] = {one: [] for one in keys}
        have = self.tables.get(table)
        if have is None or not keys:
            return found
        wanted = ", ".join(f'"{name}"' if name in have else f'NULL AS "{name}"' for name in columns)
        each = list(found)
        for at in range(0, len(each), PAGE):  # SQLite bounds the values of a query
            some = each[at : at + PAGE]
            marks = ", ".join("?" * len(some))
            query = f'SELECT "{key}" AS "_key", {wanted} FROM "{table}" WHERE "{key}" IN ({marks}) ORDER BY rowid'  # noqa: S608 - names of ours alone
            for row in self.rows(query, some):
                found[row["_key"]].append({name: row[name] for name in columns})
        return found

    def _schema(self) -> dict[str, frozenset[str]]:
        names = [row[0] for row in self.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {
            name: frozenset(row[1] for row in self.rows(f'PRAGMA table_xinfo("{name}")'))
            for name in names
            if '"' not in name
        }

    def _trouble(self, error: Exception) -> SourceError:
        said = str(error)
        if "locked" in said or "busy" in said:
            hint = f"another process wrote to it for {PATIENCE_S:.0f} s: run the import again"
        elif "unable to open" in said:
            hint = "check that it may be read; a database in WAL mode needs its -wal and -shm files beside it"
        else:
            hint = f'it is damaged: sqlite3 {self.path} ".recover" | sqlite3 mended.db, then import mended.db'
        return SourceError(f"{self.path} cannot be read: {said}; nothing was imported", hint=hint)


def _check(path: Path, what: str) -> None:
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except FileNotFoundError:
        raise SourceError(f"{path} does not exist", hint=f"name the SQLite file of {what}") from None
    except IsADirectoryError:
        raise SourceError(f"{path} is a folder", hint=f"name the SQLite file of {what}") from None
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}", hint="check its permissions") from error
    if head != _MAGIC:
        raise SourceError(
            f"{path} is no SQLite database" + ("" if head else ": it is empty"), hint=f"name the SQLite file of {what}"
        )
