"""What a run says it did: figures that add up, in words that fit them; and no lake of one that did nothing."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from tests.ingest.lakes import Place, joined

from deadreckon.cli.app import run

OTLP = {
    "resourceLogs": [
        {
            "scopeLogs": [
                {"logRecords": [{"timeUnixNano": str(1_790_000_000 * 10**9 + n), "body": {"stringValue": "x"}}]}
            ]
        }
        for n in range(3)
    ]
}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def said(capsys: pytest.CaptureFixture[str], place: Place, *words: object) -> str:
    """What `reckon ingest` prints for a person."""
    code = run(["ingest", *map(str, words), "--lake", str(place.lake), "--format", "table"])
    assert code == 0
    return capsys.readouterr().out


def test_every_line_is_accounted_for(place: Place) -> None:
    """Lines read are those committed, dropped as duplicates, quarantined, and blank."""
    same = {"event_id": "x", "case": 1}
    first = place.write("a.log", [same, "", same, "garbage", "   ", {"case": 2}, "\t", b"\xff", "x" * 3000])
    second = place.write("b.log", joined([{"case": 3}]) + b"\n\n\n")

    summary = place.ingest(first, second)

    assert summary.blank == 6
    assert (summary.committed, summary.duplicates, summary.quarantined) == (3, 1, 3)
    assert summary.read_lines == 3 + 1 + 3 + 6
    assert summary.as_dict()["blank"] == 6


def test_blank_lines_beside_lines_of_many_events(place: Place) -> None:
    """A line that gives three events does not hide a blank one, nor does a line without events count twice."""
    summary = place.ingest(place.write("a.log", [OTLP, "", {"case": 1}, "", "garbage"]))

    assert (summary.read_lines, summary.committed, summary.quarantined, summary.blank) == (5, 4, 1, 2)


def test_words_fit_the_figures(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """One of something is not called many, and a small input has a size."""
    one = place.write("a.log", [{"case": 1}])
    assert said(capsys, place, one).startswith(
        "1 line from 1 input: 1 event committed, 0 duplicates dropped, 0 quarant"
    )
    more = place.write("b.log", [{"case": n} for n in range(3)] + ["", {"event_id": "x"}, {"event_id": "x"}])
    text = said(capsys, place, more)
    assert text.startswith("6 lines from 1 input: 4 events committed, 1 duplicate dropped, 0 quarantined, 1 blank (")
    assert f"({more.stat().st_size} B in " in text
    both = (
        place.write("c.log", [{"case": n, "pad": "x" * 1000} for n in range(20)]),
        place.write("d.log", [{"case": 9}]),
    )
    text = said(capsys, place, *both)
    assert text.startswith("21 lines from 2 inputs: 21 events")
    assert f"({sum(path.stat().st_size for path in both) / 1000:.1f} kB in " in text


@pytest.mark.parametrize("missing", ["missing.log", "missing/*.log", "missing/"])
def test_nothing_is_left_when_nothing_is_there(place: Place, capsys: pytest.CaptureFixture[str], missing: str) -> None:
    """A named input that does not exist is an error before a lake is made."""
    there = place.write("a.log", [{"case": 1}])
    before = set(place.root.iterdir())

    code = run(["ingest", str(there), str(place.root / missing), "--lake", str(place.lake), "--format", "json"])

    assert code != 0
    assert "missing" in json.loads(capsys.readouterr().err)["error"]["message"]
    assert set(place.root.iterdir()) == before


def test_events_without_a_time_are_counted(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """A time that nobody wrote is the time of ingest, and that is said."""
    path = place.write("app.log", [{"event": "a"}, {"event": "b", "ts": 1.77e9}, {"event": "c", "time_local": "x"}])
    assert run(["ingest", str(path), "--lake", str(place.lake), "--format", "table"]) == 0
    err = capsys.readouterr().err
    assert "2 events had no time: theirs is that of ingest (ts = ingested_at)" in err
    assert "[aliases]" in err
    assert [row["event"] for row in place.events("event") if row["ts"] == row["ingested_at"]] == ["a", "c"]


def test_quiet_prints_nothing(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """With --quiet there is nothing to read unless something is wrong."""
    path = place.write("app.log", [{"event": "a"}, "garbage"])
    assert run(["ingest", "-q", str(path), "--lake", str(place.lake)]) == 0
    assert capsys.readouterr() == ("", "")
    assert run(["ingest", "-q", "nowhere", "--lake", str(place.lake)]) != 0
    assert "nowhere" in capsys.readouterr().err


def test_times_that_no_clock_can_have_said_are_counted(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """Milliseconds taken for seconds, or a clock that stands at its beginning: a rule on the last hour misses them."""
    times = ["2026-01-01T00:00:00Z", "1970-01-01T00:00:07Z", "2199-01-01T00:00:00Z"]
    path = place.write("clock.log", [{"ts": ts, "event": "x"} for ts in times])
    assert run(["ingest", str(path), "--lake", str(place.lake), "--format", "table"]) == 0
    assert "2 events lie before 2000 or in the future" in capsys.readouterr().err


def test_nothing_found_says_what_is_read(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder without logs is no error, but is not left unexplained; one whose logs were all read before is."""
    folder = place.root / "logs"
    folder.mkdir()
    words = ["ingest", str(folder), "--lake", str(place.lake), "--format", "table"]
    assert run(words) == 0
    assert f"hint: {folder}: no logs there; of a folder these are read: *.jsonl" in capsys.readouterr().err
    place.write("logs/a.log", [{"ts": "2026-01-01T00:00:00Z"}])
    for _ in range(2):
        assert run(words) == 0
        assert capsys.readouterr().err == ""
    place.write("logs/a.csv", "x")
    assert run([*words, "-q"]) == 0
    assert capsys.readouterr() == ("", "")


def test_a_warning_has_a_line_of_its_own(place: Place) -> None:
    """On a terminal the line of progress is cleared before a warning is written."""
    place.write("a.csv", "x")
    master, end = pty.openpty()
    words = [
        sys.executable,
        "-c",
        "from deadreckon.cli import main; main()",
        "ingest",
        str(place.root),
        "--lake",
        str(place.lake),
    ]
    env = os.environ | {"TERM": "xterm", "COLUMNS": "200"}
    subprocess.run(words, stdout=subprocess.DEVNULL, stderr=end, check=True, env=env)
    os.close(end)
    seen = b""
    with suppress(OSError):  # how Linux says that the other end is closed
        while data := os.read(master, 4096):
            seen += data
    os.close(master)
    before, found, _ = seen.partition(b"warning: 1 file skipped: a.csv")
    assert found
    assert before.endswith(b"\x1b[2K")
