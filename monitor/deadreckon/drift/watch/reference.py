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
MOST_SHARES: Final = 24
"""More would be more files to open in every run, and no run much shorter."""


@dataclass(frozen=True, slots=True)
class Trailing:
    """The days before, moved on every `every` days: between the moves the reference is frozen.

    Not all streams move on at once: they are dealt into as many shares as there are windows in `every`, 24 at most, and
    share k of m moves on k / m of the way after the multiples of `every` since the epoch.
    """

    days: int = 28
    every: int = 7

    def shares(self, cadence: Cadence) -> int:
        """How many shares of the streams move on apart."""
        return min(MOST_SHARES, self.every * DAY // cadence.seconds)

    def at(self, start: int, share: int, cadence: Cadence) -> tuple[int, int]:
        """The range for a window that starts at this epoch second; it ends there at the latest."""
        windows = self.every * DAY // cadence.seconds
        later = share * windows // self.shares(cadence) * cadence.seconds
        end = (start - later) // (self.every * DAY) * self.every * DAY + later
        return end - self.days * DAY, end


@dataclass(frozen=True, slots=True)
class Fixed:
    """A range of epoch seconds that stays, `end` not included; all streams are one share.

    `run`: of the events in it those of this run alone, of which there are `n`.
    """

    start: int
    end: int
    run: str = ""
    n: int = 0

    def shares(self, cadence: Cadence) -> int:  # noqa: ARG002  # of every cadence
        """One."""
        return 1

    def at(self, start: int, share: int, cadence: Cadence) -> tuple[int, int]:  # noqa: ARG002  # of every window
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
    def run(self) -> str:
        """The run that is the reference; empty where there is none."""
        return self.reference.run if isinstance(self.reference, Fixed) else ""

    @property
    def shared(self) -> tuple[str, ...]:
        """The dimensions that a stream and its reference have in common."""
        return tuple(d for d in self.group_by if d not in dict(self.against))

    def versions(self, start: int) -> tuple[Version, ...]:
        """The reference of a window that starts at this epoch second: that of each share of the streams."""
        shares = self.reference.shares(self.cadence)
        return tuple(Version(self, *self.reference.at(start, k, self.cadence), k, shares) for k in range(shares))


@dataclass(frozen=True, slots=True)
class Version:
    """The reference of a share of the streams, with its range: what a calibration is of, and is kept under."""

    watch: Watch
    start: int
    end: int
    share: int = 0
    shares: int = 1

    @property
    def relation(self) -> str:
        """The name of the profiles that it is made of."""
        return "run_profile_buckets" if self.watch.run else "lake_profile_buckets"

    @property
    def key(self) -> str:
        """A name that differs wherever the calibration would."""
        w = self.watch
        what = [w.subjects, w.group_by, w.where, w.against, w.cadence.seconds, w.least, self.start, self.end]
        what += [self.share, self.shares, _FORM]
        if isinstance(w.reference, Fixed):
            what += [w.reference.run, w.reference.n]
        return key_of(*what)

    def __str__(self) -> str:
        """The range, and what it has in place of the stream's own, as `reckon drift compare` takes it."""
        run = [f"run_id={self.watch.run}"] if self.watch.run else []
        return ",".join([span(self.start, self.end), *run, *(f"{k}={v}" for k, v in self.watch.against)])


_FORM: Final = 3
"""Raised when calibrations are kept or made in another way: those that were kept are made anew."""


def key_of(*what: object) -> str:
    """A name for what is kept of this, for a file."""
    return hashlib.blake2b(orjson.dumps(what), digest_size=10).hexdigest()


def labels_of(subject: str, dimensions: Mapping[str, str | None]) -> str:
    """A stream's labels as canonical JSON."""
    return orjson.dumps({"subject": subject, **dimensions}, option=orjson.OPT_SORT_KEYS).decode()


def span(start: int, end: int) -> str:
    """A range of epoch seconds, as selections have it."""
    return f"{_iso(start)}..{_iso(end)}"


def _iso(seconds: int) -> str:
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.date().isoformat() if seconds % DAY == 0 else moment.isoformat().replace("+00:00", "Z")
