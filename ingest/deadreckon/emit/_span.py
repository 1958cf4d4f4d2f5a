"""Spans: how long a step took, how it ended, what it cost, and which step it was part of."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from deadreckon.emit._content import Capture
from deadreckon.emit._context import CURRENT, UNBOUND, Bindings, Context, Flow
from deadreckon.emit._emitter import EMITTER
from deadreckon.emit._failure import error_fields, status_of
from deadreckon.emit._propagation import clean_state, parse
from deadreckon.emit._record import Label
from deadreckon.emit._stand_in import PLACE

_LABELS = {
    "ok": Label("span", "info"),
    "error": Label("span", "error"),
    "timeout": Label("span", "error"),
    "cancelled": Label("span", "warning"),
}
_KEPT = "error"
_DONE = "ok"
_OK = _LABELS[_DONE]


class Span:
    """A step being timed; `emit.span(...)` makes one.

    Use it as a block, sync or async, or call `start` and `end` where a block does not fit. One event is written when it
    ends. Everything emitted inside carries its `trace_id` and `span_id`; spans inside become its children.
    """

    __slots__ = (
        "_began",
        "_began_timer",
        "_capture",
        "_chunks",
        "_context",
        "_fields",
        "_generation",
        "_open",
        "_previous",
        "_remote",
        "_ttft",
        "_usage",
        "is_block",
        "name",
        "parent_span_id",
        "span_id",
        "trace_id",
    )

    def __init__(
        self,
        name: str,
        fields: dict[str, Any],
        traceparent: str | None = None,
        capture: Capture | None = None,
        tracestate: str | None = None,
    ) -> None:
        self.name = name
        self.is_block = True
        self.trace_id = ""
        self.span_id = ""
        self.parent_span_id: str | None = None
        self._fields = fields
        self._capture = capture
        self._ttft: float | None = None
        self._chunks = 0
        self._usage: dict[str, Any] | None = None
        self._open = False
        self._remote: Flow | None = None
        if traceparent is not None:
            caller = parse(traceparent)
            if caller:
                self.trace_id, self.parent_span_id, sampled = caller
                self._remote = Flow(sampled, None, clean_state(tracestate))

    def start(self) -> Self:
        """Begin: make this the current span. Where it has begun, nothing is done.

        Raises:
            BudgetError: a budget around it is exhausted; outside of budgets nothing is raised.
        """
        if self._open:
            return self
        if PLACE.find is not None and self.is_block and (stand_in := PLACE.find()) is not None:
            stand_in.block(self.name, self._fields)
        previous = self._previous = CURRENT.get()
        flow = previous.flow
        if flow is not None and flow.budget is not None:
            flow.budget.begin(self.operation, previous.span)
        ids = EMITTER.ids
        if self._remote is not None:
            flow = _joined(self._remote, flow)
        else:
            trace_id = previous.trace_id
            if trace_id is None:
                trace_id = ids.trace_id()
                if EMITTER.sampler is not None:
                    flow = _joined(EMITTER.sampled(self.name, self._fields, trace_id), flow)
            self.trace_id = trace_id
            self.parent_span_id = previous.span_id
        self.span_id = ids.span_id()
        bindings = previous.bindings
        if "agent" in self._fields:  # what is done inside is done by this agent
            bindings = Bindings({**bindings.fields, "agent": self._fields["agent"]})
        self._context = Context(bindings, self.trace_id, self.span_id, self, flow)
        self._generation = EMITTER.generation
        try:
            CURRENT.set(self._context)
            self._began = EMITTER.stamp(EMITTER.clock())
            self._began_timer = EMITTER.timer()
            self._open = True
        except BaseException:  # an interrupt, or the user's clock: no block begins, so none would end
            CURRENT.set(previous)
            raise
        return self

    def set(self, /, **fields: Any) -> Self:
        """Add fields, such as `input_tokens`, `output_tokens`, `cost_usd`, `finish_reason` or your own."""
        self._fields.update(fields)
        return self

    @property
    def operation(self) -> Any:
        """What kind of work it is, None while nothing is said."""
        return self._fields.get("operation")

    @property
    def around(self) -> Span | None:
        """The span that this one is in, if it is in this process and still open."""
        return self._previous.span

    def first_token(self) -> None:
        """Note the time to the first token (`ttft_ms`); later calls change nothing."""
        if self._ttft is None:
            self._ttft = _ms(EMITTER.timer() - self._began_timer)

    def chunk(self) -> None:
        """Count a piece of a streamed answer (`chunks`); the first one is the first token."""
        self._chunks += 1
        self.first_token()

    def read_usage(self, answer: Any) -> None:
        """Take tokens and the finish reason from an answer, or a piece of one, that states them.

        Knows the forms of OpenAI, Anthropic, Google and those that copy them, as objects or mappings. Of totals that
        grow from piece to piece the last counts; what was `set` stays.
        """
        from deadreckon.emit._usage import merged, usage_of

        self._usage = merged(self._usage, usage_of(answer))

    @property
    def traceparent(self) -> str:
        """The W3C header that continues this trace in another process; `inject` gives `tracestate` too."""
        return (self.span_id and self._context.traceparent) or ""

    def end(self, error: BaseException | None = None) -> None:
        """Finish and write the event; a second call does nothing."""
        self.__exit__(None, error, None)

    # As in `start`: each call in between is a part of what a span costs.
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._open:
            return
        self._open = False
        took = EMITTER.timer() - self._began_timer
        began_in, context = self._context, CURRENT.get()
        if context.span_id == self.span_id:
            CURRENT.set(self._previous)  # before all that may fail, were it for want of stack
        else:
            # What was bound during the span belongs to it, unless it ends in another task than it began in.
            context = began_in
            self._step_out()
        if self._generation != EMITTER.generation:
            return  # begun by the process that this one was forked from, which will write it
        duration = took // 1000 / 1000 if took > 0 else 0.0
        fields = self._fields
        if error is None or (ended := status_of(error)) == "ok":
            status = fields.setdefault("status", _DONE)
        else:
            status = fields["status"] = ended
            fields.update(error_fields(error))
        name = self.name
        fields.setdefault("name", name)
        fields.setdefault("operation", "internal")
        fields.setdefault("duration_ms", duration)
        if self._ttft is not None:
            fields.setdefault("ttft_ms", self._ttft)
        if self._chunks:
            fields.setdefault("chunks", self._chunks)
        if self._usage:
            self._fields = fields = {**self._usage, **fields}
        if self.parent_span_id is not None:
            fields["parent_span_id"] = self.parent_span_id
        flow = began_in.flow
        if EMITTER.threshold <= 50 and (flow is None or self._settle(flow, status)):
            label = _OK if status is _DONE else _label(status)
            EMITTER.send(label, name, fields, UNBOUND, self._began, context, self._capture)
        began_in.span = None  # else span and context would keep each other alive
        if flow is not None and flow.budget is not None:
            flow.budget.charge_span(self.span_id, self.parent_span_id, fields)

    def _step_out(self) -> None:
        """Leave the current span as it is: this one ends before a span in it does, or in another thread."""
        inner = CURRENT.get().span
        while inner is not None and inner.around is not self:
            inner = inner.around
        if inner is not None:
            inner._previous = self._previous  # noqa: SLF001  # one of us; what was here ends with it

    def _settle(self, flow: Flow, status: Any) -> bool:
        """Tell whether the span is written, and note in it why."""
        if flow.tracestate:
            self._fields.setdefault("tracestate", flow.tracestate)
        if flow.sampled:
            if flow.rate is not None and flow.rate < 1:
                self._fields.setdefault("sample_rate", flow.rate)
            return True
        if EMITTER.keeps_errors and _label(status).level == "error":
            # The spans around it too, so that the way to the fault is whole.
            self._keep()
        if self._fields.get("kept") is not _KEPT:
            EMITTER.unsampled.add()
            return False
        return True

    def _keep(self) -> None:
        around: Span | None = self
        while around is not None and around.trace_id == self.trace_id:
            around.set(kept=_KEPT)
            around = around.around

    __enter__ = start

    async def __aenter__(self) -> Self:
        return self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end(error)


def _label(status: Any) -> Label:
    return _LABELS.get(status if isinstance(status, str) else "error", _LABELS["error"])


def _joined(decided: Flow | None, flow: Flow | None) -> Flow | None:
    """Put a decision on a trace together with the budget around."""
    if flow is None or flow.budget is None or decided is None:
        return decided or flow
    return Flow(decided.sampled, decided.rate, decided.tracestate, flow.budget)


def _ms(ns: int) -> float:
    return max(ns, 0) // 1000 / 1000


def span(
    name: str,
    /,
    *,
    operation: str | None = None,
    traceparent: str | None = None,
    tracestate: str | None = None,
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
        tracestate: the header of that name, which is passed on to whom this span calls.
        capture: whether to keep the text of `input` and `output`, if not as configured.
        fields: more columns or fields of your own: model, tool, agent, attempt, input, ...
    """
    for value in fields.values():
        if value is None:
            fields = {key: value for key, value in fields.items() if value is not None}
            break
    if operation is None:
        operation = "execute_tool" if "tool" in fields else "invoke_agent" if "agent" in fields else None
    if operation is not None:
        fields["operation"] = operation
    return Span(name, fields, traceparent, capture, tracestate)


def current_span() -> Span | None:
    """Return the innermost span that is open here, if any."""
    return CURRENT.get().span


def traceparent() -> str | None:
    """Return the W3C header to send to another process, or None outside any span."""
    return CURRENT.get().traceparent
