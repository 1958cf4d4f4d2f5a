"""`reckon alerts`: what fires now, and what fired."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from deadreckon.cli.monitor import COLUMNS, moment, row
from deadreckon.cli.options import ConfigOption, FormatOption, LakeOption, settings_for
from deadreckon.cli.output import chosen, show_rows
from deadreckon.core.errors import UsageError
from deadreckon.core.settings import nearest


def command(
    *,
    state: Annotated[
        list[str] | None,
        typer.Option("--state", metavar="STATE", help="ok, pending, firing, resolved, no_data or error; repeatable."),
    ] = None,
    rule: Annotated[
        list[str] | None, typer.Option("--rule", metavar="NAME", help="Only this rule; repeatable.")
    ] = None,
    history: Annotated[bool, typer.Option("--history", help="Every change of state, newest first.")] = False,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="With --history: changes after this time.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Rows to show at most.")] = 1000,
    lake: LakeOption = None,
    config: ConfigOption = None,
    format_: FormatOption = None,
) -> None:
    """List every alert as the monitor's last run left it, or with --history what they went through.

    It reads the lake alone and evaluates nothing: `as_of` says when the monitor looked last. Where data went missing
    while an alert fired, it is listed as firing too, because nobody knows that it ended (`alert_since`).

    Examples:
      reckon alerts --state firing
      reckon alerts --history --since 2026-11-01 --format csv
    """
    from deadreckon.core.lake import Lake
    from deadreckon.monitor import STATES, current
    from deadreckon.monitor import history as past
    from deadreckon.monitor.alert import when

    for word in state or []:
        if word not in STATES:
            raise UsageError(f"there is no state {word!r}", hint=nearest(word, list(STATES)))
    if since and not history:
        raise UsageError("--since goes with --history", hint="reckon alerts --history --since 2026-11-01")
    states = {s for s in STATES if s in (state or [])}
    after = moment(since, "--since").timestamp() if since else None
    opened = Lake.open(settings_for(lake, config).lake)
    meta: dict[str, Any] = {"as_of": max((when(a.evaluated_at) for a in current(opened)), default=None)}
    columns: tuple[str, ...] = COLUMNS
    if history:
        found = past(opened, states=states, rules=rule or [], since=after)
        columns = ("previous", *COLUMNS)
    else:
        found = current(opened, states=states, rules=rule or [])
    rows = [[a.previous, *row(a)] if history else row(a) for a in found[:limit]]
    meta |= {"total": len(found), "truncated": len(found) > limit}
    show_rows(columns, rows, chosen(format_), meta=meta)
