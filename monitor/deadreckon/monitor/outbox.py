"""Transitions on their way out: committed with the states first, then told, and told again after a crash in between.

The table holds what happened; a transaction identifier holds up to which run it was told. A crash between the two
tells some transitions twice, with the same event_id, which ingest knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from deadreckon.core.errors import CommitConflictError
from deadreckon.core.lake import Lake, commit, snapshot_of
from deadreckon.monitor import store
from deadreckon.monitor.alert import Alert

EVENTS: Final = "events"
"""The reader that writes transitions into the lake as events. Each channel of delivery is a reader of its own."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Transitions that a reader has not told, oldest first, and the run up to which telling them brings it."""

    alerts: Sequence[Alert]
    run: int


def waiting(lake: Lake, reader: str = EVENTS) -> Batch:
    """What this reader has not told yet."""
    if not lake.has_table(store.ALERT_STATES):
        return Batch((), 0)
    table = lake.table(store.ALERT_STATES)
    told = table.transaction_version(_app_id(reader)) or 0
    run = table.transaction_version(store.RUN) or 0
    if told >= run:
        return Batch((), run)
    return Batch(store.transitions_in(snapshot_of(table), after_run=told), run)


def settle(lake: Lake, batch: Batch, reader: str = EVENTS) -> None:
    """Note that a batch was told. Only after its events are durable.

    Raises:
        LakeError: the lake cannot be written; the batch will be told again.
    """
    while batch.alerts:
        table = lake.table(store.ALERT_STATES)
        if (table.transaction_version(_app_id(reader)) or 0) >= batch.run:
            return
        try:
            commit(table, [], txns={_app_id(reader): batch.run})
        except CommitConflictError:
            continue  # another one told it too; look how far it got
        return


def _app_id(reader: str) -> str:
    return f"told:{reader}"
