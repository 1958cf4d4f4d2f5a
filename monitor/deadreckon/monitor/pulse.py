"""When the monitor last ran on a lake, also where no window was due and nothing was committed: whether cron lives."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from deadreckon.core.durable import write_atomically
from deadreckon.core.lake import Lake
from deadreckon.monitor.alert import Alert


def beat(lake: Lake, now: float) -> None:
    """Note that a run ended at `now` (epoch seconds); one that cannot be noted is no worse for it."""
    place = _place(lake)
    with suppress(OSError):
        place.parent.mkdir(exist_ok=True)
        write_atomically(place, datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds").encode())


def last_run(lake: Lake, alerts: Iterable[Alert]) -> datetime | None:
    """When the monitor ran last, as its note or the states that it left (`alerts`) say; None where it never did."""
    times = [datetime.fromtimestamp(at, UTC) for at in {alert.evaluated_at for alert in alerts}]
    with suppress(OSError, ValueError):  # a lake of an older version has no note
        times.append(datetime.fromisoformat(_place(lake).read_text("ascii")).astimezone(UTC))
    return max(times, default=None)


def _place(lake: Lake) -> Path:
    return lake.root / "_monitor" / "ran"
