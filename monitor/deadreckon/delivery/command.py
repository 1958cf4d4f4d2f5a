"""Commands: a program of the user's gets the message as JSON on its standard input."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from typing import Final

from deadreckon.delivery.failure import FailureError
from deadreckon.delivery.message import Message

SAID: Final = 300
"""Bytes of the end of standard error that go into the reason."""


@dataclass(frozen=True, slots=True)
class CommandChannel:
    """A program and its arguments; no shell reads them."""

    command: tuple[str, ...]
    timeout_s: float

    def send(self, message: Message) -> str:
        """Run the command; delivered is what it ends with 0 for."""
        # Files, not pipes: a program that reads or says nothing, or whose children stay, cannot hold us up.
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as said:
            given.write(message.body + b"\n")
            given.seek(0)
            try:
                process = subprocess.Popen(
                    self.command, stdin=given, stdout=subprocess.DEVNULL, stderr=said, start_new_session=True
                )
            except OSError as error:
                raise FailureError(f"{self.command[0]} cannot be run: {error.strerror or error}") from None
            try:
                code = process.wait(self.timeout_s)
            except subprocess.TimeoutExpired:
                raise FailureError(f"{self.command[0]} was killed after {self.timeout_s:g} s") from None
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)  # with its children: it leads a group of its own
                    process.wait()
            if code:
                size = said.seek(0, os.SEEK_END)
                said.seek(max(0, size - SAID))
                words = " ".join(said.read().decode("utf-8", "replace").split())
                raise FailureError(f"{self.command[0]} ended with {code}{f': {words}' if words else ''}")
        return ""
