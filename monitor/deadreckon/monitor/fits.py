"""What rules fit a lake: for each kind, what its last weeks were like and a threshold well away from that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from deadreckon.monitor.duration import format_duration
from deadreckon.monitor.looking import LEAST, Look, down, figure, nice
from deadreckon.monitor.rules import load_rules

HEADROOM: Final = 1.5
"""How far over what is usual a threshold is put."""
USUAL: Final = 0.9
"""The share of windows that are taken to be usual: what went wrong in the rest shall not become the measure."""
_OBJECTIVES: Final = (0.999, 0.995, 0.99, 0.98, 0.95)
_GAP: Final = """
SELECT max(minute - before), count(*)
FROM (
    SELECT minute, lag(minute) OVER (ORDER BY minute) AS before
    FROM (SELECT DISTINCT epoch_us(ts) // 60000000 AS minute FROM events WHERE {range} AND {which})
)
"""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A rule that fits the lake."""

    why: str
    """What was seen: the reason of its threshold."""
    table: Mapping[str, Any]
    """The keys of the rule."""
    fires: str = ""
    """What it would say at once, for which it stands in the file as a comment; empty where it stands as a rule."""
    missing: str = ""
    """What it lacks by now, for the same; it was not tried then."""


def _latency(seen: Look) -> Iterator[Suggestion]:
    found = seen.rows(
        "SELECT operation, count(*) AS n FROM events WHERE {range} AND duration_ms IS NOT NULL AND status IS NOT NULL "
        "GROUP BY operation ORDER BY operation IS NULL, n DESC, operation LIMIT 1"
    )
    if not found:
        return
    operation = found[0][0]
    calls: dict[str, Any] = {"where": {"operation": operation}} if operation else {}
    tools: dict[str, Any] = {"where": {"operation": "execute_tool"}, "group_by": ["tool"]}
    for name, metric, keys, least, unit in (
        (f"{operation or 'calls'} slow", "latency_p95_ms", calls, 0.0, " ms"),
        (f"{operation or 'calls'} failing", "error_rate", calls, 0.02, ""),
        ("a tool failing", "tool_error_rate", tools, 0.05, ""),
    ):
        for window in ("15m", "1h", "6h", "1d"):
            table = {"name": name, "metric": metric, **keys, "window": window, "min_count": LEAST}
            values = sorted(seen.values(table | {"above": 0.0}))
            usual = values[int(USUAL * (len(values) - 1))] if values else 0.0
            above = max(nice(usual * HEADROOM), least)
            # A short window is told of sooner, where enough of them say what is usual; more than all cannot fail.
            if len(values) < (LEAST if window != "1d" else 1) or above <= 0 or (unit == "" and above >= 1):
                continue
            why = f"Of {len(values)} windows of {window} with {LEAST} calls or more nine in ten had {figure(usual)}"
            clear = min(above, nice(usual * 1.1))
            yield Suggestion(
                f"{why}{unit} at most, the worst {figure(values[-1])}{unit}; half as much again as the former fires.",
                table | {"above": above, "clear_above": clear, "no_data": "ok"},
            )
            break


def _repeats(seen: Look) -> Iterator[Suggestion]:
    (most,) = seen.rows(
        "SELECT max(n) FROM (SELECT count(*) AS n FROM tool_calls WHERE {dates} "
        "AND request_id IS NOT NULL GROUP BY request_id, tool)"
    )[0]
    if not most:
        return
    sql = (
        "SELECT tool, max(n) AS value, sum(n) AS n\nFROM (\n    SELECT tool, request_id, count(*) AS n\n"
        "    FROM tool_calls\n    WHERE ts >= $window_start AND ts < $window_end AND request_id IS NOT NULL\n"
        "    GROUP BY tool, request_id\n)\nGROUP BY tool"
    )
    yield Suggestion(
        f"No request called one tool more than {most} times: an agent that goes round in circles does.",
        {
            "name": "agent goes round in circles",
            "kind": "sql",
            "sql": sql,
            "window": "1h",
            "above": max(nice(most * 2), 10),
            "no_data": "ok",
            "summary": "one request called {tool} {value} times",
        },
    )


def _volume(seen: Look) -> Iterator[Suggestion]:
    for against in ("week", "day"):
        table: dict[str, Any] = {
            "name": "as many events as usual",
            "kind": "quality",
            "check": "volume",
            "window": "1h",
        }
        table |= {"against": against, "periods": 4 if against == "week" else 7}
        values = seen.values(table, least=10, days=7)
        if len(values) < 24:
            continue
        above, below = max(2.0, nice(max(values) * HEADROOM)), min(0.5, down(min(values) / HEADROOM))
        seen_as = f"{figure(min(values))} to {figure(max(values))}"
        bounds = {"above": above} | ({"below": below} if below else {})
        # A quiet hour has no volume to be compared with: that other rules watch.
        yield Suggestion(
            f"Hours had {seen_as} times the events of the same hour of previous {against}s.",
            table | bounds | {"no_data": "ok", "severity": "info"},
        )
        return


def _fresh(seen: Look) -> Iterator[Suggestion]:
    gap = _gap(seen, "true")
    if gap is None:
        return
    above = max(900, nice(gap * 3))
    yield Suggestion(
        f"Between two events there were never more than {format_duration(gap)}; three times that fires.",
        {
            "name": "logs arrive",
            "kind": "quality",
            "check": "freshness",
            "window": "5m",
            "above": above,
            "severity": "critical",
        },
    )


def _refused(seen: Look) -> Iterator[Suggestion]:
    if not seen.rows("SELECT 1 FROM lake_ledger WHERE record = 'source' LIMIT 1"):
        return
    (lines, refused) = seen.rows(
        "SELECT coalesce(sum(lines), 0), coalesce(sum(quarantined), 0) FROM lake_ledger WHERE record = 'source'"
    )[0]
    share = float(refused) / float(lines) if lines else 0.0
    yield Suggestion(
        f"Ingest has refused {int(refused):,} of {int(lines):,} lines ({share:.2%}).",
        {
            "name": "lines refused",
            "kind": "quality",
            "check": "quarantine_share",
            "window": "1h",
            "above": min(0.5, max(0.01, nice(share * 3))),
            "min_count": 100,
            "no_data": "ok",
        },
    )


def _nulls(seen: Look) -> Iterator[Suggestion]:
    found = seen.rows(
        "SELECT key, count(*) AS n FROM (SELECT unnest(json_keys(features)) AS key FROM (SELECT features FROM events "
        "WHERE {range} AND features IS NOT NULL AND json_valid(features) LIMIT 1000)) "
        "GROUP BY key ORDER BY n DESC, key LIMIT 1"
    )
    if not found or '"' in found[0][0] or "\\" in found[0][0]:
        return
    table = {
        "name": f"{found[0][0]} is there",
        "kind": "quality",
        "check": "null_share",
        "subject": f"feature:{found[0][0]}",
        "window": "1d",
        "every": "1h",
        "min_count": LEAST,
        "no_data": "ok",
    }
    values = seen.values(table | {"above": 1.0})
    if not values or max(values) > 0.5:
        return
    yield Suggestion(
        f"Of predictions with features {max(values):.1%} had none of it at worst, over a day.",
        table | {"above": max(0.05, nice(max(values) * 2))},
    )


def _budget(seen: Look) -> Iterator[Suggestion]:
    days = seen.rows(
        "SELECT date, sum(cost_usd), sum(total_tokens), count(*), count(*) FILTER (WHERE cost_source = 'unpriced') "
        "FROM model_calls WHERE {dates} GROUP BY date ORDER BY date"
    )
    if not days:
        return
    costs, tokens = [float(d[1]) for d in days if d[1]], [float(d[2]) for d in days if d[2]]
    spend, spent, unit = ("usd", costs, "US dollars") if costs else ("tokens", tokens, "tokens")
    if not spent:
        return
    unknown = max((d[4] / d[3] for d in days), default=0) if spend == "usd" else 0
    table: dict[str, Any] = {"name": "spend of the day", "kind": "budget", "spend": spend, "period": "day"}
    # The warning at 80 % shall not have been reached either.
    table |= {"limit": nice(max(spent) * HEADROOM)}
    note = ""
    if unknown:
        table["unknown_above"] = min(1.0, nice(max(0.1, unknown * HEADROOM)))
        note = f" Of the calls of a day up to {unknown:.0%} have no known cost: add their [prices]."
    if spend == "tokens":
        table["unknown_above"] = 1.0
        note = " No cost is known: with [prices] it can be in US dollars."
    mean = figure(sum(spent) / len(spent))
    yield Suggestion(
        f"The dearest of {len(spent)} days took {figure(max(spent))} {unit}, the mean {mean}.{note}",
        table,
    )


def _slo(seen: Look) -> Iterator[Suggestion]:
    table: dict[str, Any] = {"name": "calls succeed", "kind": "slo", "objective": 0.999}
    (n, bad) = seen.rows(
        "SELECT count(*), count(*) FILTER (WHERE status IN ('error', 'timeout')) FROM events WHERE {range} "
        "AND kind = 'span' AND status IN ('ok', 'error', 'timeout', 'cancelled')"
    )[0]
    if n < 100:
        return
    table["where"] = {"kind": "span"}
    worst = [(rule.above or 0, max(seen.of_rule(rule, LEAST, 14), default=0.0)) for rule in load_rules([table])]
    for objective in _OBJECTIVES:
        if all(burn * 0.001 / (1 - objective) * HEADROOM <= bound for bound, burn in worst):
            yield Suggestion(
                f"Of {n:,} spans {1 - bad / n:.3%} were good: the highest objective that would not have fired.",
                table | {"objective": objective, "min_count": LEAST, "no_data": "ok"},
            )
            return


def _heartbeat(seen: Look) -> Iterator[Suggestion]:
    found = seen.rows(
        "SELECT service, count(*) AS n FROM events WHERE {range} AND service IS NOT NULL "
        "GROUP BY service ORDER BY n DESC, service LIMIT 1"
    )
    gap = _gap(seen, "service = $service", service=found[0][0]) if found else None
    if gap is None:
        return
    yield Suggestion(
        f"The busiest service was never silent for longer than {format_duration(gap)}; three times that fires.",
        {
            "name": f"{found[0][0]} lives",
            "kind": "heartbeat",
            "where": {"service": found[0][0]},
            "every": format_duration(max(300, gap * 3)),
            "severity": "critical",
        },
    )


def _gap(seen: Look, condition: str, **params: Any) -> int | None:
    """The longest silence in seconds, to the minute; None where there are too few minutes with events to know."""
    gap, count = seen.rows(_GAP.replace("{which}", condition), **params)[0]
    return int(gap) * 60 if gap and count >= LEAST else None


FITS: Final = {
    "latency and errors": _latency,
    "slo": _slo,
    "budget": _budget,
    "freshness": _fresh,
    "heartbeat": _heartbeat,
    "volume": _volume,
    "refused lines": _refused,
    "nulls": _nulls,
    "sql": _repeats,
}
"""What finds the rules that fit, in the order in which they are written."""
