"""A replay: which recorded call answers which call that is made now, and what becomes of one that none answers."""

from __future__ import annotations

import dataclasses
import threading
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from deadreckon import emit
from deadreckon.core.errors import UsageError
from deadreckon.emit._emitter import EMITTER
from deadreckon.emit._encode import json_text
from deadreckon.emit._stand_in import Answer
from deadreckon.replay import rebuild
from deadreckon.replay.answering import answer_of
from deadreckon.replay.matching import matching, other_models
from deadreckon.replay.nearest import explain
from deadreckon.replay.recording import Call, Kind, Recording, as_json, kind_of

Missing = Literal["error", "live", "skip"]
How = Literal["recorded", "live", "skipped", "refused"]


class NotAnsweredError(BaseException):
    """A call has no recorded answer. No `Exception`, so that no fallback of the program hides it.

    `hint` is the next step.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Made:
    """A call that the new code made.

    Attributes:
        how: answered from the recording, made for real, skipped, or refused.
        span_id: its span in the new trace.
        replay_of_span_id: the recorded call with the same arguments, None where there is none.
        recorded_ms: how long that one took; None where that is not known, or was waited for again.
    """

    name: str
    kind: Kind
    how: How
    span_id: str
    replay_of_span_id: str | None = None
    recorded_ms: float | None = None


class Replay:
    """A recording against which code runs; `replaying` gives one.

    Attributes:
        id: of this replay: `replay_id` of all its events.
        trace_id: the trace of the new run.
        calls: what the new code called so far.
        refused: the first call that was not answered.
    """

    def __init__(
        self,
        recording: Recording,
        *,
        live: Collection[str] = (),
        missing: Missing = "error",
        answer: Collection[str] = (),
        masked: bool = False,
        trace_id: str | None = None,
    ) -> None:
        check(live, missing)
        self.recording = recording
        self.id = emit.new_id()
        self.trace_id = trace_id or EMITTER.ids.trace_id()
        self.calls: list[Made] = []
        self.refused: NotAnsweredError | None = None
        self._live = frozenset(live)
        self._missing = missing
        self._answer = frozenset(answer)
        self._masked = masked
        self._calls: dict[tuple[Kind, str], list[Call]] = {}
        self._alike: dict[tuple[Kind, str, bytes], deque[Call]] = {}
        for call in recording.calls:
            self._calls.setdefault((call.kind, call.name), []).append(call)
            if call.plain is not None:
                self._alike.setdefault((call.kind, call.name, call.plain), deque()).append(call)
        self._used: set[str] = set()
        self._rooted = False
        self._lock = threading.Lock()

    def unused(self) -> list[Call]:
        """The recorded calls of tools and models that the new code did not make."""
        return [c for c in self.recording.calls if c.span_id not in self._used and self._kind(c) is not None]

    def answer(self, function: Callable[..., Any], named: Mapping[str, Any], *, streams: bool) -> Answer | None:
        """What the call of a traced function, whose span is current, gets; None lets it be made.

        Raises:
            NotAnsweredError: nothing was recorded for it.
        """
        span = emit.current_span()
        if span is None:
            return None
        fields = span._fields  # a span has no other way to say what it was given
        kind = self._kind_of(fields.get("operation"), fields.get("tool"), span.name)
        if kind is None:
            return None
        name = str(fields.get("tool") or span.name)
        if self._is_root(span, kind, name):
            return None
        text = json_text(EMITTER.settings.content.masked(dict(named)))
        with self._lock:
            call = self._first(kind, name, text, fields, function)
            if call is not None:
                self._used.add(call.span_id)
        link = {"replay_of_span_id": call.span_id, "recorded_ms": call.duration_ms} if call else {}
        span.set(**{key: value for key, value in link.items() if value is not None})
        if self._is_live(kind, name):
            self._note(name, kind, "live", call)
            return None
        if call is None:
            return self._without(name, kind, text, fields)
        try:
            answer = answer_of(call, function, streams=streams, masked=self._masked)
        except rebuild.UnclearError as error:
            raise self._refuse(
                name,
                kind,
                f"{name} cannot be answered: {error}",
                f"make the call for real: --live {_as_live(kind, name)}",
                call,
            ) from error
        span.set(**{key: value for key, value in call.measures.items() if key not in fields})
        self._note(name, kind, "recorded", call, waited=answer.waits_s is not None)
        self._use_inside(call)
        if call.status == "cancelled":
            answer = dataclasses.replace(answer, beyond=lambda: self._stop(*_beyond(call, answer)))
        return answer

    def block(self, name: str, fields: Mapping[str, Any]) -> None:
        """Take notice of a span that is a block of code: what it does cannot be answered.

        Raises:
            NotAnsweredError: it is one of a tool or model, and nothing lets it be made for real.
        """
        kind = kind_of(fields.get("operation"), fields.get("tool"))
        called = str(fields.get("tool") or name)
        if kind is None or self._missing == "live" or self._is_live(kind, called):
            return
        raise self._refuse(
            called,
            kind,
            f"{called} is a block, `with emit.span(...)`, whose code cannot be answered from a recording",
            f"make it a function with @emit.trace, or let it be made for real: --live {_as_live(kind, called)}",
            None,
        )

    def _first(
        self, kind: Kind, name: str, text: str, fields: Mapping[str, Any], function: Callable[..., Any]
    ) -> Call | None:
        """The recorded call that answers: one of the same arguments is found at once, whatever their number."""
        alike = self._alike.get((kind, name, as_json(orjson.loads(text))), deque())
        while alike and alike[0].span_id in self._used:
            alike.popleft()
        for call in alike:
            if call.span_id not in self._used and not other_models(call, fields):
                return call
        free = [c for c in self._calls.get((kind, name), ()) if c.span_id not in self._used]
        return matching(free, text, fields, function)

    def _kind_of(self, operation: str | None, tool: str | None, step: str) -> Kind | None:
        return kind_of(operation, tool) or ("step" if step in self._answer else None)

    def _kind(self, call: Call) -> Kind | None:
        return call.kind if call.kind != "step" or call.step in self._answer else None

    def _use_inside(self, call: Call) -> None:
        """What a call did is part of its answer, and answers nothing else."""
        waiting = [call.span_id]
        with self._lock:
            while waiting:
                inside = self.recording.inside.get(waiting.pop(), ())
                waiting += [one for one in inside if one not in self._used]
                self._used.update(inside)

    def _is_root(self, span: emit.Span, kind: Kind, name: str) -> bool:
        """Whether this is the call that is replayed, where that is one of a tool or model itself."""
        if span.trace_id != self.trace_id or span.parent_span_id is not None:
            return False
        with self._lock:
            first, self._rooted = not self._rooted, True
        return first and (kind, name) == (self.recording.root.kind, self.recording.root.name)

    def _is_live(self, kind: Kind, name: str) -> bool:
        return bool(self._live & {"all", kind, f"{kind}:{name}"})

    def _without(self, name: str, kind: Kind, text: str, fields: Mapping[str, Any]) -> Answer | None:
        if self._missing == "live":
            self._note(name, kind, "live", None)
            return None
        if self._missing == "skip":
            self._note(name, kind, "skipped", None)
            return Answer()
        calls = self._calls.get((kind, name), [])
        names = sorted({c.name for c in self.recording.calls if self._kind(c) is not None})
        raise self._refuse(
            name,
            kind,
            explain(name, text, calls, self._used, names, fields),
            f"--missing live or --live {_as_live(kind, name)} makes the call for real; --missing skip returns None",
            None,
        )

    def _refuse(self, name: str, kind: Kind, message: str, hint: str, call: Call | None) -> NotAnsweredError:
        self._note(name, kind, "refused", call)
        return self._stop(message, hint)

    def _stop(self, message: str, hint: str) -> NotAnsweredError:
        error = NotAnsweredError(message, hint=hint)
        with self._lock:
            self.refused = self.refused or error
        return error

    def _note(self, name: str, kind: Kind, how: How, call: Call | None, *, waited: bool = False) -> None:
        span = emit.current_span()
        if span is not None:
            span.set(answered=how)
        made = Made(
            *(name, kind, how, span.span_id if span else ""),
            *((call.span_id, None if waited else call.duration_ms) if call else (None, None)),
        )
        with self._lock:
            self.calls.append(made)


def check(live: Collection[str], missing: str) -> None:
    """Refuse what is no policy.

    Raises:
        UsageError: it is none.
    """
    for one in live:
        kind, colon, name = one.partition(":")
        if kind not in ("all", "llm", "tool", "step") or (colon and (not name or kind == "all")):
            raise UsageError(f"live is {one!r}", hint="use llm, tool, tool:NAME, llm:NAME or all")
    if missing not in ("error", "live", "skip"):
        raise UsageError(f"missing is {missing!r}", hint="use error, live or skip")


def _beyond(call: Call, answer: Answer) -> tuple[str, str]:
    """What to say of a call that goes on where the recorded one ended, and what to do."""
    hint = f"make the call for real: --live {_as_live(call.kind, call.name)}"
    if answer.waits_s is None:
        return f"{call.name} is read on, where its recorded stream was left: no more of it was recorded", hint
    return f"{call.name} was cancelled then, and is not now: it has no result", hint


def _as_live(kind: Kind, name: str) -> str:
    return f"{kind}:{name}"
