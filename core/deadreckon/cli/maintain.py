"""`reckon maintain`: housekeeping of the lake."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from rich.filesize import decimal

from deadreckon.cli.options import ConfigOption, FormatOption, LakeOption, settings_for
from deadreckon.cli.output import Format, chosen, console, say, show_rows

if TYPE_CHECKING:
    from deadreckon.core.maintenance.steps import Progress, Work

COLUMNS = ("table", "step", "what", "files_before", "files_after", "bytes_before", "bytes_after", "rows", "seconds")


def command(
    compact: Annotated[bool, typer.Option("--compact", help="Merge the small files of closed days.")] = False,
    expire: Annotated[bool, typer.Option("--expire", help="Drop days older than the retention.")] = False,
    vacuum: Annotated[bool, typer.Option("--vacuum", help="Remove files that no reader can need.")] = False,
    checkpoint: Annotated[bool, typer.Option("--checkpoint", help="Shorten the log by a proven checkpoint.")] = False,
    retention_days: Annotated[
        int | None, typer.Option("--retention-days", min=0, metavar="N", help="Days kept, today included; 0 keeps all.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing; say what would be done.")] = False,
    lake: LakeOption = None,
    config: ConfigOption = None,
    format_: FormatOption = None,
) -> None:
    """Compact, expire, vacuum and checkpoint the lake: all four, or those that are named.

    Safe at any time: ingest and queries go on meanwhile, and a killed run is simply run again. Once a day is enough.

    Example: reckon maintain --retention-days 90
    """
    from deadreckon.core.lake import Lake
    from deadreckon.core.maintenance import ALL_STEPS, Step, maintain

    settings = settings_for(lake, config)
    rules = settings.maintain
    if retention_days is not None:
        rules = rules.model_copy(update={"retention_days": retention_days})
    named = {Step.compact: compact, Step.expire: expire, Step.vacuum: vacuum, Step.checkpoint: checkpoint}
    steps = {step for step, wanted in named.items() if wanted} or ALL_STEPS
    with _progress() as on_progress:
        done = maintain(Lake.open(settings.lake), rules, steps=steps, dry_run=dry_run, on_progress=on_progress)
    if chosen(format_) is Format.table:
        show_rows(["table", "step", "what", "files", "size", "rows", "took"], [_short(w) for w in done], Format.table)
        say("nothing was changed: --dry-run" if dry_run else "done" if done else "there was nothing to do")
    else:
        rows = [[getattr(work, name) for name in COLUMNS] for work in done]
        show_rows(COLUMNS, rows, chosen(format_), meta={"dry_run": dry_run})


def _short(work: Work) -> list[object]:
    after = "?" if work.bytes_after is None else decimal(work.bytes_after)
    size = f"{decimal(work.bytes_before)} -> {after}" if work.bytes_before else after
    return [
        work.table,
        work.step,
        work.what,
        f"{work.files_before} -> {work.files_after}",
        size,
        work.rows,
        f"{work.seconds:.1f}s",
    ]


@contextmanager
def _progress() -> Iterator[Progress | None]:
    out = console(stderr=True)
    if not out.is_terminal:
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    parts = (TextColumn("compact {task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bar(*parts, console=out, transient=True) as bar:
        tasks = {}

        def show(table: str, done: int, total: int) -> None:
            if table not in tasks:
                tasks[table] = bar.add_task(table)
            bar.update(tasks[table], completed=done, total=total)

        yield show
