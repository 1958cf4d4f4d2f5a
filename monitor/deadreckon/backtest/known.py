"""Alerts held against incidents that are known: what was found and how soon, what was missed, what was nothing."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from deadreckon.backtest.trail import Firing, Trail
from deadreckon.core.errors import UsageError

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

    def seen_in(self, firing: Firing, window: int, until: float) -> bool:
        """Whether an alert, from the first window that was breached to its end, touches it."""
        end = until if firing.end is None else firing.end
        known = {name: firing.labels[name] for name in self.labels if name in firing.labels}
        same = all(value == self.labels[name] for name, value in known.items())
        return same and firing.breached - window < self.end and end > self.start


@dataclass(frozen=True, slots=True)
class Score:
    """How one rule did. Delays are seconds from an incident's beginning to the run that raised the alert."""

    incidents: int
    found: int
    delays: tuple[float, ...]
    false: int
    """Alerts that touch no incident."""
    missed: tuple[Incident, ...] = ()

    @property
    def delay(self) -> float | None:
        """The median delay; 0 where the alert was there before."""
        return median(self.delays) if self.delays else None


def score(trail: Trail, incidents: Sequence[Incident], until: float) -> Score:
    """Hold a rule's alerts against the incidents that it could tell of; alerts that are open end at `until`."""
    mine = [i for i in incidents if i.about(trail)]
    delays, missed, explained = [], [], set()
    for incident in mine:
        hits = [n for n, f in enumerate(trail.firings) if incident.seen_in(f, trail.rule.window, until)]
        explained |= set(hits)
        if hits:
            delays.append(max(0.0, min(trail.firings[n].raised for n in hits) - incident.start))
        else:
            missed.append(incident)
    return Score(len(mine), len(delays), tuple(delays), len(trail.firings) - len(explained), tuple(missed))


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
