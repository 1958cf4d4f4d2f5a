"""`reckon quarantine`: lines that were refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from deadreckon.cli.options import ConfigOption, FormatOption, LakeOption, settings_for
from deadreckon.cli.output import Format, chosen, say, show_record, show_rows
from deadreckon.cli.quarantine_lines import draw_refused, say_not_replayable
from deadreckon.core.words import counted

command = typer.Typer(no_args_is_help=True, help="Lines that were refused, with the reason and the line itself.")

Ids = Annotated[list[str], typer.Argument(metavar="ID ...", help="Ids as `reckon quarantine list` shows them.")]


def _open(lake: str | None, config: Any) -> Any:
    from deadreckon.core.lake import Lake

    settings = settings_for(lake, config)
    return Lake.open(settings.lake), settings


@contextmanager
def _refused(lake: str | None, config: Any, ids: list[str]) -> Iterator[Any]:
    """The connection and the open lines in it; only with these ids, if any are given."""
    from deadreckon.ingest.refused import Refused
    from deadreckon.ingest.session import connect

    opened, settings = _open(lake, config)
    with connect(settings) as con:
        yield con, Refused(con, opened.snapshot(), ids=ids)


@command.command("list")
def list_(
    by: Annotated[str, typer.Option(help="code: a line per reason; line: a line per refused line.")] = "line",
    limit: Annotated[int, typer.Option(min=1, help="Lines shown at most, the oldest ones.")] = 50,
    lake: LakeOption = None,
    config: ConfigOption = None,
    format_: FormatOption = None,
) -> None:
    """List the open ones: how many by reason and input, then of each id, reason and the start of the line.

    Example: reckon quarantine list --by code
    """
    from deadreckon.core.errors import UsageError

    if by not in ("line", "code"):
        raise UsageError(f"--by is {by!r}", hint="use --by line or --by code")
    shown = chosen(format_)
    with _refused(lake, config, []) as (con, refused):
        open_, _ = refused.count()
        if by == "code":
            columns = ["code", "field", "lines", "example"]
            reasons, every = refused.reasons(limit)
            rows = [[r.code, r.field, r.lines, r.example] for r in reasons]
        elif shown is Format.table:
            _more(open_ - draw_refused(con, refused, limit), open_, by)
            return
        else:
            columns, every = ["id", "code", "field", "error", "raw", "encoding", "source"], open_
            rows = [
                [n.quarantine_id, n.error_code, n.error_field, n.error, n.text[:80], _encoding(n), n.source_path]
                for n in refused.listed(limit)
            ]
    more = every - len(rows)
    show_rows(columns, rows, shown, meta={"open": open_, "truncated": more > 0})
    _more(more, every, by)


def _more(more: int, every: int, by: str) -> None:
    if more:
        say(
            f"{more} more are not shown: --limit {every} shows all"
            + ("" if by == "code" else ", --by code sums them up")
        )


def _encoding(line: Any) -> str:
    return "utf-8" if line.raw_encoding == "utf-8" else "not UTF-8"


def _what(line: Any) -> str:
    if line.raw_encoding != "utf-8":
        return f"the line's bytes in {line.raw_encoding}, as they are not UTF-8; text is what can be read of them"
    if line.whole:
        return "the line as text, in UTF-8"
    return "the start of the line as text, in UTF-8" if line.raw else "nothing: there is no line"


@command.command()
def show(ids: Ids, lake: LakeOption = None, config: ConfigOption = None, format_: FormatOption = None) -> None:
    """Show one or more refused lines whole.

    Example: reckon quarantine show 0b2f...:1834
    """
    from dataclasses import asdict

    with _refused(lake, config, ids) as (_, refused):
        refused.all_there()
        found = refused.lines()
    for line in found:
        record = asdict(line) | {"raw_is": _what(line)}
        if line.raw_encoding != "utf-8":
            record["text"] = line.text
        show_record(record, chosen(format_))


@command.command()
def replay(
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID ...]", help="Only these; else all open ones.")] = None,
    lake: LakeOption = None,
    config: ConfigOption = None,
    format_: FormatOption = None,
) -> None:
    """Read refused lines again, after a fix of the aliases or an update; each becomes an event at most once.

    Example: reckon quarantine replay
    """
    from dataclasses import asdict

    from deadreckon.ingest.quarantine import replay as run
    from deadreckon.ingest.session import connect

    opened, settings = _open(lake, config)
    result = run(opened, settings, ids=ids or [])
    show_record(asdict(result), chosen(format_))
    if result.not_replayable:
        with connect(settings) as con:
            say_not_replayable(con, opened.snapshot(), ids or [])
    if result.still_refused:
        say(f"{counted(result.still_refused, 'line')} refused again: reckon quarantine list says why")


@command.command()
def drop(
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID ...]", help="Close these.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="Close every open line.")] = False,
    lake: LakeOption = None,
    config: ConfigOption = None,
    format_: FormatOption = None,
) -> None:
    """Close refused lines without reading them; they stay in the ledger, marked as dropped.

    Example: reckon quarantine drop 0b2f...:1834
    """
    from deadreckon.core.errors import UsageError
    from deadreckon.ingest.quarantine import drop as run

    if ids and all_:
        raise UsageError(
            f"--all and an id are given: {ids[0]}",
            hint="name ids to close these, or say --all alone to close every line",
        )
    if not ids and not all_:
        raise UsageError("nothing named to drop", hint="name ids, or say --all")
    opened, _ = _open(lake, config)
    count = run(opened, ids or [])
    if chosen(format_) is Format.table:
        say(f"{counted(count, 'line')} closed")
    else:
        show_record({"dropped": count}, chosen(format_))
