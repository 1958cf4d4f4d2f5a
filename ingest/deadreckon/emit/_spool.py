"""The spool: whole lines into files that rotate, whatever the disk does.

Three promises shape it. A line is written in one piece or not at all: after a torn write nothing follows in that file.
The application does not wait for the disk: forcing and sealing happen in the keeper's thread. And it never learns of a
fault: a line that cannot be written goes to the fallback directory, else it is dropped, counted and reported.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from os import write
from pathlib import Path

from deadreckon.emit._file import SpoolFile, make_private
from deadreckon.emit._keeper import Keeper
from deadreckon.emit._outage import RETRY_DIRECTORY, Notice, Outage
from deadreckon.emit._put import SHORT, put
from deadreckon.emit._sealer import Sealer
from deadreckon.emit._settings import SpoolSettings

_MAX_BACKLOG = 8
_STOP = 5.0
_TRIES = 100  # steps aside before a thread queues: the holder waits for the disk


class Spool:
    """Where this process's lines go. Threads and signal handlers may call it at any time."""

    def __init__(self, settings: SpoolSettings, name: Callable[[], str], notice: Notice) -> None:
        """Prepare; the first line makes the first file.

        Args:
            settings: directories and limits.
            name: makes the name of a file, a UUIDv7.
            notice: makes the line of an event about the spool itself, from its name and fields; never raises.
        """
        self.settings = settings
        self._name = name
        self._notice = notice
        self._start()

    def _start(self) -> None:
        self._lock = threading.RLock()
        self._acquire = self._lock.acquire
        self._release = self._lock.release
        self._busy = False
        self._pending: deque[bytes] = deque()
        self._file: SpoolFile | None = None
        self._fd = -1
        # Bytes that still fit the file; below 0 the next line takes the slow path. The keeper sets this trap, keeping
        # the number in `_held`, when nothing was written for a while: it sleeps until a line springs it.
        self._room = self._held = -1
        self._sound = True  # False when the current file may end in a torn line
        self._synced = 0
        self._deadline = self._next_upkeep = 0.0
        directories = self.settings.directory, self.settings.fallback
        self._outage = Outage(*directories, self._notice)
        self._sealer = Sealer(directories, self._name, self._outage)
        self.keeper = Keeper(self.upkeep)

    @property
    def path(self) -> Path | None:
        """The file being written, if any."""
        file = self._file
        return file.path if file else None

    @property
    def dropped(self) -> int:
        """Lines that could not be written anywhere."""
        return self._outage.dropped

    @property
    def reason(self) -> str:
        """The last trouble, empty when there was none."""
        return self._outage.reason

    # -- writing

    def append(self, block: bytes) -> None:
        """Write whole lines. On return the system has them, or they are dropped and counted."""
        mine = False
        try:
            if not self._acquire(False):  # noqa: FBT003  # a keyword costs
                self._wait()
            if self._busy:  # a signal handler emits while this thread is in the middle of a write
                self._pending.append(block)
                return
            mine = self._busy = True
            size = len(block)
            room = self._room - size
            if room < 0 or size > SHORT:
                self._place(block)
            elif (written := put(self._fd, block, size)) == size:
                self._room = room
            else:
                if written > 0:
                    self._broke("short write")
                self._place(block)  # after an error it meets the same again, and knows which
            while self._pending:
                self._place(self._pending.popleft())
        except BaseException:  # the user's interrupt may have torn the line, and another may follow
            if mine:
                self._room = self._held = -1
                self._sound = False
            raise
        finally:
            # Nothing that could be interrupted comes before the release.
            if mine:
                self._busy = False
            try:
                self._release()
            except RuntimeError:
                pass  # interrupted while it waited for the lock

    def _wait(self) -> None:
        """Take the lock from a thread that was interrupted while it held it.

        Not by queueing: the lock would go to a thread that does not run, the next one would queue behind it, and every
        line would cost a change of threads from then on. Stepping aside lets the holder finish.
        """
        for _ in range(_TRIES):
            time.sleep(0)
            if self._acquire(blocking=False):
                return
        self._acquire()

    def _place(self, block: bytes) -> None:
        """Write when there is no file, it is full, it broke, or the trap was set."""
        if not self._sound:
            self._mend()
        self._spring()
        # A file grows beyond its size while the disk is behind with the ones before: each of them is open until sealed.
        fits = self._room >= len(block) or (self._room >= 0 and self._sealer.backlog >= _MAX_BACKLOG)
        if not fits or not self._write(block):
            self._retire()
            if not self._write_anew(block):
                self._outage.drop(block)
                if not self.keeper.wake():
                    self._outage.complain()
        if not self.keeper.possible:
            self._trap()  # without a keeper each line has to look after the file

    def _write(self, block: bytes) -> bool:
        try:
            if write(self._fd, block) == len(block):
                # The first line of a file may be larger than a file is meant to be.
                self._room = max(self._room - len(block), 0)
                return True
        except OSError as error:
            self._broke(error.strerror)
        else:
            self._broke("short write")
        return False

    def _write_anew(self, block: bytes) -> bool:
        """Write into a new file, wherever one can be made; then tell of trouble that is over."""
        for directory in self._outage.directories():
            if self._open(directory) and self._write(block):
                self._outage.report(self._write, directory)
                return True
        return False

    def _spring(self) -> None:
        if self._held < 0:
            return
        self._room, self._held = self._held, -1
        if not self.keeper.wake() and time.monotonic() >= self._next_upkeep:
            wait = self.upkeep()
            self._next_upkeep = time.monotonic() + (wait or 0)

    def _trap(self) -> None:
        if self._room >= 0:
            self._held, self._room = self._room, -1

    # -- files

    def _open(self, directory: Path) -> bool:
        home = directory == self.settings.directory
        try:
            if self.settings.fallback_shared and not home:
                make_private(directory)
            file = SpoolFile(directory, self._name())
        except OSError as error:
            self._outage.failed(directory, error.strerror)
            return False
        self._file, self._fd = file, file.fd
        self._room, self._held = self.settings.max_bytes, -1
        self._synced = self._room
        # A file in the fallback directory is kept short, since the next one asks the proper directory again.
        longest = self.settings.max_seconds
        self._deadline = time.monotonic() + (longest if home else min(longest, RETRY_DIRECTORY))
        self.keeper.wake()
        return True

    def _detach(self) -> None:
        """Stop writing to the current file and leave it to the sealer."""
        file, self._file = self._file, None
        self._fd = self._room = self._held = -1
        if file is not None:
            self._sealer.add(file)

    def _retire(self) -> None:
        if self._file is not None:
            self._detach()
            if not self.keeper.wake():
                self._sealer.seal_all()

    def _broke(self, reason: str | None) -> None:
        """Give up the current file after a fault."""
        self._room = self._held = -1
        self._sound = False
        if self._file is not None:
            self._outage.failed(self._file.directory, reason)
        self._mend()

    def _mend(self) -> None:
        """Leave the current file to be sealed: its whole lines stay, a torn one goes."""
        file = self._file
        if file is not None:
            try:
                file.end_whole()
            except OSError as error:
                self._outage.failed(file.directory, error.strerror)
        self._retire()
        self._sound = True

    # -- upkeep

    def upkeep(self) -> float | None:
        """Force to the disk, seal what is due; return the seconds until there is something to do again."""
        self._drain()
        wait = sync = None
        with self._lock:
            file = self._file
            if file is not None:
                room = self._room if self._held < 0 else self._held
                wait = self._deadline - time.monotonic()
                if wait <= 0 or _is_gone(file):
                    self._detach()
                    wait = None
                elif self.settings.fsync_seconds:
                    if room != self._synced:
                        self._synced, sync = room, file
                        wait = min(wait, self.settings.fsync_seconds)
                    else:
                        self._trap()
        if sync is not None:
            self._sync(sync)
        self._sealer.seal_all()
        self._outage.complain()
        return wait

    def _drain(self) -> None:
        """Write what a signal handler left between the last look of `append` and its end."""
        if self._pending:
            Spool.append(self, b"")

    def _sync(self, file: SpoolFile) -> bool:
        try:
            file.sync()
        except OSError as error:
            if file is self._file:  # else it was rotated meanwhile, and is being sealed
                self._outage.reason = f"{file.path}: {error.strerror}"
                return False
        return True

    def flush(self) -> bool:
        """Force everything written to the disk; False if that failed or a drop is yet to be reported."""
        self._drain()
        with self._lock:
            if self._file is not None and _is_gone(self._file):
                self._detach()
            file = self._file
        forced = file is None or self._sync(file)
        self._sealer.seal_all()
        return forced and not self._outage.unreported

    def close(self) -> None:
        """Seal the file and report what was dropped. A later line opens another."""
        self.keeper.stop(_STOP)
        self._settle(report=False)
        self._sealer.seal_all()
        self._settle(report=True)
        self.keeper.stop(_STOP)
        self._sealer.seal_all()
        self._outage.complain()

    def _settle(self, *, report: bool) -> None:
        """Leave the current file to the sealer; with `report`, tell what is untold in a file of its own."""
        with self._lock:
            self._busy = True
            try:
                while self._pending:
                    self._place(self._pending.popleft())
                if report and self._outage.untold:
                    self._outage.try_again()
                    self._write_anew(b"")
                if not self._sound:
                    self._mend()
                self._detach()
            finally:
                self._busy = False

    # -- forks

    def before_fork(self) -> None:
        """Hold the lock across a fork, and end the keeper: a process with one thread forks without a warning."""
        if self.keeper.running:
            self._trap()  # the next line has it started again
        self.keeper.stop(0.5)
        self._acquire(timeout=1.0)

    def after_fork_in_parent(self) -> None:
        """Go on."""
        try:
            self._release()
        except RuntimeError:
            pass  # it was not to be had in time, or an interrupt came first
        if self._file is not None:
            self.keeper.wake()

    def after_fork_in_child(self) -> None:
        """Let go of the parent's files; the first line makes a file of this process."""
        if self._file is not None:
            self._file.close()
        self._sealer.abandon()
        self._start()


def _is_gone(file: SpoolFile) -> bool:
    try:
        return file.lost()
    except OSError:  # the descriptor was closed by somebody else: go on in a new file
        return True
