"""`reckon doctor`: what it prints and returns; and what other commands say of a damaged lake."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.core.lakes import line, log_file

from deadreckon.cli import main
from deadreckon.core.lake import Lake
from deadreckon.ingest import ingest


@pytest.fixture
def damaged(tmp_path: Path) -> Lake:
    """A lake whose newest commit was cut off by a power cut."""
    lake = Lake.create(tmp_path / "lake")
    for i in range(3):
        with (tmp_path / "app.log").open("ab") as log:
            log.writelines(line(n) for n in range(i * 10, i * 10 + 10))
        ingest([tmp_path / "app.log"], lake.root)
    newest = log_file(lake, 3)
    newest.write_bytes(newest.read_bytes()[:200])
    return lake


@pytest.mark.parametrize("words", [["status"], ["maintain"], ["sql", "SELECT count(*) FROM events"], ["trace", "x"]])
def test_other_commands_point_to_the_doctor(
    damaged: Lake, words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 3, and the hint is the command that explains and repairs it."""
    monkeypatch.setenv("DEADRECKON_LAKE", str(damaged.root))
    assert main(words) == 3
    error = json.loads(capsys.readouterr().err)["error"]
    assert error["kind"] == "lake_damaged"
    assert f"reckon doctor --lake {damaged.root}" in error["hint"]
    assert len(error["message"].splitlines()) == 1


def test_ingest_does_not_write_into_a_damaged_lake(
    damaged: Lake, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is committed, and the input stays."""
    log = tmp_path / "app.jsonl"
    log.write_text('{"event": "x", "ts": "2026-01-01T00:00:00Z"}\n')
    assert main(["ingest", str(log), "--lake", str(damaged.root)]) == 3
    assert json.loads(capsys.readouterr().err)["error"]["kind"] == "lake_damaged"


def test_the_contract_for_agents(damaged: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 3 while damage is there; each finding says what it is, what it means, what is at risk and what helps."""
    assert main(["doctor", "--lake", str(damaged.root)]) == 3
    found = json.loads(capsys.readouterr().out)
    assert (found["healthy"], found["repair"], found["kept_in"], found["count"]) == (False, False, None, 1)
    finding = found["rows"][0]
    assert (finding["kind"], finding["severity"], finding["state"]) == ("commit_half_written", "damage", "mendable")
    assert (finding["table"], finding["subject"]) == ("events", f"{3:020}.json")
    assert all(finding[name] for name in ("meaning", "risk", "remedy"))


def test_a_repair_and_after_it(damaged: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 0 when no damage is left; what was done is said, and what is still to do; the lake works again."""
    assert main(["doctor", "--repair", "--lake", str(damaged.root)]) == 0
    done = json.loads(capsys.readouterr().out)
    assert done["healthy"] is True
    assert Path(done["kept_in"]).is_dir()
    assert [(row["state"], bool(row["said"])) for row in done["rows"]] == [("mended", True), ("found", False)]
    assert (done["rows"][1]["kind"], done["rows"][1]["severity"]) == ("commit_lost", "note")
    assert main(["ingest", str(damaged.root.parent / "app.log"), "--lake", str(damaged.root)]) == 0
    assert json.loads(capsys.readouterr().out)["committed"] == 10
    assert main(["doctor", "--lake", str(damaged.root)]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == []
    assert main(["maintain", "--lake", str(damaged.root)]) == 0


def test_what_people_read(damaged: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    """A paragraph for each finding and a last line that says how it stands."""
    assert main(["doctor", "--format", "table", "--lake", str(damaged.root)]) == 3
    out = capsys.readouterr().out
    assert "commit_half_written (damage, mendable) events/" in out
    assert out.endswith("1 damaged; reckon doctor --repair mends what can be mended\n")
    assert main(["doctor", "--repair", "--format", "table", "--lake", str(damaged.root)]) == 0
    assert capsys.readouterr().out.endswith("the lake is healthy again\n")
    ingest([damaged.root.parent / "app.log"], damaged.root)
    assert main(["doctor", "--format", "table", "--lake", str(damaged.root)]) == 0
    assert capsys.readouterr().out == "the lake is healthy\n"
