"""What to say where rules found no data because the lake's events are of another time: of which, and how to look."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from deadreckon.core.lake import Lake
    from deadreckon.core.settings import Settings
    from deadreckon.monitor import Alert, Rule

_SPAN: Final = """
SELECT epoch(min(ts)) AS earliest, epoch(coalesce(max(ts) FILTER (ts <= to_timestamp($now)), max(ts))) AS latest
FROM events WHERE kind IS DISTINCT FROM 'alert'
"""
"""An event that is dated into the future hides nothing, where there are others."""


def looking_back(
    lake: Lake, settings: Settings, rules: Sequence[Rule], alerts: Sequence[Alert], *, now: float
) -> tuple[str, str]:
    """Why there were no data, and the hint, each in one line; empty where the lake holds events in each such window.

    Only rules that never saw data are told how to look back; the others did when it came.
    """
    from deadreckon.queries.sandbox import Sandbox

    missing = [a for a in alerts if a.stream.state == "no_data"]
    if not missing:
        return "", ""
    with Sandbox(lake, settings=settings) as sandbox:
        earliest, latest = sandbox.query(_SPAN, {"now": now}).rows[0]
    if latest is None:
        return "the lake holds no events", "reckon ingest reads logs into it"
    stale = [a for a in missing if latest < a.window_start or earliest >= a.stream.window_end]
    if not stale:
        return "", ""
    new = {a.stream.rule for a in stale if a.stream.last_seen is None}
    looking = [rule for rule in rules if rule.name in new]
    why = _why(earliest, latest, stale, rules)
    if not looking:  # they had data once: it is the logs that stay away
        return why, "reckon ingest reads what was written since"
    return why, _how(lake, looking, earliest, latest)


def _why(earliest: float, latest: float, stale: Sequence[Alert], rules: Sequence[Rule]) -> str:
    ends = [a.stream.window_end for a in stale]
    until = f"at {_minute(min(ends))}" + (f" to {_minute(max(ends))}" if max(ends) > min(ends) else "")
    before = latest < max(a.window_start for a in stale)
    held = f"the newest event is of {_minute(latest)}" if before else f"the first event is of {_minute(earliest)}"
    lenient = {rule.name for rule in rules if rule.no_data == "ok"} & {a.stream.rule for a in stale}
    but = '; no_data = "ok" is for a rule without data while other events come, and there are none' if lenient else ""
    return f"{held}, and the windows without data end {until} UTC{but}"


def _how(lake: Lake, looking: Sequence[Rule], earliest: float, latest: float) -> str:
    from deadreckon.monitor import store

    end = min((int(latest // rule.step) + 1) * rule.step + rule.delay for rule in looking)
    page = store.read(lake)
    if all((page.evaluated(rule.name) or 0) >= end for rule in looking):
        back = f"reckon monitor --since {_day(earliest)}"
        return f"what was evaluated stays so, but a rule under a new name looks back with {back}"
    newest = f"reckon monitor --as-of {_iso(end)} looks at the newest window that holds events"
    return f"{newest}, with --since {_day(earliest)} at all of them; --dry-run first, to see what it says"


def _minute(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat(" ", "minutes")


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()
