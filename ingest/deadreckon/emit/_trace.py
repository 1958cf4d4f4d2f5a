"""`@trace`: a span around every call of a function, of whatever kind the function is."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar, overload

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
    plain = inspect.isroutine(function) or isinstance(function, functools.partial)
    body = function if plain else type(function).__call__

    def begin(args: Any, kwargs: Any) -> Span:
        one = span(title, operation=operation, capture=capture, **fields)
        return one.set(input=_arguments(function, args, kwargs)) if _captures(capture) else one

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
        wrapper = generator(function, steps)
    elif inspect.isasyncgenfunction(body):
        wrapper = async_generator(function, steps)
    elif inspect.iscoroutinefunction(body):

        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            with begin(args, kwargs) as one:
                result = await function(*args, **kwargs)
                finish(one, result)
                return result

    else:

        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with begin(args, kwargs) as one:
                result = function(*args, **kwargs)
                finish(one, result)
                return result

    return functools.wraps(function)(wrapper)


def _captures(capture: Capture | None) -> bool:
    return (capture or EMITTER.settings.content.capture) != "off"


def _arguments(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Name the arguments of a call; `self` and `cls` are not among them."""
    try:
        named = dict(inspect.signature(function).bind(*args, **kwargs).arguments)
    except (TypeError, ValueError):  # the call itself will say what is wrong with it; builtins have no signature
        return {"args": list(args), **kwargs}
    named.pop("self", None)
    named.pop("cls", None)
    return named
