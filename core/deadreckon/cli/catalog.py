"""`reckon catalog`: a .duckdb file of the views."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from deadreckon.cli.options import ConfigOption, FormatOption, LakeOption, settings_for
from deadreckon.cli.output import chosen, say, show_record


def command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write.")] = Path("views.duckdb"),
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is no catalog.")] = False,
    lake: LakeOption = None,
    config: ConfigOption = None,
    format_: FormatOption = None,
) -> None:
    """Write a .duckdb file of the views, documented, that any DuckDB client opens: a snapshot of the lake as it is now.

    Example: reckon catalog views.duckdb && duckdb views.duckdb "from errors_by_version"
    """
    from datetime import UTC, datetime

    from deadreckon.core.lake import Lake
    from deadreckon.queries.catalog_file import write_catalog

    settings = settings_for(lake, config)
    written = write_catalog(Lake.open(settings.lake), file, settings, made_at=datetime.now(UTC), force=force)
    show_record(asdict(written), chosen(format_))
    say("a snapshot: it does not see what is ingested later; write it anew then")
