"""From JSON lines to events in the lake: each line once, or in the quarantine with its reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from deadreckon.core.lake import Lake
from deadreckon.core.settings import Settings
from deadreckon.ingest.summary import Summary

__all__ = ["Summary", "ingest"]


def ingest(
    paths: Sequence[str | Path],
    lake: str | Path,
    *,
    settings: Settings | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Summary:
    """Read everything that these files, folders and globs hold into the lake, which is made if there is none.

    Running it again reads only what is new. `now` gives the time of ingest.

    Raises:
        SourceError: an input that was named is not there.
        LakeError: the lake cannot be written; nothing is half committed.
    """
    from deadreckon.ingest.engine import Ingester
    from deadreckon.ingest.sources import check

    check(paths)  # before a lake is made that nothing would come into
    with Ingester(Lake.create(lake), settings or Settings(), clock=now) as ingester:
        return ingester.run(paths)
