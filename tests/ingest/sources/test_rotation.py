"""An input stays itself while it is renamed, copied, truncated and compressed; another one is never taken for it."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import pytest
import zstandard
from tests.ingest.sources.ledger import Reader, lines

from deadreckon.core.tail import digest
from deadreckon.ingest.sources.chunks import Known
from deadreckon.ingest.sources.cutting import Manner
from deadreckon.ingest.sources.files import OpenFile, PlainFile
from deadreckon.ingest.sources.resolve import Candidate, Compared, resolve

BANNER = b'{"event":"started"}\n'


def append(path: Path, data: bytes) -> None:
    """Append as a logger does."""
    with path.open("ab") as file:
        file.write(data)


def compress(path: Path) -> Path:
    """As logrotate does: a new file beside it, then the old one goes."""
    packed = path.with_name(path.name + ".gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    return packed


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log in a folder of its own."""
    return tmp_path / "app.log"


def test_only_what_is_new_is_read(log: Path) -> None:
    """A log that grows is gone on with where reading ended, in each new process."""
    reader = Reader([log.parent])
    append(log, lines(1, 2))
    assert reader.look() == [lines(1), lines(2)]
    assert reader.look() == []
    append(log, lines(3))
    assert reader.look() == [lines(3)]


def test_an_incomplete_line_waits_for_its_rest(log: Path) -> None:
    """The last line is not consumed before its newline, and then it is whole."""
    reader = Reader([log], final=False)
    append(log, lines(1) + b'{"event":')
    assert reader.look() == [lines(1)]
    assert reader.look() == []
    append(log, b'"2"}\n')
    assert reader.look() == [lines(2)]
    assert reader.said == []


def test_a_log_without_any_newline_has_no_identity_yet(log: Path) -> None:
    """The first line identifies a log, so nothing is done before it has ended."""
    reader = Reader([log], final=False)
    append(log, b'{"event":')
    assert reader.look() == []
    append(log, b'"1"}\n')
    assert reader.look() == [lines(1)]
    assert len(reader.known) == 1


@pytest.mark.parametrize(
    "name", ["app.log.1", "app.log-20261121", "app.log.2026-11-21", "app-2026-11-21T02-03-01.672.log", "app.log.old"]
)
def test_a_renamed_log_is_gone_on_with(log: Path, name: str) -> None:
    """Rotation by rename: the rest of the old log and the new log are read, and nothing twice."""
    reader = Reader([log.parent])
    append(log, lines(1, 2))
    reader.look()
    append(log, lines(3))
    rotated = log.rename(log.with_name(name))
    append(log, lines(4))
    assert sorted(reader.look()) == [lines(3), lines(4)]
    append(rotated, lines(5))  # the writer kept it open for a while
    assert reader.look() == [lines(5)]
    compress(rotated)
    assert reader.look() == []
    assert len(reader.known) == 2


def test_a_log_compressed_before_it_was_read_to_its_end_is_gone_on_with(log: Path) -> None:
    """Offsets are in decompressed bytes, so gzip and zstd change nothing."""
    for ending, pack in ((".1.gz", gzip.compress), (".2.zst", zstandard.compress)):
        reader = Reader([log.parent])
        append(log, lines(ending, 2))
        reader.look()
        append(log, lines(3))
        log.with_name(log.name + ending).write_bytes(pack(log.read_bytes()))
        log.unlink()
        assert reader.look() == [lines(3)]
        assert reader.look() == []


def test_a_log_that_is_away_while_one_looks_is_not_taken_for_a_new_one(log: Path, tmp_path: Path) -> None:
    """Renamed at the wrong moment, it cannot be held against what is known: it must not be read from its start."""
    append(log, lines(1, 2, 3))
    size = log.stat().st_size
    known = {"base": Known(size, digest(log.read_bytes()))}
    elsewhere = tmp_path / "elsewhere" / "app.log"
    elsewhere.parent.mkdir()

    def candidate(path: Path) -> Candidate:
        manner = Manner(1 << 20, lambda _: None, final=True)
        return Candidate(PlainFile(OpenFile(path, path.stat()), manner), "base")

    (found,) = resolve([candidate(log)], known, Compared())
    assert (found.source.id, found.done) == ("base", size)
    away = candidate(log)
    log.rename(elsewhere)
    assert resolve([away], known, Compared()) == []
    elsewhere.rename(log)
    (back,) = resolve([away], known, Compared())
    assert (back.source.id, back.done) == ("base", size)


def test_a_log_is_opened_by_the_name_that_it_has_by_then(log: Path) -> None:
    """A rename between the look at the folder and the opening is no loss."""
    append(log, lines(1))
    file = OpenFile(log, log.stat())
    log.rename(log.with_name("app.log.1"))
    append(log, lines(2))
    assert file.read(100, 0) == lines(1)
    file.close()


def test_a_named_log_is_followed_through_rotation(log: Path) -> None:
    """When one file is named, what rotation makes of it is read to its end, but old rotated logs are not touched."""
    append(log.with_name("app.log.1"), lines("old"))
    reader = Reader([log])
    append(log, lines(1))
    assert reader.look() == [lines(1)]
    append(log, lines(2))
    log.with_name("app.log.1").rename(log.with_name("app.log.2"))
    log.rename(log.with_name("app.log.1"))
    append(log, lines(3))
    assert sorted(reader.look()) == [lines(2), lines(3)]


def test_a_named_log_that_rotates_twice_between_looks_is_followed(log: Path) -> None:
    """A log that came and went between two looks of the same watcher is read under its rotated name."""
    append(log.with_name("app.log.1"), lines("old"))
    append(log, lines(1))
    reader = Reader([log], final=False).watching()
    assert reader.look() == [lines(1)]
    log.with_name("app.log.1").unlink()
    log.rename(log.with_name("app.log.2"))
    append(log, lines(2))
    log.rename(log.with_name("app.log.1"))
    append(log, lines(3))
    assert sorted(reader.look()) == [lines(2), lines(3)]


def test_copytruncate_starts_a_new_input(log: Path) -> None:
    """The copy is gone on with where the original was, and the truncated log is read from its beginning."""
    reader = Reader([log.parent])
    append(log, lines(1, 2))
    reader.look()
    append(log, lines(3))
    shutil.copy(log, log.with_name("app.log.1"))
    log.write_bytes(b"")
    assert reader.look() == [lines(3)]
    append(log, lines(4))
    assert reader.look() == [lines(4)]
    append(log, lines(5, 6, 7, 8))
    assert reader.look() == [lines(n) for n in (5, 6, 7, 8)]


def test_copytruncate_of_a_log_that_begins_with_a_banner(log: Path) -> None:
    """A first line that is always the same does not make two logs one, neither a shorter nor a longer one."""
    reader = Reader([log.parent])
    append(log, BANNER + lines(1, 2))
    reader.look()
    for round_ in range(3):
        shutil.copy(log, log.with_name(f"app.log.{round_}"))
        log.write_bytes(b"")
        append(log, BANNER + lines(*(f"{round_}-{n}" for n in range(round_ * 3 + 1))))
        assert reader.look() == [BANNER, *(lines(f"{round_}-{n}") for n in range(round_ * 3 + 1))]
    for old in sorted(log.parent.glob("app.log.?")):
        compress(old)
    assert reader.look() == []


def test_a_log_that_was_truncated_and_grew_past_the_offset_is_read_from_its_start(log: Path) -> None:
    """Length alone does not say that a log is the same: the bytes before the offset do."""
    reader = Reader([log])
    append(log, BANNER + lines("a"))
    reader.look()
    log.write_bytes(BANNER + lines("b", "c", "d"))
    assert reader.look() == [BANNER, lines("b"), lines("c"), lines("d")]


def test_two_logs_with_the_same_first_line_are_both_read(tmp_path: Path) -> None:
    """Twins found together, and a third that comes later, each keep an identity, whatever order they are found in."""
    reader = Reader([tmp_path])
    (tmp_path / "app.log.1").write_bytes(BANNER + lines("a"))
    (tmp_path / "app.log.2").write_bytes(BANNER + lines("b"))
    assert reader.times() + _count(reader.look()) == _count([BANNER, BANNER, lines("a"), lines("b")])
    (tmp_path / "app.log").write_bytes(BANNER + lines("c"))
    assert reader.look() == [BANNER, lines("c")]
    for name in ("app.log", "app.log.1", "app.log.2"):
        append(tmp_path / name, lines(name))
    assert sorted(reader.look()) == sorted(map(lines, ("app.log", "app.log.1", "app.log.2")))
    assert len(reader.known) == 3


def test_small_twins_of_equal_length_and_ending_are_told_apart(tmp_path: Path) -> None:
    """Files that differ only in their middle are two inputs: all of a small file is compared."""
    end = lines("e" * 500)
    reader = Reader([tmp_path])
    for number in range(3):
        (tmp_path / f"run.jsonl.{number}").write_bytes(BANNER + lines(number) + end)
        assert reader.look() == [BANNER, lines(number), end]


def test_an_equal_copy_is_read_once(tmp_path: Path) -> None:
    """A copy of a log beside it adds nothing, before and after it was read."""
    reader = Reader([tmp_path])
    (tmp_path / "app.log").write_bytes(lines(1, 2))
    shutil.copy(tmp_path / "app.log", tmp_path / "app.log.bak")
    (tmp_path / "app.log.1.gz").write_bytes(gzip.compress(lines(1, 2)))
    assert reader.look() == [lines(1), lines(2)]
    shutil.copy(tmp_path / "app.log", tmp_path / "app.log.old")
    assert reader.look() == []


def test_a_copy_that_is_being_made_is_not_read(tmp_path: Path) -> None:
    """The beginning of a log that is there as a whole, as while gzip or cp runs, adds nothing and is no problem."""
    reader = Reader([tmp_path])
    content = lines(*range(1000))
    (tmp_path / "app.log").write_bytes(content)
    reader.look()
    (tmp_path / "app.log.1").write_bytes(content[:5000])
    (tmp_path / "app.log.2.gz").write_bytes(gzip.compress(content)[:2000])
    assert reader.look() == []
    assert reader.problems == []


def test_a_copy_that_goes_its_own_way_is_read_too(tmp_path: Path) -> None:
    """Two logs that begin alike and then differ are two inputs: nothing of either is lost."""
    reader = Reader([tmp_path])
    (tmp_path / "app.log").write_bytes(lines(1, 2))
    shutil.copy(tmp_path / "app.log", tmp_path / "app.log.1")
    reader.look()
    append(tmp_path / "app.log", lines("left"))
    append(tmp_path / "app.log.1", lines("right"))
    new = reader.look()
    assert {lines("left"), lines("right")} <= set(new)
    append(tmp_path / "app.log", lines("l"))
    append(tmp_path / "app.log.1", lines("r"))
    assert sorted(reader.look()) == [lines("l"), lines("r")]


def test_logs_in_two_folders_are_two_inputs(tmp_path: Path) -> None:
    """The folder is part of an identity: two runs that log the same are two facts."""
    for folder in ("run-1", "run-2"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "metrics.jsonl").write_bytes(lines(1))
    assert Reader([tmp_path]).look() == [lines(1), lines(1)]


def test_days_in_names_are_two_inputs(tmp_path: Path) -> None:
    """Files that are named by day from the start are not renamed by rotation: equal content is two facts."""
    for day in ("2026-11-20", "2026-11-21"):
        (tmp_path / f"export-{day}.jsonl").write_bytes(lines(1))
    assert Reader([tmp_path]).look() == [lines(1), lines(1)]


def test_a_link_is_the_file_that_it_names(tmp_path: Path) -> None:
    """One log under several names is one input."""
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "app.log").write_bytes(lines(1))
    (tmp_path / "current.log").symlink_to("logs/app.log")
    (tmp_path / "hard.log").hardlink_to(tmp_path / "logs" / "app.log")
    (tmp_path / "folder").symlink_to("logs")
    reader = Reader([tmp_path / "logs", tmp_path / "current.log", tmp_path / "folder", tmp_path / "hard.log"])
    assert reader.look() == [lines(1)]


def test_a_reader_that_dies_before_its_commit_reads_again(log: Path) -> None:
    """What was read and not committed is read again, whatever rotation did meanwhile."""
    reader = Reader([log.parent], commit=False)
    append(log, lines(1, 2))
    assert reader.look() == [lines(1), lines(2)]
    compress(log.rename(log.with_name("app.log.1")))
    reader.commit = True
    assert reader.look() == [lines(1), lines(2)]
    assert reader.look() == []


def test_ids_do_not_depend_on_who_looks(log: Path) -> None:
    """Two ingesters that see the same inputs give them the same ids, so that only one of them can commit."""
    append(log, BANNER + lines(1))
    append(log.with_name("app.log.1"), BANNER + lines(2))
    first, second = Reader([log.parent]), Reader([log.with_name("app.log.1"), log])
    first.look()
    second.look()
    assert first.known == second.known


def _count(found: list[bytes]) -> object:
    reader = Reader([])
    reader.lines = found
    return reader.times()


def test_a_copy_is_read_when_the_original_goes_unread(log: Path) -> None:
    """A copy rests only as long as the log that holds its bytes is there."""
    reader = Reader([log.parent], final=False).watching()
    append(log, lines(1, 2, 3))
    shutil.copy(log, log.with_name("app.log.bak"))
    reader.commit = False
    assert reader.look() == [lines(1), lines(2), lines(3)]
    log.unlink()
    reader.commit = True
    assert reader.look() == [lines(1), lines(2), lines(3)]
    assert reader.look() == []


def test_a_copy_beside_a_growing_log_is_not_read(log: Path) -> None:
    """Look after look, the copy adds nothing, and the log goes on; then the copy goes its own way."""
    reader = Reader([log.parent], final=False).watching()
    append(log, lines(*range(5)))
    reader.look()
    copy = log.with_name("app.log.bak")
    shutil.copy(log, copy)
    for number in range(5, 9):
        append(log, lines(number))
        assert reader.look() == [lines(number)]
        assert reader.look() == []
    append(copy, lines("other"))
    assert lines("other") in reader.look()
    assert reader.look() == []
