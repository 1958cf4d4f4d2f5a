"""Entries of the log that a power cut left empty, half-written, cut short or missing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.core.conftest import Story
from tests.core.lakes import log_file
from tests.core.patients import NEWEST, NOW, cut, kinds, mended, whole

from deadreckon.core.doctor import doctor
from deadreckon.core.errors import DamagedLakeError
from deadreckon.core.lake import Lake
from deadreckon.core.maintenance import Step, maintain
from deadreckon.core.maintenance.log import POINTER
from deadreckon.core.settings import MaintainSettings

TEARS: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "half": lambda b: b[: len(b) // 2],
    "all but a byte": lambda b: b[:-1],
    "NUL bytes": lambda b: bytes(len(b)),
    "half NUL bytes": lambda b: b[: len(b) // 2] + bytes(len(b) - len(b) // 2),
    "no JSON": lambda _: b"\x80\x81 what",
    "no object": lambda _: b"[1, 2]\n",
}


@pytest.mark.parametrize("tear", TEARS)
def test_a_half_written_newest_commit(story: Story, refused: list[str], tear: str) -> None:
    """It is replaced by an empty entry; its offsets fell with it, so the next ingest brings its rows again."""
    path = log_file(story.lake, NEWEST)
    path.write_bytes(TEARS[tear](path.read_bytes()))
    if tear != "empty":  # delta-rs takes an empty entry for a commit of nothing
        with pytest.raises(DamagedLakeError) as caught:
            story.lake.table()
        assert "reckon doctor" in caught.value.hint
    found = doctor(story.lake.root)
    assert kinds(found) == ["commit_half_written"]
    assert not found.healthy
    mended(story, "commit_half_written")
    assert len(story.numbers()) == 70
    whole(story, refused)


@pytest.mark.parametrize("version", [NEWEST, NEWEST - 1, 7])
@pytest.mark.parametrize("kept", [1, 2, 3, 4, 5])
def test_an_ingest_commit_cut_at_the_end_of_a_line(story: Story, refused: list[str], version: int, kept: int) -> None:
    """A commit with a part of its actions opens without an error, and is found all the same, newest or not."""
    path = log_file(story.lake, version)
    content = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(content[:kept]))
    story.lake.table()
    assert "commit_cut_short" in kinds(doctor(story.lake.root))
    found = doctor(story.lake.root, repair=True)
    assert found.healthy
    whole(story, refused)


@pytest.mark.parametrize("kept", [1, 2, 3, 4])
def test_a_compaction_cut_at_the_end_of_a_line(story: Story, refused: list[str], kept: int) -> None:
    """Files that were added without those that they replace would count rows twice: the compaction is undone."""
    maintain(story.lake, steps={Step.compact}, now=NOW)
    newest = story.lake.table().version()
    path = log_file(story.lake, newest)
    content = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(content[:kept]))
    mended(story, "commit_cut_short")
    assert story.numbers() == story.expected
    whole(story, refused)


@pytest.mark.parametrize("kept", [1, 2, 3])
def test_an_expiry_cut_at_the_end_of_a_line(story: Story, kept: int) -> None:
    """It is undone and comes again with the next maintenance; no offset and no ledger row is lost on the way."""
    maintain(story.lake, MaintainSettings(retention_days=2), steps={Step.expire}, now=NOW)
    newest = story.lake.table().version()
    path = log_file(story.lake, newest)
    content = path.read_bytes().splitlines(keepends=True)
    assert len(content) > kept
    path.write_bytes(b"".join(content[:kept]))
    mended(story, "commit_cut_short")
    assert story.numbers() == story.expected
    maintain(story.lake, MaintainSettings(retention_days=2), steps={Step.expire}, now=NOW)
    story.read_again()
    assert story.numbers() == []
    assert doctor(story.lake.root).healthy


@pytest.mark.parametrize("damage", ["gone", "half"])
@pytest.mark.parametrize("version", [7, 8])
def test_an_older_commit_lost_while_newer_ones_stand(
    story: Story, refused: list[str], damage: str, version: int
) -> None:
    """Its data files are still there: they are committed again, so that nothing needs to be read again."""
    path = log_file(story.lake, version)
    path.unlink() if damage == "gone" else cut(path, 100)
    with pytest.raises(DamagedLakeError):
        story.lake.table()
    first = "entry_missing" if damage == "gone" else "commit_half_written"
    assert kinds(doctor(story.lake.root)) == [first]
    found = mended(story, first, "lost_range")
    assert any("of the lost commit are in the table again" in t.said for t in found.treatments)
    assert story.numbers() == story.expected
    whole(story, refused)


def test_an_older_commit_lost_with_its_data_files(story: Story, refused: list[str]) -> None:
    """Without its data files the inputs are set back to before it; the next ingest brings exactly what is missing."""
    path = log_file(story.lake, 8)
    for text in path.read_text().splitlines():
        if "add" in (action := json.loads(text)):
            (story.lake.table_path() / action["add"]["path"]).unlink()
    path.unlink()
    mended(story, "entry_missing", "lost_range")
    assert len(story.numbers()) == 50
    whole(story, refused)


def test_an_older_commit_lost_for_good_is_on_record(story: Story, tmp_path: Path, told: Story) -> None:
    """When neither its data files nor its inputs are there, the quarantine says what was lost."""
    path = log_file(story.lake, 8)
    for text in path.read_text().splitlines():
        if "add" in (action := json.loads(text)):
            (story.lake.table_path() / action["add"]["path"]).unlink()
    path.unlink()
    told.logs.rename(tmp_path / "away")
    try:
        mended(story, "entry_missing", "lost_range")
    finally:
        (tmp_path / "away").rename(told.logs)
    assert len(story.numbers()) == 70
    rows = pa.concat_tables(
        pq.read_table(f.path, partitioning=None, columns=["error_code", "error"])
        for f in story.lake.snapshot().part("ledger")
    ).to_pylist()
    assert [r["error_code"] for r in rows].count("lost") == 2
    story.read_again()
    assert len(story.numbers()) == 70  # it was told to be gone: it does not come again by itself


def test_a_compaction_lost_while_newer_commits_stand(story: Story, refused: list[str]) -> None:
    """Without the entry the small files are live again and the merged ones are not: the same rows."""
    for name in ("00000000000000000006.checkpoint.parquet", POINTER):
        (story.lake.table_path() / "_delta_log" / name).unlink()
    log_file(story.lake, 4).unlink()
    mended(story, "entry_missing")
    assert story.numbers() == story.expected
    whole(story, refused)


def test_the_first_entry_lost(story: Story, refused: list[str]) -> None:
    """The events table's columns and rules are known: its beginning is written anew."""
    for name in ("00000000000000000006.checkpoint.parquet", POINTER):
        (story.lake.table_path() / "_delta_log" / name).unlink()
    log_file(story.lake, 0).unlink()
    with pytest.raises(DamagedLakeError):
        story.lake.table()
    mended(story, "entry_missing")
    assert story.numbers() == story.expected
    whole(story, refused)


def test_a_lake_whose_making_was_interrupted(tmp_path: Path) -> None:
    """A first entry that is cut off never held a row: it is put aside, and the next ingest makes the table."""
    lake = Lake.create(tmp_path / "lake")
    cut(log_file(lake, 0), 40)
    with pytest.raises(DamagedLakeError):
        lake.table()
    found = doctor(lake.root, repair=True)
    assert [t.finding.kind for t in found.treatments] == ["commit_half_written"]
    assert found.healthy
    assert Lake.create(lake.root).table().version() == 0
