"""The receiver's spool: lines are forced to the disk before anyone is told that they were taken.

One thread writes. While it forces a group to the disk, the requests that come in meanwhile wait and become the next
group: however many there are, each pays for at most two forcings, and the disk does as many as it can.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deadreckon.emit._file import SpoolFile

_TOGETHER: Final = 16 << 20
"""Bytes of one group at most, so that what is written can be cut off again without much being read again."""

_PROBE: Final = 1 << 20


class NotWrittenError(Exception):
    """The disk did not take it, or it is not known to have; the message is the reason. Nothing was acknowledged."""


@dataclass(slots=True)
class _Waiting:
    block: bytes
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[None]


class Journal:
    """Where a receiver's lines go: spool files that `reckon ingest` reads and removes."""

    def __init__(
        self, directory: Path, name: Callable[[], str], *, max_bytes: int = 64 << 20, max_seconds: float = 60.0
    ) -> None:
        """Start the thread that writes; the first line makes the first file.

        `name`: makes the name of a file, a UUIDv7. `max_bytes`, `max_seconds`: a file is sealed when it is as large
        or as old.
        """
        self.directory = directory
        self.forced = 0
        """How often the disk was forced."""
        self._name = name
        self._max_bytes = max_bytes
        self._max_seconds = max_seconds
        self._file: SpoolFile | None = None
        self._size = 0
        self._opened = 0.0
        self._wake = threading.Condition()
        self._waiting: list[_Waiting] = []
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    async def append(self, block: bytes) -> None:
        """Write whole lines; on return they are on the disk.

        Raises:
            NotWrittenError: they are not, or not surely. The sender must send them again.
        """
        loop = asyncio.get_running_loop()
        waiting = _Waiting(block, loop, loop.create_future())
        with self._wake:
            if self._closing:
                raise NotWrittenError("the receiver is stopping")
            self._waiting.append(waiting)
            self._wake.notify()
        await waiting.done

    def close(self) -> None:
        """Write what waits, and seal the file. Afterwards nothing can be appended."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()

    def probe(self) -> str:
        """Why the spool cannot be written right now; empty when it can. Writes and removes a file of 1 MiB."""
        path = self.directory / f".{self._name()}.probe"
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            try:
                with path.open("wb") as file:
                    file.write(bytes(_PROBE))
            finally:
                path.unlink(missing_ok=True)
        except OSError as error:
            return f"{self.directory}: {error.strerror or error}"
        return ""

    # -- the thread

    def _run(self) -> None:
        while True:
            with self._wake:
                if not self._waiting and not self._closing:
                    self._wake.wait(self._rest())
                group = self._take()
                over = self._closing and not group
            if group:
                self._answer(group, self._write([one.block for one in group]))
            if over or self._rest() == 0:
                self._seal()
            if over:
                return

    def _take(self) -> list[_Waiting]:
        size = count = 0
        for one in self._waiting:
            if count and size + len(one.block) > _TOGETHER:
                break
            size += len(one.block)
            count += 1
        group, self._waiting = self._waiting[:count], self._waiting[count:]
        return group

    def _write(self, blocks: Sequence[bytes]) -> str:
        """Write and force one group; return the reason when it could not be done."""
        try:
            if self._file is None:
                self._file = SpoolFile(self.directory, self._name())
                self._size, self._opened = 0, time.monotonic()
            elif self._file.lost():
                raise OSError(0, "the spool file was deleted")  # noqa: TRY301 - like any other failure of the file
            data = b"".join(blocks)
            written = 0
            while written < len(data):  # a full disk gives a short write first, and the reason with the next
                written += os.write(self._file.fd, memoryview(data)[written:])
            self._size += len(data)
            self._file.sync()
            self.forced += 1
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait are told and the thread goes on
            self._give_up()
            return f"{self.directory}: {getattr(error, 'strerror', None) or error}"
        return ""

    def _give_up(self) -> None:
        """Leave a file that failed: after a failed forcing nobody knows what of it is on the disk."""
        file, self._file = self._file, None
        if file is None:
            return
        try:
            file.end_whole()
        except OSError:
            pass  # a torn line at the end of a dead writer's file is one that ingest quarantines
        try:
            file.seal()
        except OSError:
            pass  # it is closed and unlocked: ingest reads it like a dead writer's

    def _rest(self) -> float | None:
        """Seconds until the file is to be sealed, 0 when it is; None when there is no file."""
        if self._file is None:
            return None
        if self._size >= self._max_bytes:
            return 0
        return max(0.0, self._opened + self._max_seconds - time.monotonic())

    def _seal(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            try:
                file.seal()
            except OSError:
                pass  # its lines are on the disk; closed and unlocked, it is read like a dead writer's

    def _answer(self, group: Sequence[_Waiting], trouble: str) -> None:
        loops: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
        for one in group:
            loops.setdefault(one.loop, []).append(one.done)
        for loop, futures in loops.items():
            try:
                loop.call_soon_threadsafe(_resolve, futures, trouble)
            except RuntimeError:
                pass  # the loop was closed: nobody waits


def _resolve(futures: Sequence[asyncio.Future[None]], trouble: str) -> None:
    for future in futures:
        if future.done():
            continue  # who waited went away
        if trouble:
            future.set_exception(NotWrittenError(trouble))
        else:
            future.set_result(None)
