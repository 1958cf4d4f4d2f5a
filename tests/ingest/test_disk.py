"""Where the lake cannot be written: the way out is said, nothing is half committed, and it completes later."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from base64 import b85encode
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.ingest.lakes import NOW, Place

RECKON = "import sys; from deadreckon.cli.app import run; sys.exit(run(sys.argv[1:]))"
LIMITED = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({0}, {0})); " + RECKON
EVENTS = 12_000


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def noise(count: int, start: int = 0) -> list[dict[str, Any]]:
    """Events that hardly compress."""
    dice = random.Random(start)
    return [
        {"case": n, "ts": 1.77e9 + n, "pad": b85encode(dice.randbytes(400)).decode()}
        for n in range(start, start + count)
    ]


def reckon(*arguments: str | Path, code: str = RECKON, environ: Mapping[str, str] | None = None) -> Any:
    """Run the command line in a process of its own."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    inherited = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)} | dict(environ or {})
    return subprocess.run(command, capture_output=True, text=True, check=False, env=inherited)


class SmallDisk:
    """Where a lake has little room: a file system in memory where we may mount one, else a limit on files' size."""

    def __init__(self, root: Path) -> None:
        self.lake = root / "disk" / "lake"
        self._disk = root / "disk"
        self._disk.mkdir()
        self.mounted = self._mount("size=2500k")

    def _mount(self, options: str) -> bool:
        if shutil.which("mount") is None:
            return False
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self._disk)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def make_room(self) -> None:
        """More room than anything here needs."""
        if self.mounted:
            self._mount("remount,size=100m")

    def ingest(self, *paths: Path, full: bool) -> Any:
        """`reckon ingest`, with the disk as small as it is (`full`), or with room."""
        limited = full and not self.mounted
        return reckon("ingest", *paths, "--lake", self.lake, code=LIMITED.format(1_200_000) if limited else RECKON)

    def unmount(self) -> None:
        """Give the mount back."""
        if self.mounted:
            subprocess.run(["umount", "-l", str(self._disk)], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    small = SmallDisk(tmp_path)
    yield small
    small.unmount()


@pytest.mark.fault
def test_full_disk(place: Place, disk: SmallDisk) -> None:
    """A disk that fills: exit code 3 with a hint, no half commit, no left-overs; with room the rest arrives once."""
    here = Place(place.root, disk.lake)
    first = here.write("first.log", noise(100))
    assert disk.ingest(first, full=True).returncode == 0
    files = here.names()
    big = here.write("big.log", noise(EVENTS, 100))

    for _ in range(2):
        failed = disk.ingest(big, full=True)
        assert failed.returncode == 3, failed.stderr
        error = json.loads(failed.stderr)["error"]
        assert error["kind"] == "lake"
        assert "cannot" in error["message"]
        assert "room" in error["hint"]
        assert here.values("case") == list(range(100))
        assert here.names() == files

    disk.make_room()
    assert disk.ingest(big, full=False).returncode == 0
    assert here.values("case") == list(range(100 + EVENTS))
    again = disk.ingest(big, first, full=False)
    assert json.loads(again.stdout)["read_lines"] == 0


@pytest.mark.fault
def test_full_disk_before_there_is_a_lake(place: Place, tmp_path: Path) -> None:
    """Where not even the table can be made is an error too, and no lake is left that cannot be opened."""
    path = place.write("app.log", noise(10))

    failed = reckon("ingest", path, "--lake", place.lake, code=LIMITED.format(100))

    assert failed.returncode == 3, failed.stderr
    assert json.loads(failed.stderr)["error"]["hint"]
    assert reckon("ingest", path, "--lake", place.lake).returncode == 0
    assert place.values("case") == list(range(10))


@pytest.mark.fault
def test_log_entry_that_cannot_be_written(place: Place) -> None:
    """When the data fits and the log entry does not, nothing is committed, and the next try completes exactly."""
    # An event on each of many days: many small files, and a log entry that names them all.
    days = place.write("days.log", [{"case": n, "ts": (n + 1) * 86_400} for n in range(100)])
    assert place.ingest(place.write("first.log", [{"case": -1}])).committed == 1
    files = place.names()

    failed = reckon("ingest", days, "--lake", place.lake, code=LIMITED.format(20_000))

    assert failed.returncode == 3, failed.stderr
    assert json.loads(failed.stderr)["error"]["kind"] == "lake"
    assert place.values("case") == [-1]
    assert {name for name in place.names() - files if not name.startswith("events/_delta_log/_")} == set()
    assert reckon("ingest", days, "--lake", place.lake).returncode == 0
    assert place.values("case") == list(range(-1, 100))


@pytest.mark.fault
def test_replay_that_cannot_be_committed(place: Place) -> None:
    """A replay whose log entry finds no room changes nothing and leaves no files; later it replays each line once."""
    lines = [{"case": n, "ts": (n + 1) * 86_400, "duration_ms": "soon"} for n in range(100)]
    place.ingest(place.write("app.log", lines))
    config = place.write("deadreckon.toml", '[aliases]\nduration_ms = "error_message"\n')
    replay = ("quarantine", "replay", "--lake", place.lake, "--config", config)
    files = place.names()

    failed = reckon(*replay, code=LIMITED.format(20_000))

    assert failed.returncode == 3, failed.stderr
    assert place.events() == place.ledger("resolution") == []
    assert {name for name in place.names() - files if not name.startswith("events/_delta_log/_")} == set()
    assert json.loads(reckon(*replay).stdout)["committed"] == 100
    assert place.values("case") == list(range(100))


@pytest.mark.fault
def test_read_only_lake(place: Place) -> None:
    """A lake that may be read and not written: exit code 3 with a hint, nothing changed; then it completes."""
    first = place.write("first.log", noise(10))
    place.ingest(first)
    more = place.append("first.log", noise(10, 10))
    files = place.names()
    code = RECKON
    read_only = _read_only(place.lake)
    if read_only is None:  # not root, or no mounts here: then the permissions do it
        for folder in (place.lake, *filter(Path.is_dir, place.lake.rglob("*"))):
            folder.chmod(0o555)
        failed = reckon("ingest", more, "--lake", place.lake)
        for folder in (place.lake, *filter(Path.is_dir, place.lake.rglob("*"))):
            folder.chmod(0o755)
    else:
        failed = subprocess.run(
            [*read_only, sys.executable, "-c", code, "ingest", str(more), "--lake", str(place.lake)],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        )

    assert failed.returncode == 3, failed.stderr
    error = json.loads(failed.stderr)["error"]
    assert error["kind"] == "lake"
    assert str(place.lake) in error["message"]
    assert "permissions" in error["hint"] or "written" in error["hint"]
    assert place.names() == files
    assert place.values("case") == list(range(10))

    assert place.ingest(more).committed == 10
    assert place.values("case") == list(range(20))


def _read_only(folder: Path) -> list[str] | None:
    """What to put before a command so that it sees the folder read-only; None where that cannot be done."""
    script = f'mount --bind "{folder}" "{folder}" && mount -o remount,ro,bind "{folder}" && exec "$@"'
    prefix = ["unshare", "-m", "sh", "-c", script, "sh"]
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        return None
    return prefix if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0 else None


def test_clocks_that_disagree(place: Place) -> None:
    """Ingesters whose clocks are decades apart: each line once, retried events found, and the ledger stays right."""
    early, late = NOW - timedelta(days=365 * 40), NOW + timedelta(days=365 * 60)
    times = [early, late, NOW, late, early]
    for n, clock in enumerate(times):
        retried = [{"event_id": f"id-{k}", "ts": "2026-01-01T00:00:00Z", "case": k} for k in range(n + 1)]
        path = place.append("app.log", [*retried, {"case": 100 + n}, "garbage"])
        summary = place.ingest(path, now=clock)
        assert (summary.read_lines, summary.duplicates, summary.quarantined) == (n + 3, n, 1)

    assert place.values("case") == [0, 1, 2, 3, 4, 100, 101, 102, 103, 104]
    ends = [row["end_offset"] for row in place.ledger("source")]
    assert max(ends) == path.stat().st_size
    assert len(place.quarantined()) == 5
    copied = place.root / "copy"
    copied.mkdir()
    assert place.ingest(path, now=early).read_lines == 0


def test_lines_from_the_future_and_the_past(place: Place) -> None:
    """What a writer with a wrong clock says is kept as it says, in years 1 and 9999 too, and its retries are found."""
    lines = [
        {"event_id": f"e{n}", "ts": ts, "case": n}
        for n, ts in enumerate(
            ["0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "2199-01-01T00:00:00Z", "9999-12-31T23:59:59Z"]
        )
    ]
    first, second = place.write("a.log", lines), place.write("b.log", [{"case": 4}, *lines])

    place.ingest(first)
    summary = place.ingest(second)

    assert (summary.committed, summary.duplicates) == (1, 4)
    assert place.values("case") == [0, 1, 2, 3, 4]
    assert place.events("ts")[0]["ts"] == datetime(1, 1, 1, tzinfo=UTC)
