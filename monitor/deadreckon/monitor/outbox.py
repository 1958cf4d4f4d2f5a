"""Transitions on their way out: committed with the states first, then told, and told again after a crash in between.

The table holds what happened; a transaction identifier holds up to which run it was told. A crash between the two
tells some transitions twice, with the same event_id, which ingest knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from deadreckon.core.errors import CommitConflictError
from deadreckon.core.lake import Lake, commit, snapshot_of
from deadreckon.core.maintenance.log import Log
from deadreckon.monitor import store
from deadreckon.monitor.alert import Alert

TOLD: Final = "told:"
RETIRED: Final = 1 << 62
"""How far a reader is that wants nothing any more: further than any run."""
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


def begin(lake: Lake, names: Iterable[str]) -> None:
    """Note that readers that the lake does not know, or that were retired, hear of what happens from now on only.

    Raises:
        LakeError: the lake cannot be written.
    """
    apps = [_app_id(name) for name in names]
    if apps:
        store.ensure(lake)
    while apps:
        table = lake.table(store.ALERT_STATES)
        known = {app: table.transaction_version(app) for app in apps}
        new = [app for app, told in known.items() if told is None or told >= RETIRED]
        if not new:
            return
        try:
            commit(table, [], txns=dict.fromkeys(new, table.transaction_version(store.RUN) or 0))
        except CommitConflictError:
            continue  # another monitor noted them too
        return


def retire(lake: Lake, name: str) -> None:
    """Note that a reader wants nothing any more, so that nothing is kept for it.

    Raises:
        LakeError: the lake cannot be written.
    """
    while True:
        table = lake.table(store.ALERT_STATES)
        try:
            commit(table, [], txns={_app_id(name): RETIRED})
        except CommitConflictError:
            continue
        return


def readers(lake: Lake) -> dict[str, int]:
    """Every reader that is not retired, and the run up to which it has told what happened."""
    if not lake.has_table(store.ALERT_STATES):
        return {}
    offsets = Log.of(lake.table_path(store.ALERT_STATES)).offsets()
    return {app.removeprefix(TOLD): n for app, n in offsets.items() if app.startswith(TOLD) and n < RETIRED}


def _app_id(reader: str) -> str:
    return TOLD + reader
