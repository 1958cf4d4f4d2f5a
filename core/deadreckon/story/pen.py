"""Lines as emit writes them: time and id first, then what happened, then what the whole request shares."""

from __future__ import annotations

from typing import Any

import orjson

from deadreckon.story.dice import CLOCK, MIDNIGHT, Dice
from deadreckon.story.plot import DATES

Fields = dict[str, Any]
Line = tuple[int, bytes]
"""When a line was written (microseconds since 1970), and the line with its newline."""


def shared(fields: Fields) -> bytes:
    """Fields that many lines end in, encoded once."""
    return b"," + orjson.dumps(fields)[1:] + b"\n"


class Pen:
    """Collects lines; every event id comes from the dice."""

    def __init__(self, dice: Dice) -> None:
        self._hex = dice.hex
        self.lines: list[Line] = []

    def write(self, at: int, ts: int, fields: Fields, tail: bytes) -> None:
        """One event that is written at `at`; its `ts` may be earlier, as a span's start is.

        The time and the id (`dice.iso`, `Dice.event_id`) are put together in place: this is called millions of times.
        """
        seconds, us = divmod(ts, 1_000_000)
        day, second = divmod(seconds, 86_400)
        ms, h = f"{at // 1000:012x}", self._hex(18)
        opening = (
            f'{{"ts":"{DATES[day - MIDNIGHT]}{CLOCK[second]}.{us:06d}Z",'
            f'"event_id":"{ms[:8]}-{ms[8:]}-7{h[:3]}-8{h[3:6]}-{h[6:]}",'
        ).encode()
        self.lines.append((at, b"%b%b%b" % (opening, orjson.dumps(fields)[1:-1], tail)))


class Scope:
    """Where calls belong: the request's shared fields, its root span, and the version that answers."""

    __slots__ = ("model_version", "root_id", "run_id", "tail")

    def __init__(self, tail: bytes, root_id: str, model_version: str, run_id: str) -> None:
        self.tail = tail
        self.root_id = root_id
        self.model_version = model_version
        self.run_id = run_id
