"""What is said of one stream and one window: everything that a person needs to check it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

from deadreckon.drift.watch.moved import Moved

State: TypeAlias = Literal["ok", "firing", "no_data", "learning"]


@dataclass(frozen=True, slots=True)
class Measure:
    """One distance of the window from its reference: certain to lie between `low` and `high`.

    `value` is what was judged; `floor` the smallest that counts as drift; `counted`: the window bore evidence by it.
    """

    name: str
    value: float
    low: float
    high: float
    floor: float
    counted: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """A stream at the end of a window (epoch seconds). `learning`: its reference has too little to judge by."""

    labels: str
    window_end: int
    state: State
    n: int
    reason: str
    reference: str
    """The reference's range, and what it has in place of the stream's own."""
    calibration: str
    """The name of the calibration, which differs wherever it would."""
    windows: int
    """Windows of the reference that it was calibrated by."""
    mode: str
    """`innovations`, or `interleaved m`: how correlated windows are dealt with. `drawn`: the reference has too few, so
    that windows were drawn from its values, and only what is beyond the floors is evidence."""
    e: float
    evidence: float
    threshold: float
    alarm: bool
    """Whether the evidence reached its threshold with this very window."""
    alarmed: int
    """The end of the window whose alarm is not over; 0 where there is none."""
    seen: int
    """The end of the last window with enough values; 0 where there was none."""
    n_reference: int = 0
    """Values that the window was held against."""
    match: str = ""
    """Which of the reference's windows those are of."""
    measures: tuple[Measure, ...] = ()
    moved: tuple[Moved, ...] = ()
    """While an alarm is not over: the values that moved most in this window."""

    def row(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)
