"""Sinks that have left the settings: nothing is kept for them any more."""

from __future__ import annotations

from collections.abc import Collection

from deadreckon.core.durable import exclusive_lock
from deadreckon.core.errors import UsageError
from deadreckon.core.lake import Lake
from deadreckon.core.settings import nearest
from deadreckon.delivery.courier import SINK
from deadreckon.delivery.ledger import Ledger
from deadreckon.monitor import outbox


def known(lake: Lake) -> list[str]:
    """The names of the sinks for which the lake keeps what happens."""
    return [name.removeprefix(SINK) for name in outbox.readers(lake) if name.startswith(SINK)]


def untold(lake: Lake, name: str) -> int:
    """How many changes wait for a sink, those included that its filters will leave out."""
    return len(outbox.waiting(lake, SINK + name).alerts)


def retire(lake: Lake, name: str, configured: Collection[str]) -> int:
    """Let go of a sink; how many changes it was never told.

    Raises:
        UsageError: the lake knows no such sink, or it is still configured.
        LockHeldError: another process delivers to it just now.
        LakeError: the lake cannot be written.
    """
    if name in configured:
        raise UsageError(f"the sink {name!r} is in use", hint="take it out of deadreckon.toml first")
    met = known(lake)
    if name not in met:
        hint = nearest(name, met) if met else "reckon alerts sinks list shows what it knows"
        raise UsageError(f"the lake knows no sink {name!r}", hint=hint)
    with exclusive_lock(lake.lock_path(f"sink-{name}"), what=f"delivery to {name}"):
        dropped = untold(lake, name)
        outbox.retire(lake, SINK + name)
        # After the lake: a ledger without its sink costs nothing, a sink without its ledger tells things twice.
        Ledger.open(lake, name).path.unlink(missing_ok=True)
    return dropped
