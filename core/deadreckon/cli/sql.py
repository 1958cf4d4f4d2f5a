"""`reckon sql`: a question in SQL, answered from the views."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deadreckon.cli.options import ConfigOption, FormatOption, LakeOption, settings_for
from deadreckon.cli.output import Format, chosen, say, show_rows
from deadreckon.core.errors import QueryError, UsageError

if TYPE_CHECKING:
    from deadreckon.core.settings import Settings


def command(
    query: Annotated[str | None, typer.Argument(metavar="QUERY", help="The query; - reads it from stdin.")] = None,
    *,
    file: Annotated[
        Path | None, typer.Option("-f", "--file", metavar="FILE", help="Read the query from a file.")
    ] = None,
    param: Annotated[list[str] | None, typer.Option("--param", metavar="K=V", help="Bind $K to V; repeatable.")] = None,
    max_rows: Annotated[int | None, typer.Option("--max-rows", min=1, help="Rows to show at most.")] = None,
    unsafe_local: Annotated[
        bool, typer.Option("--unsafe-local", help="No sandbox and no limits: for your own queries on your own files.")
    ] = False,
    lake: LakeOption = None,
    config: ConfigOption = None,
    format_: FormatOption = None,
) -> None:
    """Ask the lake a question in SQL, read-only and under limits; `reckon views` lists what can be asked.

    Example: reckon sql "select model_version, error_rate from errors_by_version"

    Example: reckon sql -f report.sql --param since=2026-06-01 --format csv
    """
    from deadreckon.queries.parameters import parameters
    from deadreckon.queries.sandbox import Sandbox

    settings = settings_for(lake, config)
    sql = _query(query, file)
    given = parameters(param or [])
    if unsafe_local:
        _unsafe(settings, sql, given, chosen(format_))
        return
    with Sandbox(settings) as sandbox:
        answer = sandbox.query(sql, given, max_rows=max_rows)
    shown = chosen(format_)
    show_rows(answer.columns, answer.rows, shown, meta={"as_of": answer.as_of, "truncated": answer.truncated})
    if answer.truncated and shown not in (Format.json, Format.table):
        say(f"truncated after {len(answer.rows)} rows: there are more")


def _query(query: str | None, file: Path | None) -> str:
    if (query is None) == (file is None):
        raise UsageError(
            "give the query as an argument, with -f FILE, or on stdin with -",
            hint='reckon sql "select * from errors_by_version"',
        )
    try:
        if file is not None:
            return file.read_text("utf-8")
        return sys.stdin.read() if query == "-" else str(query)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the query from {file or 'stdin'}: {error}", hint="check -f FILE") from error


def _unsafe(settings: Settings, sql: str, given: dict[str, Any], format_: Format) -> None:
    import duckdb

    from deadreckon.queries import connect
    from deadreckon.queries.complaint import complaint

    with connect(settings=settings) as con:
        try:
            cursor = con.execute(sql, given)
            columns = [d[0] for d in cursor.description or []]
            rows = cursor.fetchall() if columns else []
        except duckdb.Error as error:
            wrong = complaint(type(error).__name__, str(error), sql, settings.query)
            raise QueryError(wrong.message, hint=wrong.hint) from error
    show_rows(columns, rows, format_)
