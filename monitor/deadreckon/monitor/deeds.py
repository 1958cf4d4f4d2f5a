"""What people did about alerts: silenced, took, let go. Rows that are only ever added, so that who, when and why stay.

How things stand follows from the rows and the time alone, so nothing has to be ended by anybody: a silence is over when
its time is, and an alert is no longer taken once it is resolved.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from deadreckon.monitor.alert import Alert, id_of, iso
from deadreckon.monitor.matcher import Matcher, facts_of, matching

SILENCE: Final = "silenced"
EXPIRE: Final = "unsilenced"
TAKE: Final = "acknowledged"
RELEASE: Final = "unacknowledged"


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing that somebody did. Times are epoch seconds."""

    deed: str
    """silenced, unsilenced, acknowledged or unacknowledged."""
    at: int
    by: str
    comment: str
    about: str = ""
    """The silence that is ended, or which alert is taken or let go, as `alert_of` names it."""
    matchers: tuple[Matcher, ...] = ()
    starts_at: int = 0
    ends_at: int = 0
    id: str = ""
    number: int = 0
    """The commit that holds it."""


@dataclass(frozen=True, slots=True)
class Silence:
    """A silence with what became of it."""

    made: Deed
    ended: Deed | None = None

    @property
    def until(self) -> int:
        """When it ends, or ended (epoch seconds)."""
        return min(self.made.ends_at, self.ended.at) if self.ended else self.made.ends_at

    def active(self, now: float) -> bool:
        """Whether it holds; its end is no part of it."""
        return self.made.starts_at <= now < self.until


class Book:
    """All deeds, as one version of the table holds them."""

    def __init__(self, deeds: Iterable[Deed] = (), number: int = 0) -> None:
        self.deeds = tuple(sorted(deeds, key=lambda d: (d.number, d.id)))
        self.number = number

    def silences(self) -> list[Silence]:
        """Every silence that there was, oldest first."""
        ended = {d.about: d for d in reversed(self.deeds) if d.deed == EXPIRE}
        return [Silence(d, ended.get(d.id)) for d in self.deeds if d.deed == SILENCE]

    def silencing(self, alerts: Sequence[Alert], now: float) -> list[Silence | None]:
        """For each alert the silence that holds for it the longest, if any does."""
        found: list[Silence | None] = [None] * len(alerts)
        facts = [facts_of(alert) for alert in alerts]
        for silence in sorted((s for s in self.silences() if s.active(now)), key=lambda s: s.until):
            for place, held in enumerate(matching(silence.made.matchers, facts)):
                found[place] = silence if held else found[place]
        return found

    def taken(self, alerts: Sequence[Alert]) -> list[Deed | None]:
        """For each alert who has taken it, if it is open and somebody has."""
        last = {d.about: d for d in self.deeds if d.deed in (TAKE, RELEASE)}
        found = [last.get(alert_of(a)) if a.stream.active_since is not None else None for a in alerts]
        return [deed if deed and deed.deed == TAKE else None for deed in found]


def alert_of(alert: Alert) -> str:
    """One open alert from when it was raised until it is resolved: the same rule may raise another one later."""
    return orjson.dumps([alert.stream.rule, alert.stream.labels, alert.stream.active_since]).decode()


def event_of(deed: Deed) -> dict[str, Any]:
    """The event of a deed, as a line of log would hold it: the same whoever makes it."""
    rule, group, since = orjson.loads(deed.about) if deed.deed in (TAKE, RELEASE) else (None, None, None)
    facts = {
        "deed": deed.id,
        "by": deed.by,
        "comment": deed.comment,
        "rule": rule,
        "group": orjson.loads(group) if group else None,
        "alert_since": iso(since) if since else None,
        "silence": (deed.about or deed.id) if deed.deed in (SILENCE, EXPIRE) else None,
        "matchers": [str(m) for m in deed.matchers] or None,
        "starts_at": iso(deed.starts_at) if deed.starts_at else None,
        "ends_at": iso(deed.ends_at) if deed.ends_at else None,
    }
    return {
        "event_id": id_of(deed.at, "deed", deed.id),
        "ts": iso(deed.at),
        "event": f"alert.{deed.deed}",
        "kind": "alert",
        "level": "info",
        "label": deed.deed,
        "reason": deed.comment,
        "attributes": {name: value for name, value in facts.items() if value is not None},
    } | ({"name": rule} if rule else {})
