"""`reckon status`: what the lake holds and how fresh it is."""

from __future__ import annotations

from deadreckon.cli.options import ConfigOption, FormatOption, LakeOption, settings_for
from deadreckon.cli.output import chosen, show_record


def command(lake: LakeOption = None, config: ConfigOption = None, format_: FormatOption = None) -> None:
    """What the lake holds and how fresh it is.

    Example: reckon status --format json
    """
    from deadreckon.core import schema
    from deadreckon.core.lake import Lake

    settings = settings_for(lake, config)
    opened = Lake.open(settings.lake)
    snapshot = opened.snapshot()
    events = snapshot.part(schema.PART_EVENTS)
    dates = sorted(f.date for f in events if f.date)
    show_record(
        {
            "lake": str(opened.root),
            "version": snapshot.version,
            "events": sum(f.rows for f in events),
            "files": len(snapshot.files),
            "bytes": sum(f.size for f in snapshot.files),
            "first_day": dates[0] if dates else None,
            "last_day": dates[-1] if dates else None,
        },
        chosen(format_),
    )
