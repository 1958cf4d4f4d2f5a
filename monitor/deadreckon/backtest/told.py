"""What each sink would have been told, had every message been delivered at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from deadreckon.backtest.replay import Backtest
from deadreckon.core.sinks import SinkBase
from deadreckon.delivery.agenda import Scene, agenda, wanted
from deadreckon.delivery.ledger import Ledger
from deadreckon.monitor.alert import Alert
from deadreckon.monitor.deeds import EXPIRE, SILENCE, Book
from deadreckon.monitor.inhibit import Policy
from deadreckon.monitor.standing import Key, Standing, key_of, standings


@dataclass(slots=True)
class Told:
    """What one sink would have been told. A message about several rules counts once, and for each of them."""

    sink: str
    messages: int = 0
    repeats: int = 0
    """Messages that only say that something goes on."""
    withheld: int = 0
    """Changes that were not told, for they were silenced or inhibited."""
    rules: Counter[str] = field(default_factory=Counter)
    """Messages by the rules that they speak of."""
    log: list[tuple[int, str]] = field(default_factory=list)
    """Each message's time (epoch seconds) and subject."""


class _Unwritten(Ledger):
    """A ledger that nobody keeps."""

    withheld = 0

    def withhold(self, stream: str, alert: Alert) -> None:
        """Note that a transition is not told."""
        self.withheld += 1
        Ledger.withhold(self, stream, alert)

    def _save(self) -> None:
        pass


def told(found: Backtest, sinks: Sequence[SinkBase], book: Book, policy: Policy) -> list[Told]:
    """What each sink would have been told by these runs: its choice, groups, repeats, and what was muted.

    Silences hold as the book has them; nobody has acknowledged anything.
    """
    silences = Book([d for d in book.deeds if d.deed in (SILENCE, EXPIRE)])
    changes: dict[int, list[Alert]] = {}
    gone: dict[int, list[Key]] = {}
    for trail in found.trails:
        for change in trail.changes:
            changes.setdefault(change.at, []).append(change.alert)
        for at, labels in trail.gone:
            gone.setdefault(at, []).append((trail.rule.name, labels))
    board: dict[Key, Alert] = {}
    standing: dict[Key, Standing] = {}
    ways = [_Way(sink) for sink in sinks]
    for moment in found.moments:
        # In the order in which a run tells them.
        new = sorted(changes.get(moment, []), key=lambda a: (a.stream.window_end, a.stream.rule, a.stream.labels))
        left = gone.get(moment, [])
        if not new and not left and all(way.idle for way in ways):
            continue
        board |= {key_of(alert): alert for alert in new}
        for key in left:
            board.pop(key, None)
        if new or left or silences.deeds:
            standing = standings(list(board.values()), silences, policy, moment)
        for way in ways:
            way.run(new, Scene(board, standing, moment))
    return [way.told for way in ways]


class _Way:
    """One sink, from run to run."""

    def __init__(self, sink: SinkBase) -> None:
        self._sink = sink
        self._ledger = _Unwritten(Path())
        self._waiting: list[Alert] = []
        self.told = Told(sink.name)

    @property
    def idle(self) -> bool:
        return self._ledger.idle and not self._waiting

    def run(self, new: Sequence[Alert], scene: Scene) -> None:
        ledger = self._ledger
        self._waiting += [alert for alert in new if wanted(self._sink, alert)]
        for flight in agenda(self._sink, ledger, self._waiting, scene).flights:
            ledger.settle(flight, told_at=scene.now)
            self.told.messages += 1
            self.told.repeats += flight.payload["notice"] == "repeat"
            self.told.rules.update({orjson.loads(stream)[0] for stream in flight.states})
            self.told.log.append((int(scene.now), flight.subject))
        self._waiting = [alert for alert in self._waiting if alert.event_id not in ledger.done]
        ledger.done.clear()
        self.told.withheld = ledger.withheld
