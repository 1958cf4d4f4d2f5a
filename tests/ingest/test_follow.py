"""`reckon ingest --follow` as a process of its own: reads what comes, and ends tidily when told to."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.ingest.lakes import Place, joined

RECKON = "import sys; from deadreckon.cli.app import run; sys.exit(run(sys.argv[1:]))"
PATIENCE_S = 120.0
"""Until something is given up as never happening; what is waited for takes a second on an idle machine."""


class Follower:
    """A running `reckon ingest --follow`, or one that goes on because its pipe does."""

    def __init__(self, place: Place, *paths: str, follow: bool = True) -> None:
        self.place = place
        environ = os.environ | {
            "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
            "DEADRECKON_INGEST_FOLLOW_INTERVAL_S": "0.1",
        }
        command = [sys.executable, "-c", RECKON, "ingest", "--lake", str(place.lake), *paths]
        if follow:
            command.append("--follow")
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=pipe, env=environ, cwd=place.root, bufsize=0
        )

    def until(self, seen: Callable[[], bool]) -> None:
        """Wait until something is so."""
        end = time.monotonic() + PATIENCE_S
        while not seen():
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < end, "waited in vain"
            time.sleep(0.1)

    def until_cases(self, count: int) -> None:
        """Wait until so many events are there."""
        self.until(lambda: (self.place.lake / "events" / "_delta_log").is_dir() and len(self.place.events()) >= count)

    def stop(self, number: int = signal.SIGTERM) -> dict[str, Any]:
        """End it by a signal; its summary."""
        self.process.send_signal(number)
        return self.end()

    def give(self, data: bytes) -> None:
        """Write to its standard input."""
        assert self.process.stdin is not None
        self.process.stdin.write(data)

    def end(self) -> dict[str, Any]:
        """Wait for its end, having closed its standard input; its summary."""
        out, err = self.process.communicate(timeout=PATIENCE_S)
        assert self.process.returncode == 0, err.decode()
        found: dict[str, Any] = json.loads(out)
        return found


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def followers() -> Iterator[list[Follower]]:
    started: list[Follower] = []
    yield started
    for follower in started:
        if follower.process.poll() is None:
            follower.process.kill()
        follower.process.communicate()


def cases(start: int, stop: int) -> list[dict[str, Any]]:
    return [{"case": n} for n in range(start, stop)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["terminate", "interrupt"])
def test_appends_rotation_and_the_end(place: Place, followers: list[Follower], number: int) -> None:
    """What is appended arrives, a torn line once it is whole, over a rotation too; a signal ends it tidily."""
    place.write("app.log", cases(0, 3))
    follower = Follower(place, "app.log")
    followers.append(follower)
    follower.until_cases(3)
    place.append("app.log", joined(cases(3, 5)) + b'{"case":')
    follower.until_cases(5)
    place.append("app.log", b" 5}\n")
    follower.until_cases(6)
    (place.root / "app.log").rename(place.root / "app.log.1")
    place.append("app.log.1", cases(6, 7))
    place.write("app.log", cases(7, 9))
    follower.until_cases(9)
    place.append("app.log", ["garbage"])
    follower.until(lambda: len(place.quarantined()) == 1)

    summary = follower.stop(number)

    assert place.values("case") == list(range(9))
    assert (summary["committed"], summary["quarantined"], summary["read_lines"]) == (9, 1, 10)


def test_folders_and_files_that_come_later(place: Place, followers: list[Follower]) -> None:
    """A file that is not there yet is waited for, one that appears in a folder is read, one removed is let go."""
    (place.root / "logs").mkdir()
    place.write("logs/first.log", cases(0, 1))
    follower = Follower(place, "later.log", "logs")
    followers.append(follower)
    follower.until_cases(1)
    place.write("later.log", cases(1, 2))
    place.write("logs/second.log", cases(2, 3))
    follower.until_cases(3)
    (place.root / "logs" / "first.log").unlink()
    place.append("logs/second.log", cases(3, 4))
    follower.until_cases(4)

    assert follower.stop()["committed"] == 4
    assert place.values("case") == [0, 1, 2, 3]


def test_stopped_and_started_again(place: Place, followers: list[Follower]) -> None:
    """Killed without warning and started again, it reads on from what was committed."""
    place.write("app.log", cases(0, 100))
    first = Follower(place, "app.log")
    followers.append(first)
    first.until_cases(100)
    first.process.kill()
    first.process.communicate()
    place.append("app.log", cases(100, 200))
    second = Follower(place, "app.log")
    followers.append(second)
    second.until_cases(200)

    assert second.stop()["committed"] == 100
    assert place.values("case") == list(range(200))


def test_following_a_pipe(place: Place, followers: list[Follower]) -> None:
    """Lines that a pipe gives slowly arrive as they come, and the last one at the pipe's end."""
    pipe = place.root / "pipe"
    os.mkfifo(pipe)
    follower = Follower(place, str(pipe))
    followers.append(follower)
    with pipe.open("wb", buffering=0) as writer:
        writer.write(joined(cases(0, 2)))
        follower.until_cases(2)
        writer.write(b'{"case"')
        writer.write(b": 2}\n" + joined(cases(3, 4))[:-1])
        follower.until_cases(3)

    assert follower.end()["committed"] == 4, "a pipe that has ended gives no more: so it ends by itself"
    assert place.values("case") == [0, 1, 2, 3]


@pytest.mark.parametrize("follow", [False, True], ids=["once", "follow"])
def test_standard_input_that_stays_open(place: Place, followers: list[Follower], follow: bool) -> None:
    """Lines of a live pipe land while it is open, with --follow or without; its end is the end of the run."""
    follower = Follower(place, "-", follow=follow)
    followers.append(follower)
    follower.give(joined(cases(0, 2)))
    follower.until_cases(2)
    follower.give(joined(cases(2, 4))[:-1])
    follower.until_cases(3)
    follower.give(b"\n" + joined(cases(4, 5)))
    follower.until_cases(5)
    follower.give(joined(cases(5, 6))[:-1])

    assert follower.end()["committed"] == 6
    assert place.values("case") == list(range(6))


def test_interrupted_while_it_waits(place: Place, followers: list[Follower]) -> None:
    """Ctrl-C ends a run that waits for its pipe, which stays open; what had landed stays."""
    follower = Follower(place, "-", follow=False)
    followers.append(follower)
    follower.give(joined(cases(0, 2)))
    follower.until_cases(2)
    follower.process.send_signal(signal.SIGINT)
    assert follower.process.wait(PATIENCE_S) == 130
    assert place.values("case") == [0, 1]


DEAF = """
import os, signal, sys, time
class Deaf:
    def find_spec(self, name, *_):
        if name == "duckdb":
            try:
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(0.1)
            except KeyboardInterrupt:
                pass
sys.meta_path.insert(0, Deaf())
from deadreckon.cli.app import run
sys.exit(run(sys.argv[1:]))
"""


def test_interrupted_while_a_library_starts(place: Place) -> None:
    """Ctrl-C ends the run although it came while a library was imported that swallows it."""
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", DEAF, "ingest", "-", "--lake", str(place.lake)]
    with subprocess.Popen(command, stdin=pipe, stderr=pipe, env=environ, cwd=place.root) as process:
        assert process.wait(PATIENCE_S) == 130, "it waits for its input, which stays open"
        assert process.stderr is not None
        assert process.stderr.read() == b"interrupted\n"
    assert not place.lake.exists()


def test_a_lake_that_cannot_be_written_for_a_while(place: Place, followers: list[Follower]) -> None:
    """A follower whose lake fails says so and ends with exit code 3; started again, it loses nothing."""
    place.write("app.log", cases(0, 3))
    follower = Follower(place, "app.log")
    followers.append(follower)
    follower.until_cases(3)
    entry = place.lake / "events" / "_delta_log" / f"{1:020}.json"
    whole = entry.read_bytes()
    entry.write_bytes(whole[: len(whole) // 2])
    place.append("app.log", cases(3, 5))
    _, said = follower.process.communicate(timeout=PATIENCE_S)
    assert follower.process.returncode == 3
    assert "doctor" in json.loads(said)["error"]["hint"]

    entry.write_bytes(whole)
    again = Follower(place, "app.log")
    followers.append(again)
    again.until_cases(5)
    again.stop()
    assert place.values("case") == list(range(5))
