"""What there is to show of a backtest, and the words for its times, its variants and its incidents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from deadreckon.cli.output import figure

if TYPE_CHECKING:
    from deadreckon.backtest import Backtest, Incident, Told, Trail

NAMED: Final = 5
"""Incidents of a rule that people read the times of; JSON has all."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What there is to show. `sweep` is what was varied, as it was asked for; `seconds` what all of it took."""

    found: Backtest
    messages: Sequence[Told]
    incidents: Sequence[Incident] | None
    sweep: str
    seconds: float
    lake: Path


def swept(shown: Shown, trail: Trail) -> dict[str, float | str | None]:
    """What was varied, and the clear threshold that goes with it."""
    from deadreckon.monitor.duration import format_duration

    key = shown.sweep.partition("=")[0].strip()
    if key in ("for", "keep_firing_for"):
        return {key: format_duration(trail.rule.for_ if key == "for" else trail.rule.keep_firing_for)}
    clear = getattr(trail.rule, f"clear_{key}")
    return {key: getattr(trail.rule, key)} | ({} if clear is None else {f"clear_{key}": clear})


def tried(value: float | str | None) -> str:
    """A value that was tried."""
    return "" if value is None else value if isinstance(value, str) else figure(value)


def not_found(shown: Shown, trail: Trail) -> list[str]:
    """Which incidents a rule, or one of the values that were tried, did not find, in a line for each reason."""
    from deadreckon.backtest import score

    if shown.incidents is None:
        return []
    found = score(trail, shown.incidents, shown.found.moments)
    varied = ", ".join(f"{key} = {tried(value)}" for key, value in swept(shown, trail).items()) if shown.sweep else ""
    named = f"rule {trail.rule.name}{f' with {varied}' if varied else ''}"
    lines = []
    for incidents, said in ((found.missed, "missed"), (found.already, "an alert was open already in")):
        times = [span(incident) for incident in incidents[:NAMED]]
        more = f" and {len(incidents) - NAMED} more" if len(incidents) > NAMED else ""
        if times:
            lines.append(f"{named}: {said} {len(incidents)} of {found.incidents}: {', '.join(times)}{more}")
    return lines


def span(incident: Incident) -> str:
    """From when to when, in UTC, and its labels."""
    from deadreckon.monitor.alert import when as at

    start, end = at(int(incident.start)), at(int(incident.end))
    until = f"{end:%H:%M}" if start.date() == end.date() else f"{end:%Y-%m-%d %H:%M}"
    labels = " ".join(incident.labels.values())
    return f"{start:%Y-%m-%d %H:%M} to {until}{f' ({labels})' if labels else ''}"


def listed(incidents: Sequence[Incident]) -> list[dict[str, Any]]:
    """Incidents as JSON has them."""
    return [{"from": when(int(i.start)), "to": when(int(i.end)), "labels": dict(i.labels)} for i in incidents]


def when(seconds: int | None) -> datetime | None:
    """Epoch seconds as a time in UTC."""
    from deadreckon.monitor.alert import when as at

    return None if seconds is None else at(seconds)


def long(seconds: float | None) -> str:
    """Seconds as people read them; a dash where there are none."""
    from deadreckon.monitor.words import rough

    return "-" if seconds is None else rough(seconds)
