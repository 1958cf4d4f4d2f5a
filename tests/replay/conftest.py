"""A lake in which the desk recorded a day's work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
RUN = "from deadreckon.cli import main; raise SystemExit(main())"


@dataclass
class Desk:
    """The lake, and what is done with it."""

    folder: Path

    @property
    def lake(self) -> str:
        return str(self.folder / "lake")

    def python(self, *words: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        env = {k: v for k, v in os.environ.items() if not k.startswith("DEADRECKON_")}
        env |= {"CALLS": str(self.folder / "calls"), "DEADRECKON_SPOOL": str(self.folder / "spool")}
        env |= {"TMPDIR": str(self.folder / "tmp"), "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
        return subprocess.run(
            [sys.executable, *words], cwd=ROOT, env=env, input=stdin, capture_output=True, text=True, check=False
        )

    def reckon(self, *words: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        return self.python("-c", RUN, *words, "--lake", self.lake, stdin=stdin)

    def replay(self, trace: str, function: str, *words: str) -> tuple[int, dict[str, Any], str]:
        """The exit code, the document or the error, and what was said."""
        done = self.reckon("replay", trace, "--with", f"tests.replay.versions:{function}", *words)
        last = (done.stdout or done.stderr.strip().rpartition("\n")[2] or "{}").strip()
        return done.returncode, json.loads(last), done.stderr

    def sql(self, query: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = json.loads(self.reckon("sql", query, "--format", "json").stdout)["rows"]
        return rows

    def trace(self, name: str, number: int = 0) -> str:
        """The trace whose root has this name."""
        return str(self._traces()[name][number])

    def _traces(self) -> dict[str, list[str]]:
        if not hasattr(self, "_known"):
            self._known: dict[str, list[str]] = {}
            where = "environment = 'prod' and parent_span_id is null"
            for row in self.sql(f"select name, trace_id from spans where {where} order by ts"):
                self._known.setdefault(row["name"], []).append(row["trace_id"])
        return self._known

    def calls(self) -> list[str]:
        """The calls that were really made since this was last asked."""
        path = self.folder / "calls"
        found = path.read_text().splitlines() if path.exists() else []
        path.write_text("")
        return found


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    desk = Desk(tmp_path_factory.mktemp("desk"))
    (desk.folder / "tmp").mkdir()
    done = desk.python("-m", "tests.replay.desk")
    assert done.returncode == 0, done.stderr
    done = desk.reckon("ingest", str(desk.folder / "spool"))
    assert json.loads(done.stdout)["quarantined"] == 0, done.stdout
    return desk


@pytest.fixture
def desk(recorded: Desk) -> Desk:
    recorded.calls()
    return recorded
