"""`reckon alerts`: what fires now, and what fired."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from deadreckon.cli.alert_events import tell
from deadreckon.cli.alert_lines import DetailsOption, show
from deadreckon.cli.alert_policy import policy_if_any
from deadreckon.cli.alert_sinks import sinks
from deadreckon.cli.alert_verbs import ack, silence
from deadreckon.cli.moments import moment
from deadreckon.cli.options import ConfigOption, FormatOption, LakeOption, settings_for
from deadreckon.cli.output import Format, chosen, one_line, say
from deadreckon.core.errors import UsageError
from deadreckon.core.settings import Settings, nearest

if TYPE_CHECKING:
    from deadreckon.core.lake import Lake


command = typer.Typer(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
command.command("ack")(ack)
command.add_typer(silence, name="silence")
command.add_typer(sinks, name="sinks")


@command.callback()
def alerts(
    ctx: typer.Context,
    *,
    state: Annotated[
        list[str] | None,
        typer.Option("--state", metavar="STATE", help="ok, pending, firing, resolved, no_data or error; repeatable."),
    ] = None,
    rule: Annotated[
        list[str] | None, typer.Option("--rule", metavar="NAME", help="Only this rule, with its levels; repeatable.")
    ] = None,
    history: Annotated[bool, typer.Option("--history", help="Every change of state, newest first.")] = False,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="With --history: changes after this time.")
    ] = None,
    forget: Annotated[
        str | None,
        typer.Option("--forget", metavar="RULE", help="Drop the states of a rule that is gone; resolve its alerts."),
    ] = None,
    details: DetailsOption = False,
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
      reckon alerts --forget "a rule that was renamed"
    """
    if verb := ctx.invoked_subcommand:
        # They would be lost, and the verb would look at another lake.
        given = [p.opts[0] for p in ctx.command.params if _on_the_line(ctx, p.name or "")]
        if given:
            raise UsageError(f"{given[0]} stands before {verb}", hint=f"reckon alerts {verb} ... {given[0]} ...")
        return
    import time

    from deadreckon.core.lake import Lake
    from deadreckon.monitor import STATES, current
    from deadreckon.monitor import history as past
    from deadreckon.monitor.deed_store import read
    from deadreckon.monitor.pulse import last_run
    from deadreckon.monitor.standing import standings

    for word in state or []:
        if word not in STATES:
            raise UsageError(f"there is no state {word!r}", hint=nearest(word, list(STATES)))
    if since and not history:
        raise UsageError("--since goes with --history", hint="reckon alerts --history --since 2026-11-01")
    settings = settings_for(lake, config)
    opened = Lake.open(settings.lake)
    if forget is not None:
        _forget(opened, settings, forget, chosen(format_))
        return
    states = {s for s in STATES if s in (state or [])}
    after = moment(since, "--since").timestamp() if since else None
    every = current(opened)
    meta: dict[str, Any] = {"as_of": last_run(opened, every)}
    if history:
        found = past(opened, states=states, rules=rule or [], since=after)
    else:
        found = current(opened, states=states, rules=rule or [])
    meta |= {"total": len(found), "truncated": len(found) > limit}
    standing = {} if history else standings(every, read(opened), policy_if_any(settings), time.time())
    show(found[:limit], chosen(format_), meta, previous=history, details=details, standing=standing)


def _on_the_line(ctx: typer.Context, name: str) -> bool:
    source = ctx.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _forget(lake: Lake, settings: Settings, rule: str, format_: Format) -> None:
    import os
    from datetime import UTC, datetime

    from deadreckon.delivery import Post, sayings
    from deadreckon.monitor import forget

    now = datetime.now(UTC)
    post = Post(settings.sinks, os.environ, policy=policy_if_any(settings))
    post.begin(lake)
    closed = forget(lake, rule, now=now.timestamp())
    show(closed, format_, {"forgotten": rule, "alerts_written": tell(lake, settings, now)}, previous=True)
    for line in sayings(post.deliver(lake), lake):
        say(one_line(line))
