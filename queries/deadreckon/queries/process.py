"""The parent's hold on the sandbox's process: start it, ask it, and kill it when it does not answer in time."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final, NoReturn

from deadreckon.core.errors import DeadreckonError
from deadreckon.queries.wire import HEADER_BYTES, pack, unpack

_KEPT_ENVIRONMENT: Final = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LANG", "PYTHONDONTWRITEBYTECODE")


class ProcessDied(DeadreckonError):  # noqa: N818  # it names what happened, as Python's own names do
    """The sandbox's process ended; `signal` is what killed it, 0 where it ended by itself."""

    def __init__(self, code: int, said: str) -> None:
        super().__init__(
            f"the sandbox's process ended with exit code {code}: {said or 'it said nothing'}",
            hint="run it again with --debug and report the trace",
        )
        self.signal = -code if code < 0 else 0


class Process:
    """One process that answers one request at a time."""

    def __init__(self) -> None:
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  # closed by `stop`
        environment = {k: os.environ[k] for k in _KEPT_ENVIRONMENT if k in os.environ}
        environment["MALLOC_ARENA_MAX"] = "4"  # each arena reserves address space, which is bounded
        environment["PYTHONPATH"] = os.pathsep.join(str(Path(p).resolve()) for p in sys.path)
        try:
            self._child = subprocess.Popen(
                [sys.executable, "-P", "-m", "deadreckon.queries.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said,
                env=environment,
                close_fds=True,
            )
        except OSError as error:
            self._said.close()
            raise DeadreckonError(
                f"the sandbox's process cannot be started: {error}", hint=f"check that {sys.executable} can be run"
            ) from error

    def ask(self, request: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        """The answer to a request.

        Raises:
            TimeoutError: there was none in time; the process was killed.
            ProcessDied: the process ended instead of answering.
        """
        deadline = time.monotonic() + timeout_s
        assert self._child.stdin is not None  # noqa: S101  # Popen was given a pipe
        try:
            self._child.stdin.write(pack(request))
            self._child.stdin.flush()
        except (BrokenPipeError, ValueError):
            self._died()
        size = int.from_bytes(self._read(HEADER_BYTES, deadline), "big")
        answer: dict[str, Any] = unpack(self._read(size, deadline))
        return answer

    def _read(self, size: int, deadline: float) -> bytes:
        assert self._child.stdout is not None  # noqa: S101  # Popen was given a pipe
        pipe = self._child.stdout.fileno()
        parts: list[bytes] = []
        while size > 0:
            ready, _, _ = select.select([pipe], [], [], max(deadline - time.monotonic(), 0))
            if not ready:
                self.stop()
                raise TimeoutError
            part = os.read(pipe, min(size, 1 << 20))
            if not part:
                self._died()
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _died(self) -> NoReturn:
        code = self._child.wait()
        self._said.seek(0)
        lines = self._said.read().decode("utf-8", "replace").strip().splitlines()
        self.stop()
        raise ProcessDied(code, lines[-1] if lines else "")

    def stop(self) -> None:
        """End the process at once; nothing of it is worth keeping."""
        self._child.kill()
        self._child.wait()
        for pipe in (self._child.stdin, self._child.stdout, self._said):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    pass  # a request that was never read
