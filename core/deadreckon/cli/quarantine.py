"""`reckon quarantine`: lines that were refused."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from deadreckon.cli.options import ConfigOption, FormatOption, LakeOption, settings_for
from deadreckon.cli.output import chosen, say, show_record, show_rows

command = typer.Typer(no_args_is_help=True, help="Lines that were refused, with the reason and the line itself.")

Ids = Annotated[list[str], typer.Argument(metavar="ID ...", help="Ids as `reckon quarantine list` shows them.")]


def _open(lake: str | None, config: Any) -> Any:
    from deadreckon.core.lake import Lake

    settings = settings_for(lake, config)
    return Lake.open(settings.lake), settings


def _lines(lake: str | None, config: Any, ids: list[str]) -> list[Any]:
    import duckdb

    from deadreckon.ingest.quarantine import open_lines

    opened, _ = _open(lake, config)
    with duckdb.connect() as con:
        return open_lines(con, opened.snapshot(), ids=ids)


@command.command("list")
def list_(
    by: Annotated[str, typer.Option(help="code: a line per reason; line: a line per refused line.")] = "line",
    limit: Annotated[int, typer.Option(min=1, help="Lines shown at most.")] = 50,
    lake: LakeOption = None,
    config: ConfigOption = None,
    format_: FormatOption = None,
) -> None:
    """List the open ones: id, reason and the start of the line.

    Example: reckon quarantine list --by code
    """
    from deadreckon.core.errors import UsageError

    if by not in ("line", "code"):
        raise UsageError(f"--by is {by!r}", hint="use --by line or --by code")
    found = _lines(lake, config, [])
    if by == "code":
        groups: dict[tuple[str, str | None], list[Any]] = {}
        for line in found:
            groups.setdefault((line.error_code, line.error_field), []).append(line)
        rows = sorted(([code, field, len(g), g[0].error] for (code, field), g in groups.items()), key=lambda r: -r[2])
        show_rows(["code", "field", "lines", "example"], rows, chosen(format_), meta={"open": len(found)})
        return
    rows = [[n.quarantine_id, n.error_code, n.error_field, n.error, n.raw[:80], n.source_path] for n in found[:limit]]
    meta = {"open": len(found), "truncated": len(found) > limit}
    show_rows(["id", "code", "field", "error", "raw", "source"], rows, chosen(format_), meta=meta)


@command.command()
def show(ids: Ids, lake: LakeOption = None, config: ConfigOption = None, format_: FormatOption = None) -> None:
    """Show one or more refused lines whole.

    Example: reckon quarantine show 0b2f...:1834
    """
    from dataclasses import asdict

    from deadreckon.core.errors import DataError

    found = _lines(lake, config, ids)
    if not found:
        raise DataError(
            f"no open quarantined line has the id {ids[0]}", hint="reckon quarantine list shows the open ones"
        )
    for line in found:
        show_record(asdict(line), chosen(format_))


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

    opened, settings = _open(lake, config)
    result = run(opened, settings, ids=ids or [])
    show_record(asdict(result), chosen(format_))


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

    if not ids and not all_:
        raise UsageError("nothing named to drop", hint="name ids, or say --all")
    opened, _ = _open(lake, config)
    count = run(opened, ids or [])
    say(f"{count} lines closed")
    show_record({"dropped": count}, chosen(format_))
