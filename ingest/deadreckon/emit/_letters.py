"""Dead letters that wait: to be listed, replayed or dropped.

Replaying goes through the same ledger as `@idempotent`, with the letter's id as the key: two people replaying at once
make one call, and a replay that was killed says so in place of running a second time.
"""

from __future__ import annotations

import importlib
import inspect
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deadreckon.emit._deadletter import REPLAYING, failure, say, step_of
from deadreckon.emit._emitter import EMITTER
from deadreckon.emit._encode import text_of
from deadreckon.emit._guard import SCRIPTS, GuardError, placed
from deadreckon.emit._ledger import Entry, Ledger, Unknown
from deadreckon.emit._store import CorruptError, folder, read, write

STATES = ("open", "replayed", "dropped", "corrupt")


class DeadLetterError(GuardError):
    """A dead letter cannot be found or replayed."""


def letters(state: str | None = "open") -> list[dict[str, Any]]:
    """Return the letters in a state, or all, the oldest first; damaged files are letters of state `corrupt`."""
    found = [one for path in _paths() if (one := _read(path)) is not None]
    return [one for one in found if state in (None, one["state"])]


def letter(letter_id: str) -> dict[str, Any]:
    """Return one letter, by its id or the beginning of it.

    Raises:
        DeadLetterError: there is none, or there are several.
    """
    paths = [path for path in _paths() if letter_id and path.stem.startswith(letter_id)]
    found = [one for path in paths if (one := _read(path)) is not None]
    if len(found) != 1:
        raise DeadLetterError(
            f"{len(found) or 'no'} dead letters begin with {letter_id!r} in {EMITTER.settings.state}",
            hint="give more of the id"
            if found
            else "reckon deadletter list --state all names them; DEADRECKON_STATE the folder",
        )
    return found[0]


def drop(letter_id: str) -> dict[str, Any]:
    """Give a letter up; it is kept, as dropped, and returned. One that was replayed stays what it is.

    Raises:
        DeadLetterError: there is none.
        InFlightError: it is being replayed.
    """
    letter_id = letter(letter_id)["id"]
    with _turn(letter_id).alone():
        one = letter(letter_id)
        if one["state"] == "corrupt":
            path = _file(one["id"])
            path.rename(path.with_suffix(".corrupt"))
            one = {**one, "state": "dropped"}
        elif one["state"] == "open":
            one = {**one, "state": "dropped", "changed_at": time.time()}
            write(_file(letter_id), one)
            say(one, "dropped", None)
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
        InFlightError: somebody else is replaying it.
        OutcomeUnknownError: an earlier replay was interrupted.
        Exception: what the function raises; the letter stays open, with one attempt more.
    """
    letter_id = letter(letter_id)["id"]
    turn = _turn(letter_id, "rerun" if again else "raise")
    with turn.alone():
        one = letter(letter_id)
        if one["state"] in ("dropped", "corrupt"):
            raise DeadLetterError(f"dead letter {letter_id} is {one['state']}", hint="only open ones can be replayed")
        function = resolve(entry or one["entry"])
        call = _call(one, function, given or {})
        with turn:
            result = turn.result
            if not turn.found:
                result = _run(one, function, call)
                turn.keep(result)
            if one["state"] != "replayed":  # else it is not the first time that somebody asks
                _note(one, "replayed", state="replayed", attempts=one["attempts"] + 1)
            return result


def _turn(letter_id: str, unknown: Unknown = "raise") -> Entry:
    return Ledger("deadletter", None, 0.0, unknown).entry(letter_id)


def _call(one: dict[str, Any], function: Any, given: Mapping[str, Any]) -> inspect.BoundArguments:
    """Return what the function is called with: all of the inputs, and none that is not whole."""
    takes = inspect.signature(function).parameters
    everything = any(parameter.kind is parameter.VAR_KEYWORD for parameter in takes.values())
    lost = {key: trouble for key, trouble in zip(one["missing"], one["trouble"], strict=True) if key not in given}
    wanted = [trouble for key, trouble in lost.items() if key in takes or everything]
    if wanted:
        raise DeadLetterError(
            f"dead letter {one['id']} does not hold all its inputs: {'; '.join(wanted)}",
            hint="give them again: --set name=JSON; or name another function, --with module:function",
        )
    inputs = {key: value for key, value in one["input"].items() if key not in lost}
    try:
        return placed(function, {**inputs, **given})
    except TypeError as error:
        raise DeadLetterError(
            f"dead letter {one['id']} has other inputs than the function takes: {error}",
            hint=f"it takes {', '.join(takes) or 'nothing'}; the letter holds {', '.join(one['input']) or 'nothing'}",
        ) from error


def _run(one: dict[str, Any], function: Any, call: inspect.BoundArguments) -> Any:
    # The step's own letter is this one; other steps that fail in it have theirs.
    token = REPLAYING.set(step_of(function) | {one["name"]})
    try:
        result = function(*call.args, **call.kwargs)
        if inspect.iscoroutine(result):
            import asyncio

            result = asyncio.run(result)
    except Exception as error:
        _note(one, "failed", attempts=one["attempts"] + 1, **failure(error))
        raise
    finally:
        REPLAYING.reset(token)
    return result


def _note(one: dict[str, Any], choice: str, **fields: Any) -> None:
    """Say what became of a letter, in its file and as an event; a disk that takes it not hides no outcome."""
    fresh, reason = {**one, **fields, "changed_at": time.time()}, None
    try:
        write(_file(one["id"]), fresh)
    except OSError as fault:
        reason = f"{EMITTER.settings.state}: {fault.strerror}"
    say(fresh, choice, reason)


def resolve(entry: str) -> Any:
    """Return what `module:function` names.

    Raises:
        DeadLetterError: there is no such module or function.
    """
    module, _, path = entry.partition(":")
    hint = "name a function that can be imported: --with module:function; PYTHONPATH says where modules are"
    if not module or not path or "<" in path:
        raise DeadLetterError(f"{entry!r} is not module:function", hint=hint)
    if module in SCRIPTS:
        raise DeadLetterError(f"{entry!r} is a script's own, which others cannot import", hint=hint)
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


def _paths() -> list[Path]:
    return sorted((EMITTER.settings.state / "deadletters").glob("[!.]*.json"))  # looking makes no folder


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
