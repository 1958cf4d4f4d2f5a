"""`reckon status`: what the lake holds and how fresh it is."""

from __future__ import annotations

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
    show_record(
        {
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
        },
        chosen(format_),
    )
