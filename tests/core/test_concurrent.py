"""Maintenance and repair beside ingesters and readers, in real processes, killed at random moments."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest
from tests.core.conftest import Story

from deadreckon.core.doctor import doctor
from deadreckon.core.lake import Lake
from deadreckon.core.maintenance import maintain

CREW = Path(__file__).with_name("crew.py")


def hire(role: str, lake: Path, folder: Path, name: str) -> subprocess.Popen[str]:
    """Start a process of the crew; returns when it is about to work."""
    process = subprocess.Popen(
        [sys.executable, str(CREW), role, str(lake), str(folder), name], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.stdout.close()
    return process


def dismiss(folder: Path, crew: list[subprocess.Popen[str]]) -> None:
    """Tell all to stop, and see that each ended well."""
    (folder / "stop").touch()
    assert [process.wait(120) for process in crew] == [0] * len(crew)


def exact(lake: Lake, folder: Path) -> None:
    """Every line that was written is in the lake once, whoever was killed."""
    expected = sorted(f"{p.stem}-{n}" for p in folder.glob("*.count") for n in range(int(p.read_text())))
    files = [str(f.path) for f in lake.snapshot().part("events")]
    query = "SELECT attributes->>'number' FROM read_parquet($f, union_by_name = true) ORDER BY 1"
    assert [row[0] for row in duckdb.execute(query, {"f": files}).fetchall()] == expected
    assert len(expected) > 100
    assert not list(folder.glob("*.wrong")), [p.read_text() for p in folder.glob("*.wrong")]


@pytest.mark.fault
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("role", "kills"), [("keeper", 6), ("doctor", 4)])
def test_kills_beside_ingesters_and_a_reader(tmp_path: Path, role: str, kills: int) -> None:
    """Two ingesters and a reader work while maintenance, or the doctor, is killed again and again: counts hold."""
    lake = Lake.create(tmp_path / "lake")
    crew = [hire("writer", lake.root, tmp_path, name) for name in ("a", "b")]
    crew.append(hire("reader", lake.root, tmp_path, "r"))
    chance = random.Random(7)
    for _ in range(kills):
        victim = hire(role, lake.root, tmp_path, "k")
        time.sleep(chance.uniform(0.05, 1.2))
        victim.send_signal(signal.SIGKILL)
        assert victim.wait(60) == -signal.SIGKILL
    dismiss(tmp_path, crew)
    exact(lake, tmp_path)
    assert doctor(lake.root, deep=True).healthy
    maintain(lake)
    exact(lake, tmp_path)
    assert doctor(lake.root, deep=True).findings == ()


@pytest.mark.fault
@pytest.mark.timeout(600)
def test_maintenance_goes_on_beside_ingesters(tmp_path: Path) -> None:
    """Nobody is disturbed: no ingester fails, no reader misses a file, and merges are committed meanwhile."""
    lake = Lake.create(tmp_path / "lake")
    crew = [hire("writer", lake.root, tmp_path, name) for name in ("a", "b")]
    crew += [hire("reader", lake.root, tmp_path, "r"), hire("keeper", lake.root, tmp_path, "k")]
    time.sleep(8)
    dismiss(tmp_path, crew)
    exact(lake, tmp_path)
    log = lake.table_path() / "_delta_log"
    assert any('"deadreckon.step":"compact"' in path.read_text() for path in log.glob("*.json"))
    assert int((tmp_path / "r.looks").read_text()) > 3


@pytest.mark.fault
@pytest.mark.timeout(600)
def test_a_repair_that_is_killed_is_started_again(story: Story, tmp_path: Path) -> None:
    """Whatever a killed repair had done and not done, the next one finishes it, and nothing is lost or there twice."""
    root = story.lake.table_path()
    refused = story.refused()
    kept = {f.path for f in story.lake.snapshot().files if f.path.name.startswith("merged-")}
    for path in [*kept, *(f.path for f in story.lake.snapshot().part("events")[:1])]:
        path.unlink(missing_ok=True)
    log = root / "_delta_log"
    (log / f"{8:020}.json").unlink()
    (log / f"{9:020}.json").write_bytes((log / f"{9:020}.json").read_bytes()[:300])
    (log / f"{6:020}.checkpoint.parquet").write_bytes(b"PAR1")
    chance = random.Random(3)
    for _ in range(6):
        victim = hire("doctor", story.lake.root, tmp_path, "k")
        time.sleep(chance.uniform(0.02, 0.7))
        victim.send_signal(signal.SIGKILL)
        victim.wait(60)
    assert doctor(story.lake.root, repair=True).healthy
    story.read_again()
    assert story.numbers() == story.expected
    assert story.refused() == refused
    assert doctor(story.lake.root, deep=True).healthy
