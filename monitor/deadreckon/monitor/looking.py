"""A look at a lake's last weeks: what it held, what a rule would have measured, and figures for people."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from deadreckon.monitor.rule import Rule
from deadreckon.monitor.rules import load_rules
from deadreckon.monitor.windows import US, Asker, Row, TooManyRowsError, ask

LOOK: Final = 14 * 86_400
"""Seconds before the newest event that are looked at."""
_CHUNK: Final = 250
LEAST: Final = 20
"""Events that a window must have held to say what is usual."""
_DATES: Final = (
    "date BETWEEN CAST(make_timestamptz($from_us) AS DATE) AND CAST(make_timestamptz($to_us) AS DATE)"
    " AND ts >= make_timestamptz($from_us) AND ts < make_timestamptz($to_us)"
)
_RANGE: Final = f"kind IS DISTINCT FROM 'alert' AND {_DATES}"


class Look:
    """A look at a lake's last weeks, up to its newest event."""

    def __init__(self, asker: Asker, newest: int) -> None:
        self.asker = asker
        self.newest = newest
        self.bound = {"from_us": (newest - LOOK) * US, "to_us": (newest + 1) * US}

    def rows(self, sql: str, **params: Any) -> list[tuple[Any, ...]]:
        """All rows of SQL over the time looked at, which it names as {range}, or as {dates} for other views."""
        return ask(self.asker, sql.replace("{range}", _RANGE).replace("{dates}", _DATES), self.bound | params)

    def values(self, table: Mapping[str, Any], least: int = LEAST, days: int = 14) -> list[float]:
        """What a rule would have measured in the windows of its last days that held enough."""
        return [value for rule in load_rules([table]) for value in self.of_rule(rule, least, days)]

    def of_rule(self, rule: Rule, least: int, days: int) -> list[float]:
        """The same of one rule that is loaded."""
        last = self.newest // rule.step
        first = max(1, (self.newest - min(LOOK, days * 86_400)) // rule.step + 1)
        rows = (
            row
            for begin in range(first, last + 1, _CHUNK)
            for row in self._measured(rule, begin, min(begin + _CHUNK - 1, last))
        )
        return [float(r.value) for r in rows if r.value is not None and (r.n or 0) >= least]

    def _measured(self, rule: Rule, first: int, last: int) -> Iterator[Row]:
        try:
            yield from list(rule.measured(self.asker, first, last))
        except TooManyRowsError:
            middle = (first + last) // 2
            if first < last:
                yield from self._measured(rule, first, middle)
                yield from self._measured(rule, middle + 1, last)


def nice(value: float) -> float:
    """A number of two digits that is not under the value."""
    return _rounded(value, math.ceil)


def down(value: float) -> float:
    """A number of two digits that is not over the value."""
    return _rounded(value, math.floor)


def figure(value: float) -> str:
    """A number for people, of three digits."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _rounded(value: float, towards: Callable[[float], int]) -> float:
    if value <= 0:
        return 0.0
    digits = 1 - math.floor(math.log10(value))
    # Through text: 0.1 + 0.2 shall not be written with seventeen digits.
    found = float(f"{towards(round(value * 10**digits, 6)) / 10**digits:.12g}")
    return int(found) if found.is_integer() and found >= 10 else found
