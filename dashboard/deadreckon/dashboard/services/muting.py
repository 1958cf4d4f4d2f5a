"""What people and other alerts have done to an alert: silenced, taken, explained. As it is now, not as it was."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from deadreckon.core.errors import ConfigError, DataError, LakeError
from deadreckon.dashboard.services.source import Source


@dataclass(frozen=True, slots=True)
class Muting:
    """How an alert stands to people and to others; empty texts where it does not."""

    silenced_until: datetime | None = None
    silenced_by: str = ""
    silenced_why: str = ""
    taken_by: str = ""
    taken_why: str = ""
    explained_by: str = ""
    """The rule whose open alert explains this one, so that nobody is told of it."""


Key = tuple[str, frozenset[tuple[str, str]]]
"""A rule and the labels of one of its alerts."""
NOTHING = Muting()


def key_of(rule: str, labels: Mapping[str, str | None]) -> Key:
    """The key of an alert; a label without a value is none."""
    return rule, frozenset((name, value) for name, value in labels.items() if value is not None)


def mutings(source: Source) -> dict[Key, Muting]:
    """How each alert of the monitor stands; empty where it never ran, or cannot be asked."""
    from deadreckon.monitor import current, deed_store, load_rules
    from deadreckon.monitor.inhibit import Policy
    from deadreckon.monitor.standing import standings

    try:
        policy = Policy.of(load_rules(source.settings.rules), source.settings.inhibit)
    except ConfigError:
        policy = Policy()  # the monitor says what is wrong with it
    try:
        alerts = current(source.lake)
        found = standings(alerts, deed_store.read(source.lake), policy, time.time())
    except (DataError, LakeError):
        return {}
    mutings: dict[Key, Muting] = {}
    for alert, standing in zip(alerts, found.values(), strict=True):
        silence, taken, inhibitor = standing.silence, standing.taken, standing.inhibitor
        mutings[key_of(alert.stream.rule, alert.labels)] = Muting(
            datetime.fromtimestamp(silence.until, UTC) if silence else None,
            silence.made.by if silence else "",
            silence.made.comment if silence else "",
            taken.by if taken else "",
            taken.comment if taken else "",
            inhibitor.stream.rule if inhibitor else "",
        )
    return mutings
