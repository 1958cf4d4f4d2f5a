"""The files of the spool: names, locks, rotation, sealing, buffering."""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.emit.conftest import SpoolFolder
from tests.emit.spools import events, lines, run

from deadreckon import emit
from deadreckon.emit._emitter import EMITTER

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"


def until(condition: Callable[[], object]) -> None:
    """Wait for something that the keeper does in its own time."""
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("did not happen within 10 s")


def names(folder: Path) -> list[str]:
    """Return the names of the files, with the UUIDs left out."""
    return sorted(re.sub(UUID, "", name) for name in (path.name for path in folder.iterdir()))


def locked(path: Path) -> bool:
    """Tell whether somebody holds the lock, as a reader finds out."""
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def test_the_file_is_named_by_a_uuid_and_locked_while_it_is_written(spool: SpoolFolder) -> None:
    """A reader that gets the lock knows that the writer is dead."""
    emit.event("x")
    (path,) = spool.path.iterdir()
    assert re.fullmatch(UUID + r"\.jsonl", path.name)
    assert locked(path)


def test_an_event_is_in_the_file_when_the_call_returns(spool: SpoolFolder) -> None:
    """The default policy: what returned survives the process."""
    for n in range(10):
        emit.event("x", n=n)
        assert len(spool.events()) == n + 1


def test_close_seals_and_a_later_event_opens_another(spool: SpoolFolder) -> None:
    """It is not the end: an exit handler that logs afterwards is heard."""
    emit.event("a")
    emit.close()
    (path,) = spool.path.iterdir()
    assert re.fullmatch(UUID + r"\.sealed\.jsonl", path.name)
    assert not locked(path)
    emit.close()
    emit.event("b")
    emit.close()
    assert names(spool.path) == [".sealed.jsonl", ".sealed.jsonl"]
    assert [event["event"] for event in spool.events()] == ["a", "b"]


def test_nothing_emitted_leaves_no_file(spool: SpoolFolder) -> None:
    """An idle process leaves no trace."""
    emit.flush()
    emit.close()
    assert not spool.path.exists()


def test_the_end_of_the_process_seals(tmp_path: Path) -> None:
    """Also after an uncaught exception, and with what other exit handlers emit."""
    code = """
import atexit
from deadreckon import emit
emit.event("a")
atexit.register(emit.event, "b")
"""
    run(code, tmp_path / "spool")
    assert names(tmp_path / "spool") == [".sealed.jsonl"]
    assert [event["event"] for event in events(tmp_path / "spool")] == ["a", "b"]


def test_a_file_is_sealed_before_it_grows_beyond_its_size(spool: SpoolFolder) -> None:
    """Each file is whole lines; none is larger than allowed; no event is lost between."""
    spool.configure(max_bytes=2000)
    for n in range(50):
        emit.event("x", n=n, padding="x" * 100)
    emit.close()
    assert [event["n"] for event in spool.events()] == list(range(50))
    sizes = [path.stat().st_size for path in spool.path.iterdir()]
    assert len(sizes) > 3
    assert max(sizes) <= 2000
    assert set(names(spool.path)) == {".sealed.jsonl"}


def test_an_event_larger_than_a_file_has_a_file_of_its_own(spool: SpoolFolder) -> None:
    """Size is a wish, losing the event is not an option."""
    spool.configure(max_bytes=500)
    emit.event("small")
    emit.event("large", padding="x" * 5000)
    emit.event("small")
    emit.close()
    assert [event["event"] for event in spool.events()] == ["small", "large", "small"]
    assert len(names(spool.path)) == 3


def test_a_file_is_sealed_when_it_is_old_without_another_event(spool: SpoolFolder) -> None:
    """The keeper does it: a program that falls silent does not hold its events back."""
    spool.configure(max_seconds=0.05)
    emit.event("a")
    until(lambda: names(spool.path) == [".sealed.jsonl"])
    emit.event("b")
    until(lambda: names(spool.path) == [".sealed.jsonl", ".sealed.jsonl"])
    assert [event["event"] for event in spool.events()] == ["a", "b"]


def test_an_idle_process_is_woken_by_its_next_event(spool: SpoolFolder) -> None:
    """The keeper sleeps when nothing happens; its trap costs no event."""
    spool.configure(fsync_seconds=0.01, max_seconds=0.5)
    for n in range(5):
        emit.event("x", n=n)
        time.sleep(0.06)
    until(lambda: set(names(spool.path)) == {".sealed.jsonl"})
    assert [event["n"] for event in spool.events()] == list(range(5))


def test_flush_forces_and_says_that_it_did(spool: SpoolFolder) -> None:
    """True means that a power cut does not lose what was emitted so far."""
    emit.event("x")
    assert emit.flush() is True


def test_buffered_events_are_written_within_their_time(spool: SpoolFolder) -> None:
    """Fewer writes for programs that emit a great deal."""
    spool.configure(buffer_ms=20)
    emit.event("a")
    emit.event("b")
    until(lambda: len(lines(spool.path)) == 2)
    emit.close()
    assert [event["event"] for event in spool.events()] == ["a", "b"]


def test_buffered_events_are_written_when_there_are_many(spool: SpoolFolder) -> None:
    """The buffer's size bounds what a kill can lose: eight times it, where the disk is busy."""
    spool.configure(buffer_ms=600_000, buffer_bytes=2000)
    for n in range(400):
        emit.event("x", n=n, padding="x" * 100)
    assert len(spool.events()) >= 400 - 8 * 2000 // 200
    assert emit.flush() is True
    assert [event["n"] for event in spool.events()] == list(range(400))
    emit.event("last")
    emit.close()
    assert len(spool.events()) == 401


def test_threads_write_whole_lines_in_their_own_order(spool: SpoolFolder) -> None:
    """Eight threads across many rotations: nothing lost, nothing torn, each thread's events in order."""
    spool.configure(max_bytes=50_000)
    log = emit.get_logger()
    barrier = threading.Barrier(8)

    def work(thread: int) -> None:
        barrier.wait()
        for n in range(1000):
            log.info("x", thread=thread, n=n, padding="x" * (n % 50))

    threads = [threading.Thread(target=work, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    emit.close()
    found = spool.events()
    assert len({event["event_id"] for event in found}) == len(found) == 8000
    for thread in range(8):
        assert [event["n"] for event in found if event["thread"] == thread] == list(range(1000))


def test_threads_that_emit_first_at_once_share_one_file(tmp_path: Path) -> None:
    """One process, one file, from the first event on."""
    code = """
import sys, threading
from deadreckon import emit
sys.setswitchinterval(1e-6)
barrier = threading.Barrier(8)
def work():
    barrier.wait()
    for n in range(5): emit.event("x")
threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""
    for attempt in range(5):
        run(code, tmp_path / f"spool-{attempt}")
        assert names(tmp_path / f"spool-{attempt}") == [".sealed.jsonl"]
        assert len(events(tmp_path / f"spool-{attempt}")) == 40


def test_a_thread_waits_for_the_lock_however_long_it_is_held(spool: SpoolFolder) -> None:
    """It steps aside first, and queues when that does not help."""
    emit.event("x", n=0)
    held = EMITTER.spool
    assert held is not None
    other = threading.Thread(target=emit.event, args=("x",), kwargs={"n": 1})
    with held._lock:
        other.start()
        other.join(0.3)
        assert other.is_alive()
        assert [event["n"] for event in spool.events()] == [0]
    other.join(10)
    assert [event["n"] for event in spool.events()] == [0, 1]


REFUSALS = {
    "absent": 'sys.modules["ctypes"] = None',
    "forbidden": """
import ctypes
def refuse(*_): raise MemoryError  # a kernel that gives no memory to write code into
ctypes.PyDLL = refuse
""",
    "audited": """
def refuse(event, _):
    if event == "ctypes.dlopen": raise PermissionError(event)
sys.addaudithook(refuse)
""",
}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_python_without_ctypes_writes_all_the_same(tmp_path: Path, refusal: str) -> None:
    """Through `os.write`, and what stops that is told as ever: here the limit of file sizes, in the middle of lines."""
    code = f"""
import resource, sys
{REFUSALS[refusal]}
from deadreckon import emit
resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))
for n in range(100): emit.event("x", n=n, padding="x" * (n * 7 % 300))
assert emit.dropped() == 0, emit.stats()
assert "File too large" in str(emit.stats()) or "short write" in str(emit.stats()), emit.stats()
from deadreckon.emit._put import _plain, put
assert put is _plain
"""
    run(code, tmp_path / "spool")
    both = events(tmp_path / "spool") + events(tmp_path / "spool-fallback")
    assert sorted(event["n"] for event in both if event["event"] == "x") == list(range(100))


@pytest.mark.parametrize("by", ["flush", "upkeep", "append"])
def test_a_line_that_a_handler_left_behind_is_written(spool: SpoolFolder, by: str) -> None:
    """One that came between the last look and the end of a write waits for the keeper, a flush or the next line."""
    emit.event("x")
    held = EMITTER.spool
    assert held is not None
    held._pending.append(b'{"event":"left"}\n')
    {"flush": emit.flush, "upkeep": held.upkeep, "append": lambda: emit.event("x")}[by]()
    assert len(spool.events("left")) == 1
    assert not held._pending


def test_threads_lose_nothing_when_buffered(spool: SpoolFolder) -> None:
    """The same with a buffer between."""
    spool.configure(buffer_ms=1, buffer_bytes=500)

    def work() -> None:
        for n in range(500):
            emit.event("x", n=n)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    emit.close()
    assert len({event["event_id"] for event in spool.events()}) == 4000


def test_a_program_without_threads_is_served_all_the_same(tmp_path: Path) -> None:
    """Where threads cannot start, the events themselves look after rotation and sealing."""
    code = """
import threading, time
def refuse(*_): raise RuntimeError("can't start new thread")
threading.Thread.start = refuse
from deadreckon import emit
emit.configure(max_seconds=0.05, max_bytes=1000)
for n in range(30):
    emit.event("x", n=n)
    time.sleep(0.005)
time.sleep(0.1)
emit.event("x", n=30)
assert threading.active_count() == 1
"""
    run(code, tmp_path / "spool")
    assert [event["n"] for event in events(tmp_path / "spool")] == list(range(31))
    assert set(names(tmp_path / "spool")) == {".sealed.jsonl"}
    assert len(names(tmp_path / "spool")) > 3


def test_events_from_a_signal_handler_are_kept(tmp_path: Path) -> None:
    """A handler may run in the middle of a write of the same thread; neither waits for the other."""
    code = """
import signal
from deadreckon import emit
caught = 0
def handler(*_):
    global caught
    caught += 1
    emit.event("signal")
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.0002, 0.0002)
emit.configure(max_bytes=100_000)
for n in range(20_000): emit.event("x", n=n)
signal.setitimer(signal.ITIMER_REAL, 0)
print(caught)
"""
    caught = int(run(code, tmp_path / "spool"))
    found = events(tmp_path / "spool")
    assert [event["n"] for event in found if event["event"] == "x"] == list(range(20_000))
    assert sum(event["event"] == "signal" for event in found) == caught > 0
    assert len({event["event_id"] for event in found}) == len(found)


def test_forked_children_have_files_of_their_own(tmp_path: Path) -> None:
    """Four children and the parent write at once; nothing is lost, doubled or written by the wrong process."""
    code = """
import os
from deadreckon import emit
emit.bind(session_id="s")
emit.event("parent", n=-1)
children = []
for child in range(4):
    pid = os.fork()
    if pid == 0:
        for n in range(500): emit.event("child", n=n)
        if child % 2: emit.close()
        os._exit(0)
    children.append(pid)
for n in range(500): emit.event("parent", n=n)
for pid in children: os.waitpid(pid, 0)
print(os.getpid(), *children)
"""
    parent, *children = map(int, run(code, tmp_path / "spool").split())
    by_process: dict[int, list[int]] = {}
    for path in (tmp_path / "spool").iterdir():
        pids = {event["pid"] for event in events_of(path)}
        assert len(pids) == 1
        by_process.setdefault(pids.pop(), []).extend(event["n"] for event in events_of(path))
        assert not locked(path)
    assert by_process == {parent: list(range(-1, 500)), **{key: list(range(500)) for key in children}}
    assert names(tmp_path / "spool") == [".jsonl"] * 2 + [".sealed.jsonl"] * 3


def events_of(path: Path) -> list[dict[str, int]]:
    """Return the events of one file."""
    import json

    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_a_fork_leaves_the_parents_lock_with_the_parent(tmp_path: Path) -> None:
    """A child that lives longer than its parent does not keep the parent's file locked."""
    code = """
import os, sys
from deadreckon import emit
emit.event("parent")
print(emit.stats().path, flush=True)
if os.fork() == 0:
    os.close(1)
    sys.stdin.read()
    os._exit(0)
os._exit(0)
"""
    read, write = os.pipe()
    env = {**os.environ, "PYTHONPATH": "ingest", "DEADRECKON_SPOOL": str(tmp_path / "spool")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        stdin=read,
        stdout=subprocess.PIPE,
        env=env,
        cwd=Path(__file__).parents[2],
        check=True,
    )
    path = Path(done.stdout.decode().strip())
    assert path.exists()
    assert not locked(path)
    os.close(write)
    os.close(read)


def test_a_fork_does_not_inherit_a_buffer(tmp_path: Path) -> None:
    """What the parent has not written yet is the parent's to write."""
    code = """
import os
from deadreckon import emit
emit.configure(buffer_ms=600_000)
emit.event("parent")
if os.fork() == 0:
    emit.event("child")
    emit.close()
    os._exit(0)
os.wait()
"""
    run(code, tmp_path / "spool")
    assert sorted(event["event"] for event in events(tmp_path / "spool")) == ["child", "parent"]


def test_forking_beside_busy_threads_does_not_hang(tmp_path: Path) -> None:
    """The lock is never inherited in the hands of a thread that the child does not have."""
    code = """
import os, threading
from deadreckon import emit
stop = False
def work():
    while not stop: emit.event("thread")
threads = [threading.Thread(target=work) for _ in range(3)]
for thread in threads: thread.start()
for _ in range(30):
    pid = os.fork()
    if pid == 0:
        emit.event("child")
        os._exit(0)
    os.waitpid(pid, 0)
stop = True
for thread in threads: thread.join()
"""
    run(code, tmp_path / "spool")
    assert sum(event["event"] == "child" for event in events(tmp_path / "spool")) == 30


def test_a_fork_that_an_interrupt_cut_short_raises_nothing_later(spool: SpoolFolder) -> None:
    """What was to be held before the fork may not be held after it."""
    emit.event("x")
    held = EMITTER.spool
    assert held is not None
    held.after_fork_in_parent()
    held.before_fork()
    held.after_fork_in_parent()
    held.after_fork_in_parent()
    other = threading.Thread(target=emit.event, args=("x",))
    other.start()
    other.join(10)
    assert len(spool.events("x")) == 2
    assert held.keeper.running


def test_multiprocessing_workers_seal_their_files(tmp_path: Path) -> None:
    """They end without exit handlers; forked and spawned ones alike, and pools."""
    script = tmp_path / "program.py"
    script.write_text(
        """
import multiprocessing, os
from concurrent.futures import ProcessPoolExecutor
from deadreckon import emit

def work(n):
    emit.event("work", n=n)

if __name__ == "__main__":
    emit.event("main")
    for method in ("fork", "spawn"):
        context = multiprocessing.get_context(method)
        worker = context.Process(target=work, args=(0,))
        worker.start()
        worker.join()
        assert worker.exitcode == 0
        with ProcessPoolExecutor(2, mp_context=context) as pool:
            list(pool.map(work, range(1, 5)))
"""
    )
    run(f"import runpy; runpy.run_path({str(script)!r}, run_name='__main__')", tmp_path / "spool")
    found = [event["n"] for event in events(tmp_path / "spool") if event["event"] == "work"]
    assert sorted(found) == sorted([0, 1, 2, 3, 4] * 2)
    assert set(names(tmp_path / "spool")) == {".sealed.jsonl"}


def test_flush_forces_the_file_and_the_folders_that_were_made_for_it(
    spool: SpoolFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file whose folder a power cut takes away was not on the disk."""
    forced: list[int] = []
    fsync = os.fsync

    def noted(fd: int) -> None:
        forced.append(os.fstat(fd).st_ino)
        fsync(fd)

    monkeypatch.setattr(os, "fsync", noted)
    spool.configure(directory=tmp_path / "deep" / "er" / "spool", fsync_seconds=0)
    emit.event("x")
    assert emit.flush() is True
    path = emit.stats().path
    assert path is not None
    assert {place.stat().st_ino for place in (path, *path.parents[:4])} == set(forced)
