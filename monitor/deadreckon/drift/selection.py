"""Which events one side of a comparison is made of: a time range, and columns that have a value."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from deadreckon.core.errors import UsageError
from deadreckon.core.settings import nearest

COLUMNS: Final = ("environment", "model", "model_version", "variant", "run_id")
"""What predictions, scores and events all have."""
_HINT: Final = "write FROM..TO (ISO times, either may be left out), COLUMN=VALUE, or several with commas"


@dataclass(frozen=True, slots=True)
class Selection:
    """Events from `start` (included) to `end` (not included), with these values."""

    start: datetime | None
    end: datetime | None
    equal: tuple[tuple[str, str], ...]

    def sql(self, prefix: str = "") -> tuple[str, dict[str, object]]:
        """A condition, and what its parameters are bound to; their names begin with `prefix`."""
        conditions, values = ["true"], dict[str, object]()
        if self.start is not None:
            conditions.append(f"ts >= ${prefix}start")
            values[f"{prefix}start"] = self.start
        if self.end is not None:
            conditions.append(f'ts < $"{prefix}end"')
            values[f"{prefix}end"] = self.end
        for number, (column, value) in enumerate(self.equal):
            conditions.append(f"{column} = ${prefix}equal{number}")
            values[f"{prefix}equal{number}"] = value
        return " AND ".join(conditions), values


def selection(text: str) -> Selection:
    """Read `2026-09-01..2026-09-08,model_version=1.3.0`; a time without an offset is in UTC, a day is its start.

    Raises:
        UsageError: it cannot be read.
    """
    start, end, equal = None, None, list[tuple[str, str]]()
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        if ".." in part and "=" not in part:
            first, _, second = part.partition("..")
            start, end = _time(first, text), _time(second, text)
            continue
        column, sign, value = part.partition("=")
        if not sign:
            raise UsageError(f"{part!r} in {text!r} is neither a range of times nor COLUMN=VALUE", hint=_HINT)
        if column.strip() not in COLUMNS:
            raise UsageError(
                f"{column.strip()!r} in {text!r} cannot select", hint=nearest(column.strip(), list(COLUMNS))
            )
        equal.append((column.strip(), value.strip()))
    if start is not None and end is not None and start >= end:
        raise UsageError(f"{text!r} ends before it starts", hint=_HINT)
    if not (start or end or equal):
        raise UsageError(f"{text!r} selects nothing in particular", hint=_HINT)
    return Selection(start, end, tuple(equal))


def _time(text: str, whole: str) -> datetime | None:
    if not text.strip():
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise UsageError(f"{text.strip()!r} in {whole!r} is no time", hint="write it as 2026-09-01T12:00") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
