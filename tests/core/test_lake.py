"""The lake: opening, making, committing, and what each says when it cannot."""

from __future__ import annotations

import json
import threading
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from tests.core.lakes import DAY, append, events, log_file, numbers, write

from deadreckon.core import schema
from deadreckon.core.errors import CommitConflictError, DamagedLakeError, LakeError, LakeNotFoundError, UsageError
from deadreckon.core.lake import ACTION_COUNT, DataFile, Lake, TableSpec, commit, snapshot_of

OTHER = TableSpec("other", pa.schema([("k", pa.string()), ("date", pa.date32())]), ("date",))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.create(tmp_path / "lake")


def test_a_lake_is_made_once_and_opened_often(tmp_path: Path) -> None:
    """Making one that exists is a no-op; its first version holds no file."""
    lake = Lake.create(tmp_path / "a" / "b")
    append(lake, [1])
    assert Lake.create(lake.root).table().version() == 1
    assert Lake.open(str(lake.root)).snapshot().version == 1
    assert Lake.open(f"file://{lake.root}").root == lake.root


def test_the_home_folder_may_be_written_as_a_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`~/lake` is what a user means by it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Lake.create("~/lake").root == tmp_path / "lake"


def test_many_processes_may_make_it_at_once(tmp_path: Path) -> None:
    """Whoever is second finds it made."""
    made: list[int] = []
    barrier = threading.Barrier(8)

    def make() -> None:
        barrier.wait()
        made.append(Lake.create(tmp_path / "lake").table().version())

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [0] * 8
    assert len(list((tmp_path / "lake" / "events" / "_delta_log").glob("*.json"))) == 1


def test_a_place_without_a_lake(tmp_path: Path) -> None:
    """Opening says where it looked and how to make one; it makes nothing."""
    with pytest.raises(LakeNotFoundError, match=str(tmp_path / "none")) as caught:
        Lake.open(tmp_path / "none")
    assert "reckon ingest" in caught.value.hint
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("url", ["s3://bucket/lake", "abfss://x@y/z", "https://h/l"])
def test_a_lake_behind_a_url_is_refused(url: str) -> None:
    """Object storage comes later; until then it is said, instead of a folder of that name made."""
    with pytest.raises(UsageError, match=url):
        Lake.create(url)


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    """A file in the way is an error of the lake, with a hint."""
    (tmp_path / "file").write_text("")
    with pytest.raises(LakeError, match="cannot make table events"):
        Lake.create(tmp_path / "file" / "lake")


@pytest.mark.parametrize("name", ["a b", "höhe", "50%", "a[1]*", "it's", "#x?y=1", "a+b&c"])
def test_any_name_of_a_folder_will_do(tmp_path: Path, name: str) -> None:
    """Names that mean something in URLs, globs and SQL are names."""
    lake = Lake.create(tmp_path / name)
    append(lake, range(3))
    assert [f.path.exists() for f in lake.snapshot().files] == [True, True]
    assert lake.snapshot().files[0].path.is_relative_to(tmp_path / name)
    assert numbers(lake) == [0, 1, 2]


@pytest.mark.parametrize("way", ["link", "link/../link", "lake/../lake", "deep/up/../../link"])
def test_any_way_to_a_folder_will_do(tmp_path: Path, way: str) -> None:
    """Files are found below the lake's folder, through whatever links and dots it was named."""
    (tmp_path / "deep" / "up").mkdir(parents=True)
    (tmp_path / "lake").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "lake")
    lake = Lake.create(tmp_path / way)
    append(lake, range(3))
    again = Lake.open(tmp_path / way)
    assert all(file.path.is_relative_to(again.table_path()) for file in again.snapshot().files)
    assert again.root == (tmp_path / "lake").resolve()


def test_a_snapshot_tells_its_files(lake: Lake) -> None:
    """Part, day, rows and range of ids of each file; and which belong to a part."""
    append(lake, range(10), days=[DAY, date(9999, 12, 31)])
    snapshot = lake.snapshot()
    assert [(f.part, f.rows) for f in snapshot.part("ledger")] == [("ledger", 1)]
    found = {f.date: f for f in snapshot.part("events")}
    assert found.keys() == {DAY, date(9999, 12, 31)}
    file = found[DAY]
    assert (file.rows, file.size) == (5, file.path.stat().st_size)
    assert file.ids is not None
    assert file.ids[0] < file.ids[1]


@pytest.mark.parametrize("value", ["", "__HIVE_DEFAULT_PARTITION__", "10000-01-01", "-0001-01-01", "soon"])
def test_a_day_that_is_none(value: str) -> None:
    """A partition outside of the calendar has no date, and disturbs nobody."""
    assert DataFile(Path("x"), {"date": value}, 1, 1).date is None
    assert DataFile(Path("x"), {}, 1, 1).date is None


def test_the_schema_holds_every_column_of_both_parts(lake: Lake) -> None:
    """Delta knows the columns that ingest writes, with their types, and the partition columns last."""
    found = pa.schema(lake.table().schema().to_arrow())
    assert found.names == [c.name for c in schema.TABLE_COLUMNS] + ["part", "date"]
    assert found.field("ts").type == pa.timestamp("us", tz="UTC")
    assert len(set(found.names)) == len(found.names)


def test_a_commit_holds_files_offsets_and_notes_together(lake: Lake) -> None:
    """One version; the offsets are read back; the note and the number of actions are in the log."""
    table = lake.table()
    add = write(lake, "events", DAY, events("s", 0, [1, 2], DAY, datetime.now(UTC))[0])
    assert commit(table, [add], txns={"s": 100, "ingest": 1}, metadata={"note": 7}) == 1
    assert (table.version(), table.transaction_version("s")) == (1, 100)
    info = json.loads(log_file(lake, 1).read_text().splitlines()[0])["commitInfo"]
    assert (info["note"], info[ACTION_COUNT]) == ("7", "3")


def test_of_two_commits_on_the_same_offset_one_wins(lake: Lake) -> None:
    """The other raises, wrote nothing, and after reading again sees what happened."""
    one, two = lake.table(), lake.table()
    commit(one, [], txns={"s": 10, "ingest": 1})
    add = write(lake, "events", DAY, events("s", 0, [1], DAY, datetime.now(UTC))[0])
    with pytest.raises(CommitConflictError) as caught:
        commit(two, [add], txns={"s": 10, "ingest": 1})
    assert "repeat" in caught.value.hint
    assert lake.table().transaction_version("s") == 10
    assert lake.snapshot().files == ()


def test_commits_on_different_offsets_do_not_disturb_each_other(lake: Lake) -> None:
    """Only what advanced the same identifier is a conflict."""
    one, two = lake.table(), lake.table()
    assert commit(one, [], txns={"a": 1}) == 1
    assert commit(two, [], txns={"b": 1}) == 2
    assert (lake.table().transaction_version("a"), lake.table().transaction_version("b")) == (1, 1)


def test_a_log_that_cannot_be_written(lake: Lake) -> None:
    """A commit that fails for the disk's sake is an error of the lake and leaves no version behind."""
    table = lake.table()
    log = lake.table_path() / "_delta_log"
    log.rename(log.with_name("_away"))
    log.write_text("")
    with pytest.raises(LakeError):
        commit(table, [], txns={"s": 1})
    log.unlink()
    log.with_name("_away").rename(log)
    assert lake.table().version() == 0


def test_a_log_behind_a_checkpoint_is_no_damage(lake: Lake) -> None:
    """When the oldest entries were cleared the table is opened, made and committed to as before."""
    for i in range(3):
        append(lake, [i])
    DeltaTable(str(lake.table_path())).create_checkpoint()
    for version in range(3):
        log_file(lake, version).unlink()
    append(Lake.create(lake.root), [3])
    assert numbers(lake) == [0, 1, 2, 3]


def test_damage_names_the_table_the_reason_and_the_doctor(lake: Lake) -> None:
    """One line of message, however long the engine's own."""
    append(lake, [1])
    log_file(lake, 1).write_text("{")
    with pytest.raises(DamagedLakeError) as caught:
        lake.snapshot()
    assert "\n" not in caught.value.message
    assert caught.value.message.startswith(f"table events in {lake.root} cannot be opened: ")
    assert caught.value.hint.startswith(f"reckon doctor --lake {lake.root}")


def test_another_table_beside_the_events(lake: Lake) -> None:
    """A table of one's own is made the same way, and its absence is said by name."""
    assert not lake.has_table(OTHER)
    with pytest.raises(LakeNotFoundError, match="no table other"):
        lake.table(OTHER)
    lake.ensure_table(OTHER)
    lake.ensure_table(OTHER)
    assert lake.has_table(OTHER)
    assert snapshot_of(lake.table(OTHER)).files == ()
    assert commit(lake.table(OTHER), [], txns={"n": 1}) == 1
