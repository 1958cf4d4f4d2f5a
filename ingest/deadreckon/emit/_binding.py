"""Binding IDs for everything that follows in this task or thread."""

from __future__ import annotations

import contextvars
import inspect
from collections.abc import Callable
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

from deadreckon.emit._answerable import body_of
from deadreckon.emit._context import CURRENT, ROOT, Bindings, Context, Flow, restore
from deadreckon.emit._emitter import EMITTER
from deadreckon.emit._steps import NoSteps, async_generator, generator

_P = ParamSpec("_P")
_R = TypeVar("_R")


def bind(**fields: Any) -> None:
    """Add fields to every event of this task or thread from here on; None removes one.

    Inside `bound`, `span` or `run` the binding ends with the block. Tasks started later inherit it, tasks running
    already do not see it.
    """
    CURRENT.set(_bound_to(CURRENT.get(), fields))


def unbind(*keys: str) -> None:
    """Remove fields; those that are not bound are ignored."""
    bind(**dict.fromkeys(keys))


def clear() -> None:
    """Remove everything bound, the trace included, as at the start of a request on a reused thread.

    A budget is no binding: it holds until its block ends.
    """
    flow = CURRENT.get().flow
    CURRENT.set(ROOT if flow is None or flow.budget is None else ROOT.within(Flow(budget=flow.budget)))


def context() -> dict[str, Any]:
    """Return what is bound now, with the current trace and span."""
    current = CURRENT.get()
    return {**current.bindings.fields, **current.ids()}


class _Elsewhere(NoSteps):
    """A block, or each step of a generator, in the context that it was given; around it the context is as it was."""

    __slots__ = ("_here", "_outer")

    def __init__(self, here: Context) -> None:
        self._here = here

    def __enter__(self) -> None:
        self._outer = CURRENT.get()
        CURRENT.set(self._here)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._here = CURRENT.get()
        CURRENT.set(self._outer)


class _Carried:
    """A function with the context that it was given; goes to other processes too, with ids in place of the span."""

    __slots__ = ("_function", "_here")

    def __init__(self, function: Callable[..., Any], here: Context) -> None:
        self._function = function
        self._here = here

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        function, body = self._function, body_of(self._function)
        if inspect.iscoroutinefunction(body):
            return self._awaited(*args, **kwargs)
        if inspect.isgeneratorfunction(body):
            return generator(function, lambda _args, _kwargs: _Elsewhere(self._here))(*args, **kwargs)
        if inspect.isasyncgenfunction(body):
            return async_generator(function, lambda _args, _kwargs: _Elsewhere(self._here))(*args, **kwargs)
        with _Elsewhere(self._here):
            return function(*args, **kwargs)

    async def _awaited(self, *args: Any, **kwargs: Any) -> Any:
        with _Elsewhere(self._here):
            return await self._function(*args, **kwargs)

    def __reduce__(self) -> tuple[Any, ...]:
        here = self._here
        flow = here.flow and (here.flow.sampled, here.flow.rate, here.flow.tracestate)
        return _revive, (self._function, dict(here.bindings.fields), here.trace_id, here.span_id, flow)


def _revive(function: Any, fields: dict[str, Any], trace_id: str | None, span_id: str | None, flow: Any) -> _Carried:
    return _Carried(function, Context(Bindings(fields), trace_id, span_id, None, flow and Flow(*flow)))


def carry(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Return `function` with what is bound now, for a thread or process pool: `pool.submit(emit.carry(work), item)`.

    Coroutines and generators are carried too. asyncio tasks and `asyncio.to_thread` need no help; threads begin with
    nothing bound. What runs in another process belongs to the same trace, but spends from no budget of this one.
    """
    return _Carried(function, CURRENT.get())


class bound:  # noqa: N801  # used like a function: with emit.bound(request_id=...)
    """Bind fields for a block, sync or async; what was bound in it ends with it."""

    __slots__ = ("_fields", "_previous", "_token")

    def __init__(self, /, **fields: Any) -> None:
        self._fields = fields

    def __enter__(self) -> None:
        self._previous = CURRENT.get()
        self._token: contextvars.Token[Context] = CURRENT.set(_bound_to(self._previous, self._fields))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        restore(self._token, self._previous)

    async def __aenter__(self) -> None:
        self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)


def _bound_to(previous: Context, fields: dict[str, Any]) -> Context:
    kept = {key: value for key, value in previous.bindings.fields.items() if key not in fields}
    removed = [key for key in ("trace_id", "span_id") if key in fields and fields[key] is None]
    added = EMITTER.bindable(fields)
    if removed and not added.keys() & {"trace_id", "span_id"}:
        previous = Context(previous.bindings, flow=previous.flow and Flow(budget=previous.flow.budget))
    return previous.with_fields({**kept, **added})
