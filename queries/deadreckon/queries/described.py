"""The views described: what `reckon views`, a catalog's comments and docs/views.md say of them."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

import duckdb

from deadreckon.core.errors import UsageError
from deadreckon.core.lake import Snapshot
from deadreckon.core.settings import Settings, nearest
from deadreckon.queries.binding import literal, make_views, prepare
from deadreckon.queries.catalog import TYPES, ColumnDoc, View, types, views
from deadreckon.queries.connection import binding_of


@dataclass(frozen=True, slots=True)
class Column:
    """A view's column: its name, DuckDB type, unit where it has one, and meaning."""

    name: str
    type: str
    unit: str
    doc: str


def view_named(name: str) -> View:
    """The view of this name.

    Raises:
        UsageError: there is none; the hint names the nearest.
    """
    if name not in views():
        known = nearest(name, list(views()))
        meant = f"{known} " if known.startswith("did you mean") else ""  # not all of them in one line
        raise UsageError(f"there is no view {name!r}", hint=f"{meant}reckon views lists what there is")
    return views()[name]


def columns() -> dict[str, tuple[Column, ...]]:
    """Every view's columns, in order."""
    docs = {name: {c.name: c for c in view.columns} for name, view in views().items()}
    nothing = ColumnDoc("", "")
    return {
        name: tuple(
            Column(column, _short(type_), (told := docs[name].get(column, nothing)).unit, told.doc)
            for column, type_ in types()[name].items()
        )
        for name in views()
    }


def found_types() -> dict[str, dict[str, str]]:
    """What `catalog.types` keeps, as DuckDB finds it now; needs no lake."""
    bound = binding_of(Snapshot(0, ()), Settings())
    bare = {name: replace(view, columns={}) for name, view in bound.views.items()}
    with duckdb.connect() as con:
        prepare(con, bound)
        make_views(con, replace(bound, views=bare), bare, set())
        rows = con.execute(
            "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE NOT internal ORDER BY column_index"
        ).fetchall()
    return {name: {column: type_ for table, column, type_ in rows if table == name} for name in sorted(bare)}


def comments() -> list[str]:
    """The statements that write every view's and column's documentation into a database."""
    statements = []
    for view in views().values():
        statements.append(f"COMMENT ON VIEW {view.name} IS {literal(f'{view.purpose}. Grain: {view.grain}')}")
        statements += [f"COMMENT ON COLUMN {view.name}.{c.name} IS {literal(c.comment)}" for c in view.columns]
    return statements


def markdown() -> str:
    """docs/views.md: every view with its grain and columns."""
    lines = [
        "# Views",
        "",
        "What SQL can ask of a lake: from `reckon sql`, from `connect()`, from the dashboard, and from any client that",
        "opens the DuckDB file of `reckon catalog`. `reckon views --docs` writes this page.",
        "",
        "| view | one row | what it answers |",
        "| --- | --- | --- |",
    ]
    ordered = sorted(views().values(), key=lambda v: v.name)
    lines += [f"| [{v.name}](#{v.name}) | {_cell(v.grain)} | {_cell(v.purpose)} |" for v in ordered]
    for view in ordered:
        lines += [
            "",
            f"## {view.name}",
            "",
            f"{view.purpose[0].upper()}{view.purpose[1:]}.",
            "",
            f"Grain: {view.grain}.",
            "",
        ]
        lines += ["| column | type | unit | meaning |", "| --- | --- | --- | --- |"]
        lines += [f"| {c.name} | {c.type} | {_cell(c.unit)} | {_cell(c.doc)} |" for c in columns()[view.name]]
    return "\n".join(lines) + "\n"


def _short(type_: str) -> str:
    return "TIMESTAMPTZ" if type_ == "TIMESTAMP WITH TIME ZONE" else type_


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _write_types() -> None:
    lines = [f"{json.dumps(name)}: {json.dumps(columns)}" for name, columns in found_types().items()]
    Path(str(resources.files("deadreckon.queries") / TYPES)).write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")


if __name__ == "__main__":
    _write_types()
