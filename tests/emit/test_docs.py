"""The guides: every Python example in it runs, and what it says about defaults is so."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.emit.spools import ROOT, events, start

GUIDE = (ROOT / "docs" / "emit.md").read_text()
GUARDS = (ROOT / "docs" / "guards.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```", GUIDE + GUARDS, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_every_example_runs_and_writes_whole_events(tmp_path: Path, number: int) -> None:
    """In a process of its own, with warnings as errors, in an empty directory."""
    code = f"import os; os.chdir({str(tmp_path)!r})\n" + BLOCKS[number]
    process = start(code, tmp_path / "spool")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, f"{BLOCKS[number]}\n{out}\n{err}"
    if "pool.submit" not in BLOCKS[number]:
        # An example that configures the directory anew means the same one.
        assert events(tmp_path / "spool")


def test_the_json_in_the_guide_is_json() -> None:
    """And holds the stamp in the order in which emit writes it."""
    for block in re.findall(r"^```json\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL):
        assert list(json.loads(block))[:8] == ["ts", "event_id", "event", "kind", "level", "service", "host", "pid"]


def test_the_guide_names_every_argument_of_configure() -> None:
    """A setting that is not in the guide does not exist for its reader."""
    code = "import inspect; from deadreckon import emit; print(*inspect.signature(emit.configure).parameters)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT / "ingest", capture_output=True, text=True, check=True)
    for argument in done.stdout.split():
        assert f"`{argument}`" in GUIDE or f"`{argument} " in GUIDE, argument
