"""Measured values with their units, as people read them: `2,500 ms`, `48 %`, `1 token`, `12h`."""

from __future__ import annotations

import math
from typing import Final

from deadreckon.core.words import counted
from deadreckon.monitor.duration import UNITS, format_duration
from deadreckon.monitor.metrics import METRICS

DRIFT: Final = "drift"
"""What rules of kind drift measure: evidence, over what makes an alarm."""
_SPENT: Final = {"usd": "US dollars", "calls": "calls"} | dict.fromkeys(
    ("tokens", "input_tokens", "output_tokens"), "tokens"
)
_OF_KINDS: Final = {
    **dict.fromkeys(("null_share", "out_of_range", "type_change", "quarantine_share", "budget_left"), "share"),
    **dict.fromkeys(("burn_rate", "volume_ratio", DRIFT), "times"),
    **dict.fromkeys(("new_category", "unended_runs"), "count"),
    "silent_s": "seconds",
    **{f"{spend}_{part}": unit for spend, unit in _SPENT.items() for part in ("spent", "forecast")},
    **{f"{spend}_unknown": "share" for spend in _SPENT},
}
"""What kinds of rules measure that is no metric of the registry; an alert that is kept names its metric only."""


def unit_of(metric: str) -> str:
    """The unit of what a rule measures, by its name; empty where it is a number of the user's own."""
    found = METRICS[metric].unit if metric in METRICS else _OF_KINDS.get(metric, "")
    return found.partition(",")[0]


def amount(value: float | None, metric: str) -> str:
    """A measured value, or a bound, with its unit; a dash where there is none."""
    if value is None or math.isnan(value):
        return "-"
    if math.isinf(value):
        return str(value)
    match unit_of(metric):
        case "share":
            return f"{_digits(value * 100)} %"
        case "times":
            return f"{_digits(value)}x"
        case "milliseconds":
            return f"{_digits(value)} ms"
        case "seconds":
            return _long(value)
        case "US dollars":
            return f"{value:,.2f} USD" if abs(value) >= 0.1 or value == 0 else f"{_digits(value)} USD"
        case "tokens" | "calls" as unit:
            return counted(round(value), unit[:-1])
        case _:
            return _digits(value)


def against(value: float, bound: float, metric: str) -> str:
    """A value and the bound it was held against: `2,500 > 2,000 ms`. Of drift, whether it is one: it has no bound."""
    if metric == DRIFT:
        return "drifted" if value > bound else "no drift"
    sign = ">" if value > bound else "<" if value < bound else "="
    first, second = amount(value, metric), amount(bound, metric)
    number, _, unit = first.partition(" ")
    same = unit and unit.rstrip("s") == second.partition(" ")[2].rstrip("s")
    return f"{number if same else first} {sign} {second}"


def rough(seconds: float) -> str:
    """Seconds as a duration of two units at most: what follows is of no use to anybody."""
    left = round(seconds)
    for unit, size in UNITS.items():
        if unit != "w" and left >= size:
            smaller = {"d": 3_600, "h": 60}.get(unit, 1)
            return format_duration(round(left / smaller) * smaller)
    return format_duration(left)


def _long(seconds: float) -> str:
    return f"{_digits(seconds)} s" if abs(seconds) < 120 else rough(seconds)


def _digits(value: float) -> str:
    return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
