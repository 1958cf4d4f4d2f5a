"""A backtest as it is printed: tables for people, everything in JSON."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from deadreckon.cli.backtest_shown import NAMED, Shown, listed, not_found, span, swept, when
from deadreckon.cli.backtest_table import ALERT, brief, read, rules_table
from deadreckon.cli.lines import draw, room
from deadreckon.cli.output import Format, console, dumps, one_line, say, show_rows
from deadreckon.core.words import counted

if TYPE_CHECKING:
    from deadreckon.backtest import Firing, Trail

LISTED: Final = 25
"""Alerts that a table shows without --details."""


def show(shown: Shown, format_: Format, *, details: bool) -> None:
    """Print a backtest; other formats than a table and JSON have a row for each rule, with `details` each change."""
    rows = [_row(shown, trail) for trail in shown.found.trails]
    if format_ is Format.json:
        sys.stdout.write(dumps(_whole(shown, rows, details=details), indent=True))
        return
    if format_ is not Format.table:
        _show(_changes(shown) if details else rows, format_)
        return
    from deadreckon.backtest import unfound

    out = console()
    draw(out, *rules_table(shown, rows), room(out))
    runs, took = counted(len(shown.found.moments), "run"), f"{shown.seconds:,.1f} s"
    say(f"{counted(len(rows), 'row')} ({runs}, {took})")
    if legend := read(shown):
        say(f"hint: {legend}")
    alerts = [] if shown.sweep else [f for t in shown.found.trails for f in t.firings]
    if alerts:
        alerts.sort(key=lambda f: f.raised)
        metrics = {t.rule.name: t.rule.metric or "" for t in shown.found.trails}
        out.print()
        draw(out, ALERT, [brief(f, metrics[f.rule]) for f in (alerts if details else alerts[:LISTED])], room(out))
        more = "" if details or len(alerts) <= LISTED else f", the first {LISTED} shown: --details shows all"
        say(f"{counted(len(alerts), 'alert')}{more}")
    for told in shown.messages:
        log = f"sink {told.sink}: {counted(told.messages, 'message')}, {counted(told.repeats, 'repeat')} among them"
        say(log + (f"; {counted(told.withheld, 'change')} withheld" if told.withheld else ""))
    for trail in shown.found.trails:
        for reason, n in trail.reasons.most_common(1):
            say(one_line(f"rule {trail.rule.name}: {counted(n, 'window')} could not be evaluated: {reason}"))
        if (drift := _drift(trail)) is not None:
            say(f"rule {trail.rule.name}: {_budget(drift)}")
        for line in not_found(shown, trail):
            say(one_line(line))
    if shown.incidents is not None and not shown.sweep:
        left = unfound(shown.found.trails, shown.incidents, shown.found.moments)
        none = f"; by none {', '.join(map(span, left[:NAMED]))}" if left else ""
        say(f"some rule found {len(shown.incidents) - len(left)} of {counted(len(shown.incidents), 'incident')}{none}")
    if details:
        if changes := _changes(shown):
            _show(changes, format_)
        log_rows = [
            {"at": when(at), "sink": t.sink, "message": subject} for t in shown.messages for at, subject in t.log
        ]
        if log_rows:
            _show(log_rows, format_)


def _show(rows: Sequence[Mapping[str, Any]], format_: Format, meta: Mapping[str, Any] | None = None) -> None:
    columns = list(rows[0]) if rows else []
    show_rows(columns, [[row[name] for name in columns] for row in rows], format_, meta=meta)


def _whole(shown: Shown, rows: Sequence[Mapping[str, Any]], *, details: bool) -> dict[str, Any]:
    from deadreckon.backtest import score, unfound

    moments = shown.found.moments
    found: dict[str, Any] = {
        "lake": str(shown.lake),
        "from": when(moments[0]),
        "to": when(moments[-1]),
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
            how = score(trail, shown.incidents, shown.found.moments)
            row["missed_incidents"], row["already_open_incidents"] = listed(how.missed), listed(how.already)
    if shown.incidents is not None and not shown.sweep:
        left = unfound(shown.found.trails, shown.incidents, moments)
        found["incidents"] = {"count": len(shown.incidents), "found_by_none": listed(left)}
    if details:
        found["changes"] = _changes(shown)
        found["log"] = [{"at": when(at), "sink": t.sink, "message": text} for t in shown.messages for at, text in t.log]
    return found


def _row(shown: Shown, trail: Trail) -> dict[str, Any]:
    from deadreckon.backtest import score

    until, share = shown.found.until, trail.share
    delays = [f.raised - f.breached for f in trail.firings]
    row = {
        "rule": trail.rule.name,
        **(swept(shown, trail) if shown.sweep else {}),
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
        found = score(trail, shown.incidents, shown.found.moments)
        row |= {
            "incidents": found.incidents,
            "found": found.found,
            "missed": len(found.missed),
            "already_open": len(found.already),
            "false_alerts": found.false,
            "incident_delay_s": found.delay,
        }
    return row


def _alert(firing: Firing) -> dict[str, Any]:
    return {
        "rule": firing.rule,
        "labels": firing.labels,
        "breached": when(firing.breached),
        "start": when(firing.start),
        "raised": when(firing.raised),
        "end": when(firing.end),
        "resolved": when(firing.settled),
        "delay_s": firing.raised - firing.breached,
        "peak": firing.peak,
        "threshold": firing.threshold,
        "flapping": firing.flapping,
        "acknowledged": None,
    }


def _changes(shown: Shown) -> list[dict[str, Any]]:
    changes = sorted(
        (c for t in shown.found.trails for c in t.changes), key=lambda c: (c.at, c.alert.stream.window_end)
    )
    return [
        {
            "at": when(c.at),
            "window_end": when(c.alert.stream.window_end),
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
    alarms, streams = counted(drift["alarms"], "alarm"), counted(drift["streams"], "stream")
    return f"{alarms} of {streams} ({drift['learning']} still learning); {promise}"
