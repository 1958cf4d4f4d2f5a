"""When a rule is evaluated: at epoch multiples of `every`, each once, in order, caught up when runs were missed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from deadreckon.monitor.rules import Rule

CATCH_UP: Final = 10_000
"""Windows that one run evaluates per rule at most; older ones are skipped, and the run says how many."""


@dataclass(frozen=True, slots=True)
class Due:
    """Steps to evaluate, first and last included; step k ends its window at k * every (epoch seconds)."""

    first: int
    last: int
    skipped: int = 0

    def __len__(self) -> int:
        return max(0, self.last - self.first + 1)


def due(rule: Rule, *, evaluated: int | None, as_of: float, since: float | None = None) -> Due:
    """The steps of a rule that are complete at `as_of` and not evaluated yet.

    `evaluated` is the window end (epoch seconds) up to which the rule was evaluated before. A rule that never was
    starts with the newest complete window, or with the first one that ends after `since` where that is older.
    """
    last = int((as_of - rule.delay) // rule.step)
    if evaluated is not None:
        first = evaluated // rule.step + 1
    elif since is not None:
        first = min(int(since // rule.step) + 1, last)
    else:
        first = last
    first = max(first, 1)
    skipped = max(0, last - first + 1 - CATCH_UP)
    return Due(first + skipped, last, skipped)
