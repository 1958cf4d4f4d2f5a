"""Cheap randomness that is the same everywhere: one seeded generator, hex digits in bulk, quantiles in a table."""

from __future__ import annotations

import random
from collections.abc import Sequence
from math import exp
from statistics import NormalDist
from typing import Final, TypeVar

from deadreckon.story.plot import DATES, DAY, START

T = TypeVar("T")

_STEPS: Final = 4096
_NORMAL: Final = tuple(NormalDist().inv_cdf((i + 0.5) / _STEPS) for i in range(_STEPS))
CLOCK: Final = tuple(f"T{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}" for s in range(86_400))
_DIGITS: Final = 1 << 14
MIDNIGHT: Final = START // DAY - 7
"""Days since 1970 of the first of DATES."""


class Dice:
    """One stream of randomness; two with the same seed give the same story."""

    def __init__(self, seed: int | str) -> None:
        self._rng = random.Random(seed)  # noqa: S311 - a story's dice guard no secret
        self.random = self._rng.random
        self._hex = ""
        self._at = _DIGITS

    def hex(self, digits: int) -> str:
        """This many random lower-case hex digits."""
        at = self._at
        end = at + digits
        if end > _DIGITS:
            self._hex = f"{self._rng.getrandbits(_DIGITS * 4):0{_DIGITS}x}"
            at, end = 0, digits
        self._at = end
        return self._hex[at:end]

    def event_id(self, us: int) -> str:
        """A UUIDv7 of this time (microseconds since 1970)."""
        h = self.hex(18)
        ms = f"{us // 1000:012x}"
        return f"{ms[:8]}-{ms[8:]}-7{h[:3]}-8{h[3:6]}-{h[6:]}"

    def lognormal(self, median: float, spread: float) -> float:
        """A positive number around a median; `spread` is the standard deviation of its logarithm."""
        return median * exp(spread * _NORMAL[int(self.random() * _STEPS)])

    def normal(self, mean: float, deviation: float) -> float:
        """A number around a mean."""
        return mean + deviation * _NORMAL[int(self.random() * _STEPS)]

    def below(self, limit: int) -> int:
        """A whole number from 0 up to, not including, the limit."""
        return int(self.random() * limit)

    def pick(self, among: Sequence[T]) -> T:
        """One of these, each as likely."""
        return among[int(self.random() * len(among))]


def iso(us: int) -> str:
    """ISO-8601 in UTC with microseconds, as emit writes it."""
    seconds, fraction = divmod(us, 1_000_000)
    day, second = divmod(seconds, 86_400)
    return f"{DATES[day - MIDNIGHT]}{CLOCK[second]}.{fraction:06d}Z"
