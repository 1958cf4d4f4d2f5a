"""`reckon import`: what other tools keep, into the lake; run it again and only what is new comes in."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
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

    From the SQLite file of a tracking server, which may go on writing, or over the server's REST API.

    Who asks the server is taken from MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN.

    Examples: reckon import mlflow mlflow.db; reckon import mlflow http://localhost:5000
    """
    from deadreckon.exchange import mlflow as source

    with source.opened(store) as kept:
        _bring(source.items(kept), kept.origin, quiet, lake, config, format_)


@command.command()
def langfuse(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE ...", help="Exported CSV, JSON, JSON lines or Parquet; or folders.")
    ],
    quiet: Quiet = False,
    lake: LakeOption = None,
    config: ConfigOption = None,
    format_: FormatOption = None,
) -> None:
    """Traces, observations and scores that Langfuse exported.

    Name the files of traces together with those of their observations: these get the session and user from there.

    Example: reckon import langfuse exports/
    """
    from deadreckon.exchange import langfuse as source
    from deadreckon.exchange.tables import files as there

    _bring(source.items(there(files, "Langfuse")), _named(files), quiet, lake, config, format_)


@command.command()
def phoenix(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE ...", help="phoenix.db, or dataframes of spans in Parquet.")
    ],
    quiet: Quiet = False,
    lake: LakeOption = None,
    config: ConfigOption = None,
    format_: FormatOption = None,
) -> None:
    """Spans, costs and annotations of Phoenix.

    From its SQLite store, which a server may go on writing, or from what get_spans_dataframe() gave, in Parquet.

    Example: reckon import phoenix ~/.phoenix/phoenix.db
    """
    from deadreckon.exchange import phoenix as source

    _bring(source.items([path.expanduser() for path in files]), _named(files), quiet, lake, config, format_)


@command.command("otlp-file")
def otlp_file(
    files: Annotated[list[Path], typer.Argument(metavar="FILE ...", help="OTLP/JSON lines; plain, .gz or .zst.")],
    quiet: Quiet = False,
    lake: LakeOption = None,
    config: ConfigOption = None,
    format_: FormatOption = None,
) -> None:
    """Files of the OpenTelemetry collector's file exporter, and of reckon export otlp.

    Example: reckon import otlp-file traces.json traces-2026-11-20T04-00-00.000.json
    """
    from deadreckon.exchange import otlp_file as source

    _bring(source.items([path.expanduser() for path in files]), _named(files), quiet, lake, config, format_)


def _named(files: Sequence[str | Path]) -> str:
    """What the lake remembers as the origin: the first file, and how many more."""
    return f"{files[0]}" + (f" and {len(files) - 1:,} more" if len(files) > 1 else "")


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
                origin=str(Path(origin).resolve()) if Path(origin).exists() else origin,
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
