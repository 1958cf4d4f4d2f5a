"""The monitor without cron: evaluate, sleep to the next multiple of the period, again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from deadreckon.core.errors import ConfigError, UsageError

SLICE_S: Final = 1.0
"""The longest sleep in one piece: a clock that is set, or a machine that wakes up, is noticed after that."""


def repeat(
    evaluate: Callable[[], int],
    period: float,
    *,
    clock: Callable[[], float],
    sleep: Callable[[float], object],
    stopped: Callable[[], bool],
    failed: Callable[[Exception], int],
) -> int | None:
    """Evaluate now and at each multiple of `period` (seconds since 1970) until `stopped`.

    One evaluation at a time: one that takes longer than the period is followed by the next multiple after its end. An
    error is handed to `failed`, which returns what counts as its exit code, and the loop goes on. `clock` tells epoch
    seconds. KeyboardInterrupt ends it, as `stopped` does, and gives up the evaluation that it comes into: what that had
    not committed, the next one finds. Returns the exit code of the last evaluation that ended, None where none did.

    Raises:
        ConfigError, UsageError: the first evaluation says so; later ones would, too.
        BrokenPipeError: nobody reads what is printed any more.
    """
    code: int | None = None
    try:
        while not stopped():
            try:
                code = evaluate()
            except BrokenPipeError:
                raise
            except Exception as error:
                if isinstance(error, RuntimeError) and stopped():  # what DuckDB makes of a signal
                    break
                if code is None and isinstance(error, ConfigError | UsageError):
                    raise
                code = failed(error)
            _wait(period, clock, sleep, stopped)
    except KeyboardInterrupt:
        pass
    return code


def _wait(
    period: float, clock: Callable[[], float], sleep: Callable[[float], object], stopped: Callable[[], bool]
) -> None:
    now = begin = clock()
    until = (begin // period + 1) * period
    # A clock that was set back ends the wait: it may have been far ahead, and evaluating once more changes nothing.
    while begin <= now < until and not stopped():
        sleep(min(SLICE_S, until - now))
        now = clock()
