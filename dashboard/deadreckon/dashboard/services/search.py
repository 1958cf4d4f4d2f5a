"""Finding anything by its ID: request, trace, span, session, run, event, response or user."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from deadreckon.dashboard.services.source import Source, records

LEAST: Final = 6
"""Characters from which the beginning of an ID is looked for."""


@dataclass(frozen=True, slots=True)
class Hit:
    """An ID as a column holds it."""

    field: str
    """trace, span, request, session, run, event, response or user."""
    events: int
    traces: int
    """Different trace ids among those events."""
    drawn: int
    """Those of them that have spans, and so can be drawn."""
    trace_id: str | None
    """The earliest of them."""


@dataclass(frozen=True, slots=True)
class Near:
    """An ID that begins with what was looked for."""

    field: str
    id: str


@dataclass(frozen=True, slots=True)
class Line:
    """An event, in short."""

    ts: datetime
    kind: str
    event: str | None
    level: str | None
    status: str | None
    model_version: str | None
    run_id: str | None
    request_id: str | None
    trace_id: str | None
    event_id: str


@dataclass(frozen=True, slots=True)
class Found:
    """What an ID turned out to be; nothing found may still have near ones."""

    id: str
    hits: tuple[Hit, ...]
    near: tuple[Near, ...] = ()

    @property
    def trace_id(self) -> str | None:
        """The one trace to open; None where there are several, or none."""
        best = self.hits[0] if self.hits else None
        if best is None or best.field in ("session", "run", "user"):
            return best.trace_id if best and best.drawn == 1 else None
        return best.trace_id

    @property
    def drawn(self) -> int:
        """Traces that can be drawn."""
        return max((hit.drawn for hit in self.hits), default=0)


def find(source: Source, wanted: str) -> Found:
    """Everything that carries this ID; written in capitals or cut off it is found too."""
    for spelling in dict.fromkeys((wanted, wanted.lower())):
        hits = tuple(Hit(**row) for row in records(source.ask("find_id", id=spelling)))
        if hits:
            return Found(spelling, hits)
    near: tuple[Near, ...] = ()
    if len(wanted) >= LEAST:
        near = tuple(Near(**row) for row in records(source.ask("id_beginnings", id=wanted)))
    return Found(wanted, (), near)


def main_trace(source: Source, request_id: str) -> str | None:
    """The trace in which a request was answered, among those of judges and retries."""
    rows = source.ask("request_trace", request=request_id).rows
    return rows[0][0] if rows else None


def lines(source: Source, wanted: str) -> tuple[Line, ...]:
    """The events that carry this ID, in order of time, 500 at most."""
    return tuple(Line(**row) for row in records(source.ask("id_events", id=wanted)))
