"""Durable writes and the lock."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deadreckon.core.durable import exclusive_lock, fsync_all, fsync_directory, fsync_file, write_atomically
from deadreckon.core.errors import LakeError, LockHeldError


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    """The new content is there, and nothing else is left in the folder."""
    path = tmp_path / "x"
    write_atomically(path, b"old")
    write_atomically(path, b"new" * 10_000)
    assert path.read_bytes() == b"new" * 10_000
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    """When the rename fails the temporary file goes."""
    path = tmp_path / "folder"
    path.mkdir()
    with pytest.raises(OSError, match=r"[Dd]irectory"):
        write_atomically(path, b"x")
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    """A write that breaks off in the middle does not harm what was there."""
    code = (
        "import resource, signal, sys; from pathlib import Path; from deadreckon.core.durable import write_atomically\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try: write_atomically(Path(sys.argv[1]), b'n' * 5000)\n"
        "except OSError as error: print(type(error).__name__)"
    )
    path = tmp_path / "x"
    path.write_bytes(b"old")
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout == "OSError\n"
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def test_files_and_their_folders_are_forced(tmp_path: Path) -> None:
    """Any depth below the folder named, files of several folders at once; what is missing is an error."""
    deep = tmp_path / "a" / "b" / "c.txt"
    deep.parent.mkdir(parents=True)
    deep.write_text("x")
    other = tmp_path / "d.txt"
    other.write_text("y")
    fsync_all([deep, other], up_to=tmp_path)
    fsync_all([], up_to=tmp_path)
    fsync_file(deep)
    fsync_directory(tmp_path)
    with pytest.raises(FileNotFoundError):
        fsync_all([tmp_path / "none"], up_to=tmp_path)


def test_a_lock_is_held_once_and_says_by_whom(tmp_path: Path) -> None:
    """The second is told the process that holds it; afterwards it is free again and says nothing."""
    path = tmp_path / "locks" / "work.lock"
    with exclusive_lock(path, what="the work"):
        holder = f"the work is already running .* process {os.getpid()} on "
        with pytest.raises(LockHeldError, match=holder), exclusive_lock(path, what="the work"):
            pytest.fail("two hold it")
        assert path.read_text().startswith("process ")
    assert path.read_text() == ""
    with exclusive_lock(path, what="the work"):
        pass


def test_a_lock_ends_with_its_block_even_by_an_error(tmp_path: Path) -> None:
    """What goes wrong inside frees it."""
    path = tmp_path / "work.lock"
    with pytest.raises(ValueError, match="inside"), exclusive_lock(path, what="the work"):
        raise ValueError("inside")
    with exclusive_lock(path, what="the work"):
        pass


def test_a_lock_dies_with_its_process(tmp_path: Path) -> None:
    """A killed holder leaves a note, which holds nobody up."""
    path = tmp_path / "work.lock"
    code = (
        "import os, signal, sys; from pathlib import Path; from deadreckon.core.durable import exclusive_lock\n"
        "with exclusive_lock(Path(sys.argv[1]), what='w'): os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert path.read_text().startswith("process ")
    with exclusive_lock(path, what="the work"):
        pass
    assert path.read_text() == ""


def test_a_lock_that_cannot_be_made(tmp_path: Path) -> None:
    """A file in the way is an error of the lake, not of Python."""
    (tmp_path / "locks").write_text("")
    with pytest.raises(LakeError, match="cannot lock"), exclusive_lock(tmp_path / "locks" / "x.lock", what="w"):
        pytest.fail("locked nothing")
