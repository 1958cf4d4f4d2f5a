"""A backtest as it is printed: tables for people, everything in JSON."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from rich.text import Text

from deadreckon.cli.lines import Column, draw, room
from deadreckon.cli.output import Format, console, dumps, figure, one_line, say, show_rows, visible
from deadreckon.core.words import counted

if TYPE_CHECKING:
    from deadreckon.backtest import Backtest, Firing, Incident, Told, Trail

LISTED: Final = 25
"""Alerts that a table shows without --details."""
_NAMED: Final = 5
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
    draw(out, *_rules_table(shown, rows), room(out))
    runs, took = counted(len(shown.found.moments), "run"), f"{shown.seconds:,.1f} s"
    say(f"{counted(len(rows), 'row')} ({runs}, {took})")
    alerts = [] if shown.sweep else [f for t in shown.found.trails for f in t.firings]
    if alerts:
        alerts.sort(key=lambda f: f.raised)
        metrics = {t.rule.name: t.rule.metric or "" for t in shown.found.trails}
        out.print()
        draw(out, _ALERT, [_brief(f, metrics[f.rule]) for f in (alerts if details else alerts[:LISTED])], room(out))
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
        for line in _not_found(shown, trail):
            say(one_line(line))
    if shown.incidents is not None and not shown.sweep:
        left = unfound(shown.found.trails, shown.incidents, shown.found.moments)
        none = f"; by none {', '.join(map(_span, left[:_NAMED]))}" if left else ""
        say(f"some rule found {len(shown.incidents) - len(left)} of {counted(len(shown.incidents), 'incident')}{none}")
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
    from deadreckon.backtest import score, unfound

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
            how = score(trail, shown.incidents, shown.found.moments)
            row["missed_incidents"], row["already_open_incidents"] = _listed(how.missed), _listed(how.already)
    if shown.incidents is not None and not shown.sweep:
        left = unfound(shown.found.trails, shown.incidents, moments)
        found["incidents"] = {"count": len(shown.incidents), "found_by_none": _listed(left)}
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
        **(_swept(shown, trail) if shown.sweep else {}),
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


def _swept(shown: Shown, trail: Trail) -> dict[str, float | str | None]:
    """What was varied, and the clear threshold that goes with it."""
    from deadreckon.monitor.duration import format_duration

    key = shown.sweep.partition("=")[0].strip()
    if key in ("for", "keep_firing_for"):
        return {key: format_duration(trail.rule.for_ if key == "for" else trail.rule.keep_firing_for)}
    clear = getattr(trail.rule, f"clear_{key}")
    return {key: getattr(trail.rule, key)} | ({} if clear is None else {f"clear_{key}": clear})


def _rules_table(shown: Shown, rows: Sequence[Mapping[str, Any]]) -> tuple[list[Column], list[list[Text]]]:
    """What people look at first, narrow enough for 80 cells: what was varied in place of the rule's name."""
    varied = [n for n in ("above", "clear_above", "below", "clear_below", "for", "keep_firing_for") if n in rows[0]]
    known, error = shown.incidents is not None, any(row["error_share"] for row in rows)
    first = [Column(name.replace("_", " "), right=True) for name in varied] or [Column("rule", least=12, wrap=True)]
    names = ["alerts", *(["found", "false", "after"] if known else ["firing", "delay", "flaps"])]
    names += [] if varied or known else ["told"]
    names += ["no data", *(["error"] if error else []), "cost"]
    cells = []
    for row in rows:
        own = {
            "alerts": f"{row['alerts']:,}",
            "firing": _long(row["firing_s"]),
            "delay": _long(row["delay_s"]),
            "flaps": f"{row['flapping']:,}",
            "told": f"{row['messages']:,}",
            "no data": f"{row['no_data_share']:.1%}",
            "error": f"{row['error_share']:.1%}",
            "cost": f"{row['seconds']:,.2f} s",
        }
        if known:
            own |= {"found": f"{row['found']} of {row['incidents']}", "false": f"{row['false_alerts']:,}"}
            own["after"] = _long(row["incident_delay_s"])
        head = [_figure(row.get(name)) for name in varied] or [visible(row["rule"])]
        cells.append([Text(text) for text in [*head, *(own[name] for name in names)]])
    return [*first, *(Column(name, right=True) for name in names)], cells


def _figure(value: float | str | None) -> str:
    return "" if value is None else value if isinstance(value, str) else figure(value)


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


_ALERT: Final = (
    *(Column("raised"), Column("rule", least=12, wrap=True), Column("labels", least=8, wrap=True)),
    *(Column("open for", right=True), Column("peak", right=True), Column("delay", right=True)),
)


def _brief(firing: Firing, metric: str) -> list[Text]:
    from deadreckon.monitor.alert import when
    from deadreckon.monitor.words import amount

    lasted = "still open" if firing.end is None else _long(firing.end - firing.start)
    labels = " ".join("-" if value is None else value for value in firing.labels.values())
    raised = when(firing.raised).strftime("%Y-%m-%d %H:%M")
    texts = [raised, visible(firing.rule), visible(labels), lasted, amount(firing.peak, metric)]
    return [Text(text) for text in [*texts, _long(firing.raised - firing.breached)]]


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
    alarms, streams = counted(drift["alarms"], "alarm"), counted(drift["streams"], "stream")
    return f"{alarms} of {streams} ({drift['learning']} still learning); {promise}"


def _not_found(shown: Shown, trail: Trail) -> list[str]:
    """Which incidents a rule, or one of the values that were tried, did not find, in a line for each reason."""
    from deadreckon.backtest import score

    if shown.incidents is None:
        return []
    found = score(trail, shown.incidents, shown.found.moments)
    varied = (
        ", ".join(f"{key} = {_figure(value)}" for key, value in _swept(shown, trail).items()) if shown.sweep else ""
    )
    named = f"rule {trail.rule.name}{f' with {varied}' if varied else ''}"
    lines = []
    for incidents, said in ((found.missed, "missed"), (found.already, "an alert was open already in")):
        times = [_span(incident) for incident in incidents[:_NAMED]]
        more = f" and {len(incidents) - _NAMED} more" if len(incidents) > _NAMED else ""
        if times:
            lines.append(f"{named}: {said} {len(incidents)} of {found.incidents}: {', '.join(times)}{more}")
    return lines


def _span(incident: Incident) -> str:
    from deadreckon.monitor.alert import when

    start, end = when(int(incident.start)), when(int(incident.end))
    until = f"{end:%H:%M}" if start.date() == end.date() else f"{end:%Y-%m-%d %H:%M}"
    labels = " ".join(incident.labels.values())
    return f"{start:%Y-%m-%d %H:%M} to {until}{f' ({labels})' if labels else ''}"


def _listed(incidents: Sequence[Incident]) -> list[dict[str, Any]]:
    return [{"from": _when(int(i.start)), "to": _when(int(i.end)), "labels": dict(i.labels)} for i in incidents]


def _when(seconds: int | None) -> datetime | None:
    from deadreckon.monitor.alert import when

    return None if seconds is None else when(seconds)


def _long(seconds: float | None) -> str:
    from deadreckon.monitor.words import rough

    return "-" if seconds is None else rough(seconds)
