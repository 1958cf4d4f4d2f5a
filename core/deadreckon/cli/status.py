"""`reckon status`: what the lake holds and how fresh it is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Final

from rich.filesize import decimal

from deadreckon.cli.alert_policy import policy_if_any
from deadreckon.cli.options import ConfigOption, FormatOption, LakeOption, settings_for
from deadreckon.cli.output import chosen, show_record

if TYPE_CHECKING:
    from deadreckon.core.lake import Lake
    from deadreckon.core.settings import Settings

HANDLED: Final = ("silenced", "acknowledged", "inhibited")
"""What may stand about an alert that is open."""


def command(lake: LakeOption = None, config: ConfigOption = None, format_: FormatOption = None) -> None:
    """What the lake holds and how fresh it is.

    Example: reckon status --format json
    """
    from importlib import resources

    from deadreckon.core import schema
    from deadreckon.core.lake import Lake
    from deadreckon.queries.sandbox import Sandbox

    settings = settings_for(lake, config)
    opened = Lake.open(settings.lake)
    snapshot = opened.snapshot()
    events = snapshot.part(schema.PART_EVENTS)
    dates = sorted(f.date for f in events if f.date)
    with Sandbox(opened, settings=settings) as sandbox:
        sql = (resources.files("deadreckon.queries") / "questions" / "status.sql").read_text("utf-8")
        answer = sandbox.query(sql)
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
        "profiles_behind": _behind(opened),
        **_alerts(opened, settings),
    }
    show_record(record, chosen(format_), people=_said(record, datetime.now(UTC)))


def _alerts(lake: Lake, settings: Settings) -> dict[str, Any]:
    """Alerts that are open: how many fire, and which are silenced and do not count, taken, or explained by another."""
    import time

    from deadreckon.core.errors import DataError
    from deadreckon.monitor import current, deed_store
    from deadreckon.monitor.alert import when
    from deadreckon.monitor.pulse import last_run
    from deadreckon.monitor.standing import key_of, standings

    try:
        every = current(lake)
    except DataError:
        return dict.fromkeys(
            ("monitor_ran", "firing", "silenced", "acknowledged", "inhibited")
        )  # it never ran: nobody knows
    standing = standings(every, deed_store.read(lake), policy_if_any(settings), time.time())
    firing = 0
    found: dict[str, list[dict[str, Any]]] = {"silenced": [], "acknowledged": [], "inhibited": []}
    for alert in every:
        if alert.stream.active_since is None:
            continue
        how, which = standing[key_of(alert)], {"rule": alert.stream.rule, "labels": dict(alert.labels)}
        firing += how.silence is None
        if how.silence:
            made = how.silence.made
            until = when(how.silence.until)
            found["silenced"].append({**which, "until": until, "by": made.by, "comment": made.comment})
        if how.taken:
            found["acknowledged"].append({**which, "by": how.taken.by, "comment": how.taken.comment})
        if how.inhibitor:
            found["inhibited"].append({**which, "by": how.inhibitor.stream.rule})
    return {"monitor_ran": last_run(lake, every), "firing": firing, **found}


def _behind(lake: Lake) -> int | None:
    """How many events are not in the profiles yet; None where that is not known."""
    from deadreckon.core.errors import DeadreckonError
    from deadreckon.profiles import behind

    try:
        return behind(lake)
    except DeadreckonError:
        return None  # what is wrong the doctor says; the rest of the status is worth having


def _said(record: Mapping[str, Any], now: datetime) -> dict[str, str]:
    """What people read instead of a bare number or day."""
    said = {key: f"{record[key]:,}" for key in ("events", "files", "sources", "quarantined")}
    said["bytes"] = decimal(record["bytes"])
    for key in ("first_day", "last_day"):
        said[key] = _day(record[key], now.date()) if record[key] else "none: the lake holds no events"
    for key in ("as_of", "last_event", "monitor_ran"):
        said[key] = f"{record[key].astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if record[key] else "never"
        if record[key] and record[key] > now:
            said[key] += " (to come: a clock was wrong)"
    behind = record["profiles_behind"]
    said["profiles_behind"] = "unknown: reckon profile makes them" if behind is None else f"{behind:,} events"
    if record["firing"] is None:
        return said | dict.fromkeys(("firing", *HANDLED), "unknown: the monitor never ran")
    for key in HANDLED:
        said[key] = "; ".join(_which(alert) for alert in record[key]) or "none"
    return said


def _which(alert: Mapping[str, Any]) -> str:
    labels = " ".join(f"{k}={'-' if v is None else v}" for k, v in alert["labels"].items())
    until = f" until {alert['until']:%Y-%m-%d %H:%M} UTC" if "until" in alert else ""
    return f"{alert['rule']}{f' ({labels})' if labels else ''}{until} by {alert['by']}"


def _day(day: date, today: date) -> str:
    days = (today - day).days
    ago = "today" if days == 0 else "yesterday" if days == 1 else f"{days:,} days ago"
    return f"{day} ({ago})" if days >= 0 else f"{day} (to come)"
