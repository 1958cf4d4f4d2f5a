"""`reckon maintain`: what it prints and returns."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.core.lakes import append, numbers

from deadreckon.cli import main
from deadreckon.cli.maintain import _short
from deadreckon.cli.output import Format, show_rows
from deadreckon.core.durable import exclusive_lock
from deadreckon.core.lake import Lake
from deadreckon.core.maintenance import Step
from deadreckon.core.maintenance.steps import Work


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    made = Lake.create(tmp_path / "lake")
    for i in range(3):
        append(made, range(i * 10, i * 10 + 10), days=[datetime.now(UTC).date() - timedelta(days=9)])
    return made


def run(lake: Lake, *words: str) -> int:
    return main(["maintain", "--lake", str(lake.root), *words])


def test_all_steps_and_their_figures(lake: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    """Without options every step runs; each that did something is a row with its figures."""
    assert run(lake) == 0
    done = json.loads(capsys.readouterr().out)
    assert (done["count"], done["dry_run"]) == (2, False)
    merged, checkpoint = done["rows"]
    assert (merged["table"], merged["step"], merged["what"]) == ("events", "compact", "1 partition")
    assert (merged["files_before"], merged["files_after"], merged["rows"]) == (3, 1, 30)
    assert merged["bytes_before"] > merged["bytes_after"] > 0
    assert (checkpoint["step"], checkpoint["what"]) == ("checkpoint", "version 4")
    assert all(row["seconds"] >= 0 for row in done["rows"])


@pytest.mark.parametrize(
    ("words", "steps"),
    [
        (["--compact"], ["compact"]),
        (["--checkpoint"], ["checkpoint"]),
        (["--vacuum"], []),
        (["--expire"], []),
        (["--expire", "--retention-days", "5"], ["expire"]),
        (["--compact", "--checkpoint"], ["compact", "checkpoint"]),
    ],
)
def test_only_the_steps_that_are_named(
    lake: Lake, capsys: pytest.CaptureFixture[str], words: list[str], steps: list[str]
) -> None:
    """One option names one step; the retention comes from the option where it is given."""
    assert run(lake, *words) == 0
    assert [row["step"] for row in json.loads(capsys.readouterr().out)["rows"]] == steps


def test_the_retention_of_the_settings(lake: Lake, tmp_path: Path) -> None:
    """deadreckon.toml says how many days stay; the option wins over it."""
    (tmp_path / "d.toml").write_text("[maintain]\nretention_days = 5\n")
    assert run(lake, "--config", str(tmp_path / "d.toml"), "--retention-days", "0") == 0
    assert len(numbers(lake)) == 30
    assert run(lake, "--config", str(tmp_path / "d.toml")) == 0
    assert numbers(lake) == []


def test_a_dry_run_says_so(lake: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    """As a table for people; nothing is changed."""
    version = lake.table().version()
    assert run(lake, "--dry-run", "--format", "table") == 0
    seen = capsys.readouterr()
    assert "3 -> 1" in seen.out
    assert "nothing was changed" in seen.err
    assert lake.table().version() == version


def test_nothing_to_do(lake: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    """A second run says that there was nothing to do."""
    run(lake)
    capsys.readouterr()
    assert run(lake, "--format", "table") == 0
    assert "nothing to do" in capsys.readouterr().err


def test_a_second_one_is_told_who_holds_the_lock(lake: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 3 and the process that runs; the lock's note is gone when it ended."""
    path = lake.lock_path("maintenance")
    with exclusive_lock(path, what="maintenance"):
        assert run(lake) == 3
    error = json.loads(capsys.readouterr().err)["error"]
    assert error["kind"] == "lock_held"
    assert "by process " in error["message"]
    assert path.read_text() == ""


def test_the_table_fits_80_columns(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A step is one line; what there was nothing of before is left out."""
    monkeypatch.setenv("COLUMNS", "80")
    show_rows(
        ["table", "step", "what", "files", "size", "rows", "took"],
        [
            _short(Work("events", Step.compact, "15 partitions", 30, 15, 1_400_000, 1_200_000, 15_253, 0.884)),
            _short(Work("alert_states", Step.checkpoint, "version 6", 0, 1, 0, 16_900, 0, 0.014)),
        ],
        Format.table,
    )
    assert capsys.readouterr().out.splitlines()[1:] == [
        "events        compact     15 partitions  30 -> 15  1.4 MB -> 1.2 MB  15253  0.9s",
        "alert_states  checkpoint  version 6      0 -> 1    16.9 kB               0  0.0s",
    ]
