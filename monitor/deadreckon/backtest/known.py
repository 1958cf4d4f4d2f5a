"""Alerts held against incidents that are known: what was found and how soon, what was missed, what was nothing."""

from __future__ import annotations

import csv
import io
import json
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from deadreckon.backtest.trail import Firing, Trail
from deadreckon.core.errors import UsageError
from deadreckon.monitor.rules import Rule

_HINT = "a CSV with the columns from, to, and rule or labels where known; or a JSON list of such objects"


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that went wrong in a time (epoch seconds). `rule` and labels narrow whose alerts could tell of it."""

    start: float
    end: float
    rule: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)

    def about(self, trail: Trail) -> bool:
        """Whether a rule could tell of it."""
        return self.rule in ("", trail.rule.name, trail.rule.part_of)

    def fits(self, firing: Firing) -> bool:
        """Whether an alert has no label that differs."""
        return all(firing.labels.get(name, value) == value for name, value in self.labels.items())

    def until(self, rule: Rule, runs: Sequence[int]) -> float:
        """When a rule can tell of it at the latest: by the first run that evaluates all of it, and `for` later."""
        judged = -(-self.end // rule.step) * rule.step + rule.delay + rule.for_
        place = bisect_left(runs, judged)
        return runs[place] if place < len(runs) else judged


@dataclass(frozen=True, slots=True)
class Score:
    """How one rule did. Delays are seconds from an incident's beginning to the run that raised the alert."""

    incidents: int
    found: int
    """Incidents for which an alert was raised, and so told, while they lasted, or by the first look after their end."""
    delays: tuple[float, ...]
    false: int
    """Alerts that were raised in no incident's time."""
    missed: tuple[Incident, ...] = ()
    """Incidents for which nothing was raised, and nothing was open when they began."""
    already: tuple[Incident, ...] = ()
    """Incidents for which nothing was raised, as an alert was open already: nobody was told anew."""

    @property
    def delay(self) -> float | None:
        """The median delay."""
        return median(self.delays) if self.delays else None


def score(trail: Trail, incidents: Sequence[Incident], runs: Sequence[int]) -> Score:
    """Hold a rule's alerts against the incidents that it could tell of; `runs` is when the monitor came by.

    What counts is when an alert was raised by a run, not the windows that it was raised for: a window of a month
    touches everything.
    """
    mine = [i for i in incidents if i.about(trail)]
    delays: list[float] = []
    missed: list[Incident] = []
    already: list[Incident] = []
    explained: set[int] = set()
    for incident in mine:
        fitting = [(n, f) for n, f in enumerate(trail.firings) if incident.fits(f)]
        last = incident.until(trail.rule, runs)
        hits = {n: f.raised for n, f in fitting if incident.start <= f.raised <= last}
        explained |= set(hits)
        if hits:
            delays.append(min(hits.values()) - incident.start)
        elif any(f.raised < incident.start and (f.settled or runs[-1]) > incident.start for _, f in fitting):
            already.append(incident)
        else:
            missed.append(incident)
    false = len(trail.firings) - len(explained)
    return Score(len(mine), len(delays), tuple(delays), false, tuple(missed), tuple(already))


def unfound(trails: Sequence[Trail], incidents: Sequence[Incident], runs: Sequence[int]) -> list[Incident]:
    """The incidents that no rule found."""
    left = list(incidents)
    for trail in trails:
        how = score(trail, left, runs)
        left = [i for i in left if not i.about(trail) or i in how.missed or i in how.already]
    return left


def within(incidents: Sequence[Incident], runs: Sequence[int]) -> list[Incident]:
    """The incidents that the time of a backtest holds any of; the others nobody could find."""
    return [i for i in incidents if i.end > runs[0] and i.start <= runs[-1]]


def load(path: Path) -> list[Incident]:
    """The incidents in a file of CSV or JSON.

    Raises:
        UsageError: it cannot be read, or says something else.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}", hint=_HINT) from None
    try:
        rows = json.loads(text) if text.lstrip()[:1] == "[" else list(csv.DictReader(io.StringIO(text)))
    except (ValueError, csv.Error) as error:
        raise UsageError(f"{path} is neither CSV nor JSON: {error}", hint=_HINT) from None
    return [_incident(row, f"{path}, incident {place}") for place, row in enumerate(rows, 1)]


def _incident(row: Any, place: str) -> Incident:
    if not isinstance(row, dict) or not row.get("from") or not row.get("to"):
        raise UsageError(f"{place} has no from and to", hint=_HINT)
    # A label may have a column of its own, or all be in `labels` as an object.
    told = {**row, **(row["labels"] if isinstance(row.get("labels"), dict) else {})}
    labels = {k: str(v) for k, v in told.items() if k not in ("from", "to", "rule", "labels") and k and v}
    start, end = _seconds(row["from"], place), _seconds(row["to"], place)
    if start >= end:
        raise UsageError(f"{place} ends before it begins", hint=_HINT)
    return Incident(start, end, str(row.get("rule") or ""), labels)


def _seconds(text: object, place: str) -> float:
    try:
        found = datetime.fromisoformat(str(text).strip())
    except ValueError:
        raise UsageError(f"{place}: {text!r} is not a time", hint="write it as 2026-11-20T12:00:00Z") from None
    return (found.replace(tzinfo=UTC) if found.tzinfo is None else found).timestamp()
