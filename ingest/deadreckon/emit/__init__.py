"""Structured logs from inside an application: events with IDs, as JSON lines in a spool that `reckon ingest` reads.

    from deadreckon import emit

    log = emit.get_logger()
    with emit.bound(request_id="r-1"), emit.span("answer", operation="chat", model="m") as span:
        log.info("thinking", attempt=1)
        span.set(input_tokens=12, output_tokens=3)

Nothing here raises into the application, waits for the disk or imports more than the standard library and orjson.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deadreckon.emit._binding import bind, bound, carry, clear, context, unbind
from deadreckon.emit._configure import Stats, close, configure, dropped, flush, new_id, stats, uuid7
from deadreckon.emit._ids import Ids, SeededIds
from deadreckon.emit._kinds import (
    artifact,
    contract,
    decision,
    event,
    feedback,
    metric,
    metrics,
    prediction,
    score,
    stage,
)
from deadreckon.emit._logger import Logger, get_logger
from deadreckon.emit._run import Run, run
from deadreckon.emit._span import Span, current_span, span, traceparent
from deadreckon.emit._structlog import Processor, Renderer
from deadreckon.emit._trace import trace

if TYPE_CHECKING:
    from deadreckon.emit._stdlib import Formatter, Handler

__all__ = [
    "Formatter",
    "Handler",
    "Ids",
    "Logger",
    "Processor",
    "Renderer",
    "Run",
    "SeededIds",
    "Span",
    "Stats",
    "artifact",
    "bind",
    "bound",
    "carry",
    "clear",
    "close",
    "configure",
    "context",
    "contract",
    "current_span",
    "decision",
    "dropped",
    "event",
    "feedback",
    "flush",
    "get_logger",
    "metric",
    "metrics",
    "new_id",
    "prediction",
    "run",
    "score",
    "span",
    "stage",
    "stats",
    "trace",
    "traceparent",
    "unbind",
    "uuid7",
]


def __getattr__(name: str) -> Any:
    """Load what needs `logging` when it is asked for."""
    if name in ("Handler", "Formatter"):
        from deadreckon.emit import _stdlib

        return getattr(_stdlib, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
