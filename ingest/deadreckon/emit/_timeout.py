"""`timeout`: a block that may take so long and no longer."""

from __future__ import annotations

from deadreckon.emit._budget import Budget, BudgetError


class TimedOutError(BudgetError, TimeoutError):
    """A time-out ran out; a TimeoutError, so spans end with status `timeout`."""

    noun = "time-out"


def timeout(seconds: float, name: str = "", /) -> Budget:
    """Return a time-out to use as a block, `with` or `async with`, or as a decorator of functions.

    asyncio code is cancelled when the time is over. Other code is stopped when it begins its next span or calls
    `checkpoint`, or else at the end of the block: no thread can be ended from outside.

    Args:
        seconds: how long the block may take.
        name: what it is for, in events and errors; the function's name for a decorator.

    Raises:
        ValueError: `seconds` is no number of 0 or more.
    """
    return Budget(name, {"seconds": seconds}, TimedOutError)
