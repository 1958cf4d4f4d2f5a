"""`reckon views`: what SQL can ask."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.text import Text

from deadreckon.cli.lines import Column, draw, room
from deadreckon.cli.options import FormatOption
from deadreckon.cli.output import Format, chosen, console, dumps, say, show_rows
from deadreckon.core.errors import UsageError


def command(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="One view, with its columns.")] = None,
    *,
    sql: Annotated[bool, typer.Option("--sql", help="Print the view's query.")] = False,
    docs: Annotated[
        bool, typer.Option("--docs", help="Print all views with all their columns as one page of Markdown.")
    ] = False,
    lake: Annotated[  # noqa: ARG001 - so that the same options go with every command
        str | None, typer.Option("--lake", metavar="DIR", help="Not needed: every lake has the same views.")
    ] = None,
    format_: FormatOption = None,
) -> None:
    """Describe the views that `reckon sql` can ask: what each answers, its grain, its columns and their units.

    Example: reckon views errors_by_version

    Example: reckon views --format json
    """
    from deadreckon.queries.catalog import views
    from deadreckon.queries.described import columns, markdown, view_named

    if docs:
        sys.stdout.write(markdown())
        return
    shown = chosen(format_)
    if name is None:
        if sql:
            raise UsageError("--sql prints the query of one view", hint="reckon views errors_by_version --sql")
        listed = sorted(views().values(), key=lambda v: v.name)
        if shown is Format.table:
            out = console()
            lines = [[Text(v.name, style="bold"), Text(v.purpose)] for v in listed]
            draw(out, (Column("view"), Column("answers", least=20)), lines, room(out))
            say("reckon views NAME describes one with its columns")
            return
        show_rows(["view", "one_row", "answers"], [[v.name, v.grain, v.purpose] for v in listed], shown)
        return
    view = view_named(name)
    if sql:
        sys.stdout.write(f"{view.sql}\n")
        return
    rows = [[c.name, c.type, c.unit, c.doc] for c in columns()[view.name]]
    if shown is Format.json:
        record = {"view": view.name, "answers": view.purpose, "one_row": view.grain, "reads": sorted(view.reads)}
        fields = ("name", "type", "unit", "meaning")
        sys.stdout.write(dumps(record | {"columns": [dict(zip(fields, r, strict=True)) for r in rows]}, indent=True))
        return
    if shown is Format.table:
        _describe(view.name, view.purpose, view.grain, rows)
        return
    show_rows(["column", "type", "unit", "meaning"], rows, shown)


def _describe(name: str, purpose: str, grain: str, rows: Sequence[Sequence[str | None]]) -> None:
    out = console()
    width = room(out)
    head = [[Text(name, style="bold"), Text(purpose)], [Text("grain"), Text(grain)]]
    draw(out, (Column(), Column(least=20, wrap=True)), head, width, names=False)
    out.print()
    columns = (Column("column"), Column("type"), Column("unit"), Column("meaning", least=20, wrap=True))
    draw(out, columns, [[Text(cell or "") for cell in row] for row in rows], width)
