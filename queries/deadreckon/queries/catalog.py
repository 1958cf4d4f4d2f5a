"""The views: one `.sql` file each, named as its relation, with its grain and columns documented in its header.

A header reads

    -- name: what it answers, in a sentence that may
    -- go on over several lines
    -- Grain: one row per ...
    -- Columns:
    --   column [unit]  meaning
    --   model          a column of the event schema may leave out its meaning: it has one there
    --   @events        every column of the event schema

and everything after it is the view's query.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

from deadreckon.core import schema

_COLUMN: Final = re.compile(r"^(@?\w+)(?:\s+\[([^\]]+)\])?(?:\s+(\S.*))?$")
_RELATION: Final = re.compile(r"\b(?:FROM|JOIN)\s+([a-z_][a-z_0-9]*)", re.IGNORECASE)
_SCHEMA: Final = {c.name: c for c in schema.TABLE_COLUMNS}
TYPES: Final = "view_types.json"
_PARTITION_DOC: Final = {"date": ("the day of ts, in UTC; filter on it to read fewer files", "")}


@dataclass(frozen=True, slots=True)
class ColumnDoc:
    """What a view's column means, and its unit where it has one."""

    name: str
    doc: str
    unit: str = ""

    @property
    def comment(self) -> str:
        """Meaning and unit in one line."""
        return f"{self.doc} [{self.unit}]" if self.unit else self.doc


@dataclass(frozen=True, slots=True)
class View:
    """One view: what it answers, its grain, its columns in order, its query, and the relations that it reads."""

    name: str
    purpose: str
    grain: str
    columns: tuple[ColumnDoc, ...]
    sql: str
    reads: frozenset[str]


class HeaderError(ValueError):
    """A view's file does not document itself as the house asks: a fault of the file, never of a user."""


def parse(name: str, text: str) -> View:
    """The view in a file's text.

    Raises:
        HeaderError: the header lacks its purpose, grain or columns, or names a column without saying what it is.
    """
    header: list[str] = []
    lines = text.splitlines()
    while lines and lines[0].startswith("--"):
        header.append(lines.pop(0).removeprefix("--").removeprefix(" "))
    intro, _, rest = "\n".join(header).partition("\nGrain:")
    grain, _, columns = rest.partition("\nColumns:")
    title, _, purpose = intro.partition(":")
    if title != name or not purpose.strip() or not grain.strip() or not columns.strip():
        raise HeaderError(f"{name}.sql must begin with '-- {name}: purpose', '-- Grain:' and '-- Columns:'")
    sql = "\n".join(lines).strip().rstrip(";")
    bare = re.sub(r"--[^\n]*", "", sql)
    return View(
        name,
        " ".join(purpose.split()),
        " ".join(grain.split()),
        tuple(_columns(name, columns)),
        sql,
        frozenset(m.lower() for m in _RELATION.findall(bare)),
    )


def _columns(view: str, block: str) -> list[ColumnDoc]:
    entries: list[str] = []
    for line in block.splitlines():
        if not line.strip():
            continue
        if line.startswith("   ") and entries:  # deeper than a column's own two spaces: the line before goes on
            entries[-1] += " " + line.strip()
        else:
            entries.append(line.strip())
    found: list[ColumnDoc] = []
    for entry in entries:
        match = _COLUMN.match(entry)
        if match is None:
            raise HeaderError(f"{view}.sql: {entry!r} is not 'column [unit] meaning'")
        name, unit, doc = match.groups()
        if name == "@events":
            found.extend(ColumnDoc(c.name, c.doc, c.unit) for c in schema.events_part())
            continue
        known = _SCHEMA.get(name)
        if doc is None and known is not None:
            found.append(ColumnDoc(name, known.doc, unit or known.unit))
        elif doc is None and name in _PARTITION_DOC:
            found.append(ColumnDoc(name, *_PARTITION_DOC[name]))
        elif doc is None:
            raise HeaderError(f"{view}.sql: column {name} says nothing about itself")
        else:
            found.append(ColumnDoc(name, doc, unit or ""))
    return found


@cache
def views() -> dict[str, View]:
    """Every view by name, each after the views that it reads."""
    folder = resources.files("deadreckon.queries") / "views"
    parsed = {
        file.name.removesuffix(".sql"): parse(file.name.removesuffix(".sql"), file.read_text("utf-8"))
        for file in sorted(folder.iterdir(), key=lambda f: f.name)
        if file.name.endswith(".sql")
    }
    ordered: dict[str, View] = {}

    def place(view: View, above: tuple[str, ...]) -> None:
        if view.name in above:
            raise HeaderError(f"views read each other in a circle: {' -> '.join((*above, view.name))}")
        for needed in sorted(view.reads & parsed.keys()):
            if needed not in ordered:
                place(parsed[needed], (*above, view.name))
        ordered[view.name] = view

    for view in parsed.values():
        if view.name not in ordered:
            place(view, ())
    return ordered


@cache
def types() -> dict[str, dict[str, str]]:
    """The DuckDB types of every view's columns, in order, which do not depend on what is in a lake.

    They are kept beside the views, as finding them takes long. `python -m deadreckon.queries.described` writes them
    anew, after a change of a view or of the schema.
    """
    kept: dict[str, dict[str, str]] = json.loads((resources.files("deadreckon.queries") / TYPES).read_text("utf-8"))
    return kept
