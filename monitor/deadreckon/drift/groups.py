"""A few groups of about equal mass in the reference: over hundreds of fine buckets a divergence is mostly noise."""

from __future__ import annotations

from typing import Final

import numpy as np

from deadreckon.drift.buckets import Floats, Integers

GROUPS: Final = 20


def edges(reference: Floats, count: int = GROUPS) -> Floats:
    """The inner edges of groups of sorted numbers: group g holds edges[g - 1] < x <= edges[g].

    At most `count` groups hold the reference; one more on either side holds what lies outside of it. A value that many
    numbers share is an edge once, so that there are fewer groups then.
    """
    places = (np.arange(1, count + 1) * len(reference) + count - 1) // count - 1
    return np.unique(np.append(reference[np.maximum(places, 0)], np.nextafter(reference[0], -np.inf)))


def grouped(values: Floats, inner: Floats) -> Integers:
    """How many of the sorted numbers fall into each of the groups that these edges make."""
    upto = np.searchsorted(values, inner, side="right")
    return np.diff(np.concatenate([[0], upto, [len(values)]])).astype(np.int64)


def bucket_groups(reference: Integers, current: Integers, count: int = GROUPS) -> tuple[Integers, Integers, Integers]:
    """Neighbouring buckets (counts side by side) put together: the groups' counts, and the last bucket of each.

    These are the groups of `edges`, each edge moved up to the end of its bucket.
    """
    upto = np.cumsum(reference)
    wanted = (np.arange(1, count + 1) * upto[-1] + count - 1) // count
    before = int(np.flatnonzero(reference)[0]) - 1
    last = np.unique(np.concatenate([[before], np.searchsorted(upto, wanted), [len(reference) - 1]]))
    last = last[last >= 0]
    first = np.concatenate([[0], last[:-1] + 1])
    return np.add.reduceat(reference, first), np.add.reduceat(current, first), last
