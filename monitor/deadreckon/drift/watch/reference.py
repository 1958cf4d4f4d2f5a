"""What windows are held against: the days before, which move on at stated times, or a range that stays."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import orjson

from deadreckon.drift.watch.cadence import DAY, HOURLY, Cadence

DIMENSIONS: Final = ("environment", "model", "model_version", "variant")
"""What profiles are kept by."""


@dataclass(frozen=True, slots=True)
class Trailing:
    """The days before, moved on at epoch multiples of `every` days: between them the reference is frozen."""

    days: int = 28
    every: int = 7

    def at(self, start: int) -> tuple[int, int]:
        """The range for a window that starts at this epoch second; it ends there at the latest."""
        end = start // (self.every * DAY) * self.every * DAY
        return end - self.days * DAY, end


@dataclass(frozen=True, slots=True)
class Fixed:
    """A range of epoch seconds that stays, `end` not included."""

    start: int
    end: int

    def at(self, start: int) -> tuple[int, int]:  # noqa: ARG002  # of every window
        """The range itself."""
        return self.start, self.end


@dataclass(frozen=True, slots=True)
class Watch:
    """What is watched: streams of one subject and one combination of `group_by`, the other dimensions summed.

    `where`: dimension -> the values that are watched. `against`: dimension -> the value that the reference has in place
    of the stream's own: a canary is held against model_version = the champion's. `least`: values that a window needs.
    """

    subjects: tuple[str, ...]
    group_by: tuple[str, ...] = ()
    where: tuple[tuple[str, tuple[str, ...]], ...] = ()
    against: tuple[tuple[str, str], ...] = ()
    reference: Trailing | Fixed = Trailing()
    cadence: Cadence = HOURLY
    least: int = 30

    @property
    def shared(self) -> tuple[str, ...]:
        """The dimensions that a stream and its reference have in common."""
        return tuple(d for d in self.group_by if d not in dict(self.against))

    def version(self, start: int) -> Version:
        """The reference of a window that starts at this epoch second."""
        return Version(self, *self.reference.at(start))


@dataclass(frozen=True, slots=True)
class Version:
    """A reference with its range: what a calibration is of, and is kept under."""

    watch: Watch
    start: int
    end: int

    @property
    def key(self) -> str:
        """A name that differs wherever the calibration would."""
        w = self.watch
        what = [w.subjects, w.group_by, w.where, w.against, w.cadence.seconds, w.least, self.start, self.end, _FORM]
        return hashlib.blake2b(orjson.dumps(what), digest_size=10).hexdigest()

    def __str__(self) -> str:
        """The range, and what it has in place of the stream's own, as `reckon drift compare` takes it."""
        return ",".join([span(self.start, self.end), *(f"{k}={v}" for k, v in self.watch.against)])


_FORM: Final = 1
"""Raised when calibrations are kept or made in another way: those that were kept are made anew."""


def labels_of(subject: str, dimensions: Mapping[str, str | None]) -> str:
    """A stream's labels as canonical JSON."""
    return orjson.dumps({"subject": subject, **dimensions}, option=orjson.OPT_SORT_KEYS).decode()


def span(start: int, end: int) -> str:
    """A range of epoch seconds, as selections have it."""
    return f"{_iso(start)}..{_iso(end)}"


def _iso(seconds: int) -> str:
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.date().isoformat() if seconds % DAY == 0 else moment.isoformat().replace("+00:00", "Z")
