"""Traced functions of every kind, whose calls what stands in for them may answer."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, Generator
from typing import Any

import orjson

from deadreckon.emit._encode import json_text
from deadreckon.emit._stand_in import PLACE, Answer
from deadreckon.emit._steps import NO_STEPS, async_generator


def arguments(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> orjson.Fragment:
    """Write down the arguments of a call by name, as they are now: the call may change what it was given."""
    return orjson.Fragment(json_text(_named(function, args, kwargs)))


def _named(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Name the arguments of a call; `self` and `cls` are not among them."""
    try:
        named = dict(inspect.signature(function).bind(*args, **kwargs).arguments)
    except (TypeError, ValueError):  # the call itself will say what is wrong with it; builtins have no signature
        return {"args": list(args), **kwargs}
    named.pop("self", None)
    named.pop("cls", None)
    return named


def body_of(function: Any) -> Any:
    """What a call runs: the function itself, or the method of an object that can be called."""
    plain = inspect.isroutine(function) or isinstance(function, functools.partial)
    return function if plain else type(function).__call__


def answerable(function: Any) -> Any:
    """A function that does what this one does, unless something stands in for it when it is called."""
    body = body_of(function)
    if inspect.isgeneratorfunction(body):
        return lambda *args, **kwargs: (
            function(*args, **kwargs) if PLACE.find is None else _items(function, args, kwargs)
        )
    if inspect.isasyncgenfunction(body):
        later = async_generator(functools.partial(_later, function), lambda _args, _kwargs: NO_STEPS)
        return lambda *args, **kwargs: function(*args, **kwargs) if PLACE.find is None else later(*args, **kwargs)
    if inspect.iscoroutinefunction(body):
        return lambda *args, **kwargs: (
            function(*args, **kwargs) if PLACE.find is None else _awaited(function, args, kwargs)
        )
    return lambda *args, **kwargs: function(*args, **kwargs) if PLACE.find is None else _called(function, args, kwargs)


def _asked(function: Any, args: Any, kwargs: Any, *, streams: bool = False) -> Answer | None:
    stand_in = PLACE.find() if PLACE.find is not None else None
    return None if stand_in is None else stand_in.answer(function, _named(function, args, kwargs), streams=streams)


def _called(function: Any, args: Any, kwargs: Any) -> Any:
    answer = _asked(function, args, kwargs)
    return function(*args, **kwargs) if answer is None else answer.end()


async def _awaited(function: Any, args: Any, kwargs: Any) -> Any:
    answer = _asked(function, args, kwargs)
    if answer is None:
        return await function(*args, **kwargs)
    await _cancelled(answer)
    return answer.end()


async def _cancelled(answer: Answer) -> None:
    """Wait to be cancelled, where the recorded call was."""
    if answer.waits_s is not None:
        import asyncio

        await asyncio.sleep(answer.waits_s)


def _items(function: Any, args: Any, kwargs: Any) -> Generator[Any, Any, Any]:
    answer = _asked(function, args, kwargs, streams=True)
    if answer is None:
        return (yield from function(*args, **kwargs))
    yield from answer.items
    return answer.end()


def _later(function: Any, *args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
    answer = _asked(function, args, kwargs, streams=True)
    found: AsyncGenerator[Any, Any] = function(*args, **kwargs) if answer is None else _given(answer)
    return found


async def _given(answer: Answer) -> AsyncGenerator[Any, Any]:
    for item in answer.items:
        yield item
    await _cancelled(answer)
    answer.end()
