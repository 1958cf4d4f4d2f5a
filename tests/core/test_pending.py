"""Files between being written and being committed: none is committed that is gone, none removed that is wanted."""

from __future__ import annotations

import fcntl
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.core.lakes import DAY, append, events, numbers, write

from deadreckon.core.errors import CommitConflictError, LakeError
from deadreckon.core.lake import EVENTS_TABLE, Lake, commit
from deadreckon.core.maintenance import Step, maintain
from deadreckon.core.maintenance.vacuum import vacuum
from deadreckon.core.pending import lock_of

NOW = datetime.now(UTC)
OLD = time.time() - 30 * 86400


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    made = Lake.create(tmp_path / "lake")
    append(made, [0])
    return made


def test_a_file_that_is_gone_is_not_committed(lake: Lake) -> None:
    """It is a conflict: nothing was written, and the caller prepares its files again."""
    table = lake.table()
    add = write(lake, "events", DAY, events("x", 0, [1], DAY, NOW)[0])
    (lake.table_path() / add.path).unlink()
    with pytest.raises(CommitConflictError, match="is gone"):
        commit(table, [add], txns={"x": 5})
    assert lake.table().version() == 1
    assert numbers(lake) == [0]


def test_a_file_that_was_cut_off_is_not_committed(lake: Lake) -> None:
    """To write it again may help or not: the error says that the disk is to be looked at."""
    table = lake.table()
    add = write(lake, "events", DAY, events("x", 0, [1], DAY, NOW)[0])
    os.truncate(lake.table_path() / add.path, 100)
    with pytest.raises(LakeError, match="100 bytes") as caught:
        commit(table, [add])
    assert not isinstance(caught.value, CommitConflictError)
    assert lake.table().version() == 1


def test_an_old_file_is_young_again_when_it_is_committed(lake: Lake) -> None:
    """Vacuum, which has just listed it as abandoned, looks at its age again before it removes it."""
    add = write(lake, "events", DAY, events("x", 0, [1], DAY, NOW)[0])
    path = lake.table_path() / add.path
    os.utime(path, (OLD, OLD))
    commit(lake.table(), [add])
    assert path.stat().st_mtime > OLD + 86400


def test_vacuum_leaves_abandoned_files_while_a_commit_goes_on(lake: Lake) -> None:
    """A committer that was stopped between its look and its commit still holds the lock: its files stay."""
    path = lake.table_path() / write(lake, "events", DAY, events("x", 0, [1], DAY, NOW)[0]).path
    os.utime(path, (OLD, OLD))
    lock = lock_of(lake.table_path())
    with lock.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_SH)
        assert vacuum(lake, EVENTS_TABLE, now=NOW, hours=168) == []
        append(lake, [2])  # another committer does not wait for the first
    assert path.exists()
    assert [f.path for f in vacuum(lake, EVENTS_TABLE, now=NOW, hours=168)] == [path]


def test_replaced_files_go_also_while_a_commit_goes_on(lake: Lake) -> None:
    """Nobody commits those again."""
    append(lake, [1])
    maintain(lake, steps={Step.compact}, now=NOW)
    with lock_of(lake.table_path()).open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_SH)
        done = maintain(lake, steps={Step.vacuum}, now=NOW + timedelta(days=8))
    assert [(w.what, w.files_before) for w in done] == [("replaced files", 2)]
