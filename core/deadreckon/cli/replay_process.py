"""The process in which replayed code runs, seen from the command: started, asked, stopped when it takes too long."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Self

from deadreckon.core.errors import DeadreckonError, UsageError

_START_S: Final = 120.0
"""How long a module may take to be imported."""
_GRACE_S: Final = 3.0
"""How long code that was told to stop may take to say how it ended."""


class Worker:
    """A process that replays traces one after the other.

    One that had to be killed, or in which code still runs after its replay, is followed by another.
    """

    def __init__(self, order: Mapping[str, Any], timeout_s: float) -> None:
        self._order = order
        self._timeout_s = timeout_s
        self._process: subprocess.Popen[bytes] | None = None
        self._jobs = self._answers = -1
        self._rest = b""

    def start(self) -> None:
        """Import the code.

        Raises:
            UsageError: it cannot be found or imported.
        """
        jobs, self._jobs = os.pipe()
        self._answers, answers = os.pipe()
        self._rest = b""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "deadreckon.replay.worker", str(jobs), str(answers)],
            stdin=subprocess.DEVNULL,
            stdout=2,  # what the code prints is talk: data is what the command says of it
            pass_fds=(jobs, answers),
            start_new_session=True,
        )
        os.close(jobs)
        os.close(answers)
        said = self._ask(self._order, _START_S)
        if said is None:
            hint = "python -c 'import " + str(self._order["entry"]).partition(":")[0] + "' shows what happens"
            raise UsageError(f"{self._order['entry']!r} could not be imported: {self._gone(_START_S)}", hint=hint)
        if "cannot" in said:
            raise UsageError(said["cannot"]["message"], hint=said["cannot"]["hint"])

    def replay(self, job: Mapping[str, Any]) -> dict[str, Any]:
        """How the replay of a trace ended; `gone` where the process did not live to say it."""
        if self._process is None:
            self.start()
        said = self._ask(job, self._timeout_s)
        if said is None and self._alive():
            self._signal(signal.SIGTERM)
            said = self._read(_GRACE_S)
        if said is None:
            reason = self._gone(self._timeout_s)
            self._signal(signal.SIGKILL)
            self.stop()
            return {"gone": reason}
        if said.get("threads"):
            self.stop()  # what they still do must not be taken for the next one's
        return said

    def stop(self) -> None:
        """End the process, and whatever it started."""
        if self._process is None:
            return
        if self._jobs >= 0:
            os.close(self._jobs)  # no more jobs: it writes what is left and ends
        try:
            self._process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            pass
        self._signal(signal.SIGKILL)  # what it left behind, too
        self._process.wait()
        os.close(self._answers)
        self._process, self._jobs, self._answers = None, -1, -1

    def _alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _signal(self, number: int) -> None:
        if self._process is not None:
            try:
                os.killpg(self._process.pid, number)
            except ProcessLookupError:
                pass  # it has ended, with all that it started

    def _gone(self, seconds: float) -> str:
        if self._alive():
            return f"it took longer than {seconds:g} s, and was killed"
        code = self._process.wait() if self._process is not None else 0
        return f"its process was killed by signal {-code}" if code < 0 else f"it ended its process with code {code}"

    def _ask(self, job: Mapping[str, Any], seconds: float) -> dict[str, Any] | None:
        line = memoryview(json.dumps(job, default=str).encode() + b"\n")
        try:
            while line:
                line = line[os.write(self._jobs, line) :]
        except BrokenPipeError:
            return None
        return self._read(seconds)

    def _read(self, seconds: float) -> dict[str, Any] | None:
        until = time.monotonic() + seconds
        while b"\n" not in self._rest:
            if not select.select([self._answers], [], [], max(until - time.monotonic(), 0.0))[0]:
                return None
            part = os.read(self._answers, 1 << 16)
            if not part:
                if self._process is not None:
                    self._process.wait()
                return None
            self._rest += part
        line, _, self._rest = self._rest.partition(b"\n")
        said: dict[str, Any] = json.loads(line)
        return said

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and not isinstance(error, DeadreckonError):
            self._signal(signal.SIGKILL)  # an interrupt waits for nobody
        self.stop()
