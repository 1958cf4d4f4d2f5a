"""From a call to a line: stamp, context, fields and encoding come together here, and go to the spool.

Most events take the short way: what is bound was encoded before, so only the event's own fields are, and the pieces are
joined. Anything unusual (a key that is bound already, a user id, content, an exception, a value that orjson refuses, a
processor of the user's) takes the long way, which builds the whole event as a dictionary. Both give the same event.
"""

from __future__ import annotations

import atexit
import dataclasses
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from orjson import dumps

from deadreckon.emit._buffer import BufferedSpool
from deadreckon.emit._content import Capture
from deadreckon.emit._context import CURRENT, UNBOUND, Bindings, Context, Flow, Source
from deadreckon.emit._encode import COERCED, LONG, OPTIONS, Tally, encode, json_text, shortened, text_of
from deadreckon.emit._head import Head
from deadreckon.emit._ids import Ids, RandomIds
from deadreckon.emit._record import TREATED, Label, Recorder
from deadreckon.emit._sampling import Sampler
from deadreckon.emit._settings import LEVELS, Settings, read_settings
from deadreckon.emit._spool import Spool
from deadreckon.emit._stamp import Stamper

_MAX_NAMES = 1024
_NOTICE = Label("log", "warning")


class Emitter:
    """One process's way from events to its spool."""

    def __init__(self) -> None:
        self.threshold = 10
        self.clock: Callable[[], int] = time.time_ns
        self.timer: Callable[[], int] = time.perf_counter_ns
        self._stamper = Stamper()
        self.stamp = self._stamper.now
        """Returns ns since 1970 that are now in the form that `send` takes as `at`."""
        self._random = RandomIds()
        self.ids: Ids | RandomIds = self._random
        self._settings: Settings | None = None
        self._recorder: Recorder | None = None
        self._epoch = object()
        self._names: dict[str, str] = {}
        self._spool: Spool | None = None
        self._unwritten = Tally()
        self.unsampled = Tally()
        # None where every trace is kept. Until the settings are read, nobody knows.
        self.sampler: Sampler | None = Sampler(1.0, (), keep_errors=True)
        self.keeps_errors = True
        self.generation = 0  # forks between the first process and this one
        self._lock = threading.RLock()
        self._append: Callable[[bytes], None] = self._first
        # At import, so that what other exit handlers emit comes before it.
        atexit.register(self.close)
        os.register_at_fork(
            before=self._before_fork, after_in_parent=self._after_in_parent, after_in_child=self._after_in_child
        )

    # -- configuration

    @property
    def settings(self) -> Settings:
        """The settings in force; read from the environment when nothing was configured."""
        settings = self._settings
        if settings is None:
            settings = read_settings({})
            self.configure(settings)
        return settings

    @property
    def recorder(self) -> Recorder:
        """Builds events under the settings in force."""
        recorder = self._recorder
        if recorder is None:
            recorder = self._recorder = Recorder(self.settings, self._stamper)
        return recorder

    def configure(self, settings: Settings) -> None:
        """Put new settings in force; the spool of the old ones is sealed if it differs."""
        old, self._settings = self._settings, settings
        with self._lock:
            if old is not None and old.spool != settings.spool:
                self.close()
                self._spool, self._append = None, self._first
        self.threshold = settings.threshold
        self.clock = settings.clock or time.time_ns
        self.timer = settings.clock or time.perf_counter_ns
        self.ids = settings.ids or self._random
        self.sampler = None if settings.sampler.idle else settings.sampler
        self.keeps_errors = settings.sampler.keep_errors
        self._recorder = None
        self._epoch = object()

    def sampled(self, name: str, fields: Mapping[str, Any], trace_id: str) -> Flow | None:
        """Return the decision on a trace that begins with this span; None where every trace is kept."""
        _ = self.settings  # the first span reads them
        return self.sampler.decide(name, fields, trace_id) if self.sampler else None

    def bindable(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Return fields in the form in which they are bound: without None, with content and user id reduced."""
        kept = {key: value for key, value in fields.items() if value is not None}
        if not kept.keys().isdisjoint(TREATED):
            self.settings.content.apply(kept)
        return kept

    def bound_fields(self) -> dict[str, Any]:
        """Return what every event carries here and now."""
        here = CURRENT.get()
        return {**self.settings.static, **here.bindings.fields, **here.ids()}

    def iso(self, ns: int) -> str:
        """Return ns since 1970 in the form that `send` takes as `at`."""
        return self._stamper.iso(ns)

    def new_id(self) -> str:
        """Return a new UUIDv7."""
        return self.recorder.event_id(self.clock())

    # -- emitting

    def send(
        self,
        label: Label,
        event: Any,
        fields: dict[str, Any],
        source: Source = UNBOUND,
        at: str = "",
        context: Context | None = None,
        capture: Capture | None = None,
    ) -> None:
        """Write one event; never raises. By position it is called faster.

        Args:
            label: kind and level.
            event: what happened.
            fields: the event's own fields, over everything bound.
            source: the logger's fields.
            at: the event's time as `iso` gives it, when that is not now.
            context: the bound IDs when they are not the current ones.
            capture: what to keep of `input` and `output` when not what is configured.
        """
        try:
            if context is None:
                context = CURRENT.get()
            head = context.bindings.heads.get(source)
            if head is None or head.epoch is not self._epoch:
                if self._settings is None and not self._wanted(label):
                    return
                head = self._head(context.bindings, source)
            if head.keys.isdisjoint(fields):
                now = self.clock()
                opening = self._stamper.opening_at(now, at) if at else self._stamper.opening(now)
                name = self._names.get(event) or self._name(event)
                if fields:
                    try:
                        body = dumps(fields, None, OPTIONS)
                        if body.rfind(b"null") >= 0:  # it may stand where a NaN was
                            body = encode(fields)
                    except TypeError:
                        body = encode(fields)
                    line = f"{opening}{name}{label.text}{context.trace_text}{head.text},".encode() + body[1:]
                else:
                    line = f"{opening}{name}{label.text}{context.trace_text}{head.text}}}\n".encode()
            else:
                line = self._long(label, event, fields, source, at=at, context=context, capture=capture)
        except Exception:  # noqa: BLE001  # whatever is odd about this event, the long way has an answer
            try:
                line = self._long(label, event, fields, source, at=at, context=context, capture=capture)
            except Exception as error:  # noqa: BLE001  # logging must not break the program that logs
                self.fail(event, error)
                return
        if line:
            try:
                self._append(line if len(line) < LONG else shortened(line))
            except Exception:  # noqa: BLE001  # the spool answers for its disk; this is for what nobody thought of
                self._unwritten.add()

    def fail(self, event: Any, error: Exception) -> None:
        """Tell that an event could not be made, as when the user's clock or processor raises."""
        COERCED.add()
        now = time.time_ns()
        fields = {
            "ts": self._stamper.iso(now),
            "event_id": self._stamper.uuid7(now),
            "event": "emit.failed",
            "kind": "log",
            "level": "error",
            "name": text_of(event),
            "error_type": type(error).__name__,
            "error_message": text_of(error),
        }
        try:
            self._append(encode(fields))
        except Exception:  # noqa: BLE001  # as above
            self._unwritten.add()

    def _wanted(self, label: Label) -> bool:
        """Ask the settings, which the first event reads; later ones are compared with `threshold` before they come."""
        return self.settings.threshold <= (LEVELS[label.level] if label.kind == "log" else LEVELS["critical"])

    def _long(self, label: Label, event: Any, fields: Mapping[str, Any], source: Source, **how: Any) -> bytes:
        recorder = self.recorder
        return recorder.line(label, recorder.record(label, event, fields, source, **how))

    def _head(self, bindings: Bindings, source: Source) -> Head:
        settings = self.settings
        careful = bool(settings.processors or settings.ids or settings.structlog_context)
        head = Head(self._epoch, {**settings.static, **bindings.fields, **source.fields}, careful)
        bindings.keep(source, head)
        return head

    def _name(self, event: Any) -> str:
        text = json_text(event if isinstance(event, str) else text_of(event))
        if len(self._names) < _MAX_NAMES and len(text) < 100:
            self._names[event] = text
        return text

    def _notice(self, event: str, fields: dict[str, Any]) -> bytes:
        # Not through the user's processors: the spool asks for this while it holds its lock.
        return encode(self.recorder.record(_NOTICE, event, fields))

    # -- the process's life

    @property
    def spool(self) -> Spool | None:
        """The spool, if anything was written."""
        return self._spool

    def _first(self, block: bytes) -> None:
        """Write the first line of this process."""
        with self._lock:
            if self._spool is None:
                settings = self.settings.spool
                kind = BufferedSpool if settings.buffer_ms else Spool
                fresh = kind(settings, lambda: self._stamper.uuid7(time.time_ns()), self._notice)
                if self._spool is None:  # a signal handler may have been here meanwhile
                    self._spool = fresh
            spool = self._spool
            if self._append == self._first:
                _close_with_worker(self.close)
                self._append = spool.append
        spool.append(block)

    @property
    def dropped(self) -> int:
        """Events that could not be written."""
        return self._unwritten.count + (self._spool.dropped if self._spool else 0)

    def flush(self) -> bool:
        """Force what was written to the disk."""
        return self._spool.flush() if self._spool else True

    def close(self) -> None:
        """Seal the file."""
        if self._spool:
            self._spool.close()

    def _before_fork(self) -> None:
        if self._spool:
            self._spool.before_fork()

    def _after_in_parent(self) -> None:
        if self._spool:
            self._spool.after_fork_in_parent()

    def _after_in_child(self) -> None:
        self._stamper.restart()
        self._random.restart()
        COERCED.restart()
        self._unwritten.restart()
        self.unsampled.restart()
        self.generation += 1
        self._lock = threading.RLock()
        if self._settings:
            static = {**self._settings.static, "pid": os.getpid()}
            self._settings = dataclasses.replace(self._settings, static=static)
        self._recorder = None
        self._epoch = object()
        if self._spool:
            self._spool.after_fork_in_child()
        self._append = self._first


def _close_with_worker(close: Callable[[], None]) -> None:
    """Seal at the end of a multiprocessing worker too, which ends without running atexit."""
    process, util = sys.modules.get("multiprocessing.process"), sys.modules.get("multiprocessing.util")
    if process and util and process.parent_process():
        util.Finalize(None, close, exitpriority=0)


EMITTER = Emitter()
