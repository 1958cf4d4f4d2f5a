"""However profiling is interrupted, repeated or overtaken, the profiles are those of the events."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from deltalake.transaction import AddAction, RemoveAction
from tests.profiles.lakes import HOUR, NOON, add, event, make
from tests.profiles.oracle import events, profiled

from deadreckon.core import profiles
from deadreckon.core.doctor import doctor
from deadreckon.core.lake import Lake, commit
from deadreckon.core.maintenance import Step, maintain
from deadreckon.core.settings import MaintainSettings, Settings
from deadreckon.profiles import connect, profile
from deadreckon.profiles.run import CHUNK_ROWS

DAY = 24 * HOUR


def batch(number: int, n: int = 20) -> list[dict[str, object]]:
    """Events of one hour of a day, alike from call to call."""
    return [
        event(
            (number % 5) * HOUR + i,
            kind="prediction",
            duration_ms=float(number * 10 + i),
            tool=f"t{i % 3}",
            model="m",
            model_version=str(i % 2),
            features=json.dumps({"age": i}),
        )
        for i in range(n)
    ]


def check(lake: Lake) -> None:
    assert profiled(lake) == events(lake)


def remove(lake: Lake, place: int) -> None:
    """Take a file of events out of the table with its rows, as a repair does that reads an input again."""
    file = sorted(lake.snapshot().part("events"), key=lambda f: f.path.stat().st_mtime_ns)[place]
    gone = RemoveAction(
        file.path.relative_to(lake.table_path()).as_posix(),
        data_change=True,
        deletion_timestamp=int(datetime.now(UTC).timestamp() * 1000),
        size=file.size,
        partition_values=dict(file.partition),
    )
    commit(lake.table(), [gone], metadata={"deadreckon.doctor": "rewind"})


def test_only_what_is_new_is_counted(tmp_path: Path) -> None:
    """A run counts what came since the last; one with nothing new writes nothing."""
    lake = make(tmp_path, batch(0))
    assert (profile(lake).events, profile(lake).events) == (20, 0)
    version = lake.table(profiles.PROFILES).version()
    assert profile(lake).version == lake.table().version()
    assert lake.table(profiles.PROFILES).version() == version

    add(lake, batch(1))
    add(lake, batch(2))
    assert profile(lake).events == 40
    check(lake)


def test_of_two_at_once_none_counts_twice(tmp_path: Path) -> None:
    """Profilers that run at the same time make one profile of each event."""
    lake = make(tmp_path)
    for number in range(4):
        add(lake, batch(number))
        with ThreadPoolExecutor(4) as crew:
            done = list(crew.map(profile, [lake] * 4))
        assert sum(d.events for d in done) == 20
        check(lake)


def test_events_that_a_repair_took_out_leave_the_profiles(tmp_path: Path) -> None:
    """What was removed with its rows is no longer counted, and what comes again is counted once."""
    lake = make(tmp_path)
    for number in range(3):
        add(lake, batch(number))
    profile(lake)
    remove(lake, 1)
    assert profile(lake).days == 1
    check(lake)
    add(lake, batch(1))
    profile(lake)
    check(lake)


def test_what_came_and_went_between_two_runs_is_not_counted(tmp_path: Path) -> None:
    """A file that was added and removed since the last run, and the only file of a day."""
    lake = make(tmp_path, batch(0))
    profile(lake)
    add(lake, batch(1))
    remove(lake, 1)
    profile(lake)
    check(lake)
    remove(lake, 0)
    profile(lake)
    assert events(lake) == {}
    check(lake)


def test_profiles_outlive_the_events(tmp_path: Path) -> None:
    """Events that expire stay counted, also when all is made anew."""
    lake = make(tmp_path, batch(0))
    add(lake, [{**e, "ts": NOON + timedelta(days=30)} for e in batch(1)])
    profile(lake)
    before = profiled(lake)

    maintain(lake, MaintainSettings(retention_days=10), steps={Step.expire}, now=NOON + timedelta(days=30))
    assert sum(events(lake).values()) < sum(before.values())
    profile(lake)
    assert profiled(lake) == before
    assert profile(lake, everything=True).days == 1
    assert profiled(lake) == before
    assert profile(lake, again=[NOON.date()]).days == 0
    assert profiled(lake) == before


@pytest.mark.parametrize("vacuum", [True, False])
def test_files_that_were_merged_before_they_were_profiled(tmp_path: Path, vacuum: bool) -> None:
    """Compaction changes no rows: what it merged is counted from the old files, or, where they are gone, anew."""
    lake = make(tmp_path, batch(0))
    profile(lake)
    add(lake, batch(1))
    add(lake, batch(2))
    steps = {Step.compact, Step.vacuum} if vacuum else {Step.compact}
    maintain(lake, MaintainSettings(vacuum_hours=0), steps={Step.compact})
    maintain(lake, MaintainSettings(vacuum_hours=0), steps=steps, now=datetime.now(UTC) + timedelta(days=1))

    assert profile(lake).days == (1 if vacuum else 0)
    check(lake)


def test_a_log_that_no_longer_tells_is_no_loss(tmp_path: Path) -> None:
    """Entries behind a checkpoint are cleared away: then all days are made anew."""
    lake = make(tmp_path, batch(0))
    profile(lake)
    add(lake, batch(1))
    add(lake, batch(2))
    maintain(lake, steps={Step.checkpoint})
    for version in range(3):
        (lake.table_path() / "_delta_log" / f"{version:020}.json").unlink()

    assert profile(lake).rebuilt
    check(lake)


def test_a_version_that_was_written_anew_is_counted_anew(tmp_path: Path) -> None:
    """A lost newest commit comes again with other events, under the same number."""
    lake = make(tmp_path, batch(0))
    add(lake, batch(1))
    profile(lake)
    (lake.table_path() / "_delta_log" / f"{2:020}.json").unlink()
    add(lake, batch(2, n=7))

    assert lake.table().version() == 2
    assert profile(lake).rebuilt
    check(lake)


@pytest.mark.parametrize("part", ["bucket", "summary"])
def test_a_profile_that_is_lost_is_made_again(tmp_path: Path, part: str) -> None:
    """The doctor takes a missing file out of the table, and the next run makes up for it."""
    lake = make(tmp_path, batch(0))
    profile(lake)
    add(lake, batch(1))
    profile(lake)
    profiles.snapshot(lake).part(part)[0].path.unlink()
    doctor(lake.root, Settings(lake=str(lake.root)), repair=True)

    assert profile(lake).rebuilt
    check(lake)


def test_days_can_be_made_anew(tmp_path: Path) -> None:
    """A day's profiles are replaced by what its events say; those of other days stay as they are."""
    lake = make(tmp_path, batch(0))
    add(lake, [{**e, "ts": e["ts"] + timedelta(days=1)} for e in batch(0)])
    profile(lake)
    done = profile(lake, again=[date(2026, 10, 2), date(2031, 1, 1)])
    assert (done.events, done.days) == (20, 1)
    check(lake)


def test_what_is_frozen_stays_when_days_are_made_anew(tmp_path: Path) -> None:
    """Origins are those of the first sight, so that buckets still merge."""
    lake = make(tmp_path, batch(0))
    profile(lake)
    add(lake, batch(1, n=300))
    profile(lake, again=[NOON.date()])
    with connect(lake) as con:
        assert con.execute("SELECT origin FROM profile_subjects WHERE subject = 'feature:age'").fetchall() == [(9.0,)]
    check(lake)


def test_all_made_anew_sees_its_subjects_anew(tmp_path: Path) -> None:
    """A subject that was frozen by an unlucky first batch gets its kind and origin from all that there is."""
    lake = make(tmp_path, [event(0, kind="prediction", features=json.dumps({"age": "?"}))])
    profile(lake)
    add(lake, batch(0))
    profile(lake)
    kind = "SELECT kind, origin FROM profile_subjects WHERE subject = 'feature:age'"
    with connect(lake) as con:
        assert con.execute(kind).fetchall() == [("categorical", None)]
    assert profile(lake, everything=True).rebuilt
    with connect(lake) as con:
        assert con.execute(kind).fetchall() == [("numeric", 9.0)]
        assert con.execute("SELECT sum(n_other) FROM profile_summaries WHERE subject = 'feature:age'").fetchone() == (
            1,
        )


def test_many_small_runs_do_not_leave_many_files(tmp_path: Path) -> None:
    """Every so many runs the newest month is put together, so that its readers stay quick without maintenance."""
    lake = make(tmp_path)
    for number in range(40):
        add(lake, batch(number, n=3))
        profile(lake)
    assert len(profiles.snapshot(lake).files) <= 3 * 17
    assert not list(lake.root.glob("_new-*"))
    check(lake)


def test_a_file_of_more_events_than_are_counted_at_a_time(tmp_path: Path) -> None:
    """A great file is counted in ranges of its rows: each row once, whatever its row groups."""
    lake = make(tmp_path)
    rows = CHUNK_ROWS * 2 + 12_345
    path = lake.table_path() / "part=events" / "date=2026-10-01" / "great.parquet"
    path.parent.mkdir(parents=True)
    duckdb.execute(
        f"""
        COPY (
            SELECT 'id-' || i AS event_id, TIMESTAMPTZ '2026-10-01 00:00:00+00' + to_milliseconds(i * 10) AS ts,
                'prediction' AS kind, CAST(i AS DOUBLE) AS duration_ms, '{{"n":' || i || '}}' AS features
            FROM range({rows}) AS t(i)
        ) TO '{path}' (FORMAT parquet, ROW_GROUP_SIZE 70000)
        """
    )
    partition: dict[str, str | None] = {"part": "events", "date": "2026-10-01"}
    name = path.relative_to(lake.table_path()).as_posix()
    size, stats = path.stat().st_size, json.dumps({"numRecords": rows})
    commit(lake.table(), [AddAction(name, size, partition, 0, data_change=True, stats=stats)])
    assert profile(lake).events == rows

    with connect(lake) as con:
        found = con.execute(
            "SELECT subject, sum(n), sum(sum), min(min), max(max) FROM profile_summaries "
            "WHERE subject IN ('latency_ms', 'feature:n') GROUP BY ALL ORDER BY ALL"
        ).fetchall()
    exact = (rows, rows * (rows - 1) / 2, 0.0, rows - 1.0)
    assert found == [("feature:n", *exact), ("latency_ms", *exact)]
