"""What a lost data file takes with it: how many events of which inputs, and whether those can be read again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from deadreckon.core import schema
from deadreckon.core.doctor.history import Range
from deadreckon.core.doctor.inputs import Input, State, inputs
from deadreckon.core.doctor.losses import missing_events
from deadreckon.core.doctor.rewind import Rewind
from deadreckon.core.lake import Lake
from deadreckon.core.maintenance.tables import LiveFile

NAMED: Final = 5
"""Inputs that a finding names one by one, at most."""


@dataclass(frozen=True, slots=True)
class Toll:
    """The price of taking a data file of the events table out of it."""

    file: LiveFile
    ranges: Sequence[Range] | None
    """None when the log no longer says what it held."""
    inputs: Mapping[str, Input]
    events: Mapping[Range, int]
    """Events of these bytes that are in no other file, by the ledger's count; none for a file of the ledger."""
    others: int
    """Events in other files that leave the table too, because their inputs are set back to before them."""

    @classmethod
    def of(cls, lake: Lake, file: LiveFile, ranges: Sequence[Range] | None, plan: Rewind) -> Toll:
        """Count, before anything is changed."""
        held = {} if _ledger(file) else missing_events(lake, ranges or (), file)
        return cls(file, ranges, inputs(lake) if ranges else {}, held, plan.behind(lake, file))

    def count(self, *states: State) -> int:
        """Events of the file whose inputs are in one of these states."""
        return sum(count for found, count in self.events.items() if self._state(found) in states)

    @property
    def again(self) -> int:
        """Events of the file that its inputs still hold."""
        return self.count(State.there)

    def risk(self) -> str:
        """What the file held, input by input, and what became of those."""
        what = "rows of the ledger" if _ledger(self.file) else "rows"
        if self.ranges is None:
            return f"its {self.file.rows} {what} are lost, and the log no longer says where they came from"
        if not self.ranges:
            return f"its {self.file.rows} {what} are lost"
        told = list(self._told())
        more = f"; and more from {len(self.ranges) - NAMED} others" if len(self.ranges) > NAMED else ""
        return f"it held {self.file.rows} {what}: {'; '.join(told)}{more}"

    def _told(self) -> Iterator[str]:
        for found in self.ranges[:NAMED] if self.ranges else ():
            known = self.inputs.get(found.source_id)
            name = known.path if known and known.path else found.source_id
            count = "" if _ledger(self.file) else f"{self.events.get(found, 0)} events from "
            yield f"{count}bytes {found.start} to {found.end} of {name}, {self._state(found)}"

    def _state(self, found: Range) -> State:
        known = self.inputs.get(found.source_id)
        return known.state if known else State.unknown

    def remedy(self, plan: Rewind) -> str:
        """What the repair takes out of the table, for how long, and what never comes back."""
        if plan.waiting:
            return plan.wait
        parts = ["it leaves the table"]
        if plan.readable:
            gone = f"{self.again} of its events" if self.events else "its rows"
            parts.append(
                f"{gone}, and {self.others} events of other files that were read after them, are missing until the "
                f"next `reckon ingest` has read again, from before the loss: {', '.join(plan.readable)}"
            )
        if plan.lost or not plan.known:
            certain = plan.known and all(self._state(found).hopeless for found in plan.lost)
            rest = "the rest is lost for good" if certain else "the rest cannot be read again by itself"
            told = self._lost() if self.events else rest
            parts.append(f"{told}, which goes on record in the quarantine, code lost")
            if plan.known and any(self._state(found).hopeless for found in plan.lost):
                parts.append("what is put back under its name before the repair (rotated, saved elsewhere) is not lost")
        return "; ".join(parts)

    def _lost(self, what: str = " events") -> str:
        """What does not come again by itself, told apart by how certain it is that nothing else has it."""
        pipes, unknown = self.count(State.pipe), self.count(State.unknown)
        gone = sum(self.events.values()) - self.again - pipes - unknown
        told = [f"{gone}{what} are lost for good"] if gone or not (pipes or unknown) else []
        told += [f"{pipes}{what} came through pipes: only their writers can bring them again"] if pipes else []
        told += [f"{unknown}{what} came from files that nothing names any more"] if unknown else []
        return ", ".join(told)

    def said(self) -> str:
        """What was lost by the repair, for its report."""
        if not self.events:
            return ""
        return f"; of its own events {self.again} can be read again, {self._lost('')}"


def _ledger(file: LiveFile) -> bool:
    return dict(file.partition).get("part") == schema.PART_LEDGER
