"""What one rule went through: its windows, its alerts from first breach to end, and every change of state."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Final

from deadreckon.monitor.alert import Alert, told
from deadreckon.monitor.rules import Rule
from deadreckon.monitor.run import Progress
from deadreckon.monitor.stream import Stream, labels_of

FLAPPING_S: Final = 3600
"""An alert that comes back within an hour, or within two of its windows where that is longer, is flapping."""


@dataclass(frozen=True, slots=True)
class Change:
    """A transition, and when the run was that made it (epoch seconds)."""

    at: int
    alert: Alert


@dataclass(slots=True)
class Firing:
    """One alert. Times are epoch seconds; all but `raised` and `settled` are ends of windows."""

    rule: str
    labels: dict[str, str | None]
    breached: int
    """The first window of those in a row that were breached until it fired."""
    start: int
    raised: int
    """When the run was that found it."""
    end: int | None = None
    """None where it is open at the end of the backtest, or was when its data were given up."""
    settled: int | None = None
    """When the run was that resolved it."""
    peak: float | None = None
    """The value furthest beyond its bound."""
    threshold: float | None = None
    flapping: bool = False
    """Whether the same alert was resolved shortly before."""


@dataclass(slots=True)
class Trail:
    """A rule's way through the time of a backtest."""

    rule: Rule
    windows: int = 0
    skipped: int = 0
    states: Counter[str] = field(default_factory=Counter)
    """Windows by the state that each stream was in after them."""
    changes: list[Change] = field(default_factory=list)
    firings: list[Firing] = field(default_factory=list)
    gone: list[tuple[int, str]] = field(default_factory=list)
    """Streams (labels) that were forgotten, and when."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Why it could not be evaluated, by the number of windows."""
    seconds: float = 0.0
    """What it cost, in seconds of the clock."""
    queries: int = 0
    rows: int = 0
    """Rows that its queries answered."""
    streams: dict[str, Stream] = field(default_factory=dict)
    """How things stand at the end."""
    _open: dict[str, Firing] = field(default_factory=dict)
    _waiting: dict[str, int] = field(default_factory=dict)
    _ended: dict[str, int] = field(default_factory=dict)
    _told: int = 0

    def note(self, progress: Progress, at: int) -> None:
        """Take in a window that was just judged by the run at `at`."""
        self.streams = progress.streams
        for transition in progress.transitions[self._told :]:
            self.changes.append(Change(at, replace(told(self.rule, transition), evaluated_at=at)))
        self._told = len(progress.transitions)
        for key, stream in progress.streams.items():
            if stream.window_end == progress.end:
                self.states[stream.state] += 1
                if stream.state == "error":
                    self.reasons[stream.reason] += 1
                self._follow(key, stream, at)
        for key in progress.forgotten:
            self.gone.append((at, key))
        progress.forgotten.clear()

    @property
    def share(self) -> dict[str, float]:
        """Of all windows and streams, which share was in each state."""
        total = self.states.total()
        return {state: n / total for state, n in self.states.items()} if total else {}

    def firing_seconds(self, until: int) -> int:
        """How long its alerts were open, over all of them; those that still are, up to `until`."""
        return sum((until if f.end is None else f.end) - f.start for f in self.firings)

    def _follow(self, key: str, stream: Stream, at: int) -> None:
        found = self._open.get(key)
        if stream.active_since is None:
            if found is not None:
                found.end, found.settled = stream.window_end, at
                self._ended[key] = stream.window_end
                del self._open[key]
        elif found is None:
            start = stream.active_since
            since_last = start - self._ended[key] if key in self._ended else None
            flapping = since_last is not None and since_last <= max(FLAPPING_S, 2 * self.rule.window)
            first = self._waiting.get(key, start)
            found = Firing(self.rule.name, labels_of(key), first, start, at, flapping=flapping)
            self._open[key] = found
            self.firings.append(found)
        if stream.state == "pending":
            self._waiting[key] = stream.since
        else:
            self._waiting.pop(key, None)
        value = stream.value
        beyond = found is not None and stream.state == "firing" and value is not None
        if beyond and found and value is not None and self._worse(value, found.peak):
            found.peak, found.threshold = value, stream.threshold

    def _worse(self, value: float, peak: float | None) -> bool:
        return peak is None or self._excess(value) > self._excess(peak)

    def _excess(self, value: float) -> float:
        above, below = self.rule.above, self.rule.below
        beyond = [value - above] if above is not None else []
        return max([*beyond, *([below - value] if below is not None else [])], default=0.0)
