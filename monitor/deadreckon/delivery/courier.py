"""One sink's round: everything that waits for it, in order, with pauses that grow, until it is told or time is up."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from deadreckon.core.durable import exclusive_lock
from deadreckon.core.errors import LockHeldError
from deadreckon.core.lake import Lake
from deadreckon.core.sinks import SinkBase
from deadreckon.delivery.agenda import Scene, agenda, wanted
from deadreckon.delivery.failure import Channel, FailureError
from deadreckon.delivery.ledger import Flight, Ledger
from deadreckon.delivery.message import Message
from deadreckon.monitor import deed_store, store
from deadreckon.monitor.alert import iso
from deadreckon.monitor.inhibit import Policy
from deadreckon.monitor.outbox import Batch, settle, waiting
from deadreckon.monitor.standing import key_of, standings

SINK: Final = "sink:"
"""What a sink's name as a reader begins with."""
ROUND_S: Final = 60.0
"""Seconds after which a round begins no further try: cron comes again."""
FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 15.0


@dataclass(frozen=True, slots=True)
class Clock:
    """Time and chance, so that tests own them."""

    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = random.random
    """A number from 0 to 1, evenly."""


@dataclass(slots=True)
class Outcome:
    """What became of a round."""

    sink: str
    told: int = 0
    left: int = 0
    """Messages that the next run tries again."""
    dead: int = 0
    """Messages given up, now dead letters."""
    problem: str = ""
    """What went wrong last; without any secret."""
    elsewhere: bool = False
    """Another process delivers to this sink just now."""

    @property
    def failed(self) -> bool:
        """Whether something that should have been told was not."""
        return bool(self.left or self.dead or self.problem)


def reader_of(sink: SinkBase) -> str:
    """The name under which the lake keeps how far a sink was told."""
    return SINK + sink.name


def pause(tries: int, clock: Clock) -> float:
    """Seconds to wait after so many failed tries: any time up to a bound that doubles (full jitter)."""
    return clock.chance() * min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** (tries - 1))


class Courier:
    """Brings one sink what waits for it. One process at a time does, so nothing is told by two at once."""

    def __init__(
        self,
        lake: Lake,
        sink: SinkBase,
        channel: Channel,
        clock: Clock,
        scrub: Callable[[str], str],
        policy: Policy,
    ) -> None:
        self._lake = lake
        self._sink = sink
        self._channel = channel
        self._clock = clock
        self._scrub = scrub
        self._policy = policy
        self._until = clock.monotonic() + ROUND_S
        self.outcome = Outcome(sink.name)

    def round(self) -> None:
        """Deliver all that waits, also what other monitors add meanwhile.

        Raises:
            DeadreckonError, OSError: the lake, the ledger or the dead letters cannot be read or written.
        """
        reader, name = reader_of(self._sink), self._sink.name
        lock = self._lake.lock_path(f"sink-{name}")
        looked = False
        # Looked at again after the lock is let go: who found it held leaves what it added to us.
        while waiting(self._lake, reader).alerts or not (looked or Ledger.open(self._lake, name).idle):
            looked = True
            try:
                with exclusive_lock(lock, what=f"delivery to {name}"):
                    if not self._deliver(Ledger.open(self._lake, name)):
                        return
            except LockHeldError:
                self.outcome.elsewhere = True
                return

    def _deliver(self, ledger: Ledger) -> bool:
        # The board before the changes: a change that comes in between is told as such, and not as the state it led to.
        scene = self._scene()
        batch = waiting(self._lake, reader_of(self._sink))
        due = [a for a in batch.alerts if wanted(self._sink, a)]
        plan = agenda(self._sink, ledger, [a for a in due if a.event_id not in ledger.done], scene)
        unsettled = {flight.key for flight in plan.flights}
        try:
            self._tell(ledger, plan.flights, unsettled)
        finally:
            self.outcome.left = len(unsettled)
        left = [a for a in due if a.event_id not in ledger.done]
        up_to = min((a.run for a in left), default=batch.run + 1) - 1
        settle(self._lake, Batch(batch.alerts, up_to), reader_of(self._sink))
        ledger.forget(up_to, unsettled)
        return not (left or unsettled or plan.waits)

    def _scene(self) -> Scene:
        alerts, now = store.read(self._lake).alerts, self._clock.now()
        standing = standings(alerts, deed_store.read(self._lake), self._policy, now)
        return Scene({key_of(alert): alert for alert in alerts}, standing, now)

    def _tell(self, ledger: Ledger, flights: Sequence[Flight], unsettled: set[str]) -> None:
        for place, flight in enumerate(flights):
            if place and self._late():
                self.outcome.problem = self.outcome.problem or f"{ROUND_S:g} s were over"
                return
            tries, failure = self._try(flight.message)
            if failure is None:
                ledger.settle(flight, told_at=self._clock.now())
                unsettled.discard(flight.key)
                self.outcome.told += 1
                continue
            self.outcome.problem = reason = self._scrub(failure.reason)
            spent = ledger.tried(flight.key, tries) >= self._sink.max_attempts
            # Where the sink is out of reach, what is too old by now goes with the one that was tried.
            others = [] if failure.refused else flights[place + 1 :]
            for hopeless in [*([flight] if spent or self._aged(flight) else []), *filter(self._aged, others)]:
                ledger.bury(self._sink.name, hopeless, at=iso(int(self._clock.now())), reason=reason)
                unsettled.discard(hopeless.key)
                self.outcome.dead += 1
            if not failure.refused:
                return

    def _try(self, message: Message) -> tuple[int, FailureError | None]:
        for tries in range(1, self._sink.tries + 1):
            try:
                warning = self._channel.send(message)
            except FailureError as failure:
                wait = max(failure.after, pause(tries, self._clock))
                last = tries == self._sink.tries or self._clock.monotonic() + wait >= self._until
                if failure.refused or last:
                    return tries, failure
                self._clock.sleep(wait)
            else:
                self.outcome.problem = self._scrub(warning) or self.outcome.problem
                return tries, None
        raise AssertionError

    def _late(self) -> bool:
        return self._clock.monotonic() >= self._until

    def _aged(self, flight: Flight) -> bool:
        return self._clock.now() - flight.at > self._sink.max_age_hours * 3600
