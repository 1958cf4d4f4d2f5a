"""A backtest as it is printed: tables for people, everything in JSON."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from deadreckon.cli.output import Format, dumps, one_line, say, show_rows

if TYPE_CHECKING:
    from deadreckon.backtest import Backtest, Firing, Incident, Told, Trail

LISTED: Final = 25
"""Alerts that a table shows without --details."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What there is to show. `sweep` is what was varied, as it was asked for; `seconds` what all of it took."""

    found: Backtest
    messages: Sequence[Told]
    incidents: Sequence[Incident] | None
    sweep: str
    seconds: float
    lake: Path


def show(shown: Shown, format_: Format, *, details: bool) -> None:
    """Print a backtest; other formats than a table and JSON have a row for each rule, with `details` each change."""
    rows = [_row(shown, trail) for trail in shown.found.trails]
    if format_ is Format.json:
        sys.stdout.write(dumps(_whole(shown, rows, details=details), indent=True))
        return
    if format_ is not Format.table:
        _show(_changes(shown) if details else rows, format_)
        return
    _show(
        [_short(row) for row in rows], format_, {"runs": len(shown.found.moments), "seconds": round(shown.seconds, 1)}
    )
    alerts = [] if shown.sweep else [_alert(f) for t in shown.found.trails for f in t.firings]
    if alerts:
        alerts.sort(key=lambda alert: alert["start"])
        _show([_brief(a) for a in (alerts if details else alerts[:LISTED])], format_, {"total": len(alerts)})
    for told in shown.messages:
        log = f"sink {told.sink}: {told.messages} messages, {told.repeats} of them repeats"
        say(log + (f"; {told.withheld} changes withheld" if told.withheld else ""))
    for trail in shown.found.trails:
        for reason, n in trail.reasons.most_common(1):
            say(one_line(f"rule {trail.rule.name}: {n} windows could not be evaluated: {reason}"))
        if (drift := _drift(trail)) is not None:
            say(f"rule {trail.rule.name}: {_budget(drift)}")
        for missed in _missed(shown, trail):
            say(f"rule {trail.rule.name}: missed {missed['from']:%Y-%m-%d %H:%M} to {missed['to']:%Y-%m-%d %H:%M}")
    if details:
        if changes := _changes(shown):
            _show(changes, format_)
        log_rows = [
            {"at": _when(at), "sink": t.sink, "message": subject} for t in shown.messages for at, subject in t.log
        ]
        if log_rows:
            _show(log_rows, format_)


def _show(rows: Sequence[Mapping[str, Any]], format_: Format, meta: Mapping[str, Any] | None = None) -> None:
    columns = list(rows[0]) if rows else []
    show_rows(columns, [[row[name] for name in columns] for row in rows], format_, meta=meta)


def _whole(shown: Shown, rows: Sequence[Mapping[str, Any]], *, details: bool) -> dict[str, Any]:
    moments = shown.found.moments
    found: dict[str, Any] = {
        "lake": str(shown.lake),
        "from": _when(moments[0]),
        "to": _when(moments[-1]),
        "runs": len(moments),
        "seconds": round(shown.seconds, 3),
        **({"sweep": shown.sweep} if shown.sweep else {}),
        "rules": [dict(row) for row in rows],
        "alerts": [_alert(f) for t in shown.found.trails for f in t.firings],
        "messages": [
            {"sink": t.sink, "messages": t.messages, "repeats": t.repeats, "withheld": t.withheld, "rules": t.rules}
            for t in shown.messages
        ],
    }
    for row, trail in zip(found["rules"], shown.found.trails, strict=True):
        row["why_error"] = [{"windows": n, "reason": reason} for reason, n in trail.reasons.most_common(5)]
        if (drift := _drift(trail)) is not None:
            row["drift"] = drift
        if shown.incidents is not None:
            row["missed_incidents"] = _missed(shown, trail)
    if details:
        found["changes"] = _changes(shown)
        found["log"] = [
            {"at": _when(at), "sink": t.sink, "message": text} for t in shown.messages for at, text in t.log
        ]
    return found


def _row(shown: Shown, trail: Trail) -> dict[str, Any]:
    from deadreckon.backtest import score

    until, share = shown.found.until, trail.share
    delays = [f.raised - f.breached for f in trail.firings]
    row = {
        "rule": trail.rule.name,
        **({shown.sweep.partition("=")[0].strip(): _swept(shown, trail)} if shown.sweep else {}),
        "windows": trail.windows,
        "skipped": trail.skipped,
        "streams": len(trail.streams),
        "alerts": len(trail.firings),
        "firing_s": trail.firing_seconds(until),
        "flapping": sum(f.flapping for f in trail.firings),
        "delay_s": median(delays) if delays else None,
        "longest_delay_s": max(delays, default=None),
        "messages": sum(t.rules[trail.rule.name] for t in shown.messages),
        **{f"{state}_share": round(share.get(state, 0.0), 6) for state in ("ok", "pending", "firing", "resolved")},
        **{f"{state}_share": round(share.get(state, 0.0), 6) for state in ("no_data", "error")},
        "seconds": round(trail.seconds, 3),
        "queries": trail.queries,
        "rows": trail.rows,
    }
    if shown.incidents is not None:
        found = score(trail, shown.incidents, until)
        row |= {
            "incidents": found.incidents,
            "found": found.found,
            "false_alerts": found.false,
            "incident_delay_s": found.delay,
        }
    return row


def _swept(shown: Shown, trail: Trail) -> float | str | None:
    from deadreckon.monitor.duration import format_duration

    key = shown.sweep.partition("=")[0].strip()
    value = getattr(trail.rule, {"for": "for_"}.get(key, key))
    return format_duration(value) if key in ("for", "keep_firing_for") else value


def _short(row: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that people look at first."""
    names = [n for n in row if n in ("above", "below", "for", "keep_firing_for")]
    left = {name: row[name] for name in ("rule", *names, "windows", "alerts")}
    scored = {name: row[name] for name in ("incidents", "found", "false_alerts") if name in row}
    return {
        **left,
        "firing": _long(row["firing_s"]),
        "delay": _long(row["delay_s"]),
        "flapping": row["flapping"],
        **scored,
        **({"found after": _long(row["incident_delay_s"])} if scored else {}),
        **({} if names else {"messages": row["messages"]}),
        "no data": f"{row['no_data_share']:.1%}",
        "error": f"{row['error_share']:.1%}" if row["error_share"] else "",
        "seconds": round(row["seconds"], 2),
    }


def _alert(firing: Firing) -> dict[str, Any]:
    return {
        "rule": firing.rule,
        "labels": firing.labels,
        "breached": _when(firing.breached),
        "start": _when(firing.start),
        "raised": _when(firing.raised),
        "end": _when(firing.end),
        "resolved": _when(firing.settled),
        "delay_s": firing.raised - firing.breached,
        "peak": firing.peak,
        "threshold": firing.threshold,
        "flapping": firing.flapping,
        "acknowledged": None,
    }


def _brief(alert: Mapping[str, Any]) -> dict[str, Any]:
    labels = " ".join("-" if v is None else v for v in alert["labels"].values())
    lasted = (alert["end"] - alert["start"]).total_seconds() if alert["end"] else None
    return {
        "raised": alert["raised"],
        "rule": alert["rule"],
        "labels": labels,
        "for": "open" if lasted is None else _long(lasted),
        "peak": alert["peak"],
        "delay": _long(alert["delay_s"]),
    }


def _changes(shown: Shown) -> list[dict[str, Any]]:
    changes = sorted(
        (c for t in shown.found.trails for c in t.changes), key=lambda c: (c.at, c.alert.stream.window_end)
    )
    return [
        {
            "at": _when(c.at),
            "window_end": _when(c.alert.stream.window_end),
            "rule": c.alert.stream.rule,
            "labels": dict(c.alert.labels),
            "previous": c.alert.previous,
            "state": c.alert.stream.state,
            "value": c.alert.stream.value,
            "threshold": c.alert.stream.threshold,
            "n": c.alert.stream.n,
            "summary": c.alert.summary,
        }
        for c in changes
    ]


def _drift(trail: Trail) -> dict[str, Any] | None:
    """A drift rule's budget and calibration, beside its alarms; None for other rules."""
    from collections import Counter

    from deadreckon.monitor.kinds.drift import DriftRule

    rule = trail.rule
    if not isinstance(rule, DriftRule):
        return None
    streams = list(trail.streams.values())
    learning = sum(s.state == "no_data" and s.reason.startswith("learning") for s in streams)
    allowed = rule.allowed(max(1, len(streams) - learning))
    expected = None if allowed.strict is not None else allowed.a_year * trail.windows / allowed.windows_a_year
    windows = [n for s in streams if isinstance(n := s.facts.get("windows"), int)]
    return {
        "streams": len(streams),
        "learning": learning,
        "budget_a_year": None if allowed.strict is not None else allowed.a_year,
        "strict": allowed.strict,
        "expected_false_alarms": expected,
        "alarms": len(trail.firings),
        "references": sorted({str(s.facts["reference"]) for s in streams if "reference" in s.facts}),
        "reference_windows": [min(windows), max(windows)] if windows else None,
        "modes": dict(Counter(str(s.facts["mode"]) for s in streams if s.facts.get("mode"))),
    }


def _budget(drift: Mapping[str, Any]) -> str:
    if drift["strict"] is not None:
        promise = f"any false alarm, ever, with a probability of {drift['strict']:g} at most"
    else:
        promise = f"{drift['expected_false_alarms']:.2g} false ones expected at most"
    return f"{drift['alarms']} alarms of {drift['streams']} streams ({drift['learning']} still learning); {promise}"


def _missed(shown: Shown, trail: Trail) -> list[dict[str, Any]]:
    from deadreckon.backtest import score

    if shown.incidents is None:
        return []
    missed = score(trail, shown.incidents, shown.found.until).missed
    return [{"from": _when(int(i.start)), "to": _when(int(i.end)), "labels": dict(i.labels)} for i in missed]


def _when(seconds: int | None) -> datetime | None:
    from deadreckon.monitor.alert import when

    return None if seconds is None else when(seconds)


def _long(seconds: float | None) -> str:
    from deadreckon.monitor.duration import format_duration

    return "" if seconds is None else format_duration(round(seconds))
