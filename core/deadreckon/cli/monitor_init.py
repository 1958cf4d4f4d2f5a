"""`reckon monitor init`: a first file of rules, from what the lake holds."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from deadreckon.cli.options import ConfigOption, LakeOption, settings_for
from deadreckon.cli.output import say
from deadreckon.core.errors import DataError, UsageError
from deadreckon.core.words import counted

_DAY: Final = 86_400


def command(
    *,
    write: Annotated[
        Path | None,
        typer.Option("--write", metavar="FILE", help="Write a new settings file; one that is there is never changed."),
    ] = None,
    lake: LakeOption = None,
    config: ConfigOption = None,
) -> int:
    """Look at the lake's last two weeks and print rules that fit, each with the figures that its threshold comes from.

    Each rule was tried on the lake: one that would fire at once is printed as a comment. The lake is only read.

    Example: reckon monitor init >> deadreckon.toml
    """
    import time

    from deadreckon.core.lake import Lake
    from deadreckon.monitor.asking import asker
    from deadreckon.monitor.starter import look, toml, written

    if write is not None and write.exists():
        raise UsageError(
            f"{write} is there, and stays as it is", hint=f"reckon monitor init >> {write} adds the rules to it"
        )
    settings = settings_for(lake, config)
    opened = Lake.open(settings.lake)
    found = look(opened, lambda: asker(opened, settings), now=time.time())
    if found is None:
        raise DataError(
            "the lake holds no events, and rules are made from what it holds",
            hint="reckon ingest PATH first; reckon monitor --keys shows how a rule is written",
        )
    text = written(found)
    if write is None:
        sys.stdout.write(text)
        if sys.stdout.isatty():
            sys.stdout.flush()
            say("hint: nothing was written: --write FILE makes a settings file of them, >> deadreckon.toml adds them")
        return 0
    try:
        with write.open("x", encoding="utf-8") as file:
            file.write(f"lake = {toml(str(opened.root))}\n\n{text}")
    except OSError as error:
        raise UsageError(f"{write} cannot be written: {error.strerror or error}", hint="choose another place") from None
    words = f"reckon monitor --config {shlex.quote(str(write))} --dry-run{_as_of(found.newest, time.time())}"
    live = sum(line == "[[rules]]" for line in text.splitlines())
    hidden = sum(line == "# [[rules]]" for line in text.splitlines())
    more = f", and {hidden} more as comments that say why" if hidden else ""
    say(f"{write}: {counted(live, 'rule')}{more}; {words} shows what they say")
    if settings.prices:
        say("hint: the prices in force are not in it: copy [prices] from your settings, or the cost is unknown")
    return 0


def _as_of(newest: int, now: float) -> str:
    """The option that looks at the windows before the newest event, where that is of another day."""
    from datetime import UTC, datetime

    return f" --as-of {datetime.fromtimestamp(newest, UTC):%Y-%m-%dT%H:%M:%SZ}" if now - newest > _DAY else ""
