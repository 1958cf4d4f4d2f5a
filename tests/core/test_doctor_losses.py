"""Lost data files: what the doctor says about their events before it repairs, and afterwards."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.core.conftest import Story, lines

from deadreckon.core.doctor import doctor
from deadreckon.core.doctor.finding import Cabinet
from deadreckon.core.lake import Lake
from deadreckon.ingest import ingest


def unmerged(story: Story) -> list[Path]:
    """The event files of single ingest commits, oldest first."""
    return sorted(
        (f.path for f in story.lake.snapshot().part("events") if not f.path.name.startswith("merged-")),
        key=lambda p: p.stat().st_mtime_ns,
    )


@pytest.mark.parametrize("order", [1, -1])
def test_lost_files_of_one_input_in_any_order(story: Story, order: int) -> None:
    """Each sets its inputs back to before itself: a later one must not set them forward again."""
    paths = unmerged(story)
    for path in (paths[0], paths[2], paths[-1]):
        path.unlink()
    findings = [f for f in doctor(story.lake.root).findings if f.kind == "file_missing"]
    assert len(findings) == 3
    cabinet = Cabinet(story.lake, datetime.now(UTC))
    (story.lake.root / "_maintenance").mkdir()
    for finding in findings[::order]:
        assert finding.mend
        finding.mend(cabinet)
    shutil.rmtree(story.lake.root / "_maintenance")
    assert doctor(story.lake.root).findings == ()
    story.read_again()
    assert story.numbers() == story.expected


@pytest.fixture
def small(tmp_path: Path) -> Story:
    """Fourteen events of a.jsonl and six of b.jsonl in one commit of two days, then ten more of a.jsonl in another."""
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "a.jsonl").write_bytes(lines(range(14)))
    (logs / "b.jsonl").write_bytes(lines(range(14, 20)))
    lake = Lake.create(tmp_path / "lake")
    ingest([logs], lake.root)
    with (logs / "a.jsonl").open("ab") as file:
        file.write(lines(range(20, 30)))
    ingest([logs], lake.root)
    return Story(lake, logs)


def test_what_is_missing_until_it_is_read_again(small: Story) -> None:
    """Before the repair: events by input, what else leaves the lake, and that all of it comes back; after it, too."""
    unmerged(small)[0].unlink()
    finding = doctor(small.lake.root).findings[0]
    assert "it held 10 rows: 7 events from bytes 0 to " in finding.risk
    assert "a.jsonl, which is still there; 3 events from bytes 0 to " in finding.risk
    assert "10 of its events, and 20 events of other files" in finding.remedy
    assert "lost for good" not in finding.remedy
    found = doctor(small.lake.root, repair=True)
    assert "inputs set back for the next ingest: 2, with 20 events of other files" in found.treatments[0].said
    assert "of its own events 10 can be read again, 0 are lost for good" in found.treatments[0].said
    assert small.numbers() == []
    small.read_again()
    assert small.numbers() == list(range(30))


def test_what_is_lost_for_good(small: Story) -> None:
    """Of an input that is gone its events are counted, before the repair, in its report and on record."""
    (small.logs / "b.jsonl").unlink()
    unmerged(small)[0].unlink()
    finding = doctor(small.lake.root).findings[0]
    assert "b.jsonl, which is gone" in finding.risk
    assert "7 of its events, and 17 events of other files" in finding.remedy
    assert "3 events are lost for good" in finding.remedy
    found = doctor(small.lake.root, repair=True)
    assert "of its own events 7 can be read again, 3 are lost for good" in found.treatments[0].said
    assert found.kept_in
    report = json.loads((found.kept_in / "report.json").read_text())
    assert report[0]["said"] == found.treatments[0].said
    assert report[0]["risk"] == finding.risk
    small.read_again()
    assert len(small.numbers()) == 27
    assert doctor(small.lake.root).findings == ()


def test_an_input_that_changed_is_said_to_have(small: Story) -> None:
    """What is there under its name is not what was read."""
    (small.logs / "b.jsonl").write_bytes(lines(range(50, 56)))
    unmerged(small)[0].unlink()
    finding = doctor(small.lake.root).findings[0]
    assert "b.jsonl, which is not the same any more" in finding.risk
    assert "3 events are lost for good" in finding.remedy


def test_a_lost_file_of_the_ledger(small: Story) -> None:
    """Its rows are no events; those of the inputs that are read again leave the table meanwhile."""
    ledgers = sorted((f.path for f in small.lake.snapshot().part("ledger")), key=lambda p: p.stat().st_mtime_ns)
    ledgers[-1].unlink()
    finding = doctor(small.lake.root).findings[0]
    assert "rows of the ledger: bytes" in finding.risk
    assert "its rows, and 10 events of other files" in finding.remedy
    assert doctor(small.lake.root, repair=True).healthy
    assert len(small.numbers()) == 20
    small.read_again()
    assert small.numbers() == list(range(30))
