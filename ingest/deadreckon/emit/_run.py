"""Runs: a training, evaluation or agent run from start to end, with everything needed to repeat it."""

from __future__ import annotations

import contextvars
from collections.abc import Iterable, Mapping
from datetime import date
from types import TracebackType
from typing import Any, Self

from deadreckon.emit import _kinds
from deadreckon.emit._binding import _bound_to
from deadreckon.emit._context import CURRENT, Context, restore
from deadreckon.emit._emitter import EMITTER
from deadreckon.emit._encode import text_of
from deadreckon.emit._failure import error_fields, status_of
from deadreckon.emit._pins import git_commit, pins
from deadreckon.emit._record import Label

_RUN = Label("run", "info")
_FAILED = Label("run", "error")


class Run:
    """A run in progress; `emit.run(...)` makes one. Its `id` is bound as `run_id` inside the block."""

    __slots__ = ("_began", "_context", "_fields", "_previous", "_summary", "_token", "id", "name")

    def __init__(self, name: str, run_id: str, fields: dict[str, Any]) -> None:
        self.name = name
        self.id = run_id
        self._fields = fields
        self._summary: dict[str, Any] = {}
        self._token: contextvars.Token[Context] | None = None

    def start(self) -> Self:
        """Write `run.start` and bind the run's id."""
        previous = self._previous = CURRENT.get()
        bound = {"run_id": self.id}
        parent = self._fields.pop("parent_run_id", None) or previous.bindings.fields.get("run_id")
        if parent and parent != self.id:
            bound["parent_run_id"] = parent
        self._context = _bound_to(previous, bound)
        self._token = CURRENT.set(self._context)
        self._began = EMITTER.timer()
        self._send(_RUN, "run.start", {**self._fields, "status": "running"})
        return self

    def set(self, /, **fields: Any) -> Self:
        """Add fields to `run.end`, such as final figures or `versions` known only then."""
        self._summary.update(fields)
        return self

    def metric(self, /, name: str, value: float | None, *, step: int | None = None, **fields: Any) -> None:
        """Write one measurement; see `emit.metric`."""
        _kinds.metric(name, value, step=step, **{"run_id": self.id, **fields})

    def artifact(self, /, name: str, uri: Any, **fields: Any) -> None:
        """Write that the run produced a file or object; see `emit.artifact`."""
        _kinds.artifact(name, uri, **{"run_id": self.id, **fields})

    def fold(
        self,
        /,
        fold: str | int,
        *,
        train_start: date | str,
        train_end: date | str,
        test_start: date | str,
        test_end: date | str,
        gap_days: float | None = None,
        **fields: Any,
    ) -> None:
        """Write one fold of a walk-forward validation, as event `run.fold`.

        Args:
            fold: its name.
            train_start: first day of training data.
            train_end: last day of training data.
            test_start: first day of test data.
            test_end: last day of test data.
            gap_days: days left out between training and test; computed from dates when absent.
            fields: more fields of your own.
        """
        if gap_days is None and isinstance(train_end, date) and isinstance(test_start, date):
            try:
                gap_days = (test_start - train_end).total_seconds() / 86_400
            except TypeError:  # a date beside a datetime, or one with and one without a time zone
                gap_days = None
        span = {"train_start": train_start, "train_end": train_end, "test_start": test_start, "test_end": test_end}
        self._send(_RUN, "run.fold", {"fold": text_of(fold), **span, "gap_days": gap_days, "run_id": self.id, **fields})

    def end(self, error: BaseException | None = None) -> None:
        """Write `run.end`; a second call does nothing."""
        token, self._token = self._token, None
        if token is None:
            return
        status = status_of(error)
        ended = {"status": status, "duration_ms": max(EMITTER.timer() - self._began, 0) // 1000 / 1000}
        if error is not None and status != "ok":
            ended |= error_fields(error)
        current = CURRENT.get()
        context = current if current.bindings.fields.get("run_id") == self.id else self._context
        label = _RUN if status == "ok" else _FAILED
        self._send(label, "run.end", {"name": self.name, **ended, **self._summary}, context)
        restore(token, self._previous)

    def _send(self, label: Label, event: str, fields: dict[str, Any], context: Context | None = None) -> None:
        if EMITTER.threshold <= 50:
            kept = {key: value for key, value in fields.items() if value is not None}
            EMITTER.send(label, event, kept, context=context)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end(error)

    async def __aenter__(self) -> Self:
        return self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end(error)


def run(
    name: str = "run",
    /,
    *,
    run_id: str | None = None,
    params: Mapping[str, Any] | None = None,
    versions: Mapping[str, Any] | None = None,
    seeds: Mapping[str, int] | Iterable[int] | int | None = None,
    environment_pins: Mapping[str, Any] | None = None,
    **fields: Any,
) -> Run:
    """Return a run to use as a block, sync or async; a run inside a run has it as parent.

    Args:
        name: what is run, such as train.
        run_id: its id; a UUIDv7 when absent. Give the same one to resume.
        params: hyperparameters by name.
        versions: of dataset, features, labels, hyperparameters, architecture, metrics and inference.
        seeds: of the random generators.
        environment_pins: more to pin, beside the library versions, hardware and driver that are found.
        fields: model, model_version, parent_run_id, or fields of your own.
    """
    given = {
        "name": name,
        "params": params,
        "versions": versions,
        "git_commit": fields.pop("git_commit", None) or git_commit(),
        "pins": pins(seeds, environment_pins),
        **fields,
    }
    return Run(name, run_id or EMITTER.new_id(), given)
