"""How far a sink got beyond what the lake says: what it was told, what it is owed, and how often the rest was tried.

One small file per sink in the lake's folder, replaced after every message, so that a crash repeats one message at most.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from deadreckon.core.durable import fsync_directory, write_atomically
from deadreckon.core.errors import DeliveryError
from deadreckon.core.lake import Lake
from deadreckon.delivery.lines import append_line
from deadreckon.delivery.message import Message
from deadreckon.monitor.alert import Alert

FOLDER: Final = "_delivery"
DEAD: Final = "dead_letters.jsonl"


@dataclass(slots=True)
class Heard:
    """What a sink knows of an alert that is not well, as far as it was told."""

    state: str
    at: float
    """When it was told last (epoch seconds)."""


@dataclass(slots=True)
class Flight:
    """A message that was made and is not delivered yet: tried again as it is, so that its key and body stay."""

    key: str
    subject: str
    text: str
    payload: dict[str, Any]
    at: float
    """When it was made (epoch seconds)."""
    run: int
    ids: list[str]
    """Event ids of the transitions that it tells."""
    states: dict[str, str]
    """What the sink knows once it has it: streams and their states."""
    group: str = ""

    @property
    def message(self) -> Message:
        """What is sent."""
        return Message(self.key, self.subject, self.text, self.payload)


@dataclass(slots=True)
class Ledger:
    """What one sink has settled, message by message. Whoever changes it holds the sink's lock."""

    path: Path
    done: dict[str, int] = field(default_factory=dict)
    """Event ids of transitions that were told, given up or withheld, with their run."""
    tries: dict[str, int] = field(default_factory=dict)
    """Keys of messages that failed so far, with the number of tries."""
    heard: dict[str, Heard] = field(default_factory=dict)
    """Streams that the sink knows not to be well."""
    owed: list[str] = field(default_factory=list)
    """Streams of which something was withheld while they were muted."""
    flights: dict[str, Flight] = field(default_factory=dict)
    """Messages that cannot be made again as they are, by their keys."""
    groups: dict[str, float] = field(default_factory=dict)
    """When each group was told of last (epoch seconds)."""

    @classmethod
    def open(cls, lake: Lake, sink: str) -> Ledger:
        """The ledger of a sink.

        Raises:
            DeliveryError: its file is there but cannot be read.
        """
        path = lake.root / FOLDER / f"{sink}.json"
        try:
            found = json.loads(path.read_bytes())
            return cls(
                path,
                dict(found["done"]),
                dict(found["tries"]),
                {stream: Heard(**heard) for stream, heard in found.get("heard", {}).items()},
                list(found.get("owed", [])),
                {key: Flight(**flight) for key, flight in found.get("flights", {}).items()},
                dict(found.get("groups", {})),
            )
        except FileNotFoundError:
            return cls(path)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DeliveryError(
                f"{path} cannot be read: {error}",
                hint="reckon doctor --repair puts it aside; messages of the last batch may then be told once more",
            ) from error

    @property
    def idle(self) -> bool:
        """Whether nothing can come of it without a new transition."""
        return not (self.heard or self.owed or self.flights)

    def settle(self, flight: Flight, *, told_at: float | None) -> None:
        """Note that a message was told, or (None) given up."""
        self.done |= dict.fromkeys(flight.ids, flight.run)
        self.tries.pop(flight.key, None)
        self.flights.pop(flight.key, None)
        if told_at is not None and flight.group:
            self.groups[flight.group] = told_at
        self.owed = [stream for stream in self.owed if stream not in flight.states]
        for stream, state in flight.states.items():
            if state in WELL:
                self.heard.pop(stream, None)
            else:
                # Given up counts as heard for the time being: it is told again when its time comes.
                self.heard[stream] = Heard(state, flight.at if told_at is None else told_at)
        self._save()

    def withhold(self, stream: str, alert: Alert) -> None:
        """Note that a transition is not told, so that how things stand then is told later."""
        self.done[alert.event_id] = alert.run
        if stream not in self.owed:
            self.owed.append(stream)
        self._save()

    def paid(self, streams: Collection[str]) -> None:
        """Note that nothing is owed of these streams any more."""
        if streams:
            self.owed = [s for s in self.owed if s not in streams]
            self._save()

    def drop(self, streams: Collection[str]) -> None:
        """Forget what was heard of streams that are well, or gone."""
        if streams:
            self.heard = {s: h for s, h in self.heard.items() if s not in streams}
            self._save()

    def close(self, groups: Collection[str]) -> None:
        """Forget groups whose time is over."""
        if groups:
            self.groups = {g: at for g, at in self.groups.items() if g not in groups}
            self._save()

    def board(self, flights: Iterable[Flight]) -> None:
        """Keep messages that could not be made again as they are, before they are tried."""
        new = {flight.key: flight for flight in flights if flight.key not in self.flights}
        if new:
            self.flights |= new
            self._save()

    def tried(self, key: str, times: int) -> int:
        """Note tries that failed; how many there were by now."""
        self.tries[key] = self.tries.get(key, 0) + times
        self._save()
        return self.tries[key]

    def forget(self, up_to: int, left: Collection[str]) -> None:
        """Drop what the lake itself knows by now, transitions of runs up to this one, and tries of what is not left."""
        kept = {key: run for key, run in self.done.items() if run > up_to}
        tries = {key: count for key, count in self.tries.items() if key in left}
        if (kept, tries) != (self.done, self.tries):
            self.done, self.tries = kept, tries
            self._save()

    def bury(self, sink: str, flight: Flight, *, at: str, reason: str) -> None:
        """Keep a message that is given up as a dead letter, then count it as settled.

        A crash in between buries it twice, under the same key.
        """
        letter: Mapping[str, Any] = {
            "sink": sink,
            "event_id": flight.key,
            "at": at,
            "tries": self.tries.get(flight.key, 0),
            "reason": reason,
            "message": flight.payload,
        }
        append_line(self.path.with_name(DEAD), orjson.dumps(letter))
        self.settle(flight, told_at=None)

    def _save(self) -> None:
        if not self.path.parent.is_dir():
            self.path.parent.mkdir(exist_ok=True)
            fsync_directory(self.path.parent.parent)
        held = {name: value for name, value in asdict(self).items() if name != "path"}
        write_atomically(self.path, orjson.dumps(held))


WELL: Final = frozenset({"ok", "resolved", "pending"})
"""States of which nothing has to be taken back."""
