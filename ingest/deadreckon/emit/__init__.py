"""Structured logs from inside an application: events with IDs, as JSON lines in a spool that `reckon ingest` reads.

    from deadreckon import emit

    log = emit.get_logger()
    with emit.bound(request_id="r-1"), emit.span("answer", operation="chat", model="m") as span:
        log.info("thinking", attempt=1)
        span.set(input_tokens=12, output_tokens=3)

Nothing here raises into the application, waits for the disk or imports more than the standard library and orjson;
but for the guards (`contract`, `budget`, `timeout`, `idempotent`, `deadletter`), which are there to stop things.
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
from deadreckon.emit._propagation import environ, extract, inject
from deadreckon.emit._run import Run, run
from deadreckon.emit._span import Span, current_span, span, traceparent
from deadreckon.emit._structlog import Processor, Renderer
from deadreckon.emit._trace import trace

if TYPE_CHECKING:
    from deadreckon.emit._budget import Budget, BudgetError, budget, checkpoint, current_budget
    from deadreckon.emit._contract import ContractError
    from deadreckon.emit._deadletter import deadletter
    from deadreckon.emit._guard import GuardError
    from deadreckon.emit._idempotent import idempotent
    from deadreckon.emit._ledger import IdempotencyError, InFlightError, OutcomeUnknownError, ResultLostError
    from deadreckon.emit._letters import DeadLetterError
    from deadreckon.emit._stdlib import Formatter, Handler
    from deadreckon.emit._timeout import TimedOutError, timeout

_LAZY = {
    **dict.fromkeys(("Handler", "Formatter"), "_stdlib"),
    **dict.fromkeys(("Budget", "BudgetError", "budget", "checkpoint", "current_budget"), "_budget"),
    **dict.fromkeys(("TimedOutError", "timeout"), "_timeout"),
    **dict.fromkeys(("IdempotencyError", "InFlightError", "OutcomeUnknownError", "ResultLostError"), "_ledger"),
    "idempotent": "_idempotent",
    "deadletter": "_deadletter",
    "DeadLetterError": "_letters",
    "ContractError": "_contract",
    "GuardError": "_guard",
}
"""What few programs need, and where it is: imported when it is asked for."""

__all__ = [
    "Budget",
    "BudgetError",
    "ContractError",
    "DeadLetterError",
    "Formatter",
    "GuardError",
    "Handler",
    "IdempotencyError",
    "Ids",
    "InFlightError",
    "Logger",
    "OutcomeUnknownError",
    "Processor",
    "Renderer",
    "ResultLostError",
    "Run",
    "SeededIds",
    "Span",
    "Stats",
    "TimedOutError",
    "artifact",
    "bind",
    "bound",
    "budget",
    "carry",
    "checkpoint",
    "clear",
    "close",
    "configure",
    "context",
    "contract",
    "current_budget",
    "current_span",
    "deadletter",
    "decision",
    "dropped",
    "environ",
    "event",
    "extract",
    "feedback",
    "flush",
    "get_logger",
    "idempotent",
    "inject",
    "metric",
    "metrics",
    "new_id",
    "prediction",
    "run",
    "score",
    "span",
    "stage",
    "stats",
    "timeout",
    "trace",
    "traceparent",
    "unbind",
    "uuid7",
]


def __getattr__(name: str) -> Any:
    """Load what is asked for."""
    module = _LAZY.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    value = globals()[name] = getattr(importlib.import_module(f"deadreckon.emit.{module}"), name)
    return value
