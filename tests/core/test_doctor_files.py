"""Data files that are gone, cut off or damaged inside: nothing is lost that can be had again, and nothing is twice."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tests.core.conftest import Story, lines
from tests.core.patients import NEWEST, NOW, cut, data_file, kinds, mended, whole

from deadreckon.cli import main
from deadreckon.core.doctor import doctor
from deadreckon.core.maintenance import Step, maintain
from deadreckon.core.settings import MaintainSettings


@pytest.mark.parametrize("part", ["events", "ledger"])
@pytest.mark.parametrize("damage", ["gone", "cut", "empty"])
def test_a_merged_file_lost_or_cut_off(story: Story, refused: list[str], part: str, damage: str) -> None:
    """The files that it was made of stay until vacuum's time: they take its place, and no row is lost."""
    path = data_file(story, part, merged=True)
    path.unlink() if damage == "gone" else cut(path, 0 if damage == "empty" else 500)
    assert kinds(doctor(story.lake.root)) == ["file_missing" if damage == "gone" else "file_damaged"]
    mended(story, "file_missing" if damage == "gone" else "file_damaged")
    assert story.numbers() == story.expected
    whole(story, refused)


@pytest.mark.parametrize("part", ["events", "ledger"])
@pytest.mark.parametrize("merged", [True, False])
def test_a_lost_file_whose_input_can_be_read_again(story: Story, refused: list[str], part: str, merged: bool) -> None:
    """The input is set back to before the loss, with all that came from there: it is read exactly once again."""
    if merged:
        for file in story.lake.table_path().rglob("*.parquet"):
            used = {f.path for f in story.lake.snapshot().files}
            if "_delta_log" not in file.parts and file not in used:
                file.unlink()
    data_file(story, part, merged=merged).unlink()
    found = doctor(story.lake.root)
    assert "a.jsonl" in found.findings[0].remedy
    mended(story, "file_missing")
    whole(story, refused)


@pytest.mark.parametrize("part", ["events", "ledger"])
def test_a_lost_file_whose_input_is_gone(story: Story, told: Story, tmp_path: Path, part: str) -> None:
    """It leaves the table so that the rest can be asked again; the loss is on record, once."""
    told.logs.rename(tmp_path / "away")
    try:
        data_file(story, part, merged=False).unlink()
        mended(story, "file_missing")
    finally:
        (tmp_path / "away").rename(told.logs)
    remaining = story.numbers()
    assert set(remaining) <= set(story.expected)
    assert len(remaining) == len(set(remaining))
    assert (len(remaining) == 90) == (part == "ledger")
    assert any(raw == "" for raw in story.refused())
    story.read_again()
    assert story.numbers() == remaining


@pytest.mark.parametrize("part", ["events", "ledger"])
def test_who_needs_a_lost_file_is_told_of_the_doctor(
    story: Story, part: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Queries and ingest say which file cannot be read and who finds out why; nothing is committed."""
    data_file(story, part, merged=True).unlink()
    place = ["--lake", str(story.lake.root)]
    question = "SELECT max(event) FROM events" if part == "events" else "SELECT max(lines) FROM sources"
    repeated = tmp_path / "again.jsonl"
    repeated.write_bytes(lines(range(10)))
    for words in (["sql", question], ["ingest", str(repeated)]):
        assert main([*words, *place]) == 3
        assert "reckon doctor" in json.loads(capsys.readouterr().err)["error"]["hint"]
    assert story.lake.table().version() == NEWEST


def test_what_expiry_kept_of_the_ledger_is_lost(story: Story) -> None:
    """The ledger's expired files are still there: they come back and expire again, and no input is read twice."""
    rules = MaintainSettings(retention_days=2)
    maintain(story.lake, rules, steps={Step.expire}, now=NOW)
    next(f.path for f in story.lake.snapshot().part("ledger") if f.path.name.startswith("kept-")).unlink()
    mended(story, "file_missing")
    maintain(story.lake, rules, steps={Step.expire}, now=NOW)
    story.read_again()
    assert story.numbers() == []
    assert doctor(story.lake.root).findings == ()


def test_a_file_that_a_repair_wrote_is_lost(story: Story, told: Story, tmp_path: Path) -> None:
    """Even then the lake can be asked again."""
    told.logs.rename(tmp_path / "away")
    try:
        data_file(story, "events", merged=False).unlink()
        mended(story, "file_missing")
    finally:
        (tmp_path / "away").rename(told.logs)
    found = [f.path for f in story.lake.snapshot().part("ledger") if f.path.name.startswith("mended-")]
    assert found
    found[0].unlink()
    mended(story, "file_missing")
    story.read_again()
    assert doctor(story.lake.root).healthy


def test_a_changed_input_is_not_read_again(story: Story, told: Story, tmp_path: Path) -> None:
    """An input whose bytes are no longer the same is no source for what was lost: nothing is taken out for it."""
    shutil.copytree(told.logs, tmp_path / "kept")
    try:
        for log in told.logs.iterdir():
            log.write_bytes(log.read_bytes()[:-5] + b"xxxx\n")
        data_file(story, "events", merged=False).unlink()
        before = story.lake.snapshot()
        found = doctor(story.lake.root)
        assert "jsonl" not in found.findings[0].remedy
        mended(story, "file_missing")
        assert len(story.lake.snapshot().part("events")) == len(before.part("events")) - 1
    finally:
        shutil.copytree(tmp_path / "kept", told.logs, dirs_exist_ok=True)


def test_a_flipped_byte_is_found_by_a_deep_look(story: Story, refused: list[str]) -> None:
    """A file whose end is whole can still be damaged inside: `deep` reads every page."""
    path = data_file(story, "events", merged=True)
    content = bytearray(path.read_bytes())
    content[40:140] = bytes(100)
    path.write_bytes(content)
    assert doctor(story.lake.root).healthy
    assert kinds(doctor(story.lake.root, deep=True)) == ["file_damaged"]
    mended(story, "file_damaged", deep=True)
    whole(story, refused)
