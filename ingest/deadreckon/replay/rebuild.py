"""From recorded JSON to what code expects: a result in the type that its function says it returns, an error by name."""

from __future__ import annotations

import builtins
import collections.abc
import sys
import typing
from collections.abc import Callable
from typing import Any, Final

from deadreckon.replay.content import Content, short

_STREAMS: Final = (
    *(collections.abc.Iterator, collections.abc.Iterable, collections.abc.Generator),
    *(collections.abc.AsyncIterator, collections.abc.AsyncIterable, collections.abc.AsyncGenerator),
)


class UnclearError(Exception):
    """What was recorded does not say which value it was, or cannot be made again."""


def result(content: Content, function: Callable[..., Any], *, model: bool) -> Any:
    """The recorded result as what `function` says it returns.

    A lake keeps texts and JSON alike as text: where a function does not say what it returns, a text that could be
    either is not guessed; but an object or list that a tool returned is one.

    Raises:
        UnclearError: it is not clear what the result was, or it cannot be made.
    """
    if content.text is None:
        return None
    says = annotation(function, "return")
    if says is Any:
        return _plain(content, model=model)
    tried = [content.text] if says is str else [content.value, content.text]
    for value in tried:
        try:
            return shaped(value, says)
        except ValueError:
            continue
        except TypeError as error:
            raise UnclearError(f"its result is a {_name(says)}, which cannot be made from JSON") from error
    raise UnclearError(f"its result {short(content.text)} is no {_name(says)}, which the function says it returns")


def items(content: Content, function: Callable[..., Any]) -> list[Any]:
    """The items that a recorded generator gave; texts were recorded as one, and come as one.

    Raises:
        UnclearError: an item cannot be made.
    """
    if not content.text:
        return []
    says = annotation(function, "return")
    of = typing.get_args(says)[0] if typing.get_origin(says) in _STREAMS and typing.get_args(says) else Any
    if of is str or not isinstance(content.value, list):
        return [content.text]
    try:
        return [shaped(one, of) for one in content.value]
    except (ValueError, TypeError) as error:
        raise UnclearError(f"its items are no {_name(of)}, which the function says it gives") from error


def annotation(function: Callable[..., Any], name: str) -> Any:
    """What a function says of an argument, or of its `return`; Any where it says nothing that can be understood."""
    try:
        return typing.get_type_hints(function).get(name, Any)
    except Exception:  # noqa: BLE001  # names of other modules, or anything else that an annotation may hold
        return Any


def shaped(value: Any, says: Any) -> Any:
    """JSON in the form of a type: dataclasses, models, tuples, dates, enums.

    Raises:
        ValueError: it does not fit.
        TypeError: nothing can be made in that form.
    """
    if says is Any or says is None:
        return value
    from pydantic import PydanticSchemaGenerationError, PydanticUserError, TypeAdapter

    try:
        return TypeAdapter(says).validate_python(value)
    except (PydanticSchemaGenerationError, PydanticUserError) as error:
        raise TypeError(str(error)) from error


def error(error_type: str | None, message: str | None, function: Callable[..., Any]) -> BaseException:
    """The recorded error: of its own class where that is known here, else of a new one of that name."""
    module, _, name = (error_type or "Exception").rpartition(".")
    places = [sys.modules.get(module)] if module else [builtins]
    found: Any = next((one for place in places if (one := getattr(place, name, None)) is not None), None)
    if found is None:
        found = getattr(function, "__globals__", {}).get(name)
    cls: type[BaseException] = type(name, (Exception,), {"__module__": module or "builtins"})
    if isinstance(found, type) and issubclass(found, BaseException):
        cls = found
    try:
        return cls(message or "")
    except Exception:  # noqa: BLE001  # a class that wants more than a message
        made = cls.__new__(cls)
        made.args = (message or "",)
        return made


def _plain(content: Content, *, model: bool) -> Any:
    if not isinstance(content.value, dict | list) and not content.as_emitted:
        return content.text
    if content.hash and not content.as_emitted:
        return content.text  # emit wrote it, and writes JSON in one form alone
    if isinstance(content.value, dict | list) and content.as_emitted and not model:
        return content.value
    raise UnclearError(
        f"its result {short(content.text)} may be a text or a value: say which, as in `-> str` or `-> dict`"
    )


def _name(says: Any) -> str:
    return getattr(says, "__name__", None) or str(says)
