"""The doctor as a whole: what is healthy, what it works on, what it keeps, and who may work at the same time."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake
from tests.core.conftest import Story, lines
from tests.core.lakes import DAY, log_file
from tests.core.patients import CHECKPOINT, NEWEST, NOW, cut, data_file, kinds, whole

from deadreckon.cli import main
from deadreckon.core.doctor import Diagnosis, doctor
from deadreckon.core.durable import exclusive_lock
from deadreckon.core.errors import LakeNotFoundError, LockHeldError
from deadreckon.core.lake import Lake
from deadreckon.core.maintenance import maintain
from deadreckon.core.maintenance.log import Log
from deadreckon.ingest import ingest


def test_a_whole_lake_is_healthy(told: Story) -> None:
    """Nothing is found in a lake that was ingested, compacted and checkpointed, and nothing is touched."""
    before = sorted((p, p.stat().st_mtime_ns) for p in told.lake.root.rglob("*"))
    assert doctor(told.lake.root, deep=True) == Diagnosis(())
    assert sorted((p, p.stat().st_mtime_ns) for p in told.lake.root.rglob("*")) == before
    assert told.numbers() == told.expected


def test_answers_to_refused_lines_and_rotation_are_no_damage(told: Story, tmp_path: Path) -> None:
    """Replays, drops, an input that was renamed, one that shrank and grew anew, and one from a pipe: all healthy."""
    logs, lake = tmp_path / "logs", tmp_path / "lake"
    place = ["--lake", str(lake)]
    logs.mkdir()
    log = logs / "app.log"
    log.write_bytes(lines(range(10)))
    ingest([logs], lake)
    log.rename(logs / "app.log.1")
    log.write_bytes(lines(range(10, 20)))
    ingest([logs], lake)
    log.write_bytes(lines(range(20, 23)))
    ingest([logs], lake)
    run = "import sys; from deadreckon.cli import main; sys.exit(main(sys.argv[1:]))"
    subprocess.run(
        [sys.executable, "-c", run, "ingest", "-", *place], input=lines(range(30, 35)), capture_output=True, check=True
    )
    assert main(["quarantine", "replay", *place]) in (0, 1, 3)
    assert main(["quarantine", "drop", "--all", *place]) in (0, 2)
    assert doctor(lake, deep=True) == Diagnosis(())
    maintain(Lake.open(lake), now=NOW + timedelta(days=2))
    assert doctor(lake, deep=True) == Diagnosis(())


def test_damage_in_another_table(story: Story) -> None:
    """Every table of the lake is examined, with what can be done without ingest's ledger."""
    states = story.lake.root / "alert_states"
    for i in range(3):
        write_deltalake(str(states), pa.table({"rule": [f"r{i}"], "date": [DAY]}), mode="append", partition_by=["date"])
    next(states.rglob("date=*/*.parquet")).unlink()
    cut(states / "_delta_log" / f"{2:020}.json", 30)
    found = doctor(story.lake.root)
    assert [(f.kind, f.table) for f in found.findings] == [("commit_half_written", "alert_states")]
    repaired = doctor(story.lake.root, repair=True)
    assert repaired.healthy
    assert story.numbers() == story.expected


def test_many_damages_at_once(story: Story, refused: list[str]) -> None:
    """Each stage of the repair brings to light what the one below had hidden."""
    data_file(story, "events", merged=True).unlink()
    cut(data_file(story, "ledger", merged=False), 100)
    cut(Log.of(story.lake.table_path()).checkpoints[CHECKPOINT], 100)
    log_file(story.lake, 8).unlink()
    cut(log_file(story.lake, NEWEST), 100)
    found = doctor(story.lake.root, repair=True)
    assert found.healthy, found
    whole(story, refused)


def test_what_is_replaced_is_kept_with_a_report(story: Story) -> None:
    """Under `_doctor/<time>/` lie the copies, and a report of what was done."""
    path = log_file(story.lake, NEWEST)
    cut(path, 100)
    half = path.read_bytes()
    found = doctor(story.lake.root, repair=True, now=datetime(2026, 5, 1, tzinfo=UTC))
    assert found.kept_in == story.lake.root / "_doctor" / "20260501T000000.000000Z"
    assert (found.kept_in / "events" / "_delta_log" / path.name).read_bytes() == half
    report = json.loads((found.kept_in / "report.json").read_text())
    assert [(r["kind"], r["done"]) for r in report] == [("commit_half_written", True)]


def test_a_lake_that_lost_its_log(story: Story) -> None:
    """Nothing can be mended, nothing is touched, and the finding says that a backup is needed."""
    log = story.lake.table_path() / "_delta_log"
    shutil.rmtree(log)
    found = doctor(story.lake.root, repair=True)
    assert (kinds(found), found.treatments) == (["log_lost"], ())
    assert not found.healthy
    log.mkdir()
    assert kinds(doctor(story.lake.root)) == ["log_lost"]


def test_no_lake(tmp_path: Path) -> None:
    """A folder without a table is no lake, and an error says so."""
    with pytest.raises(LakeNotFoundError):
        doctor(tmp_path)
    with pytest.raises(LakeNotFoundError):
        doctor(tmp_path / "none")


def test_repair_and_maintenance_exclude_each_other(story: Story) -> None:
    """Examining needs no lock; a repair waits for nobody and says who holds it."""
    with exclusive_lock(story.lake.lock_path("maintenance"), what="maintenance"):
        assert doctor(story.lake.root).healthy
        with pytest.raises(LockHeldError):
            doctor(story.lake.root, repair=True)
