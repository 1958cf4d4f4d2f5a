"""The generator: the same seed is the same bytes, at every size, and the committed files are what it makes."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deadreckon.story import SEED, Tale, tell, write_scaled, write_scaled_file

ROOT = Path(__file__).parents[2]
SAMPLE_LOGS = ROOT / "sample_logs"


@pytest.fixture(scope="module")
def tale() -> Tale:
    """The story, told once."""
    return tell()


def unpacked(name: str, content: bytes) -> bytes:
    return gzip.decompress(content) if name.endswith(".gz") else content


def test_committed_files_are_what_the_generator_makes(tale: Tale) -> None:
    """Every file of the story is committed, byte for byte; gzip is compared unpacked, as zlibs pack differently."""
    for name, content in tale.files.items():
        committed = (SAMPLE_LOGS / name).read_bytes()
        assert unpacked(name, committed) == unpacked(name, content), name


def test_nothing_else_is_committed_beside_them(tale: Tale) -> None:
    """The folders of logs and cards hold the story's files and no leftovers."""
    there = {str(p.relative_to(SAMPLE_LOGS)) for f in ("logs", "cards") for p in (SAMPLE_LOGS / f).rglob("*")}
    assert there == {name for name in tale.files if "/" in name}


def test_told_twice_is_the_same(tale: Tale) -> None:
    """A second telling gives the same bytes, the compressed file included."""
    assert tell().files == tale.files


def test_compressed_file_carries_no_time(tale: Tale) -> None:
    """The gzip header has no modification time, so that the file does not change from day to day."""
    (archive,) = [content for name, content in tale.files.items() if name.endswith(".gz")]
    assert archive[4:8] == b"\0\0\0\0"


def test_another_seed_is_another_story() -> None:
    """A different seed changes the events but keeps the plot: same versions, same failing tool, same leak."""
    ours, theirs = tell().answers, tell(7).answers
    assert theirs["provenance"]["request_id"] != ours["provenance"]["request_id"]
    assert theirs["stages"] == ours["stages"]
    assert theirs["failing_tool"]["during"]["error_rate"] > 5 * theirs["failing_tool"]["before"]["error_rate"]
    assert theirs["leak"] == ours["leak"]


def test_story_is_small_enough_to_commit(tale: Tale) -> None:
    """All files together stay under 5 MB."""
    assert sum(map(len, tale.files.values())) < 5_000_000


def test_answers_agree_with_the_lines_themselves(tale: Tale) -> None:
    """Lines, duplicates and kinds counted straight from the files are those of answers.json."""
    answers = json.loads(tale.files["answers.json"])
    lines = {n: unpacked(n, c).splitlines() for n, c in tale.files.items() if n.startswith("logs/")}
    assert sum(map(len, lines.values())) == answers["lines"]
    refused = sum(answers["quarantined"].values())
    assert answers["lines"] == answers["events"] + answers["duplicates"] + refused
    ids: Counter[str] = Counter()
    for line in (line for several in lines.values() for line in several):
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if "event_id" in event:
            ids[event["event_id"]] += 1
    assert sum(n - 1 for n in ids.values()) == answers["duplicates"]


@pytest.mark.parametrize("events", [1, 137, 9_001])
def test_scaled_file_has_exactly_the_events_asked_for(events: int, tmp_path: Path) -> None:
    """N events are N lines, each a JSON object with an id of its own and a time inside the story."""
    path = tmp_path / "scaled.jsonl"
    assert write_scaled_file(path, events, jobs=1) == path.stat().st_size
    rows = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert len({row["event_id"] for row in rows}) == len(rows) == events
    for row in rows:
        when = datetime.fromisoformat(row["ts"])
        assert datetime(2026, 10, 5, tzinfo=UTC) <= when < datetime(2026, 10, 26, 1, tzinfo=UTC)


def test_scaled_file_is_mostly_spans_with_predictions_and_metrics() -> None:
    """The scaled story keeps the mix of kinds, at 500 to 700 bytes a line."""
    out = io.BytesIO()
    size = write_scaled(out, 8_000, jobs=1)
    kinds = Counter(json.loads(line)["kind"] for line in out.getvalue().splitlines())
    assert kinds["span"] > 4_800
    assert kinds["prediction"] > 500
    assert kinds["metric"] > 50
    assert 500 < size / 8_000 < 700


def test_scaled_bytes_do_not_depend_on_the_number_of_processes() -> None:
    """One process or two, the same seed gives the same file; another seed gives another."""
    alone, together, other = io.BytesIO(), io.BytesIO(), io.BytesIO()
    write_scaled(alone, 9_000, jobs=1)
    write_scaled(together, 9_000, jobs=2)
    write_scaled(other, 9_000, jobs=1, seed=1)
    assert alone.getvalue() == together.getvalue() != other.getvalue()


def test_event_ids_are_uuid_version_7_of_the_time_of_writing() -> None:
    """An id's first 48 bits are milliseconds, its version is 7 and its variant that of RFC 9562."""
    out = io.BytesIO()
    write_scaled(out, 200, jobs=1)
    for line in out.getvalue().splitlines():
        event = json.loads(line)
        digits = event["event_id"].replace("-", "")
        ended = datetime.fromisoformat(event["ts"]).timestamp() * 1000 + event.get("duration_ms", 0.0)
        assert digits[12] == "7"
        assert digits[16] in "89ab"
        assert abs(int(digits[:12], 16) - ended) < 5_000


def test_script_checks_and_scales(tmp_path: Path) -> None:
    """`generate.py --check` finds the committed files in order, and `--events` writes that many lines."""
    script = [sys.executable, str(SAMPLE_LOGS / "generate.py")]
    subprocess.run([*script, "--check"], check=True, capture_output=True)
    out = tmp_path / "some.jsonl"
    subprocess.run(
        [*script, "--events", "500", "--out", str(out), "--seed", str(SEED)], check=True, capture_output=True
    )
    assert out.read_bytes().count(b"\n") == 500


def test_script_names_what_differs(tmp_path: Path) -> None:
    """`--check` on a folder whose file was changed fails and names that file alone."""
    tell().write(tmp_path)
    (tmp_path / "answers.json").write_text("{}")
    script = [sys.executable, str(SAMPLE_LOGS / "generate.py"), "--check", "--out", str(tmp_path)]
    done = subprocess.run(script, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "differs: answers.json\n")
