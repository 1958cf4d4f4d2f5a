"""The lowest and the highest that each distance can be, given counts by group and not the values themselves."""

from __future__ import annotations

import numpy as np

from deadreckon.drift.buckets import Floats, Integers
from deadreckon.drift.detector.scores import Scored
from deadreckon.drift.watch.calibrate import OTHER
from deadreckon.drift.watch.calibrations import Calibrations, Kind


def brackets(
    kind: Kind, calibrations: Calibrations, reference: Integers, current: Integers, excess: Floats, scored: Scored
) -> tuple[Floats, Floats]:
    """Both, of the shape (streams, scores) that `scored.effect` has. Row i of each argument is of one stream.

    `excess`: how far outside of the reference's range the current values lie, on average over all of them.
    """
    low, high = scored.effect.copy(), scored.effect.copy()
    if not len(current):
        return low, high
    p = reference / reference.sum(axis=1)[:, None]
    q = current / current.sum(axis=1)[:, None]
    if kind == "numeric":
        f, g = np.cumsum(p, axis=1), np.cumsum(q, axis=1)
        # Inside a group the functions are furthest apart where all of one side comes before all of the other.
        high[:, 0] = np.maximum(low[:, 0], np.maximum((f - g + q).max(axis=1), (g - f + p).max(axis=1)))
        # No value is further from its group's middle than the group's further end, but for those outside of the range.
        width = np.maximum(calibrations.high - calibrations.middle, calibrations.middle - calibrations.low)
        error = np.sum((p + q) * width, axis=1) / calibrations.scale
        low[:, 1] = np.maximum(0.0, scored.effect[:, 1] - error)
        high[:, 1] = scored.effect[:, 1] + error + excess / calibrations.scale
        high[:, 2] = 1.0  # an f-divergence of groups is at most that of the values
    else:
        # The rare values are one column: they may be the same ones on both sides, or none of them.
        both = np.minimum(p[:, OTHER], q[:, OTHER])
        high[:, 0] += both
        high[:, 1] = np.maximum(high[:, 1], np.maximum(p[:, OTHER], q[:, OTHER]))
        shared = np.sqrt(p[:, OTHER] * q[:, OTHER])
        high[:, 2] = np.sqrt(np.minimum(1.0, scored.effect[:, 2] ** 2 + shared))
    return low, high
