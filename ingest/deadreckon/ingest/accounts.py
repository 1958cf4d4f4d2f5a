"""What became of the lines of a batch: the rows that the ledger keeps of it, and the figures that a run reports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Final

import duckdb

from deadreckon.ingest import rejects
from deadreckon.ingest.batches import Batch
from deadreckon.ingest.ledger import Repeated
from deadreckon.ingest.prepare import Prepared
from deadreckon.ingest.staging import relation
from deadreckon.ingest.write import Written

TIMES: Final = """count(*) FILTER (ts = ingested_at), count(*) FILTER
    (ts < TIMESTAMPTZ '2000-01-01 00:00:00+00' OR ts > ingested_at + INTERVAL 1 DAY)"""
"""How many events have no time of their own, and how many one that no clock can have said."""


def account(
    con: duckdb.DuckDBPyConnection, batch: Batch, prepared: Prepared, kept: Sequence[Written], again: Sequence[Repeated]
) -> tuple[Iterator[dict[str, Any]], dict[str, int]]:
    """The ledger's rows for a batch, and its figures: those that `Summary.add` counts.

    `kept` is what is committed of `prepared`; `again` are the rows of it that are not.
    """
    refused = [*batch.rejects, *prepared.rejects]
    committed, untimed, misdated = dict[str, int](), 0, 0
    if kept:
        query = f"SELECT source_id, count(*), {TIMES} FROM {relation(kept)} GROUP BY 1"
        for source_id, count, without, wrong in con.execute(query).fetchall():
            committed[source_id] = count
            untimed += without
            misdated += wrong
    twice = Counter(row.source_id for row in again)
    bad: dict[str, int] = {}
    for found in refused:
        bad[found.source_id] = bad.get(found.source_id, 0) + 1
    long: dict[str, int] = {}
    for found in batch.rejects:
        if found.code == "oversize":
            long[found.source_id] = long.get(found.source_id, 0) + 1
    rows: list[dict[str, Any]] = [
        {
            "record": "source",
            "source_id": source_id,
            "source_path": batch.sources[source_id].path,
            "source_offset": start,
            "end_offset": end,
            "tail_hash": batch.tails[source_id],
            "lines": prepared.counts.get(source_id, 0) + long.get(source_id, 0),
            "committed": committed.get(source_id, 0),
            "duplicates": twice[source_id],
            "quarantined": bad.get(source_id, 0),
        }
        for source_id, (start, end) in batch.ranges.items()
    ]
    counts = {key: sum(row[key] for row in rows) for key in ("lines", "committed", "duplicates", "quarantined")}
    counts |= {"untimed": untimed, "misdated": misdated}
    counts["blank"] = _blank(con, counts, prepared, refused)
    paths = {source_id: source.path for source_id, source in batch.sources.items()}
    rows += [rejects.resolution(rejects.REPAIRED, *place, paths[place[1]]) for place in batch.repaired]
    return chain(rows, ({**found.row(), "source_path": paths.get(found.source_id)} for found in refused)), counts


def _blank(
    con: duckdb.DuckDBPyConnection, counts: Mapping[str, int], prepared: Prepared, refused: Sequence[rejects.Reject]
) -> int:
    """How many lines gave no event and no reject."""
    places = {(found.source_id, found.offset) for found in refused if found.code != rejects.DAMAGED}
    if prepared.rewritten:  # one that gave many events may have been refused for one of them
        query = f"SELECT DISTINCT source_id, source_offset FROM {relation(prepared.rewritten)}"
        places.update(con.execute(query).fetchall())
    return counts["lines"] - sum(file.rows for file in prepared.plain) - len(places)
