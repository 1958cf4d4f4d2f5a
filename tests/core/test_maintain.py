"""`maintain`: what it does to a lake, and what it must never do."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake
from tests.core.lakes import DAY, append, events, ledger, log_file, numbers, write

from deadreckon.core.durable import exclusive_lock
from deadreckon.core.errors import DamagedLakeError, LakeError, LockHeldError
from deadreckon.core.lake import Lake, TableSpec, commit
from deadreckon.core.maintenance import Step, Work, maintain
from deadreckon.core.maintenance.log import Log
from deadreckon.core.settings import MaintainSettings

NOW = datetime.now(UTC)
TODAY = NOW.date()


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.create(tmp_path / "lake")


def step(done: list[Work], name: str, table: str = "events") -> Work:
    return next(w for w in done if (w.step, w.table) == (name, table))


def files_of(lake: Lake, part: str, day: date) -> list[Path]:
    return [f.path for f in lake.snapshot().part(part) if f.date == day]


def test_a_closed_day_becomes_one_file_with_the_same_rows(lake: Lake) -> None:
    """Ten commits to one past day end as one file; every row is there once."""
    for i in range(10):
        append(lake, range(i * 20, i * 20 + 20))
    done = step(maintain(lake, now=NOW), "compact")
    assert (done.files_before, done.files_after, done.rows) == (10, 1, 200)
    assert done.bytes_after < done.bytes_before
    assert len(files_of(lake, "events", DAY)) == 1
    assert numbers(lake) == list(range(200))


def test_a_merged_file_is_sorted_and_keeps_exact_statistics(lake: Lake) -> None:
    """Pruning by time and id works on merged files as on those that ingest writes."""
    for i in range(4):
        append(lake, range(100 - i * 20, 120 - i * 20))
    maintain(lake, steps={Step.compact}, now=NOW)
    actions = pa.RecordBatchReader.from_stream(lake.table().get_add_actions(flatten=True)).read_all().to_pylist()
    merged = next(a for a in actions if "merged-" in a["path"])
    table = pq.read_table(lake.table_path() / merged["path"], partitioning=None)
    stamps, ids = table["ts"].to_pylist(), table["event_id"].to_pylist()
    assert stamps == sorted(stamps)
    assert (merged["min.ts"], merged["max.ts"]) == (min(stamps), max(stamps))
    assert (merged["min.event_id"], merged["max.event_id"]) == (min(ids), max(ids))
    assert (merged["num_records"], merged["null_count.ts"]) == (80, 0)
    assert "part" not in table.column_names
    assert "record" not in table.column_names


def test_compaction_is_no_change_of_data(lake: Lake) -> None:
    """Readers of the change feed see nothing: every action of a compaction says dataChange false."""
    for i in range(3):
        append(lake, [i])
    maintain(lake, steps={Step.compact}, now=NOW)
    entry = Log.of(lake.table_path())
    text = entry.commits[entry.newest].read_text()
    assert '"dataChange":false' in text
    assert '"dataChange":true' not in text


def test_a_second_run_has_nothing_to_do(lake: Lake) -> None:
    """Maintenance is idempotent: no commit, no file, no line of report."""
    for i in range(3):
        append(lake, [i])
    maintain(lake, now=NOW)
    version = lake.table().version()
    assert maintain(lake, now=NOW) == []
    assert lake.table().version() == version


def test_today_is_left_alone_until_it_has_many_files(lake: Lake) -> None:
    """A few files of today stay, since merging them again tomorrow would be work done twice; many are merged."""
    for i in range(5):
        append(lake, [i], days=[TODAY])
    assert [w.step for w in maintain(lake, steps={Step.compact}, now=NOW)] == []
    for i in range(5, 52):
        append(lake, [i], days=[TODAY])
    assert step(maintain(lake, steps={Step.compact}, now=NOW), "compact").files_after == 2  # events and ledger
    assert numbers(lake) == list(range(52))


def test_files_are_filled_up_to_the_target_size_and_not_beyond(lake: Lake) -> None:
    """Files of half the target are finished; smaller ones are joined until the target is reached."""
    for i in range(6):
        append(lake, range(i * 2000, i * 2000 + 2000))
    size = files_of(lake, "events", DAY)[0].stat().st_size
    small = MaintainSettings.model_construct(target_file_bytes=int(size * 2.5))
    done = step(maintain(lake, small, steps={Step.compact}, now=NOW), "compact")
    assert (done.files_before, done.files_after) == (6, 2)
    assert numbers(lake) == list(range(12000))


def test_days_that_no_calendar_holds_do_not_disturb(lake: Lake) -> None:
    """Events of the years 1 and 9999 are compacted, kept and expired without an error."""
    for i in range(3):
        append(lake, [2 * i, 2 * i + 1], days=[date(1, 1, 1), date(9999, 12, 31)])
    maintain(lake, now=NOW)
    assert numbers(lake) == list(range(6))
    done = maintain(lake, MaintainSettings(retention_days=30), now=NOW)
    assert step(done, "expire").rows == 3  # the year 1 is past
    assert {f.date for f in lake.snapshot().part("events")} == {date(9999, 12, 31)}
    done = maintain(lake, MaintainSettings(retention_days=30), now=NOW + timedelta(days=40))
    assert numbers(lake) == []  # a day to come expires by the day on which it was written


@pytest.mark.parametrize("days", [1, 30, 10_000, 999_999_999])
def test_any_retention_is_taken(lake: Lake, days: int) -> None:
    """A retention longer than the calendar keeps everything."""
    append(lake, [1], days=[TODAY])
    maintain(lake, MaintainSettings(retention_days=days), now=NOW)
    assert numbers(lake) == [1]


def test_retention_drops_whole_days_and_counts_today(lake: Lake) -> None:
    """With three days kept, today and the two before it stay; all else goes in one commit."""
    days = [TODAY - timedelta(days=n) for n in range(6)]
    append(lake, range(6), days=days)
    version = lake.table().version()
    done = step(maintain(lake, MaintainSettings(retention_days=3), steps={Step.expire}, now=NOW), "expire")
    assert (done.files_before, done.rows) == (3, 3)
    assert done.what == f"3 days, {days[5]} to {days[3]}"
    assert numbers(lake) == [0, 1, 2]
    assert lake.table().version() == version + 1


def test_offsets_outlive_what_they_brought(lake: Lake) -> None:
    """After all its events expired, a source is still known: an old log that comes back is not read again."""
    append(lake, range(5), source="log-old")
    offset = lake.table().transaction_version("log-old")
    for _ in range(3):
        maintain(lake, MaintainSettings(retention_days=1), now=NOW + timedelta(days=400))
    assert numbers(lake) == []
    assert lake.table().transaction_version("log-old") == offset


def test_the_ledger_of_expired_days_keeps_one_row_for_each_input(lake: Lake) -> None:
    """How far each input was read, and its sums, stay; raw lines that nobody looked at go, and are counted."""
    before = NOW - timedelta(days=50)
    for i in range(3):
        append(lake, range(i * 4, i * 4 + 4), source="log-a", now=before + timedelta(days=i))
    append(lake, range(5), source="log-b", now=before)
    refused = {"source_id": "log-b", "record": "quarantine", "quarantine_id": "log-b:7", "raw": "secret", "error": "x"}
    answered = refused | {"quarantine_id": "log-b:9"}
    solved = {"record": "resolution", "quarantine_id": "log-b:9", "resolution": "dropped"}
    day = before.date()
    commit(lake.table(), [write(lake, "ledger", day, ledger([refused, answered, solved], before))])
    done = step(maintain(lake, MaintainSettings(retention_days=30), now=NOW), "expire")
    assert "1 open quarantined line" in done.what
    rows = duckdb.execute(
        "SELECT source_id, source_offset, lines, committed FROM read_parquet($f) ORDER BY 1",
        {"f": [str(f.path) for f in lake.snapshot().part("ledger")]},
    ).fetchall()
    assert rows == [("log-a", 0, 12, 12), ("log-b", 0, 5, 5)]
    assert maintain(lake, MaintainSettings(retention_days=30), now=NOW) == []


def test_vacuum_waits_for_readers_and_for_writers(lake: Lake) -> None:
    """Replaced files go after vacuum_hours; a file that no commit knows goes no sooner, and never within an hour."""
    for i in range(3):
        append(lake, [i])
    maintain(lake, now=NOW)
    orphan = lake.table_path() / write(lake, "events", DAY, events("log-z", 0, [7], DAY, NOW)[0]).path
    rules = MaintainSettings(vacuum_hours=0)
    assert maintain(lake, rules, steps={Step.vacuum}, now=datetime.now(UTC)) == []
    done = maintain(lake, rules, steps={Step.vacuum}, now=datetime.now(UTC) + timedelta(minutes=20))
    assert [(w.what, w.files_before) for w in done] == [("replaced files", 3)]
    assert orphan.exists()
    done = maintain(lake, MaintainSettings(), steps={Step.vacuum}, now=datetime.now(UTC) + timedelta(hours=100))
    assert orphan.exists()
    done = maintain(lake, MaintainSettings(), steps={Step.vacuum}, now=datetime.now(UTC) + timedelta(hours=170))
    assert [(w.what, w.files_before) for w in done] == [("files never committed", 1)]
    assert not orphan.exists()
    assert numbers(lake) == [0, 1, 2]


def test_vacuum_keeps_what_is_in_use_when_the_lake_has_two_names(lake: Lake, tmp_path: Path) -> None:
    """Through a symbolic link the same files are still in use."""
    append(lake, range(5))
    (tmp_path / "link").symlink_to(lake.root)
    linked = Lake.open(tmp_path / "link")
    maintain(linked, MaintainSettings(vacuum_hours=0), now=NOW + timedelta(days=400))
    assert numbers(lake) == list(range(5))


def test_a_vacuumed_lake_keeps_its_replaced_files_known_behind_a_checkpoint(lake: Lake) -> None:
    """When a file was replaced is known from the log even after checkpoints: it goes at its time, not earlier."""
    for i in range(3):
        append(lake, [i])
    old = time.time() - 300 * 3600
    for path in files_of(lake, "events", DAY):
        os.utime(path, (old, old))
    maintain(lake, now=NOW)
    assert len(list((lake.table_path() / "part=events" / f"date={DAY}").iterdir())) == 4


def test_a_checkpoint_shows_the_same_table(lake: Lake) -> None:
    """The table read through a checkpoint alone has the same version, files, offsets and rows."""
    for i in range(12):
        append(lake, [i], source=f"log-{i % 3}")
    offsets = Log.of(lake.table_path()).offsets()
    done = step(maintain(lake, steps={Step.checkpoint}, now=NOW), "checkpoint")
    assert done.what == "version 12"
    for version in range(13):
        log_file(lake, version).unlink()
    assert lake.table().version() == 12
    assert numbers(lake) == list(range(12))
    assert Log.of(lake.table_path()).offsets() == offsets
    assert all(lake.table().transaction_version(k) == v for k, v in offsets.items())


def test_the_log_is_cleared_behind_the_last_but_one_checkpoint(lake: Lake) -> None:
    """Old entries go when two whole checkpoints stand before them; ingest and `Lake.create` go on as before."""
    append(lake, [0])
    maintain(lake, steps={Step.checkpoint}, now=NOW)
    append(lake, [1])
    append(lake, [2])
    maintain(lake, steps={Step.checkpoint}, now=NOW)
    assert maintain(lake, steps={Step.checkpoint}, now=NOW) == []
    later = NOW + timedelta(days=31)
    done = step(maintain(lake, steps={Step.checkpoint}, now=later), "checkpoint")
    assert (done.what, done.files_before) == ("log entries cleared", 1)
    log = Log.of(lake.table_path())
    assert (sorted(log.commits), sorted(log.checkpoints)) == ([1, 2, 3], [1, 3])
    Lake.create(lake.root)
    append(lake, [3])
    assert numbers(lake) == [0, 1, 2, 3]


def test_the_log_is_not_cleared_behind_a_damaged_checkpoint(lake: Lake) -> None:
    """A checkpoint that cannot be read is nothing to rely on."""
    append(lake, [0])
    maintain(lake, steps={Step.checkpoint}, now=NOW)
    append(lake, [1])
    maintain(lake, steps={Step.checkpoint}, now=NOW)
    first = Log.of(lake.table_path()).checkpoints[1]
    first.write_bytes(first.read_bytes()[:100])
    assert maintain(lake, steps={Step.checkpoint}, now=NOW + timedelta(days=31)) == []


def test_every_table_of_the_lake_is_kept(lake: Lake) -> None:
    """Other Delta tables beside the events are compacted and checkpointed too, whatever their columns."""
    states = TableSpec(
        "alert_states", pa.schema([("rule", pa.string()), ("n", pa.int64()), ("date", pa.date32())]), ("date",)
    )
    lake.ensure_table(states)
    for i in range(4):
        write_deltalake(
            str(lake.table_path(states)),
            pa.table({"rule": [f"r{i}"], "n": [i], "date": [DAY]}),
            mode="append",
        )
    write_deltalake(str(lake.root / "odd"), pa.table({"k": ["a b", "a b/%é"], "v": [1.5, None]}), partition_by=["k"])
    write_deltalake(str(lake.root / "odd"), pa.table({"k": ["a b", "a b/%é"], "v": [2.5, float("inf")]}), mode="append")
    done = maintain(lake, now=NOW)
    assert step(done, "compact", "alert_states").files_after == 1
    found = DeltaTable(str(lake.table_path(states))).to_pyarrow_table().sort_by("n").to_pylist()
    assert found == [{"rule": f"r{i}", "n": i, "date": DAY} for i in range(4)]
    assert DeltaTable(str(lake.root / "odd")).to_pyarrow_table().num_rows == 4


def test_a_file_that_lost_rows_is_found_before_it_is_merged(lake: Lake) -> None:
    """What the log promises is counted first; a difference stops the work and names the doctor."""
    append(lake, range(5))
    append(lake, range(5, 10))
    victim = files_of(lake, "events", DAY)[0]
    pq.write_table(pq.read_table(victim, partitioning=None).slice(1), victim)
    with pytest.raises(DamagedLakeError, match="9 rows where the log says 10") as caught:
        maintain(lake, now=NOW)
    assert "reckon doctor" in caught.value.hint
    assert len(files_of(lake, "events", DAY)) == 2


def test_a_truncated_file_is_found_before_it_is_merged(lake: Lake) -> None:
    """A file without its end stops the work, and nothing was replaced."""
    append(lake, range(5))
    append(lake, range(5, 10))
    victim = files_of(lake, "events", DAY)[0]
    victim.write_bytes(victim.read_bytes()[:-50])
    version = lake.table().version()
    with pytest.raises(DamagedLakeError):
        maintain(lake, now=NOW)
    assert lake.table().version() == version


def test_only_one_runs_at_a_time(lake: Lake) -> None:
    """A second run is told so, with the place of the lock; nothing waits."""
    append(lake, [1])
    with (
        exclusive_lock(lake.lock_path("maintenance"), what="maintenance"),
        pytest.raises(LockHeldError, match="already running"),
    ):
        maintain(lake, now=NOW)


def test_a_dry_run_changes_nothing(lake: Lake) -> None:
    """It says what a run would do, and does not even take the lock."""
    for i in range(3):
        append(lake, [i], now=NOW - timedelta(days=90))
    before = sorted((p, p.stat().st_mtime_ns) for p in lake.root.rglob("*"))
    done = maintain(lake, MaintainSettings(retention_days=30), now=NOW, dry_run=True)
    assert [w.step for w in done] == ["expire", "compact", "checkpoint"]
    assert sorted((p, p.stat().st_mtime_ns) for p in lake.root.rglob("*")) == before


def test_what_a_killed_run_left_is_cleared(lake: Lake) -> None:
    """Unfinished files of a run that died are removed by the next."""
    append(lake, [1])
    left = lake.root / "_maintenance" / "merged-x.parquet"
    left.parent.mkdir()
    left.write_bytes(b"half")
    maintain(lake, now=NOW)
    assert not left.exists()


def test_a_lake_that_cannot_be_written_is_an_error_with_a_hint(lake: Lake) -> None:
    """Where the workshop cannot be made the error says so."""
    append(lake, [1])
    (lake.root / "_maintenance").write_text("in the way")
    with pytest.raises(LakeError, match="cannot write"):
        maintain(lake, now=NOW)


@pytest.mark.fault
@pytest.mark.parametrize("limit", [2_000, 12_000, 60_000])
def test_a_full_disk_stops_maintenance_and_harms_nothing(lake: Lake, limit: int) -> None:
    """At whatever file the room runs out: the error says so, the lake holds what it held, and the next run does it."""
    for i in range(6):
        append(lake, range(i * 500, i * 500 + 500))
    code = (
        "import resource, signal, sys; from deadreckon.core.lake import Lake\n"
        "from deadreckon.core.maintenance import maintain; from deadreckon.core.errors import LakeError\n"
        "limit = int(sys.argv[2]); signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))\n"
        "try: maintain(Lake.open(sys.argv[1]))\n"
        "except LakeError as error: print(error.kind, error.hint)"
    )
    command = [sys.executable, "-c", code, str(lake.root), str(limit)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("lake check") or limit == 60_000, done.stdout + done.stderr
    assert numbers(lake) == list(range(3000))
    maintain(lake, now=NOW)
    assert len(files_of(lake, "events", DAY)) == 1
    assert numbers(lake) == list(range(3000))
