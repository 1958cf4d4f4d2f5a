"""What is remembered of each stream between windows: a few floats, in arrays here and in plain rows where kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np

from deadreckon.drift.buckets import Floats, Integers
from deadreckon.drift.detector.calibration import MOST_LAG
from deadreckon.drift.detector.edetector import STAKES
from deadreckon.drift.watch.calibrations import SCORES

NEVER: Final = 0


@dataclass(frozen=True, slots=True)
class States:
    """One row for each stream.

    `seen`, `alarmed`: ends of windows (epoch seconds, or NEVER): the last with enough values, and that of an alarm that
    is not over; `quiet`: windows in a row since that bore no evidence.
    """

    labels: tuple[str, ...]
    windows: Integers
    lag: Integers
    evidence: Floats
    previous: Floats
    seen: Integers
    alarmed: Integers
    quiet: Integers

    @classmethod
    def new(cls, labels: Sequence[str]) -> States:
        """Of streams that were never looked at."""
        n = len(labels)
        zeros = [np.zeros(n, dtype=np.int64) for _ in range(5)]
        evidence, previous = np.zeros((n, MOST_LAG, len(STAKES))), np.full((n, SCORES), np.nan)
        return cls(tuple(labels), zeros[0], zeros[1] + 1, evidence, previous, *zeros[2:])

    def of(self, labels: Sequence[str]) -> States:
        """A copy of those of these streams, in their order; new ones where there are none."""
        at = {label: row for row, label in enumerate(self.labels)}
        found = States.new(labels)
        here = np.array([row for row, label in enumerate(labels) if label in at], dtype=np.int64)
        there = np.array([at[label] for label in labels if label in at], dtype=np.int64)
        for name in _ARRAYS:
            getattr(found, name)[here] = getattr(self, name)[there]
        return found

    def updated(self, others: Iterable[States]) -> States:
        """These, with the others in place of those of the same streams."""
        labels = list(dict.fromkeys([*self.labels, *(label for o in others for label in o.labels)]))
        found = self.of(labels)
        at = {label: row for row, label in enumerate(labels)}
        for other in others:
            rows = np.array([at[label] for label in other.labels], dtype=np.int64)
            for name in _ARRAYS:
                getattr(found, name)[rows] = getattr(other, name)
        return found

    def spread(self, lag: Integers) -> None:
        """Divide the evidence among as many interleaved detectors as are asked for now: what it comes to stays."""
        changed = np.flatnonzero(self.lag != lag)
        share = self.evidence[changed].sum(axis=1) / lag[changed, None]
        used = np.arange(MOST_LAG) < lag[changed, None]
        self.evidence[changed] = used[:, :, None] * share[:, None, :]
        self.lag[changed] = lag[changed]

    def rows(self) -> list[dict[str, Any]]:
        """As rows of plain values, each of which `of_rows` reads again to the last bit."""
        return [
            {
                "labels": label,
                "windows": int(self.windows[row]),
                "evidence": self.evidence[row, : self.lag[row]].ravel().tolist(),
                "previous": [None if np.isnan(z) else float(z) for z in self.previous[row]],
                "seen": int(self.seen[row]),
                "alarmed": int(self.alarmed[row]),
                "quiet": int(self.quiet[row]),
            }
            for row, label in enumerate(self.labels)
        ]

    @classmethod
    def of_rows(cls, rows: Sequence[Mapping[str, Any]]) -> States:
        """The states in such rows."""
        found = cls.new([row["labels"] for row in rows])
        for place, row in enumerate(rows):
            evidence = np.array(row["evidence"], dtype=np.float64).reshape(-1, len(STAKES))
            found.evidence[place, : len(evidence)] = evidence
            found.lag[place] = max(len(evidence), 1)
            found.previous[place] = [np.nan if z is None else z for z in row["previous"]]
            for name in ("windows", "seen", "alarmed", "quiet"):
                getattr(found, name)[place] = row[name]
        return found


_ARRAYS: Final = tuple(f.name for f in fields(States) if f.name != "labels")
EMPTY: Final = States.new(())
