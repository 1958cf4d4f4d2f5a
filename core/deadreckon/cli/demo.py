"""`reckon demo`: the sample logs from ingest to alert, every figure asked of the lake that it just made."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from deadreckon.cli.output import Format, console
from deadreckon.core.errors import UsageError


def command(
    lake: Annotated[
        str | None, typer.Option("--lake", metavar="DIR", help="Make the lake here and keep it; else a temporary one.")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the temporary lake.")] = False,
    format_: Annotated[
        Format | None, typer.Option("--format", help="table, for people; json, one object with all figures.")
    ] = None,
) -> None:
    """Ingest three weeks of an invented support agent's logs and answer what people ask of such logs.

    Nothing is needed but this command; it takes seconds. Run again on the same lake, it adds nothing.

    Examples:
      reckon demo
      reckon demo --lake demo-lake
      reckon demo --format json
    """
    from deadreckon.cli.demo_page import as_json, as_page, next_steps
    from deadreckon.cli.demo_run import play

    if format_ not in (None, Format.table, Format.json, Format.jsonl):
        raise UsageError(f"the demo has no format {format_.value}", hint="--format table or --format json")
    place = Path(lake).expanduser() if lake else Path(tempfile.mkdtemp(prefix="reckon-demo-"))
    kept = bool(lake) or keep
    try:
        with console(stderr=True).status("starting") as status:  # says nothing where no terminal is
            findings = play(place, status.update)
        steps = next_steps(findings, lake or str(place), kept=kept)
        if format_ in (Format.json, Format.jsonl):
            as_json(findings, steps, indent=format_ is Format.json)
        else:
            as_page(findings, steps)
    finally:
        if not kept:
            shutil.rmtree(place, ignore_errors=True)
