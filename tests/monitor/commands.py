"""`reckon` as a process of its own, for tests of exit codes, crashes and competition."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

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
    """Run `reckon` in a folder: its exit code, its JSON, what it said on stderr."""
    process = start("import sys; from deadreckon.cli import main; sys.exit(main())", *arguments, folder=folder)
    out, err = process.communicate()
    return process.returncode, json.loads(out) if out.strip() else {}, err


def configure(folder: Path, rules: str) -> None:
    """Write a deadreckon.toml whose lake is the folder's `lake`."""
    (folder / "deadreckon.toml").write_text(f'lake = "{folder / "lake"}"\n{rules}', "utf-8")
