"""Whether a lost file's inputs can be read again: compressed ones, and ones of which it cannot be known."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from tests.core.conftest import Story, lines

from deadreckon.cli import main
from deadreckon.core.doctor import Diagnosis, doctor
from deadreckon.core.doctor.inputs import Input, State
from deadreckon.core.lake import Lake
from deadreckon.core.tail import TAIL_BYTES, digest
from deadreckon.ingest import ingest

NOISE = os.urandom(400_000).hex().encode()
"""Lines of no meaning, longer than the tail and than what is decompressed at once."""


def zstd(data: bytes) -> bytes:
    """One frame."""
    return zstandard.compress(data)


def text() -> bytes:
    """Two hundred lines, none of which is refused."""
    return b"".join(
        json.dumps({"ts": f"2026-03-01T10:{n // 60:02}:{n % 60:02}Z", "event": "tick", "number": n}).encode() + b"\n"
        for n in range(200)
    )


def lose_events(story: Story) -> None:
    """Remove every event file of the table."""
    for file in story.lake.snapshot().part("events"):
        file.path.unlink()


def brought_in(folder: Path, files: dict[str, bytes]) -> Story:
    """A lake with these inputs."""
    logs = folder / "logs"
    logs.mkdir()
    for name, content in files.items():
        (logs / name).write_bytes(content)
    lake = Lake.create(folder / "lake")
    ingest([logs], lake.root)
    return Story(lake, logs)


def split(pack: Callable[[bytes], bytes]) -> bytes:
    """The text as several members or frames."""
    data = text()
    return pack(data[:5000]) + pack(b"") + pack(data[5000:9000]) + pack(data[9000:])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("n.json.gz", gzip.compress(text())),
        ("n.json.gz", split(gzip.compress) + bytes(512)),
        ("n.json.zst", zstd(text())),
        ("n.json.zst", split(zstd)),
        ("n.json", gzip.compress(text())),
        ("n.json.gz", text()),
    ],
    ids=["gzip", "members and padding", "zstd", "frames", "gzip without its ending", "plain with its ending"],
)
def test_a_compressed_input_is_read_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: bytes
) -> None:
    """Offsets count decompressed bytes: an unchanged archive brings back all that was lost, by the real commands."""
    logs, lake = tmp_path / "logs", tmp_path / "lake"
    logs.mkdir()
    (logs / name).write_bytes(content)
    place = ["--lake", str(lake)]
    assert main(["ingest", str(logs), *place]) == 0
    story = Story(Lake.open(lake), logs)
    lose_events(story)
    capsys.readouterr()
    assert main(["doctor", *place, "--format", "json"]) == 3
    finding = json.loads(capsys.readouterr().out)["rows"][0]
    assert f"200 events from bytes 0 to {len(text())} of {logs / name}, which is still there" in finding["risk"]
    assert "for good" not in finding["remedy"]
    assert main(["doctor", "--repair", *place]) == 0
    assert story.numbers() == []
    assert main(["ingest", str(logs), *place]) == 0
    assert story.numbers() == list(range(200))
    assert main(["ingest", str(logs), *place]) == 0
    assert story.numbers() == list(range(200))
    assert doctor(lake).findings == ()


@pytest.mark.parametrize(
    "damage",
    [lambda b: b[:-2000], lambda b: b[:-8] + b"\xff" * 8, lambda b: b[:9000] + b"\xff" * 50 + b[9050:]],
    ids=["cut", "wrong checksum", "corrupt inside"],
)
@pytest.mark.parametrize("pack", [gzip.compress, lambda data: zstd(data[:60_000]) + zstd(data[60_000:])])
def test_a_damaged_archive_counts_up_to_where_it_reads(
    tmp_path: Path, damage: Callable[[bytes], bytes], pack: Callable[[bytes], bytes]
) -> None:
    """What was read of it once is read of it again."""
    line = b'{"ts":"2026-03-01T10:00:00Z","number":%d,"x":"%s"}\n'
    content = b"".join(line % (n, os.urandom(200).hex().encode()) for n in range(300))
    story = brought_in(tmp_path, {"a.json": damage(pack(content))})
    before = story.numbers()
    assert before
    lose_events(story)
    assert "a.json, which is still there" in doctor(story.lake.root).findings[0].risk
    doctor(story.lake.root, repair=True)
    story.read_again()
    assert story.numbers() == before


@pytest.mark.parametrize("pack", [gzip.compress, zstd])
def test_an_archive_that_holds_something_else(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    """A changed or shortened one is no source for what was lost."""
    for content in (text().replace(b"tick", b"tock"), text()[:-100]):
        folder = tmp_path / str(len(content))
        folder.mkdir()
        story = brought_in(folder, {"a.json.gz": pack(text())})
        (story.logs / "a.json.gz").write_bytes(pack(content))
        lose_events(story)
        finding = doctor(story.lake.root).findings[0]
        assert "a.json.gz, which is not the same any more" in finding.risk
        assert "200 events are lost for good" in finding.remedy


@pytest.mark.parametrize("pack", [gzip.compress, zstd, bytes])
@pytest.mark.parametrize("end", [0, 1, TAIL_BYTES - 1, TAIL_BYTES, TAIL_BYTES + 1, 131_072, len(NOISE) - 1, len(NOISE)])
def test_the_tail_is_found_at_any_place(tmp_path: Path, pack: Callable[[bytes], bytes], end: int) -> None:
    """Wherever reading stopped, and whatever was appended since."""
    path = tmp_path / "a"
    path.write_bytes(pack(NOISE))
    tail = NOISE[max(0, end - TAIL_BYTES) : end]
    assert Input(str(path), end, digest(tail)).state is State.there
    assert Input(str(path), end, digest(tail + b"x")).state is State.changed
    assert Input(str(path), len(NOISE) + 1, digest(NOISE[-TAIL_BYTES + 1 :])).state is State.changed


def test_a_rotated_and_compressed_input_that_is_put_back(tmp_path: Path) -> None:
    """The remedy says that it can be, and it is read again, compressed as it is."""
    story = brought_in(tmp_path, {"a.jsonl": text()})
    path = story.logs / "a.jsonl"
    path.unlink()
    lose_events(story)
    assert "put back under its name before the repair" in doctor(story.lake.root).findings[0].remedy
    path.write_bytes(gzip.compress(text()))
    assert "for good" not in doctor(story.lake.root).findings[0].remedy
    assert doctor(story.lake.root, repair=True).healthy
    story.read_again()
    assert story.numbers() == list(range(200))


def unreadable(path: Path) -> None:
    """Make a file one that nobody can open, not even its owner: a link that goes in circles."""
    path.unlink()
    path.symlink_to(path)


def test_an_input_that_cannot_be_read_is_not_given_up(tmp_path: Path) -> None:
    """Nothing is repaired, so that nothing is lost, until it can be read or is moved away."""
    story = brought_in(tmp_path, {"a.jsonl": lines(range(10)), "b.jsonl": lines(range(10, 20))})
    path = story.logs / "b.jsonl"
    kept = path.read_bytes()
    unreadable(path)
    lose_events(story)
    version = story.lake.table().version()
    found = doctor(story.lake.root, repair=True)
    assert not found.healthy
    assert found.treatments == ()
    assert story.lake.table().version() == version
    for finding in found.findings:
        assert "b.jsonl, which cannot be read now, so that it cannot be known whether it is the same" in finding.risk
        assert "none yet" in finding.remedy
        assert str(path) in finding.remedy
        assert "for good" not in finding.remedy
    path.unlink()
    path.write_bytes(kept)
    assert doctor(story.lake.root, repair=True).healthy
    story.read_again()
    assert story.numbers() == list(range(20))


def test_a_range_of_an_input_that_cannot_be_read(story: Story, told: Story, tmp_path: Path) -> None:
    """A lost range waits for its input too, instead of going on record as lost."""
    version = story.lake.table().version() - 1
    entry = story.lake.table_path() / "_delta_log" / f"{version:020}.json"
    for action in map(json.loads, entry.read_text().splitlines()):
        if "add" in action:
            (story.lake.table_path() / action["add"]["path"]).unlink()
    entry.unlink()
    told.logs.rename(tmp_path / "away")
    told.logs.mkdir()
    try:
        for path in (tmp_path / "away").iterdir():
            (told.logs / path.name).symlink_to(told.logs / path.name)
        found = doctor(story.lake.root, repair=True)
        assert [f.kind for f in found.findings] == ["lost_range", "lost_range"]
        assert all("none yet" in f.remedy for f in found.findings)
    finally:
        for path in told.logs.iterdir():
            path.unlink()
        told.logs.rmdir()
        (tmp_path / "away").rename(told.logs)
    assert doctor(story.lake.root, repair=True).healthy
    story.read_again()
    assert story.numbers() == story.expected


def repaired(story: Story) -> tuple[str, str, Diagnosis]:
    """Risk and remedy of the only finding, and its repair."""
    lose_events(story)
    (finding,) = doctor(story.lake.root).findings
    return finding.risk, finding.remedy, doctor(story.lake.root, repair=True)


@pytest.mark.parametrize("named", [False, True])
def test_what_came_through_a_pipe(tmp_path: Path, named: bool) -> None:
    """It cannot be read a second time; whether its writer still has it only its writer knows."""
    source = tmp_path / "pipe" if named else Path("-")
    if named:
        os.mkfifo(source)
    run = "import sys; from deadreckon.cli import main; sys.exit(main(sys.argv[1:]))"
    words = [sys.executable, "-c", run, "ingest", str(source), "--lake", str(tmp_path / "lake")]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        if named:
            source.write_bytes(text())
            process.communicate()
        else:
            process.communicate(text())
    assert process.returncode == 0
    story = Story(Lake.open(tmp_path / "lake"), tmp_path)
    risk, remedy, found = repaired(story)
    assert "a pipe: it cannot be known whether its writer still has them" in risk
    assert "200 events came through pipes" in remedy
    assert "for good" not in remedy
    assert found.healthy
    assert "for good" not in found.treatments[0].said
    assert "200 came through pipes" in found.treatments[0].said


def test_what_the_ledger_does_not_know_any_more_is_not_called_lost_for_good(tmp_path: Path) -> None:
    """Without the ledger nothing says which file it was: it may well be there."""
    story = brought_in(tmp_path, {"a.jsonl": text()})
    for file in story.lake.snapshot().part("ledger"):
        file.path.unlink()
    finding = next(f for f in doctor(story.lake.root).findings)
    assert "of which the ledger does not know any more which file it was" in finding.risk
    assert "for good" not in finding.remedy
