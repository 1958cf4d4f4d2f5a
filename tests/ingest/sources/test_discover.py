"""What a path stands for, and what is said when it stands for nothing."""

from __future__ import annotations

import gzip
import json
import lzma
import os
import resource
import shutil
import socket
import sys
import zipfile
from pathlib import Path

import pytest
from tests.ingest.sources.ledger import Reader, lines

from deadreckon.core.errors import SourceError
from deadreckon.ingest.sources import Known, Watcher, discover
from deadreckon.ingest.sources.names import family, is_log, is_sealed, spool_id


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("app.log", "app.log"),
        ("app.log.1", "app.log"),
        ("app.log.12.gz", "app.log"),
        ("app.log-20261121", "app.log"),
        ("app.log-20261121.zst", "app.log"),
        ("app.log-2026112103", "app.log"),
        ("app.log-1795226400.gz", "app.log"),
        ("app.log.2026-11-21", "app.log"),
        ("app.log.2026-11-21_02-03-01", "app.log"),
        ("app.jsonl.2026-11-21.3", "app.jsonl"),
        ("app-2026-11-21T02-03-01.672.log", "app.log"),
        ("app-2026-11-21T02-03-01.672.log.gz", "app.log"),
        ("app.2026-11-21_02-03-01_123456.log", "app.log"),
        ("app.log~", "app.log"),
        ("app-2026-11-21.log", "app-2026-11-21.log"),
        ("fold-1.jsonl", "fold-1.jsonl"),
        ("fold.1.jsonl", "fold.1.jsonl"),
        ("1.gz", "1"),
        (".1", ".1"),
        ("2026-11-21", "2026-11-21"),
    ],
)
def test_the_family_is_the_name_before_rotation(name: str, expected: str) -> None:
    """What rotation and compression add to a name is known; other numbers and days are part of it."""
    assert family(name) == expected


def test_names_of_spool_files() -> None:
    """Only a UUID with the emitter's endings is a spool file."""
    name = "0192f0c1-7d2e-7abc-8def-0123456789ab"
    assert spool_id(f"{name}.jsonl") == spool_id(f"{name.upper()}.sealed.jsonl.gz") == name
    assert spool_id(f"{name}.json") is None
    assert spool_id(f"x{name}.jsonl") is None
    assert [is_sealed(f"{name}{end}") for end in (".jsonl", ".sealed.jsonl", ".jsonl.gz")] == [False, True, True]


def test_a_folder_gives_its_logs_and_nothing_else(tmp_path: Path) -> None:
    """Logs are found at any depth by their names; hidden files, lakes and other files are left."""
    wanted = ["a.log", "b.jsonl", "c.json", "d.ndjson", "e.log.1", "deep/er/f.log", "g.LOG"]
    other = [".h.log", "i.txt", "j.log.d/k.md", ".git/l.log", "_locks/m.json", "lake/events/_delta_log/0.json"]
    other += ["lake/events/part=events/n.json", "jsonl"]
    for name in wanted + other:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(lines(name))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s.log"))
        os.mkfifo(tmp_path / "p.log")
        reader = Reader([tmp_path])
        assert sorted(reader.look()) == sorted(map(lines, wanted))
    assert [said.split(" (")[0] for said in reader.said] == ["3 files skipped: i.txt, jsonl, k.md"]
    assert not is_log("jsonl")


def test_a_named_file_is_read_whatever_its_name(tmp_path: Path) -> None:
    """The user knows best."""
    (tmp_path / "output").write_bytes(lines(1))
    assert Reader([tmp_path / "output"]).look() == [lines(1)]


def test_globs(tmp_path: Path) -> None:
    """Patterns are expanded here too, for shells that do not, and for settings; a real name with brackets wins."""
    for name in ("a.out", "b.out", "c.txt", "deep/d.out", "e[1].txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(lines(name))
    assert sorted(Reader([str(tmp_path / "*.out")]).look()) == [lines("a.out"), lines("b.out")]
    assert lines("deep/d.out") in Reader([str(tmp_path / "**" / "*.out")]).look()
    assert Reader([tmp_path / "e[1].txt"]).look() == [lines("e[1].txt")]


def test_overlapping_paths_are_read_once(tmp_path: Path) -> None:
    """A file that is named, found in its folder and matched by a pattern is one input."""
    (tmp_path / "a.log").write_bytes(lines(1))
    assert Reader([tmp_path, tmp_path / "a.log", str(tmp_path / "*.log"), f"{tmp_path}/../{tmp_path.name}"]).look() == [
        lines(1)
    ]


@pytest.mark.parametrize("path", ["missing.log", "missing/", "no*match"])
def test_what_is_missing_is_an_error_with_a_hint(tmp_path: Path, path: str) -> None:
    """A name that stands for nothing is said at once, and not taken for nothing new."""
    with pytest.raises(SourceError) as caught:
        Reader([tmp_path / path]).look()
    assert path.strip("/") in caught.value.message
    assert caught.value.hint


def test_what_is_missing_is_waited_for_when_following(tmp_path: Path) -> None:
    """A log or spool folder that is not there yet is said once, and read when it comes."""
    reader = Reader([tmp_path / "a.log", tmp_path / "spool", str(tmp_path / "*.out")], final=False).watching()
    (tmp_path / "a.log.1").write_bytes(lines("old"))
    assert reader.look() == []
    assert len(reader.said) == 3
    (tmp_path / "a.log").write_bytes(lines(1))
    (tmp_path / "b.out").write_bytes(lines(2))
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool" / "c.jsonl").write_bytes(lines(3))
    assert sorted(reader.look()) == [lines(1), lines(2), lines(3)]
    assert len(reader.said) == 3


def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    """Named, it is an error; found in a folder, it is said and the others are read."""
    if os.geteuid() == 0:
        # Root may read everything: what it cannot read is a link that goes in circles.
        (tmp_path / "a.log").symlink_to("a.log")
    else:
        (tmp_path / "a.log").write_bytes(lines(1))
        (tmp_path / "a.log").chmod(0)
    (tmp_path / "b.log").write_bytes(lines(2))
    reader = Reader([tmp_path])
    assert reader.look() == [lines(2)]
    assert len(reader.said) == 1
    assert "a.log" in reader.said[0]
    with pytest.raises(SourceError, match=r"a\.log"):
        Reader([tmp_path / "a.log"]).look()


def test_a_folder_that_vanishes_while_it_is_read(tmp_path: Path) -> None:
    """What was read stays, the rest is said, and nothing breaks."""
    folder = tmp_path / "logs"
    folder.mkdir()
    for name in ("a.log", "b.log"):
        (folder / name).write_bytes(lines(name, 2))
    said: list[str] = []
    first, second = discover([folder], {}, max_line_bytes=1024, warn=said.append)
    chunk = first.read(0, 16)
    assert chunk is not None
    shutil.rmtree(folder)
    assert first.read(chunk.end, 1024) is not None, "an open file can still be read"
    assert second.read(0, 1024) is None
    assert second.read(0, 1024) is None
    assert len(said) == 1
    assert "vanished" in said[0]
    assert second.problem is None
    first.release()
    second.release()
    reader = Reader([folder], final=False).watching()
    assert reader.look() == []


def test_another_file_under_the_name_is_not_read_as_this_one(tmp_path: Path) -> None:
    """A file replaced between the look and the read is left to the next look."""
    path = tmp_path / "a.log"
    path.write_bytes(lines(1))
    (source,) = discover([path], {}, max_line_bytes=1024, warn=lambda _: None)
    other = tmp_path / "new"
    other.write_bytes(lines("x"))
    other.rename(path)
    assert source.read(0, 1024) is None
    source.close()


def test_a_file_truncated_under_the_reader_gives_nothing_wrong(tmp_path: Path) -> None:
    """Bytes that are not what they were when reading stopped are never taken for the continuation."""
    path = tmp_path / "a.log"
    path.write_bytes(lines(*range(100)))
    (source,) = discover([path], {}, max_line_bytes=1024, warn=lambda _: None)
    chunk = source.read(0, 500)
    assert chunk is not None
    before = source.tail_hash(chunk.end)
    path.write_bytes(lines(*range(1000, 1200)))
    assert source.read(chunk.end, 500) is None
    assert source.tail_hash(chunk.end) == before, "the hash is of what was read"
    path.write_bytes(b"")
    assert source.read(chunk.end, 500) is None
    source.close()


@pytest.mark.parametrize("content", [b"", b"\n", b"\n\n \n"])
def test_files_without_content_are_no_fault(tmp_path: Path, content: bytes) -> None:
    """Empty files and blank lines are consumed or skipped, without a word."""
    (tmp_path / "a.log").write_bytes(content)
    reader = Reader([tmp_path])
    assert b"".join(reader.look()) == content
    assert (reader.said, reader.problems) == ([], [])
    with (tmp_path / "a.log").open("ab") as file:
        file.write(lines(1))
    assert reader.look()[-1:] == [lines(1)]


def test_a_whole_object_without_newline_is_taken_when_nothing_is_followed(tmp_path: Path) -> None:
    """A file written without a final newline is read to its end, and what comes later is read once."""
    path = tmp_path / "a.log"
    path.write_bytes(lines(1) + lines(2).rstrip())
    assert Reader([path], final=False).look() == [lines(1)]
    reader = Reader([path])
    assert reader.look() == [lines(1), lines(2).rstrip()]
    assert reader.look() == []
    with path.open("ab") as file:
        file.write(b"\n" + lines(3))
    assert reader.look() == [b"\n", lines(3)]
    path.write_bytes(path.read_bytes().rstrip())
    assert reader.look() != [lines(3)], "an editor that strips the last newline makes another file of it"


def test_a_single_object_without_newline_keeps_its_identity(tmp_path: Path) -> None:
    """The first line is the same before and after its newline comes."""
    path = tmp_path / "a.json"
    path.write_bytes(b'{"event":"1"}')
    reader = Reader([path])
    assert reader.look() == [b'{"event":"1"}']
    path.write_bytes(b'{"event":"1"}\r\n' + lines(2))
    assert b"".join(reader.look()) == b"\r\n" + lines(2)
    assert len(reader.known) == 1


@pytest.mark.parametrize("rest", [b'{"event":', b"{", b"text", b"[1]", b'{"a":1}}'])
def test_an_unfinished_end_stays_unread_and_is_mentioned(tmp_path: Path, rest: bytes) -> None:
    """What is not a whole object may be the first part of a line."""
    path = tmp_path / "a.log"
    path.write_bytes(lines(1) + rest)
    reader = Reader([path])
    assert reader.look() == [lines(1)]
    assert reader.said == [
        f"{path}: the last {len(rest)} bytes have no newline yet and stay unread until they have one"
    ]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-16-le"])
def test_utf_16_is_a_problem_with_a_hint(tmp_path: Path, encoding: str) -> None:
    """Windows shells write UTF-16: cut at newline bytes it would be rubbish, so it is refused as a whole."""
    (tmp_path / "a.log").write_bytes((lines(1) + lines(2)).decode().encode(encoding))
    reader = Reader([tmp_path])
    assert reader.look() == []
    assert "iconv -f UTF-16" in reader.problems[0]


def test_a_document_is_not_read_as_lines(tmp_path: Path) -> None:
    """A pretty-printed file would be a refused line for each of its lines: it is refused once, with the way out."""
    (tmp_path / "a.json").write_text(json.dumps([{"event": "1"}, {"event": "2"}], indent=2))
    (tmp_path / "b.json").write_text(json.dumps({"event": "1"}, indent=2))
    reader = Reader([tmp_path])
    assert reader.look() == []
    assert len(reader.problems) == 2
    assert "jq -c" in reader.problems[0]


def test_bytes_are_left_as_they_are(tmp_path: Path) -> None:
    """Byte order marks, carriage returns, NULs and bytes that are no UTF-8 are the decoder's to judge."""
    content = b"\xef\xbb\xbf" + lines(1) + b"\r\n\0\0\n\xff\xfe\n{\n"
    (tmp_path / "a.log").write_bytes(content)
    assert b"".join(Reader([tmp_path]).look()) == content


def test_an_unknown_tail_is_trusted(tmp_path: Path) -> None:
    """A ledger that kept only the offset lets reading go on there."""
    path = tmp_path / "a.log"
    path.write_bytes(lines(1, 2))
    reader = Reader([path])
    reader.look()
    ((source_id, known),) = reader.known.items()
    reader.known = {source_id: Known(known.end_offset // 2, "")}
    assert reader.look() == [lines(2)]


def test_unchanged_inputs_are_left_out_while_following(tmp_path: Path) -> None:
    """From the second look on only what may have something new is returned."""
    for number in range(5):
        (tmp_path / f"{number}.log").write_bytes(lines(number))
    reader = Reader([tmp_path], final=False).watching()
    assert reader.watcher is not None
    assert len(reader.look()) == 5
    assert reader.watcher.discover(reader.known) == []
    with (tmp_path / "3.log").open("ab") as file:
        file.write(lines("more"))
    (source,) = reader.watcher.discover(reader.known)
    assert source.path.endswith("3.log")
    assert reader.look() == [lines("more")]


def test_progress_is_counted_in_bytes_on_disk(tmp_path: Path) -> None:
    """A progress bar knows how much there is before anything is read."""
    path = tmp_path / "a.log"
    path.write_bytes(lines(*range(100)))
    (source,) = discover([path], {}, max_line_bytes=1024, warn=lambda _: None)
    size = path.stat().st_size
    assert source.progress == (0, size)
    chunk = source.read(0, 100)
    assert chunk is not None
    assert source.progress == (chunk.end, size)
    source.close()


def test_more_inputs_than_a_process_may_open(tmp_path: Path) -> None:
    """Looking at inputs leaves none of them open, so their number has no limit."""
    for number in range(200):
        (tmp_path / f"{number}.log").write_bytes(lines(number))
        (tmp_path / f"{number}.jsonl.gz").write_bytes(gzip.compress(lines(-number - 1)))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    reader = Reader([tmp_path], final=False).watching()
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (len(list(Path("/dev/fd").iterdir())) + 40, hard))
        assert len(reader.look()) == 400
        assert Reader([tmp_path], known=reader.known).look() == []
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert (reader.said, reader.problems) == ([], [])


def test_a_folder_is_listed_once_for_all_its_named_files(tmp_path: Path) -> None:
    """`reckon ingest logs/*` in a shell names each file: what rotation made of them is looked for in one go."""
    paths = [tmp_path / f"{n}.log" for n in range(50)]
    for n, path in enumerate(paths):
        path.write_bytes(lines(n))
    listed: list[str] = []
    watching = True

    def note(event: str, arguments: tuple[object, ...]) -> None:
        if watching and event in ("os.listdir", "os.scandir"):
            listed.append(str(arguments[0]))

    sys.addaudithook(note)  # cannot be taken back
    reader = Reader(paths, final=False).watching()
    for look in (1, 2):
        reader.look()
        assert listed.count(str(tmp_path)) == look
    watching = False
    assert reader.lines == [lines(n) for n in range(50)]


def test_what_is_skipped_in_a_folder_is_named_once(tmp_path: Path) -> None:
    """Files without names of logs are named at the first look, the first few of many; what is named itself is read."""
    (tmp_path / "sub").mkdir()
    for name in ("sub/z.bin", "access.gz", "a.csv", ".hidden", "app.log"):
        (tmp_path / name).write_bytes(b"{}\n")
    said: list[str] = []
    watcher = Watcher([tmp_path], max_line_bytes=1024, warn=said.append)
    watcher.discover({})
    (tmp_path / "later.csv").write_bytes(b"x")
    watcher.discover({})
    assert len(said) == 1
    assert said[0].startswith("3 files skipped: a.csv, access.gz, z.bin (not logs")
    assert "*.ndjson" in said[0]
    said.clear()
    inputs = [tmp_path, tmp_path / "a.csv", tmp_path / "access.gz", tmp_path / "sub/z.bin", tmp_path / "later.csv"]
    assert len(discover(inputs, {}, max_line_bytes=1024, warn=said.append)) == 5
    assert said == []
    for n in range(9):
        (tmp_path / f"b{n}.bin").write_bytes(b"x")
    discover([tmp_path], {}, max_line_bytes=1024, warn=said.append)
    assert said[0].startswith("13 files skipped: a.csv, access.gz, b0.bin, b1.bin, b2.bin, 8 more (")


def test_unreadable_inputs_are_said_by_reason(tmp_path: Path) -> None:
    """Each reason is said once, with the inputs it is about and the command that helps, and not again when known."""
    for name in ("a.log.xz", "b.log.xz"):
        (tmp_path / name).write_bytes(lzma.compress(lines(name)))
    zipped = tmp_path / "c.zip"
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("c.log", lines(1))
    (tmp_path / "d.json").write_bytes(b"[1]")
    said: list[str] = []
    found = discover([tmp_path, zipped], {}, max_line_bytes=1024, warn=said.append)
    assert len(said) == 3
    text = "\n".join(sorted(said))
    assert text.startswith("2 inputs (a.log.xz, b.log.xz): each is compressed with xz")
    for command in ("xz -dc FILE | reckon ingest -", "unzip -p FILE | reckon ingest -", "jq -c"):
        assert command in text
    assert "unzip -p FILE" in next(s.problem or "" for s in found if s.path == str(zipped))
    said.clear()
    discover([tmp_path, zipped], {s.id: Known(0, "") for s in found}, max_line_bytes=1024, warn=said.append)
    assert said == []
