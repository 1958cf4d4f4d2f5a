"""`reckon status`: what the lake holds and how fresh it is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from rich.filesize import decimal

from deadreckon.cli.options import ConfigOption, FormatOption, LakeOption, settings_for
from deadreckon.cli.output import chosen, show_record


def command(lake: LakeOption = None, config: ConfigOption = None, format_: FormatOption = None) -> None:
    """What the lake holds and how fresh it is.

    Example: reckon status --format json
    """
    from importlib import resources

    from deadreckon.core import schema
    from deadreckon.core.errors import DataError
    from deadreckon.core.lake import Lake
    from deadreckon.monitor import current
    from deadreckon.queries.sandbox import Sandbox

    settings = settings_for(lake, config)
    opened = Lake.open(settings.lake)
    snapshot = opened.snapshot()
    events = snapshot.part(schema.PART_EVENTS)
    dates = sorted(f.date for f in events if f.date)
    with Sandbox(opened, settings=settings) as sandbox:
        sql = (resources.files("deadreckon.queries") / "questions" / "status.sql").read_text("utf-8")
        answer = sandbox.query(sql)
    try:
        firing = len(current(opened, states=["firing"]))
    except DataError:
        firing = None  # the monitor never ran: nobody knows
    record = {
        "lake": str(opened.root),
        "version": snapshot.version,
        "events": sum(f.rows for f in events),
        "files": len(snapshot.files),
        "bytes": sum(f.size for f in snapshot.files),
        "first_day": dates[0] if dates else None,
        "last_day": dates[-1] if dates else None,
        "as_of": answer.as_of,
        **dict(zip(answer.columns, answer.rows[0], strict=True)),
        "firing": firing,
    }
    show_record(record, chosen(format_), people=_said(record, datetime.now(UTC)))


def _said(record: Mapping[str, Any], now: datetime) -> dict[str, str]:
    """What people read instead of a bare number or day."""
    said = {key: f"{record[key]:,}" for key in ("events", "files", "sources", "quarantined")}
    said["bytes"] = decimal(record["bytes"])
    for key in ("first_day", "last_day"):
        said[key] = _day(record[key], now.date()) if record[key] else "none: the lake holds no events"
    for key in ("as_of", "last_event"):
        said[key] = f"{record[key].astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if record[key] else "never"
    if record["firing"] is None:
        said["firing"] = "unknown: the monitor never ran"
    return said


def _day(day: date, today: date) -> str:
    days = (today - day).days
    ago = "today" if days == 0 else "yesterday" if days == 1 else f"{days:,} days ago"
    return f"{day} ({ago})" if days >= 0 else f"{day} (to come)"
