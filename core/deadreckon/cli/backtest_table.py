"""The tables of a backtest that people read: a line for each rule, and for each alert; 80 cells hold them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from rich.text import Text

from deadreckon.cli.backtest_shown import Shown, long, tried
from deadreckon.cli.lines import Column
from deadreckon.cli.output import visible

if TYPE_CHECKING:
    from deadreckon.backtest import Firing

ALERT: Final = (
    *(Column("raised"), Column("rule", least=12, wrap=True), Column("labels", least=8, wrap=True)),
    *(Column("open for", right=True), Column("peak", right=True), Column("delay", right=True)),
)


def rules_table(shown: Shown, rows: Sequence[Mapping[str, Any]]) -> tuple[list[Column], list[list[Text]]]:
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
            "firing": long(row["firing_s"]),
            "delay": long(row["delay_s"]),
            "flaps": f"{row['flapping']:,}",
            "told": f"{row['messages']:,}",
            "no data": f"{row['no_data_share']:.1%}",
            "error": f"{row['error_share']:.1%}",
            "cost": f"{row['seconds']:,.2f} s",
        }
        if known:
            own |= {"found": f"{row['found']} of {row['incidents']}", "false": f"{row['false_alerts']:,}"}
            own["after"] = long(row["incident_delay_s"])
        head = [tried(row.get(name)) for name in varied] or [visible(row["rule"])]
        cells.append([Text(text) for text in [*head, *(own[name] for name in names)]])
    return [*first, *(Column(name, right=True) for name in names)], cells


def read(shown: Shown) -> str:
    """How the table's columns are read, those that need words."""
    if shown.incidents is not None:
        return "after: from an incident's begin to the alert that found it, the median"
    told = "" if shown.sweep else "; told: messages about the rule, repeats among them"
    return f"firing: time with an alert open, of all its streams together; delay: from the breach to the alert{told}"


def brief(firing: Firing, metric: str) -> list[Text]:
    """An alert as a line, under the columns of `ALERT`."""
    from deadreckon.monitor.alert import when
    from deadreckon.monitor.words import amount

    lasted = "still open" if firing.end is None else long(firing.end - firing.start)
    labels = " ".join("-" if value is None else value for value in firing.labels.values())
    raised = when(firing.raised).strftime("%Y-%m-%d %H:%M")
    texts = [raised, visible(firing.rule), visible(labels), lasted, amount(firing.peak, metric)]
    return [Text(text) for text in [*texts, long(firing.raised - firing.breached)]]
