"""`reckon monitor --install`: what cron or systemd needs to run this very monitor; printed, never installed."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

from deadreckon.cli.output import say
from deadreckon.core.errors import DataError, UsageError
from deadreckon.core.settings import FILE_NAME, PREFIX, Settings, nearest


class Install(StrEnum):
    """What can be printed."""

    cron = "cron"
    service = "service"
    timer = "timer"


def show_installation(
    what: Install,
    settings: Settings,
    config: Path | None,
    *,
    period: int,
    steps: Sequence[int],
    sources: Sequence[str],
    words: Sequence[str],
) -> None:
    """Print a crontab line, a systemd service or its timer.

    `period`: seconds, 0 for what suits rules with these `steps`; `sources`: what is ingested before; `words`: more
    options of the monitor.

    Raises:
        UsageError: the period, or a path, cannot be said there, or what is to be ingested does not exist.
        DataError: the program `reckon` is not found.
    """
    from deadreckon.monitor.cron import Job, checked_period, crontab, service, timer, usual_period

    if "-" in sources:
        raise UsageError("--with-ingest - is standard input, which such a job has not", hint="name files or folders")
    for source in sources:
        if not Path(source).exists():
            raise UsageError(f"--with-ingest {source}: there is no such file or folder", hint=_beside(Path(source)))
    period = checked_period(period) if period else usual_period(steps)
    needed = _needed(settings)
    program = _program()
    file = os.path.abspath(config or os.environ.get(PREFIX + "CONFIG") or FILE_NAME)  # noqa: PTH100  # as it is named
    place = ("--lake", os.path.abspath(settings.lake), "--config", file)  # noqa: PTH100
    monitor = (program, "monitor", *place, *words)
    ingest = (program, "ingest", *map(os.path.abspath, sources), *place, "--format", "jsonl")
    job = Job(str(Path.cwd()), (ingest, monitor) if sources else (monitor,), period)
    if what is Install.timer:
        sys.stdout.write(timer(period))
    elif what is Install.service:
        sys.stdout.write(service(job, needed))
    else:
        sys.stdout.write(crontab(job) + "\n")
        if needed:
            say(f"hint: cron does not know your environment: set {', '.join(needed)} above the line, as NAME=value")


def _beside(path: Path) -> str:
    try:
        there = sorted(entry.name for entry in path.absolute().parent.iterdir())
    except OSError:
        return "name files or folders that are there: each run reads them"
    close = nearest(path.name, there)
    return close if close.startswith("did you mean") else "make it first, or name another: each run reads it"


def _program() -> str:
    found = shutil.which("reckon", path=sysconfig.get_path("scripts")) or shutil.which("reckon")
    if not found:
        raise DataError("the program reckon is not found", hint="install deadreckon, or put it on the PATH")
    return os.path.abspath(found)  # noqa: PTH100


def _needed(settings: Settings) -> list[str]:
    """Names of environment variables on which this run rests, and which another environment will not have."""
    named = _named(settings.model_dump())
    if settings.redaction.salt_env not in os.environ:
        named.discard(settings.redaction.salt_env)
    ours = {name for name in os.environ if name.startswith(PREFIX)} - {PREFIX + "CONFIG", PREFIX + "LAKE"}
    return sorted(named | ours)


def _named(value: Any) -> set[str]:
    if isinstance(value, dict):
        here = {v for k, v in value.items() if k.endswith("_env") and isinstance(v, str) and v}
        return here.union(*map(_named, value.values()))
    return set().union(*map(_named, value)) if isinstance(value, list) else set()
