"""The IDs that every event carries, per task and thread, without being passed along.

A context is immutable: binding makes a new one, so two asyncio tasks can never see each other's changes. It holds
what the user bound, and apart from that the current trace and span, which change far more often; the bound part keeps
its encoded form, so that an event pays for what is new in it and not for what is bound.
"""

from __future__ import annotations

import contextvars
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from deadreckon.emit._encode import text_of

if TYPE_CHECKING:
    from deadreckon.emit._budget import Budget
    from deadreckon.emit._head import Head
    from deadreckon.emit._span import Span

_MAX_HEADS = 32


class Bindings:
    """Bound fields and, per logger, their encoded form."""

    __slots__ = ("fields", "heads")

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.fields = fields
        self.heads: dict[Source, Head] = {}

    def keep(self, source: Source, head: Head) -> None:
        """Remember the encoded form; a program that makes loggers without end does not fill memory."""
        if len(self.heads) >= _MAX_HEADS:
            self.heads = {}
        self.heads[source] = head


class Source:
    """Fields of one logger, or none for the helpers that write an event directly."""

    __slots__ = ("fields",)

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.fields = fields


class Flow:
    """What few programs have, and spans hand on to their children: sampling, the caller's tracestate, a budget."""

    __slots__ = ("budget", "rate", "sampled", "tracestate")

    def __init__(
        self,
        sampled: bool = True,
        rate: float | None = None,
        tracestate: str = "",
        budget: Budget | None = None,
    ) -> None:
        self.sampled = sampled
        self.rate = rate
        self.tracestate = tracestate
        self.budget = budget


PLAIN = Flow()


class Context:
    """Bound fields with the current trace and span."""

    __slots__ = ("bindings", "flow", "span", "span_id", "trace_id", "trace_text")

    def __init__(
        self,
        bindings: Bindings,
        trace_id: str | None = None,
        span_id: str | None = None,
        span: Span | None = None,
        flow: Flow | None = None,
    ) -> None:
        self.bindings = bindings
        self.flow = flow
        self.trace_id = trace_id
        self.span_id = span_id
        self.span = span
        if trace_id is None:
            self.trace_text = ""
        elif span_id is None:
            self.trace_text = f',"trace_id":"{trace_id}"'
        else:
            self.trace_text = f',"trace_id":"{trace_id}","span_id":"{span_id}"'

    def with_fields(self, fields: Mapping[str, Any]) -> Context:
        """Return the context with other bound fields; `trace_id` and `span_id` among them move the trace."""
        trace_id, span_id, span, flow = self.trace_id, self.span_id, self.span, self.flow
        rest = {key: value for key, value in fields.items() if value is not None}
        if "trace_id" in rest or "span_id" in rest:
            trace_id = hex_id(rest.pop("trace_id", None), 32) or trace_id
            span_id = hex_id(rest.pop("span_id", None), 16)
            span = None
            flow = flow and Flow(budget=flow.budget)  # another trace, which was sampled elsewhere or not at all
        return Context(Bindings(rest), trace_id, span_id, span, flow)

    def within(self, flow: Flow) -> Context:
        """Return the context with another flow."""
        return Context(self.bindings, self.trace_id, self.span_id, self.span, flow)

    @property
    def traceparent(self) -> str | None:
        """The W3C header that continues this trace elsewhere, None outside any span."""
        if self.trace_id is None or self.span_id is None:
            return None
        flags = "01" if self.flow is None or self.flow.sampled else "00"
        return f"00-{self.trace_id}-{self.span_id}-{flags}"

    def ids(self) -> dict[str, str]:
        """Return the trace's ids as fields."""
        ids = {} if self.trace_id is None else {"trace_id": self.trace_id}
        return ids if self.span_id is None else {**ids, "span_id": self.span_id}


def hex_id(value: Any, digits: int) -> str | None:
    """Return a W3C id in lower case, or None when `value` is not one: a bad id is not worth an exception."""
    text = text_of(value).lower()
    valid = len(text) == digits and not text.strip("0123456789abcdef") and bool(text.strip("0"))
    return text if valid else None


ROOT = Context(Bindings({}))
UNBOUND = Source({})
CURRENT: contextvars.ContextVar[Context] = contextvars.ContextVar("deadreckon.emit", default=ROOT)


def restore(token: contextvars.Token[Context], previous: Context) -> None:
    """Leave a block; one that ends in another task or thread than it began in falls back to setting."""
    try:
        CURRENT.reset(token)
    except ValueError:
        CURRENT.set(previous)
