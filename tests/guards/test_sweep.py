"""Results that expired do not stay for ever."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.emit.conftest import SpoolFolder

from deadreckon import emit
from deadreckon.emit import _store as store
from deadreckon.emit._sweep import sweep

DAY = 86_400


@pytest.fixture
def calls(tmp_path: Path, spool: SpoolFolder) -> Path:
    """The folder of the ledger."""
    spool.configure(state=tmp_path / "state")
    return tmp_path / "state" / "calls"


def kept(calls: Path) -> list[str]:
    """The keys that the ledger holds."""
    return sorted(json.loads(path.read_bytes())["body"]["key"] for path in calls.glob("*.json"))


def age(calls: Path, seconds: float) -> None:
    """Make all that is there older."""
    for path in calls.iterdir():
        if path.suffix == ".json":
            body = store.read(path) or {}
            store.write(path, {**body, "at": body["at"] - seconds})
        os.utime(path, (time.time() - seconds,) * 2)


def swept() -> None:
    """Wait for the thread that sweeps."""
    for thread in threading.enumerate():
        if thread.name == "deadreckon-sweep":
            thread.join()


def cached(name: str = "cached", expires: float | None = 3600) -> Callable[[str], str]:
    """A function whose results expire."""
    return emit.idempotent("{key}", name=name, expires=expires)(lambda key: key)


def test_a_new_result_has_the_expired_ones_removed_once_a_day(calls: Path) -> None:
    """Those of the same function alone, by its own time."""
    cached()("old"), cached("other", None)("theirs"), cached("slow", 10 * DAY)("slow")
    cached()("second")
    swept()
    assert kept(calls) == ["old", "second", "slow", "theirs"]
    age(calls, 2 * DAY)
    cached()("new")
    swept()
    assert kept(calls) == ["new", "slow", "theirs"]
    for path in calls.glob("*.json"):
        os.utime(path, (0, 0))
        store.write(path, {**(store.read(path) or {}), "at": 0})
    cached()("newer")  # on the same day
    swept()
    assert kept(calls) == ["new", "newer", "slow", "theirs"]


def test_questions_and_what_is_being_made_stay(calls: Path) -> None:
    """Only what the next call would make again is removed; a clock that was set back makes nothing old."""

    @emit.idempotent("{key}", name="cached", expires=1)
    def late(key: str) -> str:
        raise TimeoutError("no answer")

    with pytest.raises(TimeoutError):
        late("open")
    cached()("running")
    cached()("future")
    age(calls, 2 * DAY)
    for path in calls.glob("*.json"):
        body = store.read(path) or {}
        if body["key"] == "future":
            store.write(path, {**body, "at": time.time() + 5 * DAY})
            os.utime(path, (0, 0))
        if body["key"] == "running":
            running = store.Lock(path)
            assert running.take()
    assert sweep(calls, "cached", 1) == 0
    running.release()
    assert sweep(calls, "cached", 1) == 1
    assert kept(calls) == ["future", "open"]


def test_what_killed_processes_left_is_removed(calls: Path) -> None:
    """Half-written files and locks that nobody holds, when they are a day old; damaged files are not ours to judge."""
    cached()("key")
    left = [calls / name for name in (".ab.json.1234.cafe", "ab.json.lock", "cd.json", "cd.1.corrupt")]
    for path in left:
        path.write_bytes(b"{")
    assert sweep(calls, "cached", 3600) == 0
    assert all(path.exists() for path in left)
    for path in left:
        os.utime(path, (0, 0))
    sweep(calls, "cached", 3600)
    assert [path.exists() for path in left] == [False, False, True, True]
