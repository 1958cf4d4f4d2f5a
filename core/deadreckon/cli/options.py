"""Options that every command shares, with one meaning everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from deadreckon.cli.output import Format
from deadreckon.core.settings import Settings, load

LakeOption = Annotated[
    str | None,
    typer.Option("--lake", metavar="DIR", help="The lake; else DEADRECKON_LAKE, the file's `lake`, ./lake."),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="Settings; else DEADRECKON_CONFIG, ./deadreckon.toml."),
]
FormatOption = Annotated[
    Format | None,
    typer.Option("--format", help="How to print; a table on a terminal and JSON elsewhere unless said."),
]


def settings_for(lake: str | None, config: Path | None) -> Settings:
    """The settings in force for a command called with these options."""
    return load(config, overrides={"lake": lake})
