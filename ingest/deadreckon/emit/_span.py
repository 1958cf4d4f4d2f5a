"""Spans: how long a step took, how it ended, what it cost, and which step it was part of."""

from __future__ import annotations

import contextvars
from types import TracebackType
from typing import Any, Self

from deadreckon.emit._content import Capture
from deadreckon.emit._context import CURRENT, Context, hex_id, restore
from deadreckon.emit._emitter import EMITTER
from deadreckon.emit._failure import error_fields, status_of
from deadreckon.emit._record import Label

_LABELS = {
    "ok": Label("span", "info"),
    "error": Label("span", "error"),
    "timeout": Label("span", "error"),
    "cancelled": Label("span", "warning"),
}


class Span:
    """A step being timed; `emit.span(...)` makes one.

    Use it as a block, sync or async, or call `start` and `end` where a block does not fit. One event is written when it
    ends. Everything emitted inside carries its `trace_id` and `span_id`; spans inside become its children.
    """

    __slots__ = (
        "_began",
        "_began_timer",
        "_capture",
        "_context",
        "_fields",
        "_previous",
        "_token",
        "_ttft",
        "name",
        "parent_span_id",
        "span_id",
        "trace_id",
    )

    def __init__(
        self, name: str, fields: dict[str, Any], traceparent: str | None = None, capture: Capture | None = None
    ) -> None:
        self.name = name
        self.trace_id = ""
        self.span_id = ""
        self.parent_span_id: str | None = None
        self._fields = fields
        self._capture = capture
        self._ttft: float | None = None
        self._token: contextvars.Token[Context] | None = None
        if traceparent is not None:
            self._adopt(traceparent)

    def _adopt(self, traceparent: str) -> None:
        parts = traceparent.strip().split("-") if isinstance(traceparent, str) else []
        if len(parts) >= 4:
            trace_id, parent = hex_id(parts[1], 32), hex_id(parts[2], 16)
            if trace_id and parent:
                self.trace_id, self.parent_span_id = trace_id, parent

    def start(self) -> Self:
        """Begin: make this the current span."""
        previous = self._previous = CURRENT.get()
        ids = EMITTER.ids
        if not self.trace_id:
            self.trace_id = previous.trace_id or ids.trace_id()
            self.parent_span_id = previous.span_id
        self.span_id = ids.span_id()
        self._context = Context(previous.bindings, self.trace_id, self.span_id, self)
        self._token = CURRENT.set(self._context)
        self._began = EMITTER.now()
        self._began_timer = EMITTER.timer()
        return self

    def set(self, /, **fields: Any) -> Self:
        """Add fields, such as `input_tokens`, `output_tokens`, `cost_usd`, `finish_reason` or your own."""
        self._fields.update(fields)
        return self

    def first_token(self) -> None:
        """Note the time to the first token (`ttft_ms`); later calls change nothing."""
        if self._ttft is None:
            self._ttft = _ms(EMITTER.timer() - self._began_timer)

    @property
    def traceparent(self) -> str:
        """The W3C header that continues this trace in another process."""
        return f"00-{self.trace_id}-{self.span_id}-01"

    def end(self, error: BaseException | None = None) -> None:
        """Finish and write the event; a second call does nothing."""
        token, self._token = self._token, None
        if token is None:
            return
        duration = _ms(EMITTER.timer() - self._began_timer)
        fields = self._fields
        ended = "ok" if error is None else status_of(error)
        if error is None or ended == "ok":
            status = fields.setdefault("status", ended)
        else:
            status = fields["status"] = ended
            fields.update(error_fields(error))
        fields.setdefault("name", self.name)
        fields.setdefault("operation", "internal")
        fields.setdefault("duration_ms", duration)
        if self._ttft is not None:
            fields.setdefault("ttft_ms", self._ttft)
        if self.parent_span_id is not None:
            fields["parent_span_id"] = self.parent_span_id
        current = CURRENT.get()
        # What was bound during the span belongs to it, unless it ends in another task than it began in.
        context = current if current.span_id == self.span_id else self._context
        if EMITTER.threshold <= 50:
            label = _LABELS.get(status if isinstance(status, str) else "error", _LABELS["error"])
            EMITTER.send(label, self.name, fields, at=self._began, context=context, capture=self._capture)
        restore(token, self._previous)
        self._context.span = None  # else span and context would keep each other alive

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end(error)

    async def __aenter__(self) -> Self:
        return self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end(error)


def _ms(ns: int) -> float:
    return max(ns, 0) // 1000 / 1000


def span(
    name: str,
    /,
    *,
    operation: str | None = None,
    traceparent: str | None = None,
    capture: Capture | None = None,
    **fields: Any,
) -> Span:
    """Return a span to use as a block.

    Args:
        name: what the step is called; the event's name.
        operation: chat, embeddings, execute_tool, invoke_agent, retrieval, guardrail, predict, ...; when absent
            `execute_tool` with a `tool`, `invoke_agent` with an `agent`, else `internal`.
        traceparent: the W3C header of the caller in another process, whose trace this span continues. A header that is
            not valid is ignored.
        capture: whether to keep the text of `input` and `output`, if not as configured.
        fields: more columns or fields of your own: model, tool, agent, attempt, input, ...
    """
    fields = {key: value for key, value in fields.items() if value is not None}
    if operation is None:
        operation = "execute_tool" if "tool" in fields else "invoke_agent" if "agent" in fields else None
    if operation is not None:
        fields["operation"] = operation
    return Span(name, fields, traceparent, capture)


def current_span() -> Span | None:
    """Return the innermost span that is open here, if any."""
    return CURRENT.get().span


def traceparent() -> str | None:
    """Return the W3C header to send to another process, or None outside any span."""
    here = CURRENT.get()
    return f"00-{here.trace_id}-{here.span_id}-01" if here.trace_id and here.span_id else None
