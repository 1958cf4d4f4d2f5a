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

from deadreckon.emit._deadletter import REPLAYING, failure, say
from deadreckon.emit._emitter import EMITTER
from deadreckon.emit._encode import text_of
from deadreckon.emit._guard import GuardError, call_named
from deadreckon.emit._ledger import Ledger
from deadreckon.emit._store import CorruptError, folder, read, write

STATES = ("open", "replayed", "dropped", "corrupt")


class DeadLetterError(GuardError):
    """A dead letter cannot be found or replayed."""


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
        token = REPLAYING.set(True)
        try:
            result = call_named(function, {**one["input"], **given})
            if inspect.iscoroutine(result):
                import asyncio

                result = asyncio.run(result)
        except Exception as error:
            one = _changed(one, attempts=one["attempts"] + 1, **failure(error))
            say(one, "failed", None)
            raise
        finally:
            REPLAYING.reset(token)
        turn.keep(result)
    one = _changed(one, state="replayed", attempts=one["attempts"] + 1)
    say(one, "replayed", None)
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
