"""The overview: traffic, errors, latency and cost of a period, per model version and over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from deadreckon.dashboard.services.period import Period, bucket_at
from deadreckon.dashboard.services.source import Source, records

CHARTED: Final = 8
"""Model versions that a chart shows: more lines cannot be told apart."""


@dataclass(frozen=True, slots=True)
class Known:
    """What can be filtered by: model versions in the order of their first call, and environments."""

    versions: tuple[str, ...]
    environments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Selection:
    """What a page is limited to; no environment is all of them, and so are no versions."""

    period: Period
    environment: str | None = None
    versions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Calls:
    """Model calls of one version, or of all. Rates are 0 to 1; a figure that nobody can know is None."""

    label: str | None
    model: str | None
    model_version: str | None
    calls: int
    failed: int
    cancelled: int
    error_rate: float | None
    retries: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    ttft_p50_ms: float | None
    cost_usd: float | None
    cost_per_call_usd: float | None
    unpriced: int
    input_tokens: int | None
    output_tokens: int | None


NO_CALLS: Final = Calls(None, None, None, 0, 0, 0, None, 0, None, None, None, None, None, None, 0, None, None)


@dataclass(frozen=True, slots=True)
class Requests:
    """User requests of a period."""

    requests: int
    failed: int
    cancelled: int
    p50_ms: float | None
    p95_ms: float | None

    @property
    def error_rate(self) -> float | None:
        """Failed per request that was not cancelled."""
        ended = self.requests - self.cancelled
        return self.failed / ended if ended > 0 else None


@dataclass(frozen=True, slots=True)
class Point:
    """One version in one bucket of time; without calls its rates and times are None and its sums 0."""

    at: datetime
    label: str
    calls: int = 0
    failed: int = 0
    error_rate: float | None = None
    p50_ms: float | None = None
    p95_ms: float | None = None
    cost_usd: float = 0.0


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything that the page shows of a selection."""

    requests: Requests
    total: Calls
    versions: tuple[Calls, ...]
    """The busiest first."""
    past: tuple[Requests, Calls] | None
    """The same of the period before, to compare with; None where there was nothing in it."""
    points: tuple[Point, ...]
    """Every charted version in every bucket, in order of time."""


def known(source: Source) -> Known:
    """What the filters offer."""
    rows = records(source.ask("known_versions"))
    return Known(
        tuple(dict.fromkeys(row["label"] for row in rows)),
        tuple(sorted({row["environment"] for row in rows if row["environment"]})),
    )


def overview(source: Source, selection: Selection) -> Overview:
    """The figures of a selection."""
    calls = records(source.ask("by_version", **_around(selection)))
    asked = records(source.ask("requests_total", **_around(selection)))
    now, before = ([row for row in calls if row["past"] is past] for past in (False, True))
    requests, requests_before = (_requests([row for row in asked if row["past"] is past]) for past in (False, True))
    versions = tuple(_calls(row) for row in now if row["label"] is not None)
    total, total_before = _total(now), _total(before)
    return Overview(
        requests,
        total,
        versions,
        (requests_before, total_before) if total_before.calls or requests_before.requests else None,
        _points(source, selection, tuple(sorted(str(v.label) for v in versions[:CHARTED]))),
    )


def _parameters(selection: Selection) -> dict[str, str | tuple[str, ...] | None]:
    return {
        "start": selection.period.start.isoformat(),
        "end": selection.period.end.isoformat(),
        "environment": selection.environment,
        "versions": selection.versions,
    }


def _around(selection: Selection) -> dict[str, str | tuple[str, ...] | None]:
    previous = selection.period.previous or selection.period
    return _parameters(selection) | {"before": previous.start.isoformat()}


def _calls(row: Mapping[str, Any]) -> Calls:
    return Calls(**{name: value for name, value in row.items() if name != "past"})


def _total(rows: Sequence[Mapping[str, Any]]) -> Calls:
    return next((_calls(row) for row in rows if row["label"] is None), NO_CALLS)


def _requests(rows: Sequence[Mapping[str, Any]]) -> Requests:
    if not rows:
        return Requests(0, 0, 0, None, None)
    return Requests(**{name: value for name, value in rows[0].items() if name != "past"})


def _points(source: Source, selection: Selection, charted: tuple[str, ...]) -> tuple[Point, ...]:
    if not charted:
        return ()
    step = selection.period.step.total_seconds()
    asked = _parameters(selection) | {"versions": charted}
    found = {}
    for row in records(source.ask("over_time", step_s=step, **asked)):
        at = bucket_at(timedelta(seconds=row.pop("bucket_s")))
        row["cost_usd"] = row["cost_usd"] or 0.0
        found[at, row["label"]] = Point(at, **row)
    return tuple(found.get((at, label), Point(at, label)) for at in selection.period.buckets() for label in charted)
