"""Whether an alert is told: silenced, inhibited or taken by somebody, as things are at one moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from deadreckon.monitor.alert import Alert
from deadreckon.monitor.deeds import Book, Deed, Silence
from deadreckon.monitor.inhibit import Policy


@dataclass(frozen=True, slots=True)
class Standing:
    """How one alert stands to people and to other alerts."""

    silence: Silence | None = None
    inhibitor: Alert | None = None
    """The open alert that explains it."""
    taken: Deed | None = None

    @property
    def muted(self) -> bool:
        """Whether nothing is told of it for now."""
        return self.silence is not None or self.inhibitor is not None


Key = tuple[str, str]
"""A stream: rule and labels."""
OPEN = Standing()


def key_of(alert: Alert) -> Key:
    """Which stream an alert is of."""
    return alert.stream.rule, alert.stream.labels


def standings(alerts: Sequence[Alert], book: Book, policy: Policy, now: float) -> dict[Key, Standing]:
    """How each of these alerts stands at `now` (epoch seconds); they must be all that the board has."""
    silences, takers = book.silencing(alerts, now), book.taken(alerts)
    inhibitors = policy.inhibiting(alerts)
    return {
        key_of(alert): Standing(silence, inhibitor, taken)
        for alert, silence, inhibitor, taken in zip(alerts, silences, inhibitors, takers, strict=True)
    }
