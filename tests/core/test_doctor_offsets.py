"""Offsets that the log lost."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest
from tests.core.conftest import Story
from tests.core.lakes import log_file
from tests.core.patients import CHECKPOINT, NEWEST, kinds, mended, whole

from deadreckon.core.doctor import doctor
from deadreckon.core.errors import DamagedLakeError
from deadreckon.core.lake import commit
from deadreckon.core.maintenance.log import Log


def test_a_lost_offset(story: Story, refused: list[str]) -> None:
    """The ledger remembers how far each input was read: the offset is set again before anything is read twice."""
    table = story.lake.table()
    source = next(s for s in Log.of(story.lake.table_path()).offsets() if s != "ingest")
    true = table.transaction_version(source)
    commit(table, [], txns={source: 0})
    with pytest.raises(DamagedLakeError, match="its offset says 0"):
        story.read_again()
    found = doctor(story.lake.root)
    assert kinds(found) == ["offset_lost"]
    assert "says 0" in found.findings[0].meaning
    mended(story, "offset_lost")
    assert story.lake.table().transaction_version(source) == true
    whole(story, refused)


def test_an_expired_offset(story: Story, refused: list[str]) -> None:
    """A checkpoint that no longer holds an offset, as other writers make them, is no loss either."""
    log = Log.of(story.lake.table_path())
    path = log.checkpoints[CHECKPOINT]
    table = pq.read_table(path)
    kept = [i for i, row in enumerate(table["txn"].to_pylist()) if row is None or row["appId"] == "ingest"]
    pq.write_table(table.take(kept), path)
    for version in range(7, NEWEST + 1):
        entry = log_file(story.lake, version)
        content = [t for t in entry.read_text().splitlines() if '"txn":{"appId":"log-' not in t]
        entry.write_text("\n".join(content).replace('"deadreckon.actions":"7"', '"deadreckon.actions":"0"'))
    found = doctor(story.lake.root)
    assert set(kinds(found)) <= {"offset_lost", "commit_cut_short"}
    doctor(story.lake.root, repair=True)
    whole(story, refused)
