"""Checkpoints that cannot be read, pointers that point to nothing, and what a checkpoint makes needless."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.core.conftest import Story
from tests.core.lakes import log_file
from tests.core.patients import CHECKPOINT, NEWEST, NOW, cut, kinds, mended, whole

from deadreckon.core.doctor import doctor
from deadreckon.core.errors import DamagedLakeError
from deadreckon.core.maintenance import Step, maintain
from deadreckon.core.maintenance.log import POINTER, Log


@pytest.mark.parametrize("size", [0, 1, 100, 5000])
@pytest.mark.parametrize("pointed", [True, False])
def test_a_truncated_checkpoint(story: Story, refused: list[str], size: int, pointed: bool) -> None:
    """It is put aside with its pointer: the entries that it summed up are all there."""
    log = story.lake.table_path() / "_delta_log"
    cut(log / f"{CHECKPOINT:020}.checkpoint.parquet", size)
    if not pointed:
        (log / POINTER).unlink()
    assert kinds(doctor(story.lake.root)) == ["checkpoint_damaged"]
    found = mended(story, "checkpoint_damaged")
    assert found.kept_in is not None
    assert list(found.kept_in.rglob("*.checkpoint.parquet"))
    assert story.numbers() == story.expected
    whole(story, refused)


def test_a_truncated_checkpoint_behind_which_the_log_was_cleared(story: Story, refused: list[str]) -> None:
    """The last but one checkpoint and what follows it are always kept, so that the newest can be done without."""
    maintain(story.lake, steps={Step.checkpoint}, now=NOW)
    maintain(story.lake, steps={Step.checkpoint}, now=NOW + timedelta(days=40))
    assert min(Log.of(story.lake.table_path()).commits) == CHECKPOINT
    cut(Log.of(story.lake.table_path()).checkpoints[NEWEST], 1000)
    with pytest.raises(DamagedLakeError):
        story.lake.table()
    mended(story, "checkpoint_damaged")
    assert story.numbers() == story.expected
    whole(story, refused)


def test_a_checkpoint_that_cannot_be_done_without(story: Story) -> None:
    """When the entries that it summed up are gone, nothing is touched, and the finding says that a backup is needed."""
    for version in range(CHECKPOINT + 1):
        log_file(story.lake, version).unlink()
    checkpoint = Log.of(story.lake.table_path()).checkpoints[CHECKPOINT]
    cut(checkpoint, 1000)
    found = doctor(story.lake.root, repair=True)
    assert kinds(found) == ["checkpoint_damaged"]
    assert found.treatments == ()
    assert "backup" in found.findings[0].remedy
    assert checkpoint.exists()


@pytest.mark.parametrize("content", [b'{"version":99,"size":1}', b'{"vers', b"", b"\0\0\0", b"[]", b'{"version":"x"}'])
def test_a_wrong_pointer(story: Story, refused: list[str], content: bytes) -> None:
    """One that points to a missing checkpoint keeps the table from opening; one that says nothing is only a note."""
    (story.lake.table_path() / "_delta_log" / POINTER).write_bytes(content)
    kind = "pointer_dangling" if b"99" in content or b"x" in content else "pointer_damaged"
    found = doctor(story.lake.root)
    assert kinds(found) == [kind]
    assert found.healthy == (kind == "pointer_damaged")
    mended(story, kind)
    assert story.numbers() == story.expected
    whole(story, refused)


def test_a_damaged_entry_behind_a_checkpoint_is_only_a_note(story: Story) -> None:
    """What the checkpoint holds needs no entry."""
    cut(log_file(story.lake, 2), 50)
    found = doctor(story.lake.root)
    assert kinds(found) == ["old_entry_damaged"]
    assert found.healthy
