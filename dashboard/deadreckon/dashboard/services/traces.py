"""The list of traces: filtered by what their spans say, in the order that is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from deadreckon.dashboard.services.links import TRACE_FILTERS
from deadreckon.dashboard.services.period import Period
from deadreckon.dashboard.services.source import Source, Value, records

STATUSES: Final = ("any", "ok", "error", "timeout", "cancelled", "failed spans")
"""What a list may be limited to: the status of the root, or traces in which any span failed."""
LISTED: Final = 200
"""Traces that a list shows."""


@dataclass(frozen=True, slots=True)
class Trace:
    """One trace of the list. Costs are in US dollars; `found` is how many traces fit in all."""

    trace_id: str
    started_at: datetime
    duration_ms: float | None
    name: str | None
    status: str
    spans: int
    failed_spans: int
    cancelled_spans: int
    llm_calls: int
    tool_calls: int
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None
    unpriced_calls: int
    request_id: str | None
    session_id: str | None
    user_id: str | None
    agent: str | None
    service: str | None
    environment: str | None
    variant: str | None
    model_version: str | None
    found: int


@dataclass(frozen=True, slots=True)
class Query:
    """Which traces, in which order. With an ID the period does not count."""

    period: Period
    sort: str = "newest"
    status: str = "any"
    filters: Mapping[str, str] = field(default_factory=dict)
    id: str | None = None


def listed(source: Source, query: Query) -> tuple[Trace, ...]:
    """The traces that fit, best first, `LISTED` at most."""
    params: dict[str, Value] = {name: query.filters.get(name) for name in TRACE_FILTERS}
    answer = source.ask(
        "trace_list",
        start=query.period.start.isoformat(),
        end=query.period.end.isoformat(),
        sort=query.sort,
        status=query.status,
        id=query.id,
        most=LISTED,
        **params,
    )
    return tuple(Trace(**row) for row in records(answer))


def trace(source: Source, trace_id: str) -> Trace | None:
    """One trace by its ID; None where no finished span carries it."""
    rows = records(source.ask("trace_one", trace=trace_id))
    return Trace(**rows[0]) if rows else None


def span_values(source: Source) -> dict[str, tuple[str, ...]]:
    """What spans have in each column to filter by, the commonest first."""
    values: dict[str, list[str]] = {name: [] for name in TRACE_FILTERS}
    for row in records(source.ask("span_values")):
        values[row["field"]].append(row["value"])
    return {name: tuple(found) for name, found in values.items()}
