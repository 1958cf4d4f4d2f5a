"""Chunks hold whole lines, whatever the lines and however much is asked for."""

from __future__ import annotations

import gzip
import hashlib
import resource
from pathlib import Path
from tempfile import TemporaryDirectory

import zstandard
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.ingest.sources.ledger import Reader, lines

from deadreckon.ingest.sources import Chunk, discover

PACKERS = {"x.log": bytes, "x.log.gz": gzip.compress, "x.log.zst": zstandard.compress}
LIMIT = 16
pieces = st.lists(
    st.one_of(st.binary(max_size=6), st.binary(min_size=LIMIT - 1, max_size=LIMIT + 2), st.just(b""), st.just(b"\r")),
    max_size=12,
).map(lambda parts: [b"a", *(p.replace(b"\n", b"") for p in parts)])


def chunks(path: Path, size: int, limit: int) -> list[Chunk]:
    """All chunks of one file."""
    (source,) = discover([path], {}, max_line_bytes=limit, warn=lambda _: None)
    found: list[Chunk] = []
    while (chunk := source.read(found[-1].end if found else 0, size)) is not None:
        found.append(chunk)
    source.close()
    return found


@settings(max_examples=60, deadline=None)
@given(parts=pieces, name=st.sampled_from(sorted(PACKERS)), size=st.integers(1, 40))
@example(parts=[b"a", b"b" * (LIMIT + 1)], name="x.log", size=1)
@example(parts=[b"a" * LIMIT, b"b" * (LIMIT + 1), b"", b"c"], name="x.log", size=3)
def test_every_byte_is_given_once_and_in_place(parts: list[bytes], name: str, size: int) -> None:
    """Lines within the limit come as they are, longer ones as their length and hash, and nothing is left out."""
    content = b"\n".join(parts) + b"\n"
    with TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(PACKERS[name](content))
        found = chunks(path, size, LIMIT)
    position = 0
    for chunk in found:
        assert chunk.start == position
        if chunk.oversize:
            (long,) = chunk.oversize
            line = content[chunk.start : chunk.end - 1]
            assert len(chunk.data) == 0
            assert (long.offset, long.length) == (position, len(line))
            assert long.sha256 == hashlib.sha256(line).hexdigest()
            assert long.head == line[:4096]
            assert len(line) > LIMIT
        else:
            assert bytes(chunk.data) == content[chunk.start : chunk.end]
            assert bytes(chunk.data).endswith(b"\n")
            assert all(len(line) <= LIMIT for line in bytes(chunk.data).split(b"\n"))
        position = chunk.end
    assert position == len(content)


def test_a_chunk_is_about_as_large_as_asked(tmp_path: Path) -> None:
    """Reading asks the system for no more than was asked for, so that memory is the caller's to decide."""
    (tmp_path / "a.log").write_bytes(lines(*range(10_000)))
    found = chunks(tmp_path / "a.log", 4096, 1 << 20)
    assert len(found) > 40
    assert max(len(c.data) for c in found) <= 4096


def test_a_line_longer_than_asked_but_within_the_limit_comes_whole(tmp_path: Path) -> None:
    """The limit decides what a long line is, not the size of the read."""
    content = lines("a") + b'{"x":"' + b"y" * 5000 + b'"}\n' + lines("b")
    (tmp_path / "a.log").write_bytes(content)
    found = chunks(tmp_path / "a.log", 100, 1 << 20)
    assert b"".join(bytes(c.data) for c in found) == content
    assert not any(c.oversize for c in found)


def test_a_50_mb_line_costs_no_memory(tmp_path: Path) -> None:
    """A line over the limit is hashed on the way past, and the lines around it are whole."""
    path = tmp_path / "a.log"
    stride = b"x" * (1 << 20)
    with path.open("wb") as file:
        file.write(lines("before"))
        for _ in range(50):
            file.write(stride)
        file.write(b"\n" + lines("after"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    reader = Reader([path], max_line_bytes=1 << 20, max_bytes=1 << 20)
    assert b"".join(reader.look()) == lines("before", "after")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 30_000
    (long,) = reader.oversize
    assert long.length == 50 << 20
    assert long.sha256 == hashlib.sha256(stride * 50).hexdigest()
    assert long.head == stride[:4096]


def test_an_oversize_line_waits_for_its_newline(tmp_path: Path) -> None:
    """Even a line that is too long already is not consumed before it has ended."""
    path = tmp_path / "a.log"
    path.write_bytes(lines("a") + b"x" * 5000)
    reader = Reader([path], max_line_bytes=1024)
    assert reader.look() == [lines("a")]
    assert not reader.oversize
    assert reader.said == [f"{path}: the last 5000 bytes have no newline yet and stay unread until they have one"]
    with path.open("ab") as file:
        file.write(b"yz\n" + lines("b"))
    assert reader.look() == [lines("b")]
    assert [x.length for x in reader.oversize] == [5002]


def test_reading_again_from_an_earlier_offset_gives_the_same(tmp_path: Path) -> None:
    """Work that was thrown away after a commit conflict can be repeated."""
    for name, pack in PACKERS.items():
        folder = tmp_path / name
        folder.mkdir()
        (folder / name).write_bytes(pack(lines(*range(100))))
        (source,) = discover([folder], {}, max_line_bytes=1 << 16, warn=lambda _: None)
        first = source.read(0, 300)
        assert first is not None
        second = source.read(first.end, 300)
        again = source.read(0, 300)
        assert again is not None
        assert bytes(again.data) == bytes(first.data)
        assert second is not None
        assert bytes(source.read(again.end, 300).data) == bytes(second.data)
        assert source.tail_hash(first.end) == hashlib.sha256(bytes(first.data)).hexdigest()
        source.close()
