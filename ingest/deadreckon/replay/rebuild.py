"""From recorded JSON to what code expects: a result in the type that its function says it returns, an error by name."""

from __future__ import annotations

import builtins
import collections.abc
import contextlib
import functools
import operator
import sys
import types
import typing
from collections.abc import Callable
from typing import Any, Final

from deadreckon.replay.content import Content, short

_STREAMS: Final = (
    *(collections.abc.Iterator, collections.abc.Iterable, collections.abc.Generator),
    *(collections.abc.AsyncIterator, collections.abc.AsyncIterable, collections.abc.AsyncGenerator),
)
_JSON: Final = frozenset({bool, int, float, str})


class UnclearError(Exception):
    """What was recorded does not say which value it was, or cannot be made again."""


def result(content: Content, function: Callable[..., Any], *, model: bool) -> Any:
    """The recorded result as what `function` says it returns.

    A lake keeps texts and JSON alike as text. What emit wrote says which it was; of others' that could be either and
    whose function does not say what it returns, it is not guessed; but an object or list that a tool returned is one.

    Raises:
        UnclearError: it is not clear what the result was, or it cannot be made.
    """
    if content.text is None:
        return None
    says = annotation(function, "return")
    if says is Any and content.type in (None, "str"):
        return _plain(content, model=model)
    if says is Any:
        says = class_of(content.type or "", function)
        if says is None:
            raise UnclearError(f"its result was a {content.type}, which is not known here: say what it returns")
    if typing.get_origin(says) in _STREAMS:
        if not isinstance(content.value, list):
            raise UnclearError("it returned a stream, whose items were not recorded: make it a generator itself")
        says = list[typing.get_args(says)[0]]  # type: ignore[misc]  # an annotation that is known at runtime only
    either = [content.value, content.text] if content.is_text is None else [content.value]
    for value in [content.text] if says is str or content.is_text else either:
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
    texts = content.is_text is None and of is str
    if content.is_text or texts or not isinstance(content.value, list):
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
        made = TypeAdapter(_understood(says)).validate_python(value)
    except (PydanticSchemaGenerationError, PydanticUserError) as error:
        raise TypeError(str(error)) from error
    return _as_it_was(made, value)


def _understood(says: Any) -> Any:
    """The type with each TypedDict in it as typing_extensions has it, which pydantic understands in every Python."""
    if typing.is_typeddict(says):
        import typing_extensions

        keys = {key: _understood(one) for key, one in typing.get_type_hints(says).items()}
        return typing_extensions.TypedDict(says.__name__, keys, total=False)  # type: ignore[operator]  # by its name
    parts = typing.get_args(says)
    understood = tuple(map(_understood, parts)) if typing.get_origin(says) is not typing.Literal else parts
    if all(a is b for a, b in zip(parts, understood, strict=True)):
        return says
    if isinstance(says, types.UnionType):
        return functools.reduce(operator.or_, understood)
    return says.copy_with(understood) if hasattr(says, "copy_with") else typing.get_origin(says)[understood]


def _as_it_was(made: Any, value: Any) -> Any:
    """What was made, with what JSON holds itself as it was recorded.

    A 3 is a float to pydantic, and to Python, but is not written as 3.0 is; a TypedDict has an order, and further keys.
    """
    if type(made) in _JSON:
        return value if type(value) in _JSON else made
    if type(made) in (list, tuple) and isinstance(value, list) and len(made) == len(value):
        return type(made)(map(_as_it_was, made, value))
    if not isinstance(value, dict):
        return made
    if type(made) is dict and made.keys() <= value.keys():
        return {key: _as_it_was(made[key], one) if key in made else one for key, one in value.items()}
    if type(made) is dict and len(made) == len(value):  # keys that are no texts
        return dict(zip(made, map(_as_it_was, made.values(), value.values()), strict=True))
    for name in getattr(type(made), "__dataclass_fields__", None) or getattr(type(made), "model_fields", {}):
        if name in value:
            now = getattr(made, name)
            then = _as_it_was(now, value[name])
            if then is not now:
                object.__setattr__(made, name, then)  # whether it is frozen or not
    return made


def error(error_type: str | None, message: str | None, function: Callable[..., Any]) -> BaseException:
    """The recorded error: of its own class where that is known here, else of a new one of that name.

    It says what it said then. What else its class keeps of it was not recorded.

    Raises:
        UnclearError: it is a group, whose errors were not recorded.
    """
    said = message or ""
    title = error_type or "Exception"
    found = class_of(title, function)
    cls: type[BaseException] = found if found is not None and issubclass(found, BaseException) else _like(title)
    if issubclass(cls, BaseExceptionGroup):
        raise UnclearError(f"its error is a {cls.__name__}, whose errors were not recorded")
    with contextlib.suppress(Exception):  # a class that wants more than a message, or something else
        made = cls(said)
        if str(made) == said:
            return made
    names = {"__module__": cls.__module__, "__qualname__": cls.__qualname__, "__doc__": cls.__doc__}
    says = {"__str__": lambda _self: said, "__init__": lambda _self, *_: None}
    same: type[BaseException] = type(cls.__name__, (cls,), {**names, **says})
    made = same.__new__(same, said)
    made.args = (said,)
    return made


def class_of(title: str, function: Callable[..., Any]) -> type | None:
    """The class of that name: nested in whatever of the modules that are imported, built in, or known to `function`."""
    parts = title.split(".")
    places = [
        (sys.modules[module], parts[n:])
        for n in range(len(parts) - 1, 0, -1)
        if (module := ".".join(parts[:n])) in sys.modules
    ]
    known: list[Any] = [functools.reduce(_member, path, place) for place, path in [*places, (builtins, parts)]]
    scope = getattr(function, "__globals__", {})  # a class of a script had another module then
    known += [functools.reduce(_member, parts[n + 1 :], scope.get(parts[n])) for n in range(len(parts))]
    return next((one for one in known if isinstance(one, type)), None)


def _like(title: str) -> type[BaseException]:
    module, _, name = title.rpartition(".")
    return type(name, (Exception,), {"__module__": module or "builtins"})


def _member(place: Any, name: str) -> Any:
    return getattr(place, name, None)


def _plain(content: Content, *, model: bool) -> Any:
    if content.is_text is not None:
        return content.text if content.is_text else content.value
    if isinstance(content.value, str):
        return content.text
    if isinstance(content.value, dict | list) and content.as_emitted and not model:
        return content.value
    raise UnclearError(
        f"its result {short(content.text)} may be a text or a value: say which, as in `-> str` or `-> dict`"
    )


def _name(says: Any) -> str:
    return getattr(says, "__name__", None) or str(says)
