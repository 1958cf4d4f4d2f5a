"""Transitions as events: what the monitor found goes into the lake through emit and ingest, as everything does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deadreckon.core.errors import DeliveryError

if TYPE_CHECKING:
    from datetime import datetime

    from deadreckon.core.lake import Lake
    from deadreckon.core.settings import Settings


def tell(lake: Lake, settings: Settings, now: datetime) -> int:
    """Write every transition, and whatever people did, that was not written yet as events into the lake; how many.

    Raises:
        DeliveryError: the events could not be written or were refused; they are kept, and written by the next run.
        LakeError: the lake cannot be written; as above.
    """
    from deadreckon import emit
    from deadreckon.ingest import ingest
    from deadreckon.monitor import deed_store, deeds, event_of, settle, waiting

    batch, untold = waiting(lake), deed_store.untold(lake)
    events = [*map(event_of, batch.alerts), *map(deeds.event_of, untold.deeds)]
    if not events:
        return 0
    # A crash leaves a file here; it is read by the next run, and its events are known by their ids.
    spool = lake.root / "_alerts"
    try:
        spool.mkdir(exist_ok=True)
    except OSError as error:
        raise DeliveryError(f"alert events cannot be written to {spool}: {error}", hint="make room for it") from error
    emit.configure(directory=spool, fallback=spool, service="reckon", enabled=True, hash_user_id=False)
    for event in events:
        emit.event(event.pop("event"), kind=event.pop("kind"), level=event.pop("level"), **event)
    flushed = emit.flush()
    emit.close()
    if not flushed or emit.stats().dropped:
        raise DeliveryError(
            f"{len(events)} alert events could not be written to {spool}: {emit.stats().reason}",
            hint="check the disk",
        )
    summary = ingest([spool], lake.root, settings=settings, now=lambda: now)
    if summary.quarantined:
        raise DeliveryError(
            f"{summary.quarantined} alert events were refused by ingest",
            hint="reckon quarantine list shows them",
        )
    settle(lake, batch)
    deed_store.settle(lake, untold)
    return len(events)
