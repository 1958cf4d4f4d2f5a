"""Times as they are given on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deadreckon.core.errors import UsageError

if TYPE_CHECKING:
    from datetime import datetime


def moment(text: str, option: str) -> datetime:
    """A time given on the command line; without an offset it is UTC.

    Raises:
        UsageError: it is not ISO-8601.
    """
    from datetime import UTC, datetime

    try:
        parsed = datetime.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(
            f"{option} {text!r} is not a time", hint="write it as 2026-11-20T12:00:00Z or 2026-11-20 12:00+01:00"
        ) from None
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
