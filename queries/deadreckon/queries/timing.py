"""What spans took themselves, and for which of them their trace waited: the view `span_tree`, for one trace.

The critical path: at each moment a trace waits for one span, found from its roots downwards as the running child that
ends last. A child that outlives its parent counts where none runs that does not, until another child begins or the
parent ends. Known from times alone: a log does not say what waited for what.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

LONGEST_MS: Final = 1e12
"""Some 30 years: what claims to be longer is no duration."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A span on its trace's line of time, in milliseconds, and the place of its parent; None for a root.

    Parents stand before their children.
    """

    begin: float
    end: float
    parent: int | None


@dataclass(frozen=True, slots=True)
class Times:
    """Of one span, in milliseconds.

    Attributes:
        own: the part in which none of its children ran.
        critical: the part in which its trace waited for it or for what is in it.
        critical_own: the part in which its trace waited for none of its children.
    """

    own: float
    critical: float
    critical_own: float


def known_ms(written: float | None) -> float | None:
    """A duration, where it can be one: not below zero, finite, and not above `LONGEST_MS`."""
    return written if written is not None and 0 <= written <= LONGEST_MS else None


def times(spans: Sequence[Interval]) -> list[Times]:
    """The times of each span, in their order. With one root, all `critical_own` make up its duration."""
    below: dict[int | None, list[int]] = {}
    for place, span in enumerate(spans):
        below.setdefault(span.parent, []).append(place)
    begin = [s.begin if s.parent is None else max(s.begin, spans[s.parent].begin) for s in spans]
    end = [s.end if s.parent is None else min(s.end, spans[s.parent].end) for s in spans]
    since, until = list(begin), list(end)
    covered = [0.0] * len(spans)
    for parent, children in below.items():
        if parent is not None:
            covered[parent] = _covered(sorted((begin[c], end[c]) for c in children))
        late = {c for c in children if parent is not None and spans[c].end > spans[parent].end}
        first = float("inf")
        for c in sorted((c for c in children if c not in late), key=lambda c: (-end[c], begin[c], c)):
            until[c] = min(end[c], first)
            first = min(first, begin[c])
        if late:
            busy = float("-inf")
            ordered = sorted(children, key=lambda c: (begin[c], c in late, c))
            for c, after in zip(ordered, [*ordered[1:], None], strict=True):
                if c in late:
                    since[c] = max(begin[c], busy)
                    until[c] = end[c] if after is None else min(end[c], begin[after])
                else:
                    busy = max(busy, end[c])
    window: list[tuple[float, float]] = []
    inside = [0.0] * len(spans)
    for place, span in enumerate(spans):
        low, high = since[place], until[place]
        if span.parent is not None:
            low, high = max(low, window[span.parent][0]), min(high, window[span.parent][1])
            inside[span.parent] += max(high - low, 0.0)
        window.append((low, high))
    found = []
    for place, span in enumerate(spans):
        waited = max(window[place][1] - window[place][0], 0.0)
        own = max(span.end - span.begin - covered[place], 0.0)
        found.append(Times(own, waited, max(waited - inside[place], 0.0)))
    return found


def _covered(intervals: Sequence[tuple[float, float]]) -> float:
    """How much of a line intervals cover together; they come in order of their beginnings."""
    total, reached = 0.0, float("-inf")
    for begin, end in intervals:
        total += max(end - max(begin, reached), 0.0)
        reached = max(reached, end)
    return total
