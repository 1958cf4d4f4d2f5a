"""What is known of calls by their keys: made, being made, or nobody knows.

Per key there is one file. Before the call it says `started`, after it `done` with the result; both are on disk before
anything goes on. Whoever makes the call holds a lock that dies with its process. So a `started` without its lock was
left by somebody who was killed between the call and its result: the call may have been made or not, and nobody here
can know. That is told, not guessed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, NamedTuple, Self, TypeVar

from deadreckon.emit._context import CURRENT
from deadreckon.emit._emitter import EMITTER
from deadreckon.emit._encode import text_of
from deadreckon.emit._failure import error_fields, status_of
from deadreckon.emit._guard import GuardError
from deadreckon.emit._kinds import decision
from deadreckon.emit._store import CorruptError, Lock, folder, read, remove, write
from deadreckon.emit._sweep import has_expired, sweep_daily

_E = TypeVar("_E", bound="IdempotencyError")
Unknown = Literal["raise", "rerun"]
_MAX_CAUSES = 100


class IdempotencyError(GuardError):
    """A call was not made, so that it is not made twice; `key` says which."""

    key = ""


class InFlightError(IdempotencyError):
    """Somebody else is making this very call, and did not finish while we waited."""


class OutcomeUnknownError(IdempotencyError):
    """An earlier call was interrupted: it may have been made or not."""


class ResultLostError(IdempotencyError):
    """The call was completed, but its result could not be kept."""


class Ledger(NamedTuple):
    """How the calls of one function are kept apart from making them twice."""

    name: str
    expires: float | None
    wait: float
    unknown: Unknown

    def entry(self, key: str) -> Entry:
        """Return the entry of a key."""
        return Entry(self, key)


class Entry:
    """One key: used as a block in which the call is made, unless `found`."""

    def __init__(self, ledger: Ledger, key: str) -> None:
        self.ledger = ledger
        self.key = text_of(key)
        self._path = _path(ledger.name, key)
        self._generation = EMITTER.generation
        self._lock = Lock(self._path)
        self.found = False
        self._completed = False
        self.result: Any = None

    def take(self) -> bool:
        """Return whether it is our turn."""
        return self._lock.take()

    def refuse_in_flight(self) -> InFlightError:
        """Return the error for a turn that did not come."""
        error = InFlightError(
            f"{self.ledger.name} with key {self.key!r} is being called by somebody else, and did not end in time",
            hint="try again later; the result of that call will then be returned",
        )
        return self._refused(error, "in flight")

    def forget(self) -> bool:
        """Allow the call again; False when nothing is known of it.

        Raises:
            InFlightError: it is being made.
        """
        with self.alone():
            known = self._path.exists()
            remove(self._path)
            return known

    def settle(self, result: Any) -> None:
        """Keep a result that was found out otherwise.

        Raises:
            InFlightError: the call is being made.
        """
        with self.alone():
            self.keep(result)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold our turn without a call.

        Raises:
            InFlightError: somebody else has it.
        """
        if not self.take():
            raise self.refuse_in_flight()
        try:
            yield
        finally:
            self._lock.release()

    def __enter__(self) -> Self:
        """Look what is known, and note that the call begins."""
        try:
            self._look()
        except BaseException:
            self._lock.release()
            raise
        return self

    def _look(self) -> None:
        ledger = self.ledger
        try:
            known = read(self._path)
        except CorruptError as error:
            # A copy is put aside for whoever wants to look; what it said is unknown, and stays so for those who retry.
            aside = self._path.with_name(f"{self._path.stem}.{time.time_ns()}.corrupt")
            aside.touch(0o600)
            aside.write_bytes(self._path.read_bytes())
            known = {**self._facts(), "state": "started", "reason": f"{error}; it was put aside as .corrupt"}
            write(self._path, known)
        if known is not None and known["state"] == "done" and not has_expired(known, ledger.expires):
            if not known.get("kept", False):
                lost = ResultLostError(
                    f"{ledger.name} with key {self.key!r} was completed, but not its result kept: {known['reason']}",
                    hint="ask the other side what came of it; `forget` allows the call again",
                )
                raise self._refused(lost, "result lost")
            self.found, self.result = True, known["result"]
            self._say("reused", f"completed {_ago(known)}")
            return
        choice, reason = "run", None
        if known is not None and known["state"] == "started":
            reason = known.get("reason") or f"an earlier call, begun {_ago(known)}, was interrupted"
            if ledger.unknown == "raise":
                unknown = OutcomeUnknownError(
                    f"{ledger.name} with key {self.key!r} may have been made or not: {reason}",
                    hint="ask the other side; then `forget` allows the call again, `settle` keeps its result. "
                    "With unknown='rerun' it is made again, for calls that the other side knows by their key",
                )
                raise self._refused(unknown, "outcome unknown")
            choice = "rerun"
        here = CURRENT.get()
        write(self._path, {**self._facts(), "state": "started", "trace_id": here.trace_id, "span_id": here.span_id})
        self._say(choice, reason)

    def keep(self, result: Any) -> None:
        """Put the result on disk. What cannot be kept is known to be done all the same, where the disk allows it."""
        import json  # orjson would turn dates and the like into text, which is not what was returned

        self._completed = True
        if self._generation != EMITTER.generation:
            return  # a forked child's: the call is its parent's
        reason = ""
        try:
            try:
                plain = json.loads(json.dumps(result, allow_nan=False))
                write(self._path, {**self._facts(), "state": "done", "kept": True, "result": plain})
            except (TypeError, ValueError, RecursionError) as error:
                reason = f"JSON cannot hold it: {text_of(error)}"
                write(self._path, {**self._facts(), "state": "done", "kept": False, "reason": reason})
        except OSError as error:  # the file still says started, so the call is not made again
            reason = f"{self._path}: {error.strerror}"
        if reason:
            self._say("not kept", reason)
        elif self.ledger.expires is not None:
            sweep_daily(self._path.parent, self.ledger.name, self.ledger.expires)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Note how the call failed, and give up the turn."""
        if self._generation != EMITTER.generation:
            return
        try:
            if error is not None and not self.found and not self._completed:
                self._failed(error)
        finally:
            self._lock.release()

    def _failed(self, error: BaseException) -> None:
        uncertain = _leaves_open(error)
        reason = f"it ended with {type(error).__name__}"
        try:
            if uncertain:  # nobody knows whether it arrived
                write(self._path, {**self._facts(), "state": "started", "reason": reason})
            else:
                remove(self._path)
        except OSError as trouble:
            reason = f"{reason}; {self._path}: {trouble.strerror}"
        self._say("unknown" if uncertain else "failed", reason, **error_fields(error))

    def _facts(self) -> dict[str, Any]:
        return {"name": self.ledger.name, "key": self.key, "at": time.time()}

    def _refused(self, error: _E, reason: str) -> _E:
        error.key = self.key
        self._say("refused", reason)
        return error

    def _say(self, choice: str, reason: str | None, **fields: Any) -> None:
        decision(self.ledger.name, choice, reason=reason, guard="idempotent", **{"idempotency_key": self.key, **fields})


def _path(name: str, key: str) -> Path:
    import hashlib

    text = f"{name}\0{key}".encode("utf-8", "surrogatepass")
    return folder("calls") / f"{hashlib.sha256(text).hexdigest()}.json"


def _leaves_open(error: BaseException | None) -> bool:
    """Tell whether a call that ended so may have arrived: it was interrupted, or nobody answered in time.

    So may one that ended in an error made from such a one, or in a group with one.
    """
    if isinstance(error, BaseExceptionGroup):
        return any(_leaves_open(one) for one in error.exceptions)
    for _ in range(_MAX_CAUSES):
        if error is None:
            return False
        if not isinstance(error, Exception) or status_of(error) in ("timeout", "cancelled"):
            return True
        error = error.__cause__
    return True


def _ago(known: dict[str, Any]) -> str:
    seconds = time.time() - known.get("at", 0)
    return f"{seconds:,.0f} s ago" if seconds >= 0 else "at a time that is still to come: the clock was set back"
