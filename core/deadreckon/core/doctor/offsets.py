"""Offsets against the ledger: one that the log forgot, and bytes that the ledger never saw."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial

from deadreckon.core.doctor.adopt import adopt, adoptable
from deadreckon.core.doctor.finding import Cabinet, Finding, Severity, Stage
from deadreckon.core.doctor.history import Range
from deadreckon.core.doctor.inputs import inputs, inputs_of, unread
from deadreckon.core.doctor.losses import events_in, lost_row, write_ledger
from deadreckon.core.doctor.partial import SERIAL
from deadreckon.core.doctor.rewind import Rewind
from deadreckon.core.lake import EVENTS_TABLE, Lake, commit
from deadreckon.core.maintenance.log import Log


def examine_offsets(lake: Lake) -> Iterator[Finding]:
    """Compare what the log's offsets say with what the ledger says was read."""
    offsets = Log.of(lake.table_path()).offsets()
    known = inputs(lake)
    behind = {s: found.end for s, found in known.items() if found.end > offsets.get(s, 0)}
    for source, end in sorted(behind.items()):
        stands = offsets.get(source)
        yield Finding(
            "offset_lost",
            Severity.damage,
            EVENTS_TABLE.name,
            source,
            f"{known[source].path or source} was read to byte {end}, but its offset "
            + ("is gone" if stands is None else f"says {stands}"),
            "when it is there at the next ingest its lines are read a second time",
            f"the offset is set to {end} again",
            Stage.offsets,
            partial(_set_again, lake=lake, source=source, end=end),
        )
    names = {source: found.path or source for source, found in known.items()}
    for found in unread(lake):
        yield _lost_range(lake, found, names.get(found.source_id, found.source_id))


def _set_again(_cabinet: Cabinet, *, lake: Lake, source: str, end: int) -> str:
    table = lake.table()
    if (table.transaction_version(source) or 0) >= end:
        return "an ingester was faster"
    serial = (table.transaction_version(SERIAL) or 0) + 1
    commit(table, [], txns={source: end, SERIAL: serial}, metadata={"deadreckon.doctor": "offset"})
    return f"the offset says {end} again"


def _lost_range(lake: Lake, found: Range, name: str) -> Finding:
    plan = Rewind.plan(lake, [found])
    waits = False
    if adoptable(lake, found):
        remedy = "its data files are on the disk, complete: they are committed again, without what is there already"
    elif plan.waiting:
        remedy, waits = plan.wait, True
    elif plan.offsets:
        remedy = "the input is set back, so that the next `reckon ingest` reads it again"
    else:
        remedy = "the lake cannot have it read again: the loss goes on record in the quarantine, code lost"
    return Finding(
        "lost_range",
        Severity.damage,
        EVENTS_TABLE.name,
        f"{found.source_id}:{found.start}",
        f"bytes {found.start} to {found.end} of {name} were read, but the ledger has lost what became of them",
        "their events are missing from every answer",
        remedy,
        Stage.offsets,
        None if waits else partial(_mend_range, lake=lake, found=found),
    )


def _mend_range(_cabinet: Cabinet, *, lake: Lake, found: Range) -> str:
    if found not in unread(lake):
        return "mended together with another"
    lost = adoptable(lake, found)
    if lost:
        return adopt(lake, lost)
    plan = Rewind.plan(lake, [found])
    if plan.offsets or plan.waiting:
        return plan.carry_out(lake, None)
    table = lake.table()
    there = events_in(lake, found)
    what = f"of their events {there} are in the lake" if there else "none of their events is in the lake"
    rows = [lost_row(found, f"the commit that held these bytes is gone; {what}")]
    txns = {SERIAL: (table.transaction_version(SERIAL) or 0) + 1}
    actions = [write_ledger(lake, rows, datetime.now(UTC))]
    commit(table, actions, txns=txns, metadata={"deadreckon.doctor": "record"})
    return f"the loss of bytes {found.start} to {found.end} of {inputs_of(lake).get(found.source_id)} is on record"
