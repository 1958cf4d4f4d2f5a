"""`reckon profile`: bring the profiles up to the events; ingest and monitor do it by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final

import typer

from deadreckon.cli.options import ConfigOption, FormatOption, LakeOption, settings_for
from deadreckon.cli.output import Format, chosen, console, one_line, say, show_record
from deadreckon.core.errors import DeadreckonError, UsageError

if TYPE_CHECKING:
    from deadreckon.core.lake import Lake
    from deadreckon.profiles import Profiled
    from deadreckon.profiles.run import Progress

EXAMPLE: Final = "write --rebuild 2026-10-01..2026-10-08 (the end is not included), or .. for all"


def command(
    rebuild: Annotated[
        str | None,
        typer.Option("--rebuild", metavar="FROM..TO", help="Make the profiles of these hours anew; .. for all."),
    ] = None,
    lake: LakeOption = None,
    config: ConfigOption = None,
    format_: FormatOption = None,
) -> None:
    """Count what was ingested since the last time into the profiles, exactly once.

    Profiles are histograms and exact sums by the hour, from which percentiles and drift are read. To keep them up is
    cheap: reckon ingest and reckon monitor do it by themselves.

    --rebuild counts the days that the range touches again, from the events. What is frozen of a subject (its kind, its
    origin, its categories) stays, unless all is made anew. Days whose events have expired keep their profiles.

    Example: reckon profile --rebuild 2026-10-01..2026-10-08
    """
    from deadreckon.core.lake import Lake
    from deadreckon.profiles import profile

    opened = Lake.open(settings_for(lake, config).lake)
    wanted = _days(opened, rebuild) if rebuild else []
    with _progress() as on_progress:
        done = profile(opened, again=wanted, everything=rebuild == "..", on_progress=on_progress)
    if chosen(format_) is not Format.table:
        show_record({"lake": str(opened.root), **asdict(done)}, chosen(format_))
        return
    console().print(_said(done), soft_wrap=True)
    if rebuild and not done.days:
        say("no events are left of these days: their profiles stay as they are")


def refresh(lake: Lake) -> None:
    """Bring the profiles up to the events, in passing: a failure is said, and the next run catches up."""
    try:
        from deadreckon.profiles import profile

        profile(lake)
    except DeadreckonError as error:
        _warn(error.message, error.hint)
    except Exception as error:  # noqa: BLE001 - whatever it is, the events are safe, and what called us has done its work
        _warn(f"{type(error).__name__}: {error}", "reckon profile --debug says more")


def _warn(message: str, hint: str) -> None:
    say(one_line(f"warning: the profiles are behind the events: {message}"))
    say(one_line(f"hint: the next ingest, monitor or profile catches up; {hint}"))


def _said(done: Profiled) -> str:
    if not done.events and not done.days:
        return "the profiles hold all events"
    days = f", {done.days:,} days made anew" if done.days else ""
    return (
        f"{done.events:,} events profiled{days}: {done.buckets:,} buckets, {done.summaries:,} summaries, "
        f"{done.subjects:,} subjects first seen or seen better ({done.seconds:.1f} s)"
    )


def _days(lake: Lake, text: str) -> list[date]:
    """The days of the lake's events that the range touches.

    Raises:
        UsageError: it cannot be read, or is empty.
    """
    first, dots, second = text.partition("..")
    if not dots:
        raise UsageError(f"--rebuild {text!r} is no range", hint=EXAMPLE)
    start, end = _moment(first, text), _moment(second, text)
    if start and end and start >= end:
        raise UsageError(f"--rebuild {text!r} ends before it starts", hint=EXAMPLE)
    last = (end - timedelta(microseconds=1)).date() if end else date.max
    low = start.date() if start else date.min
    return sorted({f.date for f in lake.snapshot().part("events") if f.date and low <= f.date <= last})


def _moment(text: str, whole: str) -> datetime | None:
    if not text.strip():
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(f"{text.strip()!r} in --rebuild {whole!r} is no time", hint=EXAMPLE) from None
    if (moment.minute, moment.second, moment.microsecond) != (0, 0, 0):
        raise UsageError(f"{text.strip()!r} in --rebuild {whole!r} is no whole hour", hint=EXAMPLE)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


@contextmanager
def _progress() -> Iterator[Progress | None]:
    out = console(stderr=True)
    if not out.is_terminal:
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    with Bar(
        TextColumn("profile"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=out, transient=True
    ) as bar:
        task = bar.add_task("profile")
        yield lambda done, total: bar.update(task, completed=done, total=total)
