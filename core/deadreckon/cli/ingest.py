"""`reckon ingest`: JSON logs into the lake, exactly once."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

import typer

from deadreckon.cli.options import ConfigOption, FormatOption, LakeOption, settings_for
from deadreckon.cli.output import Format, chosen, console, say, show_record, visible
from deadreckon.cli.profile import refresh

if TYPE_CHECKING:
    from deadreckon.ingest import Summary


def command(
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PATH ... | -]", help="Files, folders, globs, or - for standard input."),
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-F", help="Go on reading what comes, until interrupted.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
    lake: LakeOption = None,
    config: ConfigOption = None,
    format_: FormatOption = None,
) -> None:
    """Read JSON logs into the lake, exactly once: run it again and only what is new is read.

    Without a PATH it reads the `sources` of deadreckon.toml (./spool by default). Plain, .gz and .zst.

    Examples: reckon ingest logs/ --lake ./lake; kubectl logs deploy/agent | reckon ingest -; reckon ingest --follow
    """
    with Signals() as signals:
        from deadreckon.core.lake import Lake
        from deadreckon.ingest.engine import Ingester

        settings = settings_for(lake, config)
        bar = Bar(show=not quiet and sys.stderr.isatty())
        warn = (lambda _: None) if quiet else bar.say
        inputs: list[Any] = list(paths or settings.ingest.sources)
        there = True
        if not follow:
            signals.interrupt()
            there = _check(inputs, named=bool(paths))  # before a lake is made that nothing would come into
        with bar, Ingester(Lake.create(settings.lake), settings, warn=warn, report=bar.update) as ingester:
            summary = (ingester.follow if follow else ingester.run)(inputs, signals.seen)
        if not follow and signals.seen():
            raise KeyboardInterrupt
        if not quiet:
            _show(summary, Path(settings.lake), chosen(format_))
            if not there:
                _say_none(inputs)
            sys.stdout.flush()  # what was ingested is known before the profiles are brought up
        if not follow:  # what was told to end must not go on counting: the monitor catches up
            refresh(Lake.open(settings.lake))


def _say_none(inputs: list[Any]) -> None:
    from deadreckon.ingest.sources.names import LOGS

    say(f"hint: {', '.join(map(str, inputs))}: no logs there; of a folder these are read: {LOGS}")


def _check(inputs: list[Any], *, named: bool) -> bool:
    from deadreckon.core.errors import SourceError
    from deadreckon.ingest.sources import check

    try:
        return check(inputs)
    except SourceError as error:
        if named:
            raise
        raise SourceError(
            error.message, hint="say what to read: reckon ingest app.log, or `sources` in the settings"
        ) from error


class Signals:
    """Remembers that the command is to end, however the signal is taken where it arrives.

    An exception that is raised while a library starts may be swallowed there, or be fatal to it. So at first a signal
    is only remembered; from `interrupt` on Ctrl-C interrupts, too.
    """

    def __init__(self) -> None:
        self._seen = False
        self._raises = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():  # Python allows it nowhere else
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._take)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def seen(self) -> bool:
        """Whether the command is to end."""
        return self._seen

    def interrupt(self) -> None:
        """End at once from now on, as a command does that holds nothing to be finished.

        Raises:
            KeyboardInterrupt: a signal came before.
        """
        self._raises = True
        if signal.SIGTERM in self._before:
            signal.signal(signal.SIGTERM, self._before[signal.SIGTERM])
        if self._seen:
            raise KeyboardInterrupt

    def _take(self, _number: int, _frame: object) -> None:
        self._seen = True
        if self._raises:
            raise KeyboardInterrupt


def _show(summary: Summary, lake: Path, format_: Format) -> None:
    figures = summary.as_dict()
    if format_ is not Format.table:
        show_record({"lake": str(lake), **figures}, format_)
        return
    blank = f", {summary.blank:,} blank" if summary.blank else ""
    console().print(
        f"{_count(summary.read_lines, 'line')} from {_count(summary.sources, 'input')}: "
        f"{_count(summary.committed, 'event')} committed, {_count(summary.duplicates, 'duplicate')} dropped, "
        f"{summary.quarantined:,} quarantined{blank} "
        f"({sized(summary.bytes)} in {summary.seconds:.1f} s, {sized(figures['bytes_per_second'])}/s)",
        soft_wrap=True,
    )
    if summary.untimed:
        say(
            f"{_count(summary.untimed, 'event')} had no time: theirs is that of ingest (ts = ingested_at). "
            'If a key holds it, name that key in deadreckon.toml: [aliases] when = "ts"'
        )
    if summary.misdated:
        found = f"{_count(summary.misdated, 'event')} lie before 2000 or in the future"
        say(f"{found}: a clock is wrong, or a number has another unit (ts < '2000-01-01' or ts > ingested_at)")
    if summary.quarantined:
        say(f"hint: reckon quarantine list --lake {lake} says why lines were refused")


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def sized(count: float) -> str:
    """Bytes as people read them."""
    for unit in ("B", "kB", "MB"):
        if count < 999.95:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:,.1f} GB"


class Bar:
    """A line of progress on a terminal; nothing elsewhere."""

    def __init__(self, *, show: bool) -> None:
        self._show = show
        self._progress: Any = None

    def __enter__(self) -> Self:
        if self._show:
            from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

            self._progress = Progress(
                SpinnerColumn(),
                TextColumn("{task.description}"),
                TimeElapsedColumn(),
                console=console(stderr=True),
                transient=True,
            )
            self._task = self._progress.add_task("reading", total=None)
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress:
            self._progress.stop()

    def say(self, message: str) -> None:
        """Talk above the bar, which is drawn anew below."""
        text = visible(f"warning: {message}")
        if self._progress:
            # Through the bar's own console, which clears its line first: another one would write behind it.
            self._progress.console.print(text, markup=False, highlight=False, soft_wrap=True)
        else:
            say(text)

    def update(self, summary: Summary) -> None:
        """Show how far it is."""
        self.describe(f"{summary.read_lines:,} lines, {summary.committed:,} events, {sized(summary.bytes)}")

    def describe(self, text: str) -> None:
        """Show this."""
        if self._progress:
            self._progress.update(self._task, description=text)
