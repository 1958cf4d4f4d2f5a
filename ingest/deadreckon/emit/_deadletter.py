"""`@deadletter`: a step that failed for good is kept with its inputs, as one JSON file, until somebody sees to it."""

from __future__ import annotations

import contextvars
import functools
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast, overload

import orjson

from deadreckon.emit._context import CURRENT
from deadreckon.emit._emitter import EMITTER
from deadreckon.emit._encode import json_text
from deadreckon.emit._failure import error_fields
from deadreckon.emit._guard import is_asynchronous, namer, no_generator, title_of
from deadreckon.emit._kinds import decision
from deadreckon.emit._store import folder, write

_F = TypeVar("_F", bound=Callable[..., Any])
_LIMIT = 256 * 1024
REPLAYING: contextvars.ContextVar[bool] = contextvars.ContextVar("deadreckon.emit.replaying", default=False)


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
        if not REPLAYING.get():
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

    return cast("Any", functools.wraps(function)(wrapper))


def _store(name: str, entry: str, arguments: dict[str, Any], limit: int, error: Exception) -> None:
    letter_id = EMITTER.new_id()
    trouble: list[str] = []
    kept: dict[str, Any] = {}
    size = 0
    for key, value in arguments.items():
        text = json_text(value)
        plain = orjson.loads(text)
        masked = EMITTER.settings.content.redaction.value({key: plain})[key]
        if masked != plain:
            trouble.append(f"{key} was masked")
        elif not _holds(value, plain):
            trouble.append(f"{key} is {type(value).__qualname__}, which JSON cannot hold")
        size += len(text)
        if size > limit:
            trouble.append(f"{key} is too long ({len(text)} bytes)")
            masked = json_text(masked)[: max(limit // 10, 0)]
        kept[key] = masked
    here = CURRENT.get()
    body = {
        "id": letter_id,
        "name": name,
        "entry": entry,
        "state": "open",
        "at": time.time(),
        "attempts": 1,
        "input": kept,
        "missing": [one.partition(" ")[0] for one in trouble],
        "trouble": trouble,
        **failure(error),
        "context": orjson.loads(json_text({**EMITTER.bound_fields(), "pid": None})),
        "trace_id": here.trace_id,
        "span_id": here.span_id,
    }
    choice, reason = "stored", "; ".join(trouble) or None
    try:
        write(folder("deadletters") / f"{letter_id}.json", body)
    except OSError as fault:  # the step's own error is what the program must see
        choice, reason = "lost", f"{EMITTER.settings.state}: {fault.strerror}"
    say(body, choice, reason)


def _holds(value: Any, plain: Any) -> bool:
    try:
        return bool((list(value) if isinstance(value, tuple) else value) == plain)
    except Exception:  # noqa: BLE001  # an array's comparison has no truth value, a foreign object may raise
        return False


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
