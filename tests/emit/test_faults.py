"""Disks that fill, directories that vanish, processes that die: the application does not notice any of it."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import stat
import time
from pathlib import Path

import pytest
from tests.emit.conftest import SpoolFolder
from tests.emit.spools import events, lines, run, start
from tests.emit.test_spool import locked, names, until

from deadreckon import emit

pytestmark = pytest.mark.fault


@pytest.mark.parametrize("delay", [0.05, 0.1, 0.15, 0.2, 0.3])
def test_a_killed_process_loses_nothing_that_returned(tmp_path: Path, delay: float) -> None:
    """SIGKILL in the middle of writing: every line is whole except possibly the last of the file being written."""
    code = """
import os
from deadreckon import emit
emit.configure(max_bytes=200_000)
n = 0
while True:
    emit.event("x", n=n, padding="x" * (n % 3000))
    os.write(1, b"%d\\n" % n)
    n += 1
"""
    process = start(code, tmp_path / "spool")
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(delay)
    process.kill()
    told, _ = process.communicate()
    returned = int(told.split("\n")[-2])
    found = lines(tmp_path / "spool")
    torn = [line for line in found if not line.endswith(b"\n")]
    assert len(torn) <= 1
    numbers = [json.loads(line)["n"] for line in found if line.endswith(b"\n")]
    assert numbers[: returned + 1] == list(range(returned + 1))
    assert len(numbers) <= returned + 2
    left = [path for path in (tmp_path / "spool").iterdir() if ".sealed." not in path.name]
    assert 1 <= len(left) <= 10
    assert not any(locked(path) for path in left)


def test_a_file_that_cannot_grow_is_left_with_whole_lines(tmp_path: Path) -> None:
    """The limit of file sizes stops a write in the middle: the rest goes to the next file, and no line is torn."""
    code = """
import resource
from deadreckon import emit
resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))
for n in range(100): emit.event("x", n=n, padding="x" * (n * 7 % 300))
assert emit.dropped() == 0, emit.stats()
"""
    run(code, tmp_path / "spool")
    both = events(tmp_path / "spool") + events(tmp_path / "spool-fallback")
    assert sorted(event["n"] for event in both if event["event"] == "x") == list(range(100))
    assert len(names(tmp_path / "spool")) + len(names(tmp_path / "spool-fallback")) > 5


def test_an_event_that_fits_nowhere_is_dropped_and_the_next_is_not(tmp_path: Path) -> None:
    """The drop is counted and told of by an event as soon as one can be written."""
    code = """
import resource
from deadreckon import emit
resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))
emit.event("a")
emit.event("huge", padding="x" * 200_000)
assert emit.dropped() == 1 and "huge" not in str(emit.stats())
assert emit.flush() is False
emit.event("b")
assert emit.flush() is True
"""
    process = start(code, tmp_path / "spool")
    _, err = process.communicate()
    assert process.returncode == 0, err
    assert err.count("\n") == 1
    assert "cannot write events" in err
    assert "dropping them" in err
    found = events(tmp_path / "spool") + events(tmp_path / "spool-fallback")
    assert sorted(event["event"] for event in found) == ["a", "b", "emit.dropped"]
    report = next(event for event in found if event["event"] == "emit.dropped")
    assert (report["kind"], report["level"], report["value"], report["unit"]) == ("log", "warning", 1, "events")
    assert report["reason"].endswith(("File too large", "short write"))


FULL = """
import resource
from deadreckon import emit
emit.event("before")
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
for n in range(5000): emit.event("during", n=n)
assert emit.dropped() == 5000, emit.stats()
{recover}
"""


def test_a_full_disk_drops_and_counts_without_a_word_to_the_application(tmp_path: Path) -> None:
    """5,000 events into nowhere; when the disk has room again, logging goes on and reports the loss."""
    recover = """
import time
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
for tried in range(1, 100):
    emit.event("after")
    if emit.flush(): break
    time.sleep(0.05)
print(tried)
"""
    process = start(FULL.format(recover=recover), tmp_path / "spool")
    process_output, err = process.communicate()
    assert process.returncode == 0, err
    assert err.count("\n") == 1
    found = events(tmp_path / "spool") + events(tmp_path / "spool-fallback")
    assert {event["event"] for event in found} >= {"before", "after", "emit.dropped"}
    # The disk is asked again once a second, so some of what came after was dropped as well.
    tried = int(process_output)
    arrived = sum(event["event"] == "after" for event in found)
    told = sum(event["value"] for event in found if event["event"] == "emit.dropped")
    assert told == 5000 + tried - arrived


def test_what_was_dropped_is_told_at_the_end_if_not_before(tmp_path: Path) -> None:
    """The last words of a process are that it could not speak."""
    process = start(FULL.format(recover="resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))"), tmp_path / "spool")
    _, err = process.communicate()
    assert process.returncode == 0, err
    found = events(tmp_path / "spool")
    assert [(event["event"], event.get("value")) for event in found] == [("before", None), ("emit.dropped", 5000)]


def test_the_fallback_takes_over_and_the_lake_is_told_where_to_look(spool: SpoolFolder) -> None:
    """The directory cannot be made because a file is in its place; later it can."""
    spool.path.write_text("in the way")
    emit.event("x", n=0)
    emit.event("x", n=1)
    fallback = spool.path.with_name("fallback")
    assert [event["n"] for event in events(fallback)] == [0, 1]
    assert emit.dropped() == 0
    spool.path.unlink()
    emit.close()
    assert names(fallback) == [".sealed.jsonl"]
    (told,) = spool.events()
    assert (told["event"], told["uri"], told["unit"]) == ("emit.fallback", str(fallback), "bytes")
    assert told["value"] == sum(path.stat().st_size for path in fallback.iterdir())
    assert "File exists" in told["reason"]


def test_when_neither_directory_works_events_are_dropped_and_counted(
    spool: SpoolFolder, capfd: pytest.CaptureFixture[str]
) -> None:
    """Nothing is raised, nothing waits, and one line on stderr says why."""
    fallback = spool.path.with_name("fallback")
    spool.path.write_text("in the way")
    fallback.write_text("in the way")
    for n in range(1000):
        emit.event("x", n=n)
    assert emit.dropped() == 1000
    emit.close()
    assert "File exists" in emit.stats().reason
    assert capfd.readouterr().err.count("cannot write events") == 1
    spool.path.unlink()
    emit.close()
    assert [(event["event"], event["value"]) for event in spool.events()] == [("emit.dropped", 1000)]
    fallback.unlink()


def removed(folder: Path) -> None:
    """Remove a folder in which the keeper may be at work: what it writes again meanwhile is removed, too."""
    while True:
        try:
            shutil.rmtree(folder)
        except OSError as error:
            if error.errno != errno.ENOTEMPTY:
                raise
        else:
            return


def test_a_directory_that_is_removed_costs_no_event(spool: SpoolFolder) -> None:
    """The system keeps a deleted file while it is open: its content is written again beside what follows."""
    for n in range(10):
        emit.event("x", n=n)
    removed(spool.path)
    for n in range(10, 20):
        emit.event("x", n=n)
    assert emit.flush() is True
    emit.event("x", n=20)
    emit.close()
    assert sorted(event["n"] for event in spool.events()) == list(range(21))


def test_a_removed_directory_is_noticed_without_being_asked(spool: SpoolFolder) -> None:
    """The keeper looks after each time it forces data to the disk."""
    spool.configure(fsync_seconds=0.02)
    emit.event("x", n=0)
    removed(spool.path)
    emit.event("x", n=1)

    def rescued() -> bool:
        emit.event("x", n=2)
        try:
            found = lines(spool.path)
        except FileNotFoundError:
            return False  # sealed, and so renamed, while it was being read
        return {json.loads(line)["n"] for line in found if line.endswith(b"\n")} >= {0, 1}

    until(rescued)


def test_a_directory_that_is_moved_takes_its_file_along(spool: SpoolFolder) -> None:
    """What was written moved with it; what follows makes a new directory at the latest with the next file."""
    emit.event("x", n=0)
    moved = spool.path.with_name("moved")
    spool.path.rename(moved)
    emit.close()
    emit.event("x", n=1)
    emit.close()
    assert [event["n"] for event in events(moved) + spool.events()] == [0, 1]
    assert not any(locked(path) for path in moved.iterdir())


def test_a_descriptor_that_somebody_closed_is_replaced(tmp_path: Path) -> None:
    """Daemons close every descriptor they do not know."""
    code = """
import os
from deadreckon import emit
emit.event("x", n=0)
os.closerange(3, 100)
emit.event("x", n=1)
emit.event("x", n=2)
"""
    run(code, tmp_path / "spool")
    both = events(tmp_path / "spool") + events(tmp_path / "spool-fallback")
    assert sorted(event["n"] for event in both if event["event"] == "x") == [0, 1, 2]


def test_a_descriptor_that_became_somebody_elses_is_left_alone(tmp_path: Path) -> None:
    """After a daemon closed everything, the number is soon that of a file of its own."""
    code = f"""
import os
from deadreckon import emit
emit.configure(fsync_seconds=0)
emit.event("x", n=0)
os.closerange(3, 100)
other = [os.open({str(tmp_path / "other")!r}, os.O_RDWR | os.O_CREAT) for _ in range(8)]
assert emit.flush()
emit.event("x", n=1)
emit.close()
for fd in other: os.fstat(fd)
"""
    run(code, tmp_path / "spool")
    assert (tmp_path / "other").read_bytes() == b""
    assert sorted(event["n"] for event in events(tmp_path / "spool")) == [0, 1]


def test_the_default_fallback_is_private(tmp_path: Path) -> None:
    """In a directory that all may write to, only one of ours alone is trusted."""
    code = "from deadreckon import emit; emit.event('x'); print(emit.stats().path)"
    (tmp_path / "spool").write_text("in the way")
    (tmp_path / "tmp").mkdir()
    path = Path(run(code, tmp_path / "spool", DEADRECKON_SPOOL_FALLBACK="", TMPDIR=str(tmp_path / "tmp")).strip())
    folder = path.parent
    assert folder == tmp_path / "tmp" / f"deadreckon-spool-{os.geteuid()}"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    sealed = path.with_suffix(".sealed.jsonl")
    assert stat.S_IMODE(sealed.stat().st_mode) & 0o007 == 0

    folder.chmod(0o777)
    process = start(code, tmp_path / "spool", DEADRECKON_SPOOL_FALLBACK="", TMPDIR=str(tmp_path / "tmp"))
    out, err = process.communicate()
    assert out.strip() == "None"
    assert "not this user's alone" in err


def test_an_interrupt_in_the_middle_of_writing_tears_nothing(tmp_path: Path) -> None:
    """Ctrl-C may come at any moment, in emit too; it reaches the application, and the files stay whole."""
    code = """
import os, signal
from deadreckon import emit
emit.configure(max_bytes=50_000, fsync_seconds=0.001)
n, caught, armed = 0, 0, False
def interrupt(*_):
    global armed
    if armed:
        armed = False
        raise KeyboardInterrupt
signal.signal(signal.SIGALRM, interrupt)
signal.setitimer(signal.ITIMER_REAL, 0.0003, 0.0003)
while caught < 500:
    try:
        armed = True
        emit.event("x", n=n, padding="x" * (n % 5 * 4000))
        armed = False
        n += 1
    except KeyboardInterrupt:
        caught += 1
signal.setitimer(signal.ITIMER_REAL, 0)
for _ in range(100):
    emit.event("x", n=n)
    n += 1
print(n)
"""
    process = start(code, tmp_path / "spool")
    out, err = process.communicate()
    assert process.returncode == 0, err
    found = events(tmp_path / "spool")
    assert {event["n"] for event in found} == set(range(int(out)))


def test_a_slow_stop_by_sigterm_is_a_kill_like_any_other(tmp_path: Path) -> None:
    """Without a handler of the application's no exit handler runs; the file is left as a dead writer's."""
    process = start("from deadreckon import emit\nemit.event('x')\nprint(1, flush=True)\ninput()", tmp_path / "spool")
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    process.communicate()
    (path,) = (tmp_path / "spool").iterdir()
    assert len(events(tmp_path / "spool")) == 1
    assert not locked(path)
