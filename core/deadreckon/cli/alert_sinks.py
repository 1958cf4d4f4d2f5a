"""`reckon alerts sinks`: what waits for each sink, and letting go of one that is gone."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from deadreckon.cli.options import ConfigOption, FormatOption, LakeOption, settings_for
from deadreckon.cli.output import chosen, say, show_rows

sinks = typer.Typer(no_args_is_help=True, help="Sinks as the lake knows them: what waits for each, and letting go.")


@sinks.command("list")
def list_(lake: LakeOption = None, config: ConfigOption = None, format_: FormatOption = None) -> None:
    """List every sink of the settings and of the lake, and how many changes it was not told yet.

    Example: reckon alerts sinks list
    """
    from deadreckon.core.lake import Lake
    from deadreckon.delivery.retire import known, untold

    settings = settings_for(lake, config)
    opened = Lake.open(settings.lake)
    kinds = {sink.name: sink.kind for sink in settings.sinks}
    met = known(opened)
    rows: list[list[Any]] = []
    for name in sorted({*kinds, *met}):
        waits = untold(opened, name) if name in met else 0
        state = "in use" if name in kinds and name in met else "new" if name in kinds else "gone"
        rows.append([name, kinds.get(name), state, waits])
    show_rows(("sink", "kind", "state", "waiting"), rows, chosen(format_))
    if gone := [row[0] for row in rows if row[2] == "gone"]:
        say(f"hint: changes are kept for {', '.join(gone)}; if it never comes back: reckon alerts sinks retire NAME")


@sinks.command("retire")
def retire(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A sink that has left the settings.")],
    *,
    lake: LakeOption = None,
    config: ConfigOption = None,
    format_: FormatOption = None,
) -> None:
    """Let go of a sink that is gone: what it was not told is no longer kept for it.

    If a sink of this name is configured again, it begins anew.

    Example: reckon alerts sinks retire old-pager
    """
    from deadreckon.core.lake import Lake
    from deadreckon.delivery.retire import retire as let_go

    settings = settings_for(lake, config)
    dropped = let_go(Lake.open(settings.lake), name, [sink.name for sink in settings.sinks])
    show_rows(("sink", "state", "dropped"), [[name, "retired", dropped]], chosen(format_))
