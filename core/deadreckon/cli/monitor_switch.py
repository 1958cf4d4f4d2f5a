"""The dead-man's switch of `reckon monitor`: told after each evaluation, for who else would miss a monitor?"""

from __future__ import annotations

import os

from deadreckon.cli.output import say
from deadreckon.core.settings import MonitorSettings


def tell_switch(settings: MonitorSettings, *, failed: bool) -> None:
    """Ping what the settings name; what goes wrong is a warning, for the evaluation itself was made."""
    name = settings.ping_url_env
    if not name or (failed and not settings.ping_failures):
        return
    from deadreckon.monitor.ping import ping

    url = os.environ.get(name, "").strip()
    if not url:
        say(f"warning: {name} is not set, which monitor.ping_url_env names: nobody is told that the monitor runs")
    elif wrong := ping(url, failed=failed, timeout_s=settings.ping_timeout_s):
        say(f"warning: the dead-man's switch was not reached at the URL in {name}: {wrong}")
