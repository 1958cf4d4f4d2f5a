"""`reckon sql`: a question in SQL, answered from the views."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from deadreckon.cli.options import ConfigOption, FormatOption, LakeOption, settings_for
from deadreckon.cli.output import chosen, show_rows
from deadreckon.core.errors import UsageError


def command(
    query: Annotated[str | None, typer.Argument(metavar="[QUERY]", help="The query; - reads it from stdin.")] = None,
    file: Annotated[
        Path | None, typer.Option("-f", "--file", metavar="FILE", help="Read the query from a file.")
    ] = None,
    param: Annotated[list[str] | None, typer.Option("--param", metavar="K=V", help="Bind $K to V; repeatable.")] = None,
    max_rows: Annotated[int | None, typer.Option("--max-rows", min=1, help="Rows to show at most.")] = None,
    unsafe_local: Annotated[
        bool, typer.Option("--unsafe-local", help="No sandbox: your own query, your own files, no limits.")
    ] = False,
    lake: LakeOption = None,
    config: ConfigOption = None,
    format_: FormatOption = None,
) -> None:
    """Ask the lake a question in SQL, read-only and under limits; `reckon views` lists what can be asked.

    Examples:
      reckon sql "select model_version, error_rate from errors_by_version"
      reckon sql -f report.sql --param since=2026-06-01 --format csv
    """
    from deadreckon.queries.sandbox import Sandbox

    settings = settings_for(lake, config)
    sql = _query(query, file)
    params = _params(param or [])
    with Sandbox(settings) as sandbox:
        answer = sandbox.query(sql, params, max_rows=max_rows)
    meta = {"as_of": answer.as_of, "truncated": answer.truncated}
    show_rows(answer.columns, answer.rows, chosen(format_), meta=meta)


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


def _params(pairs: list[str]) -> dict[str, Any]:
    params: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.isidentifier():
            raise UsageError(
                f"--param {pair!r} is not NAME=VALUE", hint="for $since in the query: --param since=2026-06-01"
            )
        params[name] = value
    return params
