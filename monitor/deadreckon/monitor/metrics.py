"""The metrics that a rule can name: each a pair of aggregates over the events of a window, the value and its n."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

Source = Literal["events", "intake", "newest"]
"""`events`: the events by their own time. `intake`: what ingest read, by the time it was committed. `newest`: the
newest event of all time, wherever it is."""

ENDED: Final = "status IN ('ok', 'error', 'timeout', 'cancelled')"
"""What has ended: a call that still runs is neither a success nor a failure."""
FAILED: Final = "status IN ('error', 'timeout')"


@dataclass(frozen=True, slots=True)
class Metric:
    """What a metric measures: SQL for its value and for n, the number of events that the value rests on."""

    name: str
    doc: str
    unit: str
    value: str
    n: str
    among: str = ""
    """The events it looks at, as a condition; empty is all of them."""
    source: Source = "events"
    zero_is_data: bool = False
    """Whether no event at all is an answer (a count of zero) rather than a lack of data."""
    examples: str = "NULL"
    """SQL for a list of texts that show what is wrong, where it can be shown."""


def _finite(column: str) -> str:
    return f"{column} IS NOT NULL AND isfinite({column})"


def _quantile(column: str, what: str, percent: int) -> Metric:
    return Metric(
        f"{what}_p{percent}_ms",
        f"{percent}th percentile of {column}, interpolated, exact",
        "milliseconds",
        f"quantile_cont({column}, {percent / 100}) FILTER (WHERE {_finite(column)})",
        f"count(*) FILTER (WHERE {_finite(column)})",
    )


def _sum(column: str, doc: str, unit: str) -> Metric:
    # Integers are cast first: isfinite knows doubles only, and a sum of doubles is what a threshold compares with.
    measure = f"{column}::DOUBLE"
    return Metric(
        column,
        doc,
        unit,
        f"sum({measure}) FILTER (WHERE {_finite(measure)})",
        f"count(*) FILTER (WHERE {_finite(measure)})",
    )


def _mean(name: str, column: str, doc: str, unit: str, among: str = "") -> Metric:
    return Metric(
        name,
        doc,
        unit,
        f"avg({column}) FILTER (WHERE {_finite(column)})",
        f"count(*) FILTER (WHERE {_finite(column)})",
        among,
    )


def _share(name: str, doc: str, of: str, among: str) -> Metric:
    value = f"count(*) FILTER (WHERE {of})::DOUBLE / nullif(count(*), 0)"
    return Metric(name, doc, "share, 0 to 1", value, "count(*)", among)


def _count(name: str, doc: str, of: str, among: str) -> Metric:
    return Metric(name, doc, "count", f"count(*) FILTER (WHERE {of})::DOUBLE", "count(*)", among)


METRICS: Final[dict[str, Metric]] = {
    m.name: m
    for m in (
        Metric("event_count", "events", "count", "count(*)::DOUBLE", "count(*)", zero_is_data=True),
        _count("error_count", "events that ended in error or timeout", FAILED, ENDED),
        _share("error_rate", "share of ended events that ended in error or timeout", FAILED, ENDED),
        _share("timeout_rate", "share of ended events that timed out", "status = 'timeout'", ENDED),
        _share("cancelled_rate", "share of ended events that were cancelled", "status = 'cancelled'", ENDED),
        _share(
            "tool_error_rate",
            "share of ended tool calls that ended in error or timeout",
            FAILED,
            f"tool IS NOT NULL AND {ENDED}",
        ),
        *(_quantile("duration_ms", "latency", p) for p in (50, 90, 95, 99)),
        _mean("latency_mean_ms", "duration_ms", "mean of duration_ms", "milliseconds"),
        *(_quantile("ttft_ms", "ttft", p) for p in (50, 95)),
        _sum("cost_usd", "sum of the reported cost", "US dollars"),
        _mean("cost_per_call_usd", "cost_usd", "mean reported cost of an event that has one", "US dollars"),
        _sum("input_tokens", "sum of input tokens, cached ones included", "tokens"),
        _sum("output_tokens", "sum of output tokens, reasoning ones included", "tokens"),
        _mean("score_mean", "value", "mean value of scores", "as scored", "kind = 'score'"),
        _mean("feedback_mean", "value", "mean value of feedback", "as given", "kind = 'feedback'"),
        _count(
            "contract_failures", "contracts that did not hold", "NOT passed", "kind = 'contract' AND passed IS NOT NULL"
        ),
        _share(
            "contract_failure_rate",
            "share of checked contracts that did not hold",
            "NOT passed",
            "kind = 'contract' AND passed IS NOT NULL",
        ),
        Metric(
            "quarantined_lines",
            "lines refused by ingest; n is the lines read",
            "count",
            "sum(quarantined)::DOUBLE",
            "coalesce(sum(lines), 0)",
            source="intake",
        ),
        Metric(
            "quarantined_rate",
            "share of the lines read that ingest refused",
            "share, 0 to 1",
            "sum(quarantined)::DOUBLE / nullif(sum(lines), 0)",
            "coalesce(sum(lines), 0)",
            source="intake",
        ),
        Metric(
            "freshness_s",
            "age of the newest event at the window's end, however old it is",
            "seconds",
            "max(ts)",
            "count(*)",
            source="newest",
        ),
    )
}
"""Metrics by name."""


def documented() -> Sequence[tuple[str, str, str]]:
    """Each metric's name, unit and meaning, in the order of the registry."""
    return [(m.name, m.unit, m.doc) for m in METRICS.values()]
