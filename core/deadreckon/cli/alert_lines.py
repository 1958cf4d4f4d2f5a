"""Alerts as they are printed: a line each for people, everything in every other format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.text import Text

from deadreckon.cli.lines import GAP, Column, laid, put, room
from deadreckon.cli.output import Format, console, footer, one_line, show_rows, visible
from deadreckon.core.words import counted

if TYPE_CHECKING:
    from deadreckon.monitor import Alert
    from deadreckon.monitor.standing import Key, Standing

COLUMNS: Final = (
    *("rule", "labels", "state", "value", "threshold", "n", "window_start", "window_end", "since", "alert_since"),
    *("severity", "summary", "facts"),
)
STANDING: Final = ("silenced", "inhibited", "acknowledged")
"""Beside how things stand: until when it is silenced, which rule explains it, who has taken it."""
_WRAPS: Final = Column(least=10, wrap=True)
_NOW: Final = (Column(), Column(), _WRAPS, Column(), Column(), Column())
_PAST: Final = (Column(), Column(), Column(), Column(), _WRAPS, Column(), Column())
_BELOW: Final = {False: (3,), True: (5, 6)}
"""Which of these go on a line of their own where they do not fit beside the others, by whether they are of the past."""
_STYLES: Final = {"error": "red", "pending": "yellow", "no_data": "magenta", "resolved": "green", "ok": "green"}

DetailsOption = Annotated[
    bool, typer.Option("--details", help="In a table: each alert's summary, window, facts and runbook below its line.")
]


def show(
    alerts: Sequence[Alert],
    format_: Format,
    meta: Mapping[str, Any],
    *,
    previous: bool = False,
    details: bool = False,
    standing: Mapping[Key, Standing] | None = None,
) -> None:
    """Print alerts; `previous` where they are changes of state and not how things stand."""
    if format_ is Format.table:
        from deadreckon.monitor.board import most_urgent_first

        ordered = alerts if previous else most_urgent_first(alerts)
        _lines(ordered, standing or {}, past=previous, details=details)
        footer(len(alerts), "change" if previous else "alert", meta)
        return
    if previous:
        show_rows(("previous", *COLUMNS), [[a.previous, *_row(a)] for a in alerts], format_, meta=meta)
    else:
        rows = [[*_row(a), *_stands(a, standing or {})] for a in alerts]
        show_rows((*COLUMNS, *STANDING), rows, format_, meta=meta)


def _row(alert: Alert) -> list[Any]:
    from deadreckon.monitor.alert import finite, when
    from deadreckon.monitor.facts import told_facts

    stream = alert.stream
    return [
        stream.rule,
        dict(alert.labels),
        stream.state,
        finite(stream.value),
        stream.threshold,
        stream.n,
        when(alert.window_start),
        when(stream.window_end),
        when(stream.since),
        None if stream.active_since is None else when(stream.active_since),
        alert.severity,
        alert.summary,
        told_facts(stream.facts),
    ]


def _stands(alert: Alert, standing: Mapping[Key, Standing]) -> list[Any]:
    from deadreckon.monitor.alert import when
    from deadreckon.monitor.standing import OPEN, key_of

    found = standing.get(key_of(alert), OPEN)
    return [
        when(found.silence.until) if found.silence else None,
        found.inhibitor.stream.rule if found.inhibitor else None,
        found.taken.by if found.taken else None,
    ]


def _lines(alerts: Sequence[Alert], standing: Mapping[Key, Standing], *, past: bool, details: bool) -> None:
    out = console()
    width = room(out)
    columns: Sequence[Column] = _PAST if past else _NOW
    cells = _past if past else _now
    rows = [cells(a, wide=True) for a in alerts]
    wanted = [max((row[i].cell_len for row in rows), default=0) for i in range(len(columns))]
    under: list[str] = [""] * len(rows)
    if width is not None and sum(wanted) + GAP * (len(columns) - 1) > width:
        rows = [cells(a, wide=False) for a in alerts]
        under = ["  ".join(row[i].plain for i in _BELOW[past] if row[i]) for row in rows]
        rows = [[cell for i, cell in enumerate(row) if i not in _BELOW[past]] for row in rows]
        columns = tuple(column for i, column in enumerate(columns) if i not in _BELOW[past])
    for alert, lines, text in zip(alerts, laid(out, columns, rows, width), under, strict=True):
        put(out, lines)
        below_it = [*([text] if text else []), *([] if past else _mutes(alert, standing))]
        # Nobody can do anything about a rule that cannot be evaluated without the reason.
        below_it += _details(alert) if details else [alert.summary] if alert.stream.state == "error" else []
        if below_it:
            texts = [[Text(), Text(visible(text), style="dim")] for text in below_it]
            for below in laid(out, (Column(), Column(least=1, wrap=True)), texts, width):
                put(out, below)


def _mutes(alert: Alert, standing: Mapping[Key, Standing]) -> list[str]:
    from deadreckon.monitor.standing import OPEN, key_of

    found = standing.get(key_of(alert), OPEN)
    says = []
    if found.silence:
        made = found.silence.made
        says.append(f"silenced until {_minute(found.silence.until)} by {made.by}: {made.comment} ({made.id})")
    if found.inhibitor:
        says.append(f"not told, for it is explained by {found.inhibitor.stream.rule}")
    if found.taken:
        says.append(f"taken by {found.taken.by}{f': {found.taken.comment}' if found.taken.comment else ''}")
    return says


def _now(alert: Alert, *, wide: bool) -> list[Text]:
    stream = alert.stream
    # An alert whose data went missing, or whose rule broke, is still open: nobody knows that it ended.
    is_open = stream.active_since is not None
    state = "firing" if is_open else stream.state
    return [
        *_heading(alert, state),
        _labels(alert, wide=wide),
        Text("" if state == "no_data" else _measured(alert)),
        Text(("since " if wide else "") + _minute(stream.active_since or stream.since)),
    ]


def _past(alert: Alert, *, wide: bool) -> list[Text]:
    state, *rest = _heading(alert, alert.stream.state)
    before = Text(f"was {alert.previous}" if alert.previous else "", style="dim")
    at = Text(_minute(alert.stream.window_end))
    said = not wide and alert.stream.state == "no_data"  # the state is enough where room is short
    return [at, state, before, *rest, _labels(alert, wide=wide), Text("" if said else _measured(alert))]


def _heading(alert: Alert, state: str) -> list[Text]:
    urgent = "bold red" if alert.severity == "critical" else "bold yellow"
    style = urgent if state == "firing" else _STYLES[state]
    return [Text(state.upper(), style=style), Text(alert.severity), Text(one_line(alert.stream.rule), style="bold")]


def _labels(alert: Alert, *, wide: bool) -> Text:
    known = {k: "-" if v is None else v for k, v in alert.labels.items()}
    if not wide:  # where room is short: a label that only repeats the rule says nothing
        known = {k: v for k, v in known.items() if v not in (alert.stream.rule, alert.part_of)}
    return Text(one_line(" ".join(f"{k}={v}" for k, v in known.items())))


def _measured(alert: Alert) -> str:
    from deadreckon.monitor.words import against, amount

    stream = alert.stream
    if stream.state == "error":
        return "error"
    if stream.state == "no_data" or stream.value is None or stream.reason:  # too few may be fine, and are no measure
        return "no data"
    if stream.threshold is None:
        return amount(stream.value, alert.metric)
    return against(stream.value, stream.threshold, alert.metric)


def _details(alert: Alert) -> list[str]:
    from deadreckon.monitor.facts import COMMAND, facts_lines

    stream = alert.stream
    events = "" if stream.n is None else f", {counted(stream.n, 'event')}"
    window = f"window {_minute(alert.window_start)} to {_minute(stream.window_end)}{events}"
    command = stream.facts.get(COMMAND)
    return [
        alert.summary,
        window,
        *facts_lines(stream.facts),
        *([str(command)] if command else []),
        *([f"runbook {alert.runbook}"] if alert.runbook else []),
    ]


def _minute(seconds: int) -> str:
    from deadreckon.monitor.alert import when

    return when(seconds).replace(tzinfo=None).isoformat(" ", "minutes")
