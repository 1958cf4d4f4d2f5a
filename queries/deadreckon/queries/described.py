"""The views described: what `reckon views`, a catalog's comments and docs/views.md say of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import duckdb

from deadreckon.core.errors import UsageError
from deadreckon.core.lake import Snapshot
from deadreckon.core.settings import Settings, nearest
from deadreckon.queries.binding import literal, make_views, prepare
from deadreckon.queries.catalog import View, views
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


@cache
def columns() -> dict[str, tuple[Column, ...]]:
    """Every view's columns as DuckDB binds them, in order. Needs no lake: types do not depend on what is in it."""
    binding = binding_of(Snapshot(0, ()), Settings())
    with duckdb.connect() as con:
        prepare(con, binding)
        make_views(con, binding, binding.views, set())
        rows = con.execute(
            "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE NOT internal ORDER BY column_index"
        ).fetchall()
    found: dict[str, tuple[Column, ...]] = {}
    for name, view in views().items():
        docs = {c.name: c for c in view.columns}
        found[name] = tuple(
            Column(
                column,
                _short(type_),
                docs[column].unit if column in docs else "",
                docs[column].doc if column in docs else "",
            )
            for table, column, type_ in rows
            if table == name
        )
    return found


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
