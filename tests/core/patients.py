"""Damaged lakes, and what must hold after their repair."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from tests.core.conftest import Story

from deadreckon.core.doctor import Diagnosis, doctor

NOW = datetime.now(UTC)
NEWEST = 9
"""The last version of the told lake."""
CHECKPOINT = 6
"""The version of its checkpoint."""


def kinds(found: Diagnosis) -> list[str]:
    """The kinds of what was found, in order."""
    return [f.kind for f in found.findings]


def mended(story: Story, *expected: str, deep: bool = False) -> Diagnosis:
    """Repair, check what was repaired, and that a second look finds a healthy lake in which nothing is left to do."""
    found = doctor(story.lake.root, repair=True, deep=deep)
    assert sorted({t.finding.kind for t in found.treatments}) == sorted(set(expected))
    assert all(t.done for t in found.treatments), [t.said for t in found.treatments]
    assert found.healthy
    again = doctor(story.lake.root, repair=True, deep=deep)
    assert again.treatments == ()
    assert again.healthy
    return found


def whole(story: Story, refused: list[str]) -> None:
    """After the next ingest the lake holds exactly what it held before the damage."""
    story.read_again()
    assert story.numbers() == story.expected
    assert story.refused() == refused
    assert doctor(story.lake.root, deep=True).findings == ()
    story.read_again()
    assert story.numbers() == story.expected


def cut(path: Path, size: int) -> None:
    """Keep only the first bytes of a file."""
    path.write_bytes(path.read_bytes()[:size])


def data_file(story: Story, part: str, merged: bool) -> Path:
    """A live data file of this part, as maintenance merged it or as ingest wrote it."""
    return next(f.path for f in story.lake.snapshot().part(part) if f.path.name.startswith("merged-") is merged)
