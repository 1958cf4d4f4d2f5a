"""Profilers and compaction are killed at random moments while events come and go, and no count is lost or doubled."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.profiles.lakes import make
from tests.profiles.oracle import events, profiled
from tests.profiles.test_exactly_once import add, batch, remove

from deadreckon.core.errors import CommitConflictError
from deadreckon.core.lake import Lake
from deadreckon.core.maintenance import Step, maintain
from deadreckon.core.profiles import PROFILES
from deadreckon.profiles import profile

PROFILER = """
import sys
from deadreckon.core.lake import Lake
from deadreckon.profiles import profile
while True:
    profile(Lake.open(sys.argv[1]))
"""
KEEPER = """
import sys
from datetime import UTC, datetime, timedelta
from deadreckon.core.lake import Lake
from deadreckon.core.maintenance import Step, maintain
while True:
    maintain(Lake.open(sys.argv[1]), steps={Step.compact}, now=datetime.now(UTC) + timedelta(days=60))
"""
KILLS = 15


def start(script: str, lake: Lake, complaints: Path) -> subprocess.Popen[bytes]:
    with complaints.open("ab") as out:
        return subprocess.Popen([sys.executable, "-c", script, str(lake.root)], stderr=out)


@pytest.mark.fault
@pytest.mark.timeout(280)
def test_kills_at_random_moments_lose_and_double_no_count(tmp_path: Path) -> None:
    """Two profilers and a keeper, killed 15 times between them: in the end each hour has the counts of its events."""
    dice = random.Random(20261121)
    lake = make(tmp_path / "lake")
    complaints = tmp_path / "complaints"
    scripts = [PROFILER, PROFILER, KEEPER]
    crew = [start(script, lake, complaints) for script in scripts]
    killed_at: set[int] = set()
    try:
        time.sleep(1.5)  # let them come to work: a kill before that proves little
        for number in range(KILLS):
            for _ in range(dice.randrange(1, 5)):
                add(lake, batch(number, n=dice.randrange(1, 60)))
            if dice.random() < 0.2:
                try:
                    remove(lake, dice.randrange(-3, 0))
                except CommitConflictError:
                    pass  # compaction was there first
            time.sleep(dice.uniform(0.05, 0.9))
            place = dice.randrange(len(crew))
            assert crew[place].poll() is None, complaints.read_text()
            crew[place].send_signal(signal.SIGKILL)
            crew[place].wait()
            killed_at.add(profile_version(lake))
            crew[place] = start(scripts[place], lake, complaints)
        time.sleep(1.0)
    finally:
        for process in crew:
            process.kill()
            process.wait()

    profile(lake)
    assert profiled(lake) == events(lake)
    assert sum(events(lake).values()) > 1000
    assert len(killed_at) > 5, "hardly anything was profiled between the kills: the test lost its point"
    maintain(lake, steps={Step.compact}, now=datetime.now(UTC) + timedelta(days=60))
    assert profiled(lake) == events(lake)


def profile_version(lake: Lake) -> int:
    return lake.table(PROFILES).version() if lake.has_table(PROFILES) else -1
