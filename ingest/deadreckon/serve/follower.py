"""`reckon serve --ingest`: a process of its own that brings the spool into the lake while the receiver runs.

Decoding needs a whole core, which the receiver must not wait for. The two share nothing but the spool: if this process
ends, nothing that was acknowledged is lost, and the receiver starts another one.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from deadreckon.core.settings import Settings

_AGAIN: Final = (0.5, 1.0, 2.0, 5.0, 15.0, 60.0)
"""Seconds until it is started again, after it ended so often in a row."""
_HEALTHY: Final = 60.0
"""Seconds after which an end is not one in a row any more."""
_LAST: Final = 60.0
"""Seconds for the last of the spool to be ingested when the receiver stops."""


class Follower:
    """Keeps the process running; a context manager whose end brings in what is left."""

    def __init__(self, spool: Path, settings: Settings, warn: Callable[[str], None]) -> None:
        self._job = _Job(str(spool), settings)
        self._warn = warn
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._keep, name="follower", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._stopping.set()
            process = self._process
        if process is None:
            return
        _let_go(process)  # it reads what is there, and ends
        try:
            process.wait(_LAST)
        except subprocess.TimeoutExpired:
            self._warn("ingest is behind: what is left in the spool comes with the next reckon ingest")
            process.terminate()
            process.wait()

    def _keep(self) -> None:
        fallen = 0
        while True:
            with self._lock:
                if self._stopping.is_set():
                    return
                # Its end of our pipe closes when we do, however we end: no follower outlives its receiver for long.
                self._process = process = subprocess.Popen(
                    [sys.executable, "-m", "deadreckon.serve.follower"], stdin=subprocess.PIPE, start_new_session=True
                )
            started = time.monotonic()
            try:
                assert process.stdin  # noqa: S101 - for the type checker
                process.stdin.write(self._job.encoded() + b"\n")
                process.stdin.flush()
            except OSError:
                pass  # it has died already, and its exit code is next
            code = process.wait()
            if self._stopping.is_set():
                return
            _let_go(process)
            fallen = 0 if time.monotonic() - started > _HEALTHY else fallen + 1
            pause = _AGAIN[min(fallen, len(_AGAIN) - 1)]
            self._warn(f"ingest ended (exit code {code}); what comes is kept in the spool, next try in {pause:g} s")
            self._stopping.wait(pause)


def _let_go(process: subprocess.Popen[bytes]) -> None:
    try:
        if process.stdin:
            process.stdin.close()
    except OSError:
        pass  # it does not listen any more


@dataclass(frozen=True, slots=True)
class _Job:
    spool: str
    settings: Settings

    def encoded(self) -> bytes:
        return json.dumps({"spool": self.spool, "settings": self.settings.model_dump(mode="json")}).encode()


def main() -> int:
    """Ingest the spool that is named on stdin until stdin ends, then what is left of it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the receiver's business
    job = json.loads(sys.stdin.buffer.readline())
    over = threading.Event()

    def listen() -> None:
        while sys.stdin.buffer.read(1):
            pass
        over.set()

    threading.Thread(target=listen, daemon=True).start()

    from deadreckon.core.errors import DeadreckonError
    from deadreckon.core.lake import Lake
    from deadreckon.ingest.engine import Ingester

    def warn(message: str) -> None:
        sys.stderr.write(f"warning: {message}\n")

    settings = Settings.model_validate(job["settings"])
    spool = Path(job["spool"])
    spool.mkdir(parents=True, exist_ok=True)
    try:
        with Ingester(Lake.create(settings.lake), settings, warn=warn) as ingester:
            ingester.follow([spool], over.is_set)
            ingester.run([spool])
    except DeadreckonError as error:
        sys.stderr.write(f"error: {error.message}\nhint: {error.hint}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # the thread that reads stdin may be in the middle of it
