"""`@deadletter`: a step that failed for good is kept with its inputs, as one JSON file, until somebody sees to it."""

from __future__ import annotations

import contextvars
import functools
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, overload

import orjson

from deadreckon.emit._context import CURRENT
from deadreckon.emit._emitter import EMITTER
from deadreckon.emit._encode import json_text, text_of
from deadreckon.emit._failure import error_fields
from deadreckon.emit._guard import is_asynchronous, namer, no_generator, title_of
from deadreckon.emit._kinds import decision
from deadreckon.emit._store import folder, write

_F = TypeVar("_F", bound=Callable[..., Any])
_LIMIT = 256 * 1024
REPLAYING: contextvars.ContextVar[bool | frozenset[str]] = contextvars.ContextVar(
    "deadreckon.emit.replaying", default=False
)
"""Whether steps make no letter here; or the names of those, since a letter of theirs is being replayed."""


@overload
def deadletter(function: _F, /) -> _F: ...
@overload
def deadletter(name: str | None = None, /, *, entry: str | None = None, limit: int = _LIMIT) -> Callable[[_F], _F]: ...
def deadletter(function: Any = None, /, *, entry: str | None = None, limit: int = _LIMIT) -> Any:
    """Keep the inputs of calls that fail: `@deadletter`, `@deadletter("name")`, `@deadletter(entry="app.jobs:charge")`.

    The exception passes through unchanged. Put it outside of whatever retries: a letter is for what failed for good.
    Inputs are masked as `configure(redact=...)` says; those that were masked, are longer than `limit` bytes, or that
    JSON cannot hold, need to be given again for a replay.

    Args:
        function: what to guard, or the name of the step; the function's name.
        entry: `module:function` that a replay calls; where the function is.
        limit: bytes of JSON to keep.
    """
    if function is None or isinstance(function, str):
        return lambda decorated: _kept(decorated, function, entry, limit)
    return _kept(function, None, entry, limit)


def _kept(function: Any, name: str | None, entry: str | None, limit: int) -> Any:
    no_generator(function, "deadletter")
    title = name or title_of(function)
    home = entry or f"{function.__module__}:{function.__qualname__}"
    named = namer(function)

    def store(error: Exception, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        silent = REPLAYING.get()
        if silent is True or (silent and title in silent):
            return
        try:
            arguments = named(args, kwargs)
        except TypeError:
            return  # the call was wrong, not the work: there is nothing to replay
        _store(title, home, arguments, limit, error)

    wrapper: Any
    if is_asynchronous(function):

        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            try:
                return await function(*args, **kwargs)
            except Exception as error:
                store(error, args, kwargs)
                raise

    else:

        def wrapper(*args: Any, **kwargs: Any) -> Any:
            try:
                return function(*args, **kwargs)
            except Exception as error:
                store(error, args, kwargs)
                raise

    wrapped: Any = functools.wraps(function)(wrapper)
    wrapped.__deadreckon_step__ = title
    return wrapped


def step_of(function: Any) -> frozenset[str]:
    """Return the name of the step that a function is, if it is one."""
    name = getattr(function, "__deadreckon_step__", None)
    return frozenset() if name is None else frozenset((name,))


def _store(name: str, entry: str, arguments: dict[str, Any], limit: int, error: Exception) -> None:
    letter_id = EMITTER.new_id()
    head = {"id": letter_id, "name": name, "entry": entry, "attempts": 1, **failure(error)}
    try:
        kept, trouble = _kept_inputs(arguments, limit)
        choice, reason = "stored", "; ".join(trouble) or None
        write(folder("deadletters") / f"{letter_id}.json", {**head, **_contents(kept, trouble)})
    except OSError as fault:  # the step's own error is what the program must see
        choice, reason = "lost", f"{EMITTER.settings.state}: {fault.strerror}"
    except Exception as fault:  # noqa: BLE001  # as above, whatever the inputs do when they are looked at
        choice, reason = "lost", f"{type(fault).__name__}: {text_of(fault)}"
    say(head, choice, reason)


def _contents(kept: dict[str, Any], trouble: list[str]) -> dict[str, Any]:
    here = CURRENT.get()
    return {
        "state": "open",
        "at": time.time(),
        "input": kept,
        "missing": [one.partition(" ")[0] for one in trouble],
        "trouble": trouble,
        "context": orjson.loads(json_text({**EMITTER.bound_fields(), "pid": None})),
        "trace_id": here.trace_id,
        "span_id": here.span_id,
    }


def _kept_inputs(arguments: dict[str, Any], limit: int) -> tuple[dict[str, Any], list[str]]:
    """Return what is kept of the inputs, and which of them are not as they were."""
    kept: dict[str, Any] = {}
    trouble: list[str] = []
    size = 0
    for key, value in arguments.items():
        text = json_text(value)
        plain = orjson.loads(text)
        masked = EMITTER.settings.content.redaction.value({key: plain})[key]
        if masked != plain:
            trouble.append(f"{key} was masked")
        elif not _same([*value] if type(value) is tuple else value, plain):
            trouble.append(f"{key} is {type(value).__qualname__}, which JSON cannot hold")
        size += len(text)
        if size > limit:
            trouble.append(f"{key} is too long ({len(text)} bytes)")
            masked = json_text(masked)[: max(limit // 10, 0)]
        kept[key] = masked
    return kept, trouble


def _same(value: Any, plain: Any) -> bool:
    """Tell whether JSON gave back what it was given: equal is not enough, as a Decimal is equal to a float."""
    if type(value) is not type(plain):
        return False
    if isinstance(plain, dict):
        return value.keys() == plain.keys() and all(_same(value[key], one) for key, one in plain.items())
    if isinstance(plain, list):
        return len(value) == len(plain) and all(map(_same, value, plain))
    return bool(value == plain)


def failure(error: BaseException) -> dict[str, Any]:
    """Return what a letter says of an error, masked as content is."""
    fields = error_fields(error)
    message = EMITTER.settings.content.redaction.text(fields["error_message"])
    return {"error_type": fields["error_type"], "error_message": message}


def say(letter: Mapping[str, Any], choice: str, reason: str | None, **fields: Any) -> None:
    """Write what became of a letter, as a decision."""
    given = {key: letter.get(key) for key in ("entry", "error_type", "error_message", "attempts")}
    decision(
        letter["name"], choice, reason=reason, guard="deadletter", deadletter_id=letter["id"], **{**given, **fields}
    )
