"""Channels of lines: standard output, and a file that only grows."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from deadreckon.core.durable import fsync_directory
from deadreckon.core.sinks import StdoutSink
from deadreckon.delivery.failure import FailureError
from deadreckon.delivery.message import Message


def append_line(path: Path, line: bytes) -> None:
    """Add one line to the end of a file, made if it is not there; it is on the disk when this returns.

    A part of a line that a crash or a full disk left becomes a line of its own. Raises OSError.
    """
    made = not path.exists()
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
    try:
        size = os.fstat(fd).st_size
        torn = size > 0 and os.pread(fd, 1, size - 1) != b"\n"
        data = (b"\n" if torn else b"") + line + b"\n"
        # One call, so that lines of several writers do not mix.
        if (written := os.write(fd, data)) != len(data):
            raise OSError(f"only {written} of {len(data)} bytes were written: the disk may be full")
        os.fsync(fd)
    finally:
        os.close(fd)
    if made:
        fsync_directory(path.parent)


@dataclass(frozen=True, slots=True)
class FileChannel:
    """JSON lines at the end of a file, each forced to the disk."""

    path: Path

    def send(self, message: Message) -> str:
        """Append the message."""
        try:
            append_line(self.path, message.body)
        except OSError as error:
            raise FailureError(f"cannot write to {self.path}: {error.strerror or error}") from None
        return ""


@dataclass(frozen=True, slots=True)
class StdoutChannel:
    """Lines on standard output."""

    sink: StdoutSink

    def send(self, message: Message) -> str:
        """Print the message."""
        try:
            sys.stdout.write(message.body.decode() + "\n" if self.sink.format == "json" else message.text + "\n\n")
            sys.stdout.flush()
        except (OSError, ValueError) as error:
            raise FailureError(f"standard output cannot be written: {error}") from None
        return ""
