"""`reckon import`: what other tools keep, into the lake; run it again and only what is new comes in."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deadreckon.cli.ingest import Bar, Signals
from deadreckon.cli.options import ConfigOption, FormatOption, LakeOption, settings_for
from deadreckon.cli.output import Format, chosen, console, say, show_record
from deadreckon.cli.profile import refresh
from deadreckon.core.words import counted

if TYPE_CHECKING:
    from deadreckon.exchange.bring import Brought, Item

command = typer.Typer(
    no_args_is_help=True, help="What other tools keep, into the lake: run it again and only what is new comes in."
)

Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]


@command.command()
def mlflow(
    store: Annotated[str, typer.Argument(metavar="FILE | URL", help="mlflow.db, or http://host:5000.")],
    quiet: Quiet = False,
    lake: LakeOption = None,
    config: ConfigOption = None,
    format_: FormatOption = None,
) -> None:
    """Runs, metrics, parameters, tags, models, traces and assessments of MLflow.

    From the SQLite file of a tracking server, which may go on writing, or over the server's REST API. A user's name and
    password, or a token, are taken from MLFLOW_TRACKING_USERNAME, MLFLOW_TRACKING_PASSWORD and MLFLOW_TRACKING_TOKEN.

    Examples: reckon import mlflow mlflow.db; reckon import mlflow http://localhost:5000
    """
    from deadreckon.exchange import mlflow as source

    with source.opened(store) as kept:
        _bring(source.items(kept), kept.origin, quiet, lake, config, format_)


def _bring(
    items: Iterable[Item],
    origin: str,
    quiet: bool,
    lake: str | None,
    config: Path | None,
    format_: Format | None,
) -> None:
    with Signals() as signals:
        from deadreckon.core.lake import Lake
        from deadreckon.exchange.bring import bring

        settings = settings_for(lake, config)
        bar = Bar(show=not quiet and sys.stderr.isatty())
        warn: Callable[[str], None] = (lambda _: None) if quiet else bar.say
        signals.interrupt()
        with bar:
            brought = bring(
                items,
                origin=origin,
                lake=settings.lake,
                settings=settings,
                warn=warn,
                reading=lambda found: bar.describe(f"reading {origin}: {_listed(found)}"),
                report=bar.update,
            )
    if not quiet:
        _show(brought, origin, settings.lake, chosen(format_))
        sys.stdout.flush()
    if brought.summary.committed:
        refresh(Lake.open(settings.lake))


def _show(brought: Brought, origin: str, lake: str, format_: Format) -> None:
    if format_ is not Format.table:
        show_record({"origin": origin, "lake": lake, **brought.as_dict()}, format_)
        return
    if not brought.lines:
        say(f"{origin} holds nothing to import")
        return
    summary = brought.summary
    out = console()
    out.print(f"{origin}: {_listed(brought.found)}")
    known = f", {brought.known:,} known already" if brought.known else ""
    refused = f", {summary.quarantined:,} quarantined" if summary.quarantined else ""
    out.print(f"{counted(summary.committed, 'event')} committed to {lake}{known}{refused} ({summary.seconds:.1f} s)")
    if summary.quarantined:
        say(f"hint: reckon quarantine list --lake {lake} says why lines were refused")


def _listed(found: Mapping[str, int]) -> str:
    return ", ".join(counted(number, noun) for noun, number in found.items()) or "nothing yet"
