"""The dashboard as a process of its own, started as people start it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

RECKON = [sys.executable, "-c", "import sys; from deadreckon.cli import main; sys.exit(main(sys.argv[1:]))"]


def environment() -> dict[str, str]:
    """This process's environment without settings of deadreckon's or Streamlit's, with the same import path."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("DEADRECKON_", "STREAMLIT_"))}
    return kept | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def dashboard(lake: Path, *more: str, folder: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The address of a running dashboard for this lake, and its process; interrupted at the end, as by Ctrl+C."""
    said = folder / "dashboard.stderr"
    with said.open("w") as stderr:
        process = subprocess.Popen(
            [*RECKON, "dashboard", "--lake", str(lake), "--port", str(free_port()), "--no-open", *more],
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=environment(),
            cwd=folder,
            text=True,
        )
        assert process.stdout is not None
        try:
            url = process.stdout.readline().strip()
            assert url.startswith("http://"), said.read_text()
            yield url, process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            process.wait(30)
            process.stdout.close()
