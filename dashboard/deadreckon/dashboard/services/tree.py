"""A trace as a tree of spans on a line of time, whatever the spans say of their parents and their clocks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from deadreckon.dashboard.services.source import Source, records

MOST: Final = 5000
"""Spans of a trace that are read."""
LEVELS: Final = 12
"""Levels of a tree that are drawn as such."""
CUT: Final = 20_000
"""Characters of an input, an output or attributes that are shown."""


@dataclass(frozen=True, slots=True)
class Span:
    """One span. Tokens and cost (US dollars) only where it is a model call."""

    event_id: str
    ts: datetime
    end_ts: datetime
    duration_ms: float | None
    span_id: str | None
    parent_span_id: str | None
    name: str | None
    operation: str | None
    status: str
    error_type: str | None
    agent: str | None
    tool: str | None
    model: str | None
    model_version: str | None
    attempt: int | None
    is_model_call: bool
    input_tokens: int | None
    output_tokens: int | None
    ttft_ms: float | None
    cost_usd: float | None
    cost_source: str | None


@dataclass(frozen=True, slots=True)
class Row:
    """A span in its place: how deep under its root, and when after the beginning of the trace."""

    span: Span
    depth: int
    start_ms: float
    end_ms: float
    rails: tuple[bool, ...]
    """For each level down to itself, the last `LEVELS` of them: whether more siblings come below."""
    adrift: bool
    """Whether it names a parent that is not in the trace, or stands in a circle of parents."""


@dataclass(frozen=True, slots=True)
class Tree:
    """The rows in the order in which they are drawn. Times are milliseconds after `start`."""

    rows: tuple[Row, ...]
    start: datetime
    length_ms: float
    truncated: bool

    @property
    def unpriced(self) -> int:
        """Model calls whose cost should be known and is not."""
        return sum(1 for row in self.rows if row.span.cost_source == "unpriced")


@dataclass(frozen=True, slots=True)
class Content:
    """What a span was given and gave; texts are cut at `CUT` characters, lengths are of the whole."""

    facts: dict[str, Any]
    input: str | None
    input_length: int | None
    output: str | None
    output_length: int | None
    attributes: str | None
    attributes_length: int | None


@dataclass(frozen=True, slots=True)
class Note:
    """Another event of the trace."""

    ts: datetime
    kind: str
    what: str | None
    result: str | None
    why: str | None
    service: str | None


def tree_of(source: Source, trace_id: str) -> Tree | None:
    """The tree of a trace; None where no finished span carries the ID."""
    spans = [Span(**row) for row in records(source.ask("trace_spans", trace=trace_id))]
    return grow(spans, truncated=len(spans) >= MOST) if spans else None


def content_of(source: Source, trace_id: str, event_id: str) -> Content | None:
    """What a span holds, read only when it is looked at; None where it is not there any more."""
    rows = records(source.ask("span_content", trace=trace_id, event=event_id, most=CUT))
    if not rows:
        return None
    row = rows[0]
    texts = {
        name: row.pop(name)
        for name in ("input", "input_length", "output", "output_length", "attributes", "attributes_length")
    }
    row.pop("date")
    return Content(facts={k: v for k, v in row.items() if v is not None}, **texts)


def notes_of(source: Source, trace_id: str, request_id: str | None) -> tuple[Note, ...]:
    """What else was logged in the trace or about its request, in order of time, 500 at most."""
    rows = records(source.ask("trace_notes", trace=trace_id, request=request_id))
    return tuple(Note(**row) for row in rows)


def grow(spans: Sequence[Span], *, truncated: bool = False) -> Tree:
    """The tree of these spans (at least one), children in order of time under their parents.

    A span whose parent is missing, or that is its own ancestor, is drawn as a root and marked adrift: nothing is left
    out. Where several spans share an ID, their children hang under the first.
    """
    first: dict[str, int] = {}
    for place, span in enumerate(spans):
        if span.span_id is not None:
            first.setdefault(span.span_id, place)
    children: dict[int | None, list[int]] = {}
    for place, span in enumerate(spans):
        parent = first.get(span.parent_span_id) if span.parent_span_id is not None else None
        children.setdefault(None if parent == place else parent, []).append(place)
    begun = min(span.ts for span in spans)
    rows: list[Row] = []
    drawn: set[int] = set()

    def draw(roots: Iterable[int]) -> None:
        waiting: list[tuple[int, int, tuple[bool, ...]]] = [(place, 0, ()) for place in roots]
        waiting.reverse()
        while waiting:  # a loop, because traces may be deeper than Python's stack
            place, depth, rails = waiting.pop()
            if place in drawn:
                continue
            drawn.add(place)
            rows.append(_row(spans[place], depth, rails, begun))
            below = sorted((p for p in children.get(place, []) if p not in drawn), key=lambda p: (spans[p].ts, p))
            waiting.extend((p, depth + 1, (*rails, p != below[-1])[-LEVELS:]) for p in reversed(below))

    draw(sorted(children.get(None, []), key=lambda p: (spans[p].ts, p)))
    draw(sorted(set(range(len(spans))) - drawn, key=lambda p: (spans[p].ts, p)))
    return Tree(tuple(rows), begun, max(row.end_ms for row in rows), truncated)


def _row(span: Span, depth: int, rails: tuple[bool, ...], begun: datetime) -> Row:
    start = (span.ts - begun) / timedelta(milliseconds=1)
    end = start + max(span.duration_ms or 0.0, 0.0)
    return Row(span, depth, start, end, rails, adrift=depth == 0 and span.parent_span_id is not None)
