"""`reckon dashboard`: the lake in a browser, from this machine alone unless told otherwise."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from deadreckon.cli.options import ConfigOption, LakeOption, settings_for
from deadreckon.cli.output import say
from deadreckon.core.errors import UsageError


def command(
    *,
    port: Annotated[
        int | None, typer.Option("--port", min=1, max=65535, help="The port; else the first free one from 8501.")
    ] = None,
    host: Annotated[
        str, typer.Option("--host", metavar="ADDRESS", help="Where to listen; 0.0.0.0 is every interface.")
    ] = "127.0.0.1",
    stale_after: Annotated[
        str, typer.Option("--stale-after", metavar="DURATION", help="Age from which data is shown as stale.")
    ] = "1h",
    browse: Annotated[
        bool | None,
        typer.Option("--open/--no-open", help="Open a browser; done by itself on a terminal with a screen."),
    ] = None,
    lake: LakeOption = None,
    config: ConfigOption = None,
) -> int:
    """Show the lake in a browser: overview, traces, alerts, SQL. It only reads, and needs no network.

    Runs until Ctrl+C. There is no log-in: whoever reaches the address sees everything in the lake.

    Examples:
      reckon dashboard --lake demo-lake
      reckon dashboard --port 9000 --stale-after 1d
    """
    from deadreckon.dashboard.serve import STALE_VARIABLE, find_address, require_extra, serve

    require_extra()
    settings = settings_for(lake, config)
    seconds = _seconds(stale_after)
    address = find_address(host, port)
    # The pages run in this process and find the lake as every command does.
    os.environ["DEADRECKON_LAKE"] = settings.lake
    os.environ[STALE_VARIABLE] = str(seconds)
    if config is not None:
        os.environ["DEADRECKON_CONFIG"] = str(config)
    if not address.is_local:
        say(f"warning: {host} can be reached from other machines, and the dashboard has no log-in")

    def ready() -> None:
        sys.stdout.write(f"{address.url}\n")
        sys.stdout.flush()
        say(f"deadreckon's dashboard shows {settings.lake}; Ctrl+C ends it")
        if browse if browse is not None else _has_screen():
            import webbrowser

            webbrowser.open(address.url)

    serve(address, on_ready=ready)
    return 0


def _seconds(text: str) -> int:
    from deadreckon.monitor.duration import parse_duration

    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError(f"--stale-after {text!r} is no duration: {error}", hint="write it as 30m, 6h or 1d") from error


def _has_screen() -> bool:
    screen = sys.platform == "darwin" or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
    return sys.stdout.isatty() and screen
