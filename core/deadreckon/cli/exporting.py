"""`reckon export`: events of the lake as files that other tools, or another lake, read."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deadreckon.cli.ingest import Bar, Signals, sized
from deadreckon.cli.moments import moment
from deadreckon.cli.options import ConfigOption, FormatOption, LakeOption, settings_for
from deadreckon.cli.output import Format, chosen, console, show_record
from deadreckon.core.errors import UsageError
from deadreckon.core.words import counted

if TYPE_CHECKING:
    from deadreckon.exchange.export import Exported


class Form(StrEnum):
    """What a file of events is written in."""

    jsonl = "jsonl"
    parquet = "parquet"
    otlp = "otlp"


def command(
    form: Annotated[Form, typer.Argument(metavar="FORM", help="What to write.")],
    out: Annotated[Path, typer.Argument(metavar="FILE", help="Where to.")],
    start: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help="The first time that is in: 2026-11-20, 2026-11-20T06:00Z."),
    ] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="TIME", help="The first time that is not in.")] = None,
    where: Annotated[str, typer.Option("--where", metavar="SQL", help="A condition on the columns of events.")] = "",
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
    lake: LakeOption = None,
    config: ConfigOption = None,
    format_: FormatOption = None,
) -> None:
    """Events of the lake as files that other tools, or another lake, read.

    jsonl: lines that `reckon ingest` reads back into an equal lake; .gz and .zst are compressed.

    parquet: one file where the name ends in .parquet, else a folder with a file for each day.

    otlp: OTLP/JSON lines, spans as traces, all else as logs, for collectors and `reckon import otlp-file`.

    Examples: reckon export jsonl november.jsonl.zst --from 2026-11-01 --to 2026-12-01; reckon export parquet
    calls.parquet --where "operation = 'chat'"; reckon export otlp spans.json --where "kind = 'span'"
    """
    with Signals() as signals:
        from deadreckon.core.lake import Lake
        from deadreckon.exchange import export

        first, last = (moment(text, option) if text else None for text, option in ((start, "--from"), (end, "--to")))
        if first and last and first >= last:
            raise UsageError(f"--from {start} is not before --to {end}", hint="turn them round")
        chosen_events = export.Selection(Lake.open(settings_for(lake, config).lake), first, last, where)
        write = {Form.jsonl: export.jsonl, Form.parquet: export.parquet, Form.otlp: export.otlp}[form]
        bar = Bar(show=not quiet and sys.stderr.isatty())
        signals.interrupt()
        with bar:
            done = write(
                chosen_events,
                out.expanduser(),
                force=force,
                report=lambda count: bar.describe(counted(count, "event")),
            )
    if not quiet:
        _show(done, form, chosen(format_))


def _show(done: Exported, form: Form, format_: Format) -> None:
    if format_ is not Format.table:
        show_record({"path": str(done.path), "form": form, "events": done.events, "bytes": done.bytes}, format_)
        return
    console().print(f"{counted(done.events, 'event')} in {done.path} ({sized(done.bytes)})", soft_wrap=True)
