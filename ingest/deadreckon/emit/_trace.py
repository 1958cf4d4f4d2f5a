"""`@trace`: a span around every call of a function, of whatever kind the function is."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar, overload

from deadreckon.emit._answerable import answerable, arguments, body_of
from deadreckon.emit._content import Capture
from deadreckon.emit._emitter import EMITTER
from deadreckon.emit._span import Span, span
from deadreckon.emit._steps import Steps, async_generator, generator

_F = TypeVar("_F", bound=Callable[..., Any])

_STREAMED = ("chat", "text_completion", "generate_content")
_ANSWERED = (*_STREAMED, "embeddings")


@overload
def trace(function: _F, /) -> _F: ...
@overload
def trace(
    name: str | None = None,
    /,
    *,
    operation: str | None = None,
    capture: Capture | None = None,
    **fields: Any,
) -> Callable[[_F], _F]: ...
def trace(
    function: Any = None,
    /,
    *,
    operation: str | None = None,
    capture: Capture | None = None,
    **fields: Any,
) -> Any:
    """Trace every call of a function as a span: `@trace`, `@trace("name")` or `@trace(operation="chat")`.

    Works on functions, methods, coroutines and both kinds of generators. A generator's span lasts until it is
    exhausted or closed; when its operation produces text (chat), its first item is the first token, its items are
    counted (`chunks`), and tokens are taken from answers and items that state them. Arguments and result are `input`
    and `output`, kept only where `capture` says so. Takes the arguments of `span`.
    """
    if function is None or isinstance(function, str):
        return lambda decorated: _traced(decorated, function, operation, capture, fields)
    return _traced(function, None, operation, capture, fields)


def _traced(function: Any, name: str | None, operation: str | None, capture: Capture | None, fields: Any) -> Any:
    if isinstance(function, staticmethod | classmethod):  # the decorators in the other order
        return type(function)(_traced(function.__func__, name, operation, capture, fields))
    title = name or getattr(function, "__qualname__", type(function).__qualname__).replace("<locals>.", "")
    body, called = body_of(function), answerable(function)

    def begin(args: Any, kwargs: Any) -> Span:
        one = span(title, operation=operation, capture=capture, **fields)
        one.is_block = False
        return one.set(input=arguments(function, args, kwargs)) if _captures(capture) else one

    def finish(one: Span, result: Any) -> None:
        if result is not None:
            if operation in _ANSWERED and not isinstance(result, str | list):
                one.read_usage(result)
            if _captures(capture):
                one.set(output=result)

    def steps(args: Any, kwargs: Any) -> Steps:
        kept = finish if _captures(capture) else None
        return Steps(begin(args, kwargs), streams=operation in _STREAMED, finish=kept)

    wrapper: Any
    if inspect.isgeneratorfunction(body):
        wrapper = generator(called, steps)
    elif inspect.isasyncgenfunction(body):
        wrapper = async_generator(called, steps)
    elif inspect.iscoroutinefunction(body):

        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            with begin(args, kwargs) as one:
                result = await called(*args, **kwargs)
                finish(one, result)
                return result

    else:

        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with begin(args, kwargs) as one:
                result = called(*args, **kwargs)
                finish(one, result)
                return result

    functools.update_wrapper(wrapper, function)
    wrapper.__deadreckon_traced__ = True
    return wrapper


def is_traced(function: Any) -> bool:
    """Whether calls of a function make spans of their own."""
    return bool(getattr(function, "__deadreckon_traced__", False))


def _captures(capture: Capture | None) -> bool:
    return (capture or EMITTER.settings.content.capture) != "off"
