"""What became of the lines of a batch: the rows that the ledger keeps of it, and the figures that a run reports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import duckdb

from deadreckon.ingest import rejects
from deadreckon.ingest.batches import Batch
from deadreckon.ingest.prepare import Prepared


def account(
    con: duckdb.DuckDBPyConnection, batch: Batch, prepared: Prepared, chosen: str, again: Sequence[int]
) -> tuple[Iterator[dict[str, Any]], dict[str, int]]:
    """The ledger's rows for a batch, and its figures: lines, committed, duplicates, quarantined, blank, untimed.

    `chosen` is the relation of what is committed of `prepared`; `again` are the rows (column n) that were dropped.
    """
    refused = [*batch.rejects, *prepared.rejects]
    found_in = f"SELECT source_id, count(*), count(*) FILTER (ts = ingested_at) FROM {chosen} GROUP BY 1"
    kept, untimed = dict[str, int](), 0
    for source_id, count, without in con.execute(found_in).fetchall():
        kept[source_id] = count
        untimed += without
    twice: dict[str, int] = {}
    if again:
        twice = dict(
            con.execute(
                f"SELECT source_id, count(*) FROM {prepared.relation} WHERE n IN (SELECT n FROM dropped) GROUP BY 1"
            ).fetchall()
        )
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
            "committed": kept.get(source_id, 0),
            "duplicates": twice.get(source_id, 0),
            "quarantined": bad.get(source_id, 0),
        }
        for source_id, (start, end) in batch.ranges.items()
    ]
    counts = {key: sum(row[key] for row in rows) for key in ("lines", "committed", "duplicates", "quarantined")}
    counts["untimed"] = untimed
    counts["blank"] = _blank(con, counts, prepared, refused)
    paths = {source_id: source.path for source_id, source in batch.sources.items()}
    return chain(rows, ({**found.row(), "source_path": paths.get(found.source_id)} for found in refused)), counts


def _blank(
    con: duckdb.DuckDBPyConnection, counts: Mapping[str, int], prepared: Prepared, refused: Sequence[rejects.Reject]
) -> int:
    """How many lines gave no event and no reject."""
    lines = {(found.source_id, found.offset) for found in refused if found.code != rejects.DAMAGED}
    relation = prepared.relation
    if not con.execute(f"SELECT 1 FROM {relation} WHERE sub > 0 LIMIT 1").fetchall():
        return counts["lines"] - counts["committed"] - counts["duplicates"] - len(lines)
    # A line that gives many events may have been refused for one of them.
    places = {"s": [source_id for source_id, _ in lines], "o": [offset for _, offset in lines]}
    query = f"""
        SELECT count(*) FROM (
            SELECT source_id, source_offset FROM {relation}
            UNION SELECT unnest($s::VARCHAR[]), unnest($o::BIGINT[])
        )
    """
    ((told,),) = con.execute(query, places).fetchall()
    return counts["lines"] - int(told)
