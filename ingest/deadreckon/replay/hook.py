"""Where a replay takes hold: functions that `emit.trace` decorates ask it first, and blocks of tools tell it.

Importing this changes what `emit.trace` decorates from then on; outside of a replay that is one more call.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from typing import Any

from deadreckon.emit import _span, _trace
from deadreckon.emit._steps import NO_STEPS, async_generator, generator
from deadreckon.replay.answering import Answer
from deadreckon.replay.replay import NotAnsweredError
from deadreckon.replay.under_way import under_way

_MARK = "__deadreckon_traced__"
_ASKS = "__deadreckon_asks__"
_traced = _trace._traced  # noqa: SLF001  # this is emit's other half
_start: Callable[[_span.Span], _span.Span] = _span.Span.start
_span_of = _span.span


def is_traced(function: Any) -> bool:
    """Whether calls of a function make spans of their own."""
    return bool(getattr(function, _MARK, False))


class _FunctionSpan(_span.Span):
    """The span of a traced function, whose calls can be answered; any other is a block."""

    __slots__ = ()


def install() -> None:
    """Let functions that are traced from now on be answered in replays."""
    _trace._traced = _replayable  # noqa: SLF001
    vars(_trace)["span"] = _of_function  # a name that emit imports, and does not export


def watch_blocks() -> None:
    """Let spans tell a replay of blocks that it cannot answer."""
    for name in ("start", "__enter__"):
        setattr(_span.Span, name, _watched)


def _replayable(function: Any, name: str | None, operation: str | None, capture: Any, fields: Any) -> Any:
    if isinstance(function, staticmethod | classmethod):
        return _traced(function, name, operation, capture, fields)  # comes back with what is inside
    traced = _traced(_asking(function), name, operation, capture, fields)
    setattr(traced, _MARK, True)
    return traced


def _asking(function: Any) -> Any:
    """The function, which asks the replay first."""
    plain = inspect.isroutine(function) or isinstance(function, functools.partial)
    body = function if plain else type(function).__call__

    def find(args: Any, kwargs: Any, *, streams: bool = False) -> Answer | None:
        replay = under_way()
        if replay is None:
            return None
        return replay.answer(function, _trace._arguments(function, args, kwargs), streams=streams)  # noqa: SLF001

    wrapper: Any
    if inspect.isgeneratorfunction(body):

        def inner(*args: Any, **kwargs: Any) -> Any:
            answer = find(args, kwargs, streams=True)
            return function(*args, **kwargs) if answer is None else _given(answer)

        wrapper = generator(inner, lambda _args, _kwargs: NO_STEPS)
    elif inspect.isasyncgenfunction(body):

        def inner(*args: Any, **kwargs: Any) -> Any:
            answer = find(args, kwargs, streams=True)
            return function(*args, **kwargs) if answer is None else _agiven(answer)

        wrapper = async_generator(inner, lambda _args, _kwargs: NO_STEPS)
    elif inspect.iscoroutinefunction(body):

        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            answer = find(args, kwargs)
            return await function(*args, **kwargs) if answer is None else _result(answer)

    else:

        def wrapper(*args: Any, **kwargs: Any) -> Any:
            answer = find(args, kwargs)
            return function(*args, **kwargs) if answer is None else _result(answer)

    functools.update_wrapper(wrapper, function)
    setattr(wrapper, _ASKS, True)
    if not hasattr(function, "__qualname__"):  # an object that can be called, a partial
        wrapper.__qualname__ = type(function).__qualname__
    return wrapper


def _result(answer: Answer) -> Any:
    if answer.error is not None:
        raise answer.error
    return answer.result


def _given(answer: Answer) -> Any:
    yield from answer.items
    _result(answer)


async def _agiven(answer: Answer) -> Any:
    for item in answer.items:
        yield item
    _result(answer)


def _of_function(name: str, /, **fields: Any) -> Any:
    """The span of a traced function; in a replay, refused where the function was traced too early to be answered."""
    made = _span_of(name, **fields)
    replay = under_way()
    if replay is not None and not hasattr(_caller_function(), _ASKS):
        raise NotAnsweredError(
            f"{name} was traced before deadreckon.replay was imported, and cannot be answered",
            hint="import deadreckon.replay before the code that is replayed, in tests in conftest.py",
        )
    made.__class__ = _FunctionSpan
    return made


def _caller_function() -> Callable[..., Any] | None:
    # What emit's wrapper calls: the one thing by which it is known whether it asks.
    found = sys._getframe(2).f_locals.get("function")  # noqa: SLF001
    return found if callable(found) else None


def _watched(self: _span.Span) -> _span.Span:
    if type(self) is _span.Span:
        replay = under_way()
        if replay is not None:
            replay.block(self.name, self._fields)
    return _start(self)
