"""`reckon profile`, and that ingest and monitor keep the profiles up by themselves."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.profiles.lakes import add, event, make
from tests.profiles.oracle import events, profiled

from deadreckon.cli import main
from deadreckon.core.lake import Lake
from deadreckon.core.profiles import PROFILES
from deadreckon.profiles import profile


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def log(path: Path, n: int, day: int = 1) -> Path:
    with path.open("a") as file:
        for i in range(n):
            at = datetime(2026, 10, day, 12, i % 60, i // 60, tzinfo=UTC).isoformat()
            line = {
                "ts": at,
                "event": "call",
                "kind": "span",
                "duration_ms": i + 0.5,
                "tool": f"t{i % 3}",
                "n": i,
                "d": day,
            }
            file.write(json.dumps(line) + "\n")
    return path


def answer(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


def test_ingest_profiles_what_it_committed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """After `reckon ingest` the profiles hold the events; `reckon profile` has nothing to do."""
    assert main(["ingest", str(log(tmp_path / "a.jsonl", 50))]) == 0
    assert profiled(Lake.open("lake")) == events(Lake.open("lake")) != {}
    capsys.readouterr()
    assert main(["profile", "--format", "json"]) == 0
    done = answer(capsys)
    assert (done["events"], done["days"], done["version"]) == (0, 0, 1)
    assert main(["profile", "--format", "table"]) == 0
    assert "hold all events" in capsys.readouterr().out


def test_a_profile_that_fails_fails_no_ingest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The events are committed, the failure is said, and the next run catches up."""
    main(["ingest", str(log(tmp_path / "a.jsonl", 5))])
    first = Lake.open("lake").table_path(PROFILES) / "_delta_log" / f"{0:020}.json"
    whole = first.read_bytes()
    first.write_bytes(b"")
    capsys.readouterr()

    assert main(["ingest", str(log(tmp_path / "a.jsonl", 5)), "--format", "json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["committed"] == 5
    assert "warning: the profiles are behind the events" in said.err
    assert said.err.count("\n") == 2

    first.write_bytes(whole)
    assert main(["profile"]) == 0
    assert profiled(Lake.open("lake")) == events(Lake.open("lake"))


def test_the_monitor_brings_the_profiles_up_first(tmp_path: Path) -> None:
    """Rules are evaluated on profiles that hold what was ingested by any way; a dry run writes nothing."""
    from deadreckon.ingest import ingest

    now = datetime.now(UTC).isoformat()
    (tmp_path / "a.jsonl").write_text(json.dumps({"ts": now, "event": "x", "kind": "span", "duration_ms": 1.0}) + "\n")
    ingest([tmp_path / "a.jsonl"], tmp_path / "lake")
    rule = '[[rules]]\nname = "slow"\nmetric = "error_rate"\nwindow = "5m"\nabove = 0.9\n'
    (tmp_path / "deadreckon.toml").write_text(rule)

    main(["monitor", "--dry-run"])
    assert not Lake.open("lake").has_table(PROFILES)
    main(["monitor"])
    assert profiled(Lake.open("lake")) == events(Lake.open("lake")) != {}


def test_a_range_is_made_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The days that the hours touch are counted again; their number is said."""
    main(["ingest", str(log(tmp_path / "a.jsonl", 10)), str(log(tmp_path / "b.jsonl", 7, day=3))])
    for words, expected in (
        ("2026-10-01..2026-10-03", (10, 1)),
        ("2026-10-03T12..2026-10-03T13", (7, 1)),
        ("2026-10-01T12:00+02:00..", (17, 2)),
        ("..", (17, 2)),
        ("2020-01-01..2021-01-01", (0, 0)),
    ):
        capsys.readouterr()
        assert main(["profile", "--rebuild", words, "--format", "json"]) == 0
        done = answer(capsys)
        assert (done["events"], done["days"]) == expected, words
        assert profiled(Lake.open("lake")) == events(Lake.open("lake"))


@pytest.mark.parametrize("words", ["yesterday", "2026-10-02..2026-10-01", "2026-10-01T12:30..", "a..b"])
def test_what_is_no_range_is_said(tmp_path: Path, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A range that cannot be read is a usage error with an example."""
    main(["ingest", str(log(tmp_path / "a.jsonl", 1))])
    capsys.readouterr()
    assert main(["profile", "--rebuild", words, "--format", "json"]) == 2
    error = json.loads(capsys.readouterr().err)["error"]
    assert "2026-10-01..2026-10-08" in error["hint"]


def test_without_a_lake_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """No lake is made in passing."""
    assert main(["profile", "--format", "json"]) == 3
    assert "no lake" in json.loads(capsys.readouterr().err)["error"]["message"]
    assert not Path("lake").exists()


def test_status_says_how_far_they_are_behind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Events that are not counted yet, and when the monitor last ran: unknown, then some, then none."""
    place = tmp_path / "lake"
    lake = make(place, [event(i, status="ok") for i in range(3)])

    def status() -> dict[str, object]:
        assert main(["status", "--lake", str(place)]) == 0
        return answer(capsys)

    assert [status()[k] for k in ("profiles_behind", "monitor_ran")] == [None, None]
    profile(lake)
    assert status()["profiles_behind"] == 0
    add(lake, [event(i, status="ok") for i in range(5)])
    assert status()["profiles_behind"] == 5

    (tmp_path / "rules.toml").write_text('[[rules]]\nname = "r"\nmetric = "error_rate"\nwindow = "1h"\nabove = 0.5\n')
    before = datetime.now(UTC).replace(microsecond=0)
    assert main(["monitor", "--lake", str(place), "--config", "rules.toml", "--as-of", "2026-10-01T13:00"]) == 0
    capsys.readouterr()
    found = status()
    assert datetime.fromisoformat(str(found["monitor_ran"])) >= before
    assert found["profiles_behind"] == 0
