"""What to say where rules found no data because the lake's events are of another time: of which, and how to look."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from deadreckon.core.lake import Lake
    from deadreckon.core.settings import Settings
    from deadreckon.monitor import Alert, Rule

_SPAN: Final = (
    "SELECT epoch(min(ts)) AS earliest, epoch(max(ts)) AS latest FROM events WHERE kind IS DISTINCT FROM 'alert'"
)


def looking_back(lake: Lake, settings: Settings, rules: Sequence[Rule], alerts: Sequence[Alert]) -> str:
    """The hint, in one line; empty where the lake's events lie before and after every window without data.

    Only rules that never saw data are told how to look back; the others did when it came.
    """
    from deadreckon.monitor import store
    from deadreckon.queries.sandbox import Sandbox

    missing = [a for a in alerts if a.stream.state == "no_data"]
    if not missing:
        return ""
    with Sandbox(lake, settings=settings) as sandbox:
        earliest, latest = sandbox.query(_SPAN).rows[0]
    if latest is None:
        return "the lake holds no events: reckon ingest reads logs into it"
    stale = [a for a in missing if latest < a.window_start or earliest >= a.stream.window_end]
    if not stale:
        return ""
    new = {a.stream.rule for a in stale if a.stream.last_seen is None}
    looking = [rule for rule in rules if rule.name in new]
    if not looking:  # they had data once: it is the logs that stay away
        return f"the newest event is of {_minute(latest)} UTC: reckon ingest reads what was written since"
    end = min((int(latest // rule.step) + 1) * rule.step + rule.delay for rule in looking)
    held = f"the lake's events are of {_minute(earliest)} to {_minute(latest)} UTC"
    page = store.read(lake)
    if all((page.evaluated(rule.name) or 0) >= end for rule in looking):
        back = f"reckon monitor --since {_day(earliest)}"
        return f"{held}; what was evaluated stays so, but a rule under a new name looks back with {back}"
    newest = f"reckon monitor --as-of {_iso(end)} looks at the newest window that holds some"
    return f"{held}: {newest}, with --since {_day(earliest)} at all of them"


def _minute(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat(" ", "minutes")


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()
