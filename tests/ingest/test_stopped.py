"""An ingester that is stopped between writing and committing, for longer than vacuum waits."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.ingest.lakes import Place

from deadreckon.core.doctor import doctor
from deadreckon.core.lake import Lake
from deadreckon.core.maintenance import Step, maintain

STOPPED = """
import os, signal, sys
from deadreckon.ingest import ingest

stopped = False

def stop(event, arguments):
    global stopped
    if event == "open" and not stopped and sys.argv[3] in str(arguments[0]):
        stopped = True
        os.kill(os.getpid(), signal.SIGSTOP)

sys.addaudithook(stop)
done = ingest([sys.argv[1]], sys.argv[2])
print(done.committed, done.conflicts)
"""


@pytest.mark.parametrize("before", ["part=ledger/", "_delta_log/0000"], ids=["before fsync", "before the commit"])
def test_stopped_for_longer_than_vacuum_waits(tmp_path: Path, before: str) -> None:
    """Its files are gone when it goes on: it writes them again, and every line is there once."""
    place = Place(tmp_path)
    log = place.write("app.log", [{"case": n} for n in range(50)])
    lake = Lake.create(place.lake)
    running = subprocess.Popen(
        [sys.executable, "-c", STOPPED, str(log), str(place.lake), before], stdout=subprocess.PIPE, text=True
    )
    _, status = os.waitpid(running.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    week = datetime.now(UTC) + timedelta(days=8)
    removed = maintain(lake, steps={Step.vacuum}, now=week)
    assert [work.what for work in removed] == ["files never committed"]

    running.send_signal(signal.SIGCONT)
    said, _ = running.communicate(timeout=60)

    assert said.split() == ["50", "1"]
    assert place.values("case") == list(range(50))
    assert doctor(place.lake, deep=True).findings == ()


def test_stopped_and_not_missed(tmp_path: Path) -> None:
    """Files that are still there when it goes on are committed as they are."""
    place = Place(tmp_path)
    log = place.write("app.log", [{"case": n} for n in range(5)])
    lake = Lake.create(place.lake)
    running = subprocess.Popen(
        [sys.executable, "-c", STOPPED, str(log), str(place.lake), "part=ledger/"], stdout=subprocess.PIPE, text=True
    )
    os.waitpid(running.pid, os.WUNTRACED)
    assert maintain(lake, steps={Step.vacuum}, now=datetime.now(UTC) + timedelta(days=6)) == []
    running.send_signal(signal.SIGCONT)
    said, _ = running.communicate(timeout=60)
    assert said.split() == ["5", "0"]
