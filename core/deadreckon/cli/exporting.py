"""`reckon export`: events of the lake as files that other tools, or another lake, read."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deadreckon.cli.ingest import Bar, Signals, sized
from deadreckon.cli.options import ConfigOption, FormatOption, LakeOption, settings_for
from deadreckon.cli.output import Format, chosen, console, show_record
from deadreckon.core.errors import UsageError
from deadreckon.core.words import counted

if TYPE_CHECKING:
    from deadreckon.exchange.export import Exported

command = typer.Typer(no_args_is_help=True, help="Events of the lake as files that other tools, or another lake, read.")

Out = Annotated[Path, typer.Argument(metavar="FILE", help="What to write.")]
From = Annotated[
    str | None, typer.Option("--from", metavar="TIME", help="The first time that is in: 2026-11-20, 2026-11-20T06:00Z.")
]
To = Annotated[str | None, typer.Option("--to", metavar="TIME", help="The first time that is not in.")]
Where = Annotated[str, typer.Option("--where", metavar="SQL", help="A condition on the columns of events.")]
Force = Annotated[bool, typer.Option("--force", help="Replace what is there.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]


@command.command()
def jsonl(
    out: Out,
    start: From = None,
    end: To = None,
    where: Where = "",
    force: Force = False,
    quiet: Quiet = False,
    lake: LakeOption = None,
    config: ConfigOption = None,
    format_: FormatOption = None,
) -> None:
    """Lines of JSON that `reckon ingest` reads back into an equal lake; .gz and .zst are compressed.

    Example: reckon export jsonl november.jsonl.zst --from 2026-11-01 --to 2026-12-01
    """
    _export("jsonl", out, (start, end, where), force, quiet, lake, config, format_)


@command.command()
def parquet(
    out: Out,
    start: From = None,
    end: To = None,
    where: Where = "",
    force: Force = False,
    quiet: Quiet = False,
    lake: LakeOption = None,
    config: ConfigOption = None,
    format_: FormatOption = None,
) -> None:
    """One Parquet file where the name ends in .parquet, else a folder with a file for each day.

    Example: reckon export parquet calls.parquet --where "operation = 'chat'"
    """
    _export("parquet", out, (start, end, where), force, quiet, lake, config, format_)


@command.command()
def otlp(
    out: Out,
    start: From = None,
    end: To = None,
    where: Where = "",
    force: Force = False,
    quiet: Quiet = False,
    lake: LakeOption = None,
    config: ConfigOption = None,
    format_: FormatOption = None,
) -> None:
    """OTLP/JSON lines: spans as traces, all else as logs, for the collector's receivers and `reckon import otlp-file`.

    Example: reckon export otlp spans.json --where "kind = 'span'"
    """
    _export("otlp", out, (start, end, where), force, quiet, lake, config, format_)


def _export(
    form: str,
    out: Path,
    asked: tuple[str | None, str | None, str],
    force: bool,
    quiet: bool,
    lake: str | None,
    config: Path | None,
    format_: Format | None,
) -> None:
    with Signals() as signals:
        from deadreckon.core.lake import Lake
        from deadreckon.exchange import export

        start, end = _moment("--from", asked[0]), _moment("--to", asked[1])
        if start and end and start >= end:
            raise UsageError(f"--from {asked[0]} is not before --to {asked[1]}", hint="turn them round")
        opened = Lake.open(settings_for(lake, config).lake)
        writers = {"jsonl": export.jsonl, "parquet": export.parquet, "otlp": export.otlp}
        bar = Bar(show=not quiet and sys.stderr.isatty())
        report: Callable[[int], None] = lambda count: bar.describe(counted(count, "event"))  # noqa: E731 - one line
        signals.interrupt()
        with bar:
            done = writers[form](
                export.Selection(opened, start, end, asked[2]), out.expanduser(), force=force, report=report
            )
    if not quiet:
        _show(done, form, chosen(format_))


def _show(done: Exported, form: str, format_: Format) -> None:
    if format_ is not Format.table:
        show_record({"path": str(done.path), "form": form, "events": done.events, "bytes": done.bytes}, format_)
        return
    console().print(f"{counted(done.events, 'event')} in {done.path} ({sized(done.bytes)})", soft_wrap=True)


def _moment(option: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(
            f"{option} {text!r} is no time", hint="write 2026-11-20, or 2026-11-20T06:00+01:00; UTC where it says none"
        ) from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
