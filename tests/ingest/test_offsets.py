"""Offsets of very many inputs, read in one go: the same as the table tells one by one, or none."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.ingest.lakes import NOW, Place

from deadreckon.core.lake import EVENTS_TABLE, Lake
from deadreckon.core.maintenance.checkpoint import checkpoint
from deadreckon.ingest.engine import SERIAL
from deadreckon.ingest.offsets import FEW, Offsets, offsets_at

COUNT = 3 * FEW


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A lake that read many inputs in three runs, each of them a little further every time."""
    place = Place(tmp_path)
    (tmp_path / "logs").mkdir()
    for run in range(3):
        for n in range(COUNT):
            place.append(f"logs/{n}.log", [{"case": n, "run": run}])
        place.ingest(tmp_path / "logs")
    return place


def entry(lake: Lake, version: int) -> Path:
    """A file of the log."""
    return lake.table_path() / "_delta_log" / f"{version:020}.json"


def ids(place: Place) -> set[str]:
    """All inputs that the lake knows, and some that it does not."""
    return {row["source_id"] for row in place.ledger("source")} | {SERIAL} | {f"log-{n}" for n in range(COUNT)}


@pytest.mark.parametrize("version", [0, 1, 2, 3])
@pytest.mark.parametrize("checkpointed", [False, True])
def test_same_as_the_table_says(place: Place, version: int, checkpointed: bool) -> None:
    """At each version, with a checkpoint or without, and whatever was committed after it."""
    lake = Lake.open(place.lake)
    if checkpointed:
        checkpoint(lake, EVENTS_TABLE, place.root)
        place.ingest(place.write("logs/more.log", [{"case": -1}]))
        version += 1
    table = lake.table()
    table.load_as_version(version)
    offsets = Offsets(table, lake.table_path())

    for source_id in sorted(ids(place)):
        assert offsets.of(source_id) == (table.transaction_version(source_id) or 0)
    read = offsets_at(lake.table_path(), version)
    assert read is not None
    assert len(read) == (COUNT + 1 if version else 0) + (version == 4)


def test_checkpoint_alone(place: Place) -> None:
    """The entries that a checkpoint replaces are not needed."""
    lake = Lake.open(place.lake)
    checkpoint(lake, EVENTS_TABLE, place.root)
    expected = offsets_at(lake.table_path(), 3)
    for version in range(3):
        entry(lake, version).unlink()

    assert offsets_at(lake.table_path(), 3) == expected
    assert expected is not None
    assert expected[SERIAL] == 3


@pytest.mark.parametrize("harm", ["gone", "torn", "empty"])
def test_no_half_truth(place: Place, harm: str) -> None:
    """An entry that is gone or damaged: an offset that it held must not pass for a lower one, so none are given."""
    lake = Lake.open(place.lake)
    table = lake.table()
    path = entry(lake, 2)
    whole = path.read_bytes()
    if harm == "gone":
        path.unlink()
    else:
        path.write_bytes(whole[: len(whole) // 2] if harm == "torn" else b"")

    assert offsets_at(lake.table_path(), 3) is None
    path.write_bytes(whole)
    offsets = Offsets(table, lake.table_path())
    assert {offsets.of(one) for one in ids(place)} == {table.transaction_version(one) or 0 for one in ids(place)}


def test_read_on_after_very_many(place: Place) -> None:
    """Many inputs at once are each read on where they were, and nothing comes twice."""
    for n in range(COUNT):
        place.append(f"logs/{n}.log", [{"case": n, "run": 3}])
    summary = place.ingest(place.root / "logs", now=NOW)

    assert (summary.read_lines, summary.committed) == (COUNT, COUNT)
    assert place.values("case") == sorted([*range(COUNT)] * 4)
