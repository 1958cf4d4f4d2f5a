"""`reckon monitor --every`: the monitor as a process that stays, until it is told to end."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from deadreckon.cli.ingest import Signals
from deadreckon.cli.output import Format, fail
from deadreckon.core.errors import DeadreckonError, UsageError
from deadreckon.monitor.duration import parse_duration
from deadreckon.monitor.loop import repeat

INTERRUPTED = 130


class _Ending(Signals):
    """Interrupts at once, for an evaluation commits all or nothing; remembered where a library swallows that."""

    def __init__(self) -> None:
        super().__init__()
        self._raises = True


def period_of(text: str) -> int:
    """Seconds of `--every`.

    Raises:
        UsageError: it is no duration, or no time at all.
    """
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        raise UsageError(f"--every {error}", hint="reckon monitor --every 5m") from None
    if not seconds:
        raise UsageError(f"--every {text} is no time", hint="reckon monitor --every 5m")
    return seconds


def stay(once: Callable[[Callable[[], bool]], int], period: int, format_: Format | None) -> int:
    """Evaluate every so many seconds until SIGINT or SIGTERM; the last evaluation's exit code, 130 before the first.

    `once` is given what says whether a signal came.

    Raises:
        ConfigError, UsageError: the first evaluation says so.
    """

    def failed(error: Exception) -> int:
        if not isinstance(error, DeadreckonError):
            error = DeadreckonError(
                f"internal error: {type(error).__name__}: {error}",
                hint="run reckon monitor --debug and report the trace",
            )
        code = fail(error, ["--format", format_.value] if format_ else [])
        sys.stderr.flush()
        return code

    with _Ending() as ending:

        def evaluate() -> int:
            code = once(ending.seen)
            sys.stdout.flush()  # whoever reads it waits for this evaluation, not for a full buffer
            return code

        code = repeat(evaluate, period, clock=time.time, sleep=time.sleep, stopped=ending.seen, failed=failed)
    return INTERRUPTED if code is None else code
