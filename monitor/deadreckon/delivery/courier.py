"""One sink's round: everything that waits for it, in order, with pauses that grow, until it is told or time is up."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from deadreckon.core.durable import exclusive_lock
from deadreckon.core.errors import CommitConflictError, LockHeldError
from deadreckon.core.lake import Lake, commit
from deadreckon.core.sinks import SinkBase
from deadreckon.delivery.failure import Channel, FailureError
from deadreckon.delivery.ledger import Ledger
from deadreckon.delivery.message import Message, message_of
from deadreckon.monitor import store
from deadreckon.monitor.alert import Alert, iso
from deadreckon.monitor.outbox import Batch, settle, waiting

TOLD: Final = "told:"
"""What the outbox sets before a reader's name in its transaction identifier."""
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
    return f"sink:{sink.name}"


def begin(lake: Lake, sinks: Iterable[SinkBase]) -> None:
    """Note that sinks that the lake does not know hear of what happens from now on, and not of the past.

    Raises:
        LakeError: the lake cannot be written.
    """
    apps = [TOLD + reader_of(sink) for sink in sinks]
    if apps:
        store.ensure(lake)
    while apps:
        table = lake.table(store.ALERT_STATES)
        new = [app for app in apps if table.transaction_version(app) is None]
        if not new:
            return
        try:
            commit(table, [], txns=dict.fromkeys(new, table.transaction_version(store.RUN) or 0))
        except CommitConflictError:
            continue  # another monitor noted them too
        return


def wanted(sink: SinkBase, alert: Alert) -> bool:
    """Whether a sink is told of a transition."""
    state, previous = alert.stream.state, alert.previous
    # Who heard that data are missing or that a rule is broken also hears that this is over.
    heard = state in sink.states or (state == "ok" and previous in sink.states)
    return (
        heard
        and alert.severity in sink.severities
        and all(
            alert.labels.get(name) in ([value] if isinstance(value, str) else value)
            for name, value in sink.labels.items()
        )
    )


def pause(tries: int, clock: Clock) -> float:
    """Seconds to wait after so many failed tries: any time up to a bound that doubles (full jitter)."""
    return clock.chance() * min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** (tries - 1))


class Courier:
    """Brings one sink what waits for it. One process at a time does, so nothing is told by two at once."""

    def __init__(self, lake: Lake, sink: SinkBase, channel: Channel, clock: Clock, scrub: Callable[[str], str]) -> None:
        self._lake = lake
        self._sink = sink
        self._channel = channel
        self._clock = clock
        self._scrub = scrub
        self._until = clock.monotonic() + ROUND_S
        self.outcome = Outcome(sink.name)

    def round(self) -> None:
        """Deliver all that waits, also what other monitors add meanwhile.

        Raises:
            DeadreckonError, OSError: the lake, the ledger or the dead letters cannot be read or written.
        """
        reader = reader_of(self._sink)
        lock = self._lake.lock_path(f"sink-{self._sink.name}")
        # Looked at again after the lock is let go: who found it held leaves what it added to us.
        while waiting(self._lake, reader).alerts:
            try:
                with exclusive_lock(lock, what=f"delivery to {self._sink.name}"):
                    ledger = Ledger.open(self._lake, self._sink.name)
                    if not self._deliver(ledger, waiting(self._lake, reader)):
                        return
            except LockHeldError:
                self.outcome.elsewhere = True
                return

    def _deliver(self, ledger: Ledger, batch: Batch) -> bool:
        due = [a for a in batch.alerts if wanted(self._sink, a)]
        try:
            self._tell(ledger, [a for a in due if a.event_id not in ledger.done])
        finally:
            left = [a for a in due if a.event_id not in ledger.done]
            self.outcome.left = len(left)
        up_to = min((a.run for a in left), default=batch.run + 1) - 1
        settle(self._lake, Batch(batch.alerts, up_to), reader_of(self._sink))
        ledger.forget(up_to, {a.event_id for a in left})
        return not left

    def _tell(self, ledger: Ledger, alerts: Sequence[Alert]) -> None:
        for place, alert in enumerate(alerts):
            if place and self._late():
                self.outcome.problem = self.outcome.problem or f"{ROUND_S:g} s were over"
                return
            message = message_of(alert)
            tries, failure = self._try(message)
            if failure is None:
                ledger.settle(message.key, alert.run)
                self.outcome.told += 1
                continue
            self.outcome.problem = reason = self._scrub(failure.reason)
            spent = ledger.tried(message.key, tries) >= self._sink.max_attempts
            if spent or self._aged(alert):
                self._bury(ledger, alert, message, reason)
            if not failure.refused:
                # The sink is out of reach: the others need not be tried, and what is too old by now goes with this one.
                for other in alerts[place + 1 :]:
                    if self._aged(other):
                        self._bury(ledger, other, message_of(other), reason)
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

    def _aged(self, alert: Alert) -> bool:
        return self._clock.now() - alert.evaluated_at > self._sink.max_age_hours * 3600

    def _bury(self, ledger: Ledger, alert: Alert, message: Message, reason: str) -> None:
        at = iso(int(self._clock.now()))
        ledger.bury(self._sink.name, message, run=alert.run, at=at, reason=reason)
        self.outcome.dead += 1
