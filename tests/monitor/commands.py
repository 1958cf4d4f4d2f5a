"""`reckon` as a person or cron calls it, and code in processes of its own that can be killed."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from deadreckon.cli import main

REPOSITORY = Path(__file__).parents[2]
ROOMS = ("core", "ingest", "queries", "monitor", "dashboard", "")


def environment() -> dict[str, str]:
    """This environment without settings of its own, with the rooms on the path."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("DEADRECKON_")}
    return kept | {"PYTHONPATH": os.pathsep.join(str(REPOSITORY / room) for room in ROOMS), "NO_COLOR": "1"}


def start(code: str, *arguments: str, folder: Path) -> subprocess.Popen[str]:
    """Python code in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
        env=environment(),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def reckon(*arguments: str, folder: Path) -> tuple[int, dict[str, Any], str]:
    """Run `reckon` with a folder's settings: its exit code, its JSON, what it said on stderr."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main([*arguments, "--config", str(folder / "deadreckon.toml")])
    return code, json.loads(out.getvalue()) if out.getvalue().strip() else {}, err.getvalue()


def configure(folder: Path, rules: str) -> None:
    """Write a deadreckon.toml whose lake is the folder's `lake`."""
    (folder / "deadreckon.toml").write_text(f'lake = "{folder / "lake"}"\n{rules}', "utf-8")
