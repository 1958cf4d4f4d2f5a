"""Reading what emit wrote, and running programs that use it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def lines(directory: Path) -> list[bytes]:
    """Return every line in the files of a spool, in order of their names; a torn last line is among them."""
    return [line for path in sorted(directory.glob("*.jsonl")) for line in path.read_bytes().splitlines(keepends=True)]


def events(directory: Path) -> list[dict[str, Any]]:
    """Return every event of a spool, in order of the files and lines; all must be whole."""
    found = lines(directory)
    assert all(line.endswith(b"\n") for line in found)
    return [json.loads(line, parse_constant=_no_constant) for line in found]


def _no_constant(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


def start(code: str, spool: Path, **env: str) -> subprocess.Popen[str]:
    """Start a Python program that emits into `spool`."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code],
        env={
            **{key: value for key, value in os.environ.items() if not key.startswith(("DEADRECKON_", "OTEL_"))},
            "PYTHONPATH": os.pathsep.join([str(ROOT / "ingest"), str(ROOT)]),
            "DEADRECKON_SPOOL": str(spool),
            "DEADRECKON_SPOOL_FALLBACK": str(spool.with_name(spool.name + "-fallback")),
            **env,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(code: str, spool: Path, **env: str) -> str:
    """Run a Python program that emits into `spool` to its end, and return what it printed; stderr must be empty."""
    process = start(code, spool, **env)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, ""), err
    return out
