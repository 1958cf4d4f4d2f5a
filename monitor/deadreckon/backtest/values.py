"""What a rule measures, ahead of the runs that ask for it: one query answers the windows of many runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from deadreckon.backtest.seen import Seen
from deadreckon.core.errors import QueryError
from deadreckon.core.lake import EVENTS_TABLE, Lake, Snapshot, TableSpec
from deadreckon.monitor.measure import Asker, Meter, Readings
from deadreckon.monitor.remember import Remembering
from deadreckon.monitor.rules import Rule
from deadreckon.monitor.run import chunk, remembered
from deadreckon.monitor.schedule import Due
from deadreckon.monitor.stream import Stream
from deadreckon.monitor.windows import Answered

Measured = tuple[int, Readings | QueryError, bool]
_KEPT: Final = 400
"""Answers that are kept for the other levels of a rule."""
_AT_ONCE: Final = 1000
"""Windows that one query measures; where they are too many for an answer, they are halved."""


class Pinned(Lake):
    """A lake as it is when it is first looked at: all is asked of one snapshot, which is read once.

    `folder`: a place of its own for what is kept beside the tables; the lake's own unless said.
    """

    def __init__(self, lake: Lake, folder: Path | None = None) -> None:
        super().__init__(folder or lake.root)
        self._lake = lake
        self._snapshots: dict[str, Snapshot] = {}

    def table_path(self, spec: TableSpec = EVENTS_TABLE) -> Path:
        """The folder of a table: where it really is."""
        return self._lake.table_path(spec)

    def snapshot(self, spec: TableSpec = EVENTS_TABLE) -> Snapshot:
        """The live files of the version that was the newest one."""
        if spec.name not in self._snapshots:
            self._snapshots[spec.name] = super().snapshot(spec)
        return self._snapshots[spec.name]


class Counting:
    """An asker that counts what it was asked, and asks once for all levels of one rule."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker
        self.seen = asker if isinstance(asker, Seen) else None
        self._answers: dict[str, Answered] = {}
        self._about = ""
        self.queries = 0
        self.rows = 0

    def begin(self, rule: Rule) -> None:
        """What comes is asked for this rule."""
        if rule.part_of != self._about:
            self._answers.clear()
        self._about = rule.part_of
        self.queries = self.rows = 0

    def query(self, sql: str, params: Mapping[str, Any] | None = None, *, max_rows: int | None = None) -> Answered:
        """The answer; see `Asker`."""
        moment = self.seen.moment if self.seen else None
        key = repr((sql, sorted((params or {}).items()), max_rows, moment))
        if key not in self._answers:
            answer = self._asker.query(sql, params, max_rows=max_rows)
            self.queries += 1
            self.rows += len(answer.rows)
            if len(self._answers) >= _KEPT:
                del self._answers[next(iter(self._answers))]
            self._answers[key] = answer
        return self._answers[key]


class Ahead:
    """The windows of a rule without memory: measured by the chunk, up to the step `last`."""

    def __init__(self, meter: Meter, rule: Rule, last: int) -> None:
        self._meter = meter
        self._rule = rule
        self._last = last
        self._held: dict[int, Measured] = {}

    def of(self, steps: Due, _streams: Mapping[str, Stream], _moment: int) -> Iterator[Measured]:
        """The windows of one run."""
        for step in range(steps.first, steps.last + 1):
            if step not in self._held:
                end = min(step + _AT_ONCE - 1, max(self._last, steps.last))
                self._held = {found[0]: found for found in chunk(self._meter, self._rule, step, end)}
            yield self._held[step]


class AsSeen:
    """The windows of a rule without memory, each run's by themselves, of what had been ingested by then."""

    def __init__(self, asker: Asker, seen: Seen, rule: Rule) -> None:
        self._asker = asker
        self._seen = seen
        self._rule = rule

    def of(self, steps: Due, _streams: Mapping[str, Stream], moment: int) -> Iterator[Measured]:
        """The windows of one run at a moment (epoch seconds)."""
        self._seen.at(moment)
        return chunk(Meter(self._asker), self._rule, steps.first, steps.last)


class Along:
    """The windows of a rule that remembers: one after the other, without a start for each run."""

    def __init__(self, lake: Lake, rule: Remembering, last: int) -> None:
        self._lake = lake
        self._rule = rule
        self._last = last
        self._next = -1
        self._going: Iterator[Measured] = iter(())
        self._known: set[str] = set()

    def of(self, steps: Due, streams: Mapping[str, Stream], _moment: int) -> Iterator[Measured]:
        """The windows of one run, given the streams before it."""
        known = {key for key, stream in streams.items() if stream.memory}
        # A run knows no more than what is kept: what was forgotten since must be forgotten here too.
        if self._next != steps.first or not self._known <= known:
            ahead = Due(steps.first, max(self._last, steps.last))
            self._going = remembered(self._lake, self._rule, streams, ahead)
            self._known = set()
        for step in range(steps.first, steps.last + 1):
            found = next(self._going, None)
            assert found is not None  # noqa: S101  # it gives every step, or an error, after which nobody goes on
            self._next = step + 1
            if isinstance(found[1], QueryError):
                self._next = -1
                yield step, found[1], found[2]
                return
            self._known |= {key for key, reading in found[1].items() if reading.memory}
            yield found
