"""Dead letters: steps that failed for good, kept with their inputs until somebody replays or drops them.

A letter is one JSON file. Replaying goes through the same ledger as `@idempotent`, with the letter's id as the key: two
people replaying at once make one call, and a replay that was killed says so in place of running a second time.
"""

from __future__ import annotations

import contextvars
import functools
import importlib
import inspect
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast, overload

import orjson

from deadreckon.emit._context import CURRENT
from deadreckon.emit._emitter import EMITTER
from deadreckon.emit._encode import json_text, text_of
from deadreckon.emit._failure import error_fields
from deadreckon.emit._guard import GuardError, call_named, namer, no_generator, title_of
from deadreckon.emit._idempotent import Ledger
from deadreckon.emit._kinds import decision
from deadreckon.emit._store import CorruptError, folder, read, write

_F = TypeVar("_F", bound=Callable[..., Any])
_LIMIT = 256 * 1024
_REPLAYING: contextvars.ContextVar[bool] = contextvars.ContextVar("deadreckon.emit.replaying", default=False)
STATES = ("open", "replayed", "dropped", "corrupt")


class DeadLetterError(GuardError):
    """A dead letter cannot be found or replayed."""


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
        if not _REPLAYING.get():
            try:
                arguments = named(args, kwargs)
            except TypeError:
                return  # the call was wrong, not the work: there is nothing to replay
            _store(title, home, arguments, limit, error)

    wrapper: Any
    if inspect.iscoroutinefunction(function):

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
        **_failure(error),
        "context": orjson.loads(json_text({**EMITTER.bound_fields(), "pid": None})),
        "trace_id": here.trace_id,
        "span_id": here.span_id,
    }
    choice, reason = "stored", "; ".join(trouble) or None
    try:
        write(folder("deadletters") / f"{letter_id}.json", body)
    except OSError as fault:  # the step's own error is what the program must see
        choice, reason = "lost", f"{EMITTER.settings.state}: {fault.strerror}"
    _say(body, choice, reason)


def _holds(value: Any, plain: Any) -> bool:
    try:
        return bool((list(value) if isinstance(value, tuple) else value) == plain)
    except Exception:  # noqa: BLE001  # an array's comparison has no truth value, a foreign object may raise
        return False


def _failure(error: BaseException) -> dict[str, Any]:
    fields = error_fields(error)
    message = EMITTER.settings.content.redaction.text(fields["error_message"])
    return {"error_type": fields["error_type"], "error_message": message}


def _say(letter: Mapping[str, Any], choice: str, reason: str | None, **fields: Any) -> None:
    given = {key: letter.get(key) for key in ("entry", "error_type", "error_message", "attempts")}
    decision(
        letter["name"], choice, reason=reason, guard="deadletter", deadletter_id=letter["id"], **{**given, **fields}
    )


# -- what is kept


def letters(state: str | None = "open") -> list[dict[str, Any]]:
    """Return the letters in a state, or all, the oldest first; damaged files are letters of state `corrupt`."""
    found = []
    for path in sorted(folder("deadletters").glob("[!.]*.json")):
        one = _read(path)
        if one is not None and state in (None, one["state"]):
            found.append(one)
    return found


def letter(letter_id: str) -> dict[str, Any]:
    """Return one letter, by its id or the beginning of it.

    Raises:
        DeadLetterError: there is none, or there are several.
    """
    found = [one for one in letters(None) if one["id"].startswith(letter_id)] if letter_id else []
    if len(found) != 1:
        raise DeadLetterError(
            f"{len(found) or 'no'} dead letters begin with {letter_id!r} in {EMITTER.settings.state}",
            hint="give more of the id"
            if found
            else "reckon deadletter list --state all names them; DEADRECKON_STATE the folder",
        )
    return found[0]


def drop(letter_id: str) -> dict[str, Any]:
    """Give a letter up; it is kept, as dropped, and returned.

    Raises:
        DeadLetterError: there is none.
    """
    one = letter(letter_id)
    if one["state"] == "corrupt":
        path = _file(one["id"])
        path.rename(path.with_suffix(".corrupt"))
        one = {**one, "state": "dropped"}
    elif one["state"] == "open":
        one = _changed(one, state="dropped")
        _say(one, "dropped", None)
    return one


def replay(
    letter_id: str, *, entry: str | None = None, given: Mapping[str, Any] | None = None, again: bool = False
) -> Any:
    """Call the letter's entry point with its inputs, and return what it returned.

    A letter that was replayed is not replayed again: what it returned then is returned.

    Args:
        letter_id: the id, or the beginning of it.
        entry: `module:function` to call in place of the letter's own.
        given: inputs by name, over the letter's: those that were masked or cut must be among them.
        again: run it though an earlier replay was interrupted, and may have done its work.

    Raises:
        DeadLetterError: it cannot be replayed; the hint says why.
        OutcomeUnknownError: an earlier replay was interrupted.
        Exception: what the function raises; the letter stays open, with one attempt more.
    """
    one = letter(letter_id)
    given = given or {}
    if one["state"] in ("dropped", "corrupt"):
        raise DeadLetterError(f"dead letter {one['id']} is {one['state']}", hint="only open ones can be replayed")
    missing = [trouble for key, trouble in zip(one["missing"], one["trouble"], strict=True) if key not in given]
    if missing:
        raise DeadLetterError(
            f"dead letter {one['id']} does not hold all its inputs: {'; '.join(missing)}",
            hint="give them again: --set name=JSON",
        )
    function = resolve(entry or one["entry"])
    ledger = Ledger("deadletter", None, 0.0, "rerun" if again else "raise")
    turn = ledger.entry(one["id"])
    if not turn.take():
        raise turn.refuse_in_flight()
    with turn:
        if turn.found:
            _changed(one, state="replayed")
            return turn.result
        token = _REPLAYING.set(True)
        try:
            result = call_named(function, {**one["input"], **given})
            if inspect.iscoroutine(result):
                import asyncio

                result = asyncio.run(result)
        except Exception as error:
            one = _changed(one, attempts=one["attempts"] + 1, **_failure(error))
            _say(one, "failed", None)
            raise
        finally:
            _REPLAYING.reset(token)
        turn.keep(result)
    one = _changed(one, state="replayed", attempts=one["attempts"] + 1)
    _say(one, "replayed", None)
    return result


def resolve(entry: str) -> Any:
    """Return what `module:function` names.

    Raises:
        DeadLetterError: there is no such module or function.
    """
    module, _, path = entry.partition(":")
    hint = "name a function that can be imported: --with module:function; PYTHONPATH says where modules are"
    if not module or not path or "<" in path:
        raise DeadLetterError(f"{entry!r} is not module:function", hint=hint)
    try:
        found: Any = importlib.import_module(module)
        for part in path.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise DeadLetterError(f"{entry!r} cannot be found: {text_of(error)}", hint=hint) from error
    if not callable(found):
        raise DeadLetterError(f"{entry!r} is no function", hint=hint)
    return found


def _file(letter_id: str) -> Path:
    return folder("deadletters") / f"{letter_id}.json"


def _changed(one: dict[str, Any], **fields: Any) -> dict[str, Any]:
    fresh = {**one, **fields, "changed_at": time.time()}
    write(_file(one["id"]), fresh)
    return fresh


def _read(path: Path) -> dict[str, Any] | None:
    try:
        return read(path)
    except CorruptError as error:
        return {
            "id": path.stem,
            "name": None,
            "entry": None,
            "state": "corrupt",
            "at": path.stat().st_mtime,
            "attempts": None,
            "input": {},
            "missing": [],
            "trouble": [text_of(error)],
            "error_type": None,
            "error_message": text_of(error),
        }
