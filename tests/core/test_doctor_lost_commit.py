"""The newest entries of the log are gone: nothing in the log says so, but the data files that they named do."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import pytest
from tests.core.conftest import Story, lines
from tests.core.lakes import log_file

from deadreckon.core.doctor import doctor
from deadreckon.core.lake import Lake
from deadreckon.ingest import ingest

NEWEST = 3


@pytest.fixture
def spooled(tmp_path: Path) -> Story:
    """Three commits of a log of ten lines more each time."""
    logs = tmp_path / "logs"
    logs.mkdir()
    lake = Lake.create(tmp_path / "lake")
    for n in range(NEWEST):
        with (logs / "a.jsonl").open("ab") as file:
            file.write(lines(range(n * 10, n * 10 + 10)))
        ingest([logs], lake.root)
    return Story(lake, logs)


def lose(story: Story, *versions: int, hours: float = 2) -> None:
    """Remove entries of the log; their data files stay, written so many hours ago."""
    then = time.time() - hours * 3600
    for version in versions:
        path = log_file(story.lake, version)
        for text in path.read_text().splitlines():
            if "add" in (action := json.loads(text)):
                os.utime(story.lake.table_path() / action["add"]["path"], (then, then))
        path.unlink()


@pytest.mark.parametrize("hours", [0, 2])
def test_while_the_input_is_there(spooled: Story, hours: float) -> None:
    """A killed ingester leaves the same: it is worth knowing, and the next ingest reads the lines again."""
    lose(spooled, NEWEST, hours=hours)
    found = doctor(spooled.lake.root)
    assert [(f.kind, f.severity) for f in found.findings] == [("commit_lost", "note")]
    assert "3 data files" in found.findings[0].meaning
    assert "10 events of" in found.findings[0].meaning
    assert "reckon ingest" in found.findings[0].remedy
    assert found.healthy
    assert doctor(spooled.lake.root, repair=True).treatments == ()
    spooled.read_again()
    assert spooled.numbers() == list(range(30))
    assert doctor(spooled.lake.root).findings == ()


@pytest.mark.parametrize("versions", [(NEWEST,), (NEWEST, NEWEST - 1)])
def test_when_the_input_is_gone(spooled: Story, versions: tuple[int, ...], tmp_path: Path) -> None:
    """The data files are all that is left of the lines: they are damage until they are committed again."""
    refused = spooled.refused()
    lose(spooled, *versions)
    kept = (spooled.logs / "a.jsonl").rename(tmp_path / "kept")
    found = doctor(spooled.lake.root)
    assert [(f.kind, f.severity) for f in found.findings] == [("commit_lost", "damage")]
    assert "a.jsonl" in found.findings[0].risk
    repaired = doctor(spooled.lake.root, repair=True)
    assert [t.done for t in repaired.treatments] == [True] * len(versions)
    assert spooled.numbers() == list(range(30))
    assert spooled.refused() == refused
    kept.rename(spooled.logs / "a.jsonl")
    spooled.read_again()
    assert spooled.numbers() == list(range(30))


def test_when_the_input_is_gone_and_ingest_went_on(spooled: Story) -> None:
    """Another commit has taken the lost one's number: its data files still tell."""
    lose(spooled, NEWEST)
    (spooled.logs / "a.jsonl").unlink()
    (spooled.logs / "b.jsonl").write_bytes(lines(range(30, 40)))
    spooled.read_again()
    assert [f.kind for f in doctor(spooled.lake.root).findings] == ["commit_lost"]
    assert doctor(spooled.lake.root, repair=True).healthy
    assert spooled.numbers() == list(range(40))


def test_files_of_an_ingester_at_work(spooled: Story) -> None:
    """Written within the hour, of an input that cannot be read twice: whoever wrote them may be about to commit."""
    lose(spooled, NEWEST, hours=0)
    (spooled.logs / "a.jsonl").unlink()
    found = doctor(spooled.lake.root)
    assert [(f.kind, f.severity, f.mend) for f in found.findings] == [("commit_lost", "note", None)]
    assert "again in an hour" in found.findings[0].remedy


def test_a_lost_commit_whose_files_are_not_whole(spooled: Story) -> None:
    """Nothing can be committed from a part of them: they are orphans like others, until vacuum's time."""
    text = log_file(spooled.lake, NEWEST).read_text()
    adds = [json.loads(line)["add"]["path"] for line in text.splitlines() if '"add"' in line]
    lose(spooled, NEWEST)
    (spooled.logs / "a.jsonl").unlink()
    (spooled.lake.table_path() / next(a for a in adds if "part=events" in a)).unlink()
    assert doctor(spooled.lake.root).findings == ()


def test_after_a_repair_that_was_killed(spooled: Story) -> None:
    """What it had already written is no second commit, and does not hide the first."""
    lose(spooled, NEWEST)
    (spooled.logs / "a.jsonl").unlink()
    live = {f.path for f in spooled.lake.snapshot().files}
    for path in sorted(spooled.lake.table_path().glob("part=*/*/*.parquet")):
        if path not in live:
            shutil.copy2(path, path.with_name(f"adopted-{path.name}"))
    assert [f.kind for f in doctor(spooled.lake.root).findings] == ["commit_lost"]
    assert doctor(spooled.lake.root, repair=True).healthy
    assert spooled.numbers() == list(range(30))
    assert doctor(spooled.lake.root).findings == ()
