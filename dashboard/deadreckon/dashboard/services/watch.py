"""Whether somebody keeps watch: when the monitor looked last. An alert that nobody evaluates is not quiet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from deadreckon.core.errors import DataError, LakeError
from deadreckon.dashboard.services.source import Source


@dataclass(frozen=True, slots=True)
class Watch:
    """When the monitor evaluated its rules last; `looked` is None where it never did, or where nobody can say."""

    looked: datetime | None
    trouble: str = ""
    hint: str = ""


def last_look(source: Source) -> Watch:
    """When the monitor looked last. No view knows: a rule that stays as it is leaves no event."""
    from deadreckon.monitor import current

    try:
        newest = max((alert.evaluated_at for alert in current(source.lake)), default=0)
    except (DataError, LakeError) as error:
        return Watch(None, error.message, error.hint)
    if not newest:
        return Watch(None, "the monitor has evaluated no rule yet", "add [[rules]] to deadreckon.toml: reckon monitor")
    return Watch(datetime.fromtimestamp(newest, UTC))
