"""A lake with a history, made once by the real ingest and copied for each test that damages it."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from deadreckon.core.lake import Lake
from deadreckon.core.maintenance import Step, maintain
from deadreckon.ingest import ingest

START = datetime(2026, 3, 1, 22, tzinfo=UTC)


@dataclass(frozen=True)
class Story:
    """A lake, the logs that it was read from, and what it must hold."""

    lake: Lake
    logs: Path

    def numbers(self) -> list[int]:
        """The events in the lake, sorted: each line of the logs has its own number."""
        files = [str(f.path) for f in self.lake.snapshot().part("events")]
        if not files:
            return []
        query = "SELECT (attributes->>'number')::BIGINT FROM read_parquet($f, union_by_name = true) ORDER BY 1"
        return [row[0] for row in duckdb.execute(query, {"f": files}).fetchall()]

    def refused(self) -> list[str]:
        """The quarantined lines that nobody has answered, sorted."""
        files = [str(f.path) for f in self.lake.snapshot().part("ledger")]
        query = "SELECT raw FROM read_parquet($f, union_by_name = true) WHERE record = 'quarantine' ORDER BY 1"
        return [row[0] for row in duckdb.execute(query, {"f": files}).fetchall()]

    def read_again(self) -> None:
        """What the next `reckon ingest` does."""
        ingest([self.logs], self.lake.root)

    @property
    def expected(self) -> list[int]:
        """What the lake held before it was damaged."""
        return list(range(90))


def lines(numbers: range) -> bytes:
    """Log lines of two days; every third has an id of its own, the others get theirs from their place."""
    out = []
    for n in numbers:
        given = {"event_id": f"0190a5d1-0000-7000-8000-{n:012}"} if n % 3 == 0 else {}
        ts = (START + timedelta(days=n % 2, seconds=n)).isoformat()
        out.append(json.dumps({"ts": ts, "event": "tick", "number": n, **given}).encode() + b"\n")
        if n % 20 == 7:
            out.append(b'{"ts": "nonsense %d"}\n' % n)
    return b"".join(out)


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """The lake as it is before anything happens to it. Nobody changes it.

    Versions: 0 made; 1-3 ingest; 4, 5, 6 compaction of two days of events and of the ledger (checkpoint 6); 7-9 ingest.
    """
    home = tmp_path_factory.mktemp("told")
    logs = home / "logs"
    logs.mkdir()
    lake = Lake.create(home / "lake")
    now = datetime.now(UTC)
    for i in range(3):
        with (logs / "a.jsonl").open("ab") as file:
            file.write(lines(range(i * 10, i * 10 + 10)))
        ingest([logs], lake.root, now=lambda: now - timedelta(days=3))
    maintain(lake, steps={Step.compact, Step.checkpoint}, now=now)
    for i in range(3, 6):
        with (logs / "a.jsonl").open("ab") as file:
            file.write(lines(range(i * 10, i * 10 + 10)))
        with (logs / "b.jsonl").open("ab") as file:
            file.write(lines(range(i * 10 + 30, i * 10 + 40)))
        ingest([logs], lake.root, now=lambda: now)
    return Story(lake, logs)


@pytest.fixture
def story(told: Story, tmp_path: Path) -> Story:
    """A copy of the told lake to damage."""
    shutil.copytree(told.lake.root, tmp_path / "lake")
    return Story(Lake.open(tmp_path / "lake"), told.logs)


@pytest.fixture
def refused(told: Story) -> list[str]:
    """The refused lines of the told lake."""
    return told.refused()
