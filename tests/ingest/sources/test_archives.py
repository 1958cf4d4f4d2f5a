"""Compressed inputs: any number of members, any damage, any ratio."""

from __future__ import annotations

import gzip
import os
import random
import resource
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.ingest.sources.ledger import Reader, lines

from deadreckon.ingest.sources import Known, Watcher

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "zst": zstandard.ZstdCompressor(write_checksum=True).compress,
}
MANY = lines(*(f"{n}-{random.Random(n).getrandbits(200):x}" for n in range(20_000)))  # 1.3 MB that barely shrinks


@pytest.fixture(params=sorted(PACKERS))
def kind(request: pytest.FixtureRequest) -> str:
    """Each compression, by its ending."""
    return str(request.param)


def test_members_and_frames_are_one_input(tmp_path: Path, kind: str) -> None:
    """Archives that were made by appending archives are read through, and may grow by another member."""
    pack, path = PACKERS[kind], tmp_path / f"app.jsonl.{kind}"
    path.write_bytes(pack(lines(1, 2)) + pack(b"") + pack(b'{"event":') + pack(b'"3"}\n'))
    reader = Reader([path])
    assert reader.look() == [lines(1), lines(2), lines(3)]
    with path.open("ab") as file:
        file.write(pack(lines(4)))
    assert reader.look() == [lines(4)]
    assert reader.problems == []


def test_a_zstd_archive_with_skippable_frames(tmp_path: Path) -> None:
    """Seekable zstd files carry frames that hold no data."""
    skippable = b"\x5e\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"index"
    path = tmp_path / "app.log.zst"
    pack = zstandard.ZstdCompressor(write_checksum=True, write_content_size=False)
    path.write_bytes(skippable + pack.compress(lines(1)) + skippable + pack.compress(lines(2)) + skippable)
    reader = Reader([path])
    assert reader.look() == [lines(1), lines(2)]
    assert reader.problems == []


def test_a_last_line_without_newline_is_taken(tmp_path: Path, kind: str) -> None:
    """Nothing more will come in an archive, so its last line is a line."""
    (tmp_path / f"a.log.{kind}").write_bytes(PACKERS[kind](lines(1) + b"garbage"))
    assert Reader([tmp_path], final=False).look() == [lines(1), b"garbage"]


def test_the_content_says_how_it_is_compressed(tmp_path: Path, kind: str) -> None:
    """A name that lies about compression is no problem."""
    (tmp_path / "packed.log").write_bytes(PACKERS[kind](lines(1)))
    (tmp_path / f"plain.log.{kind}").write_bytes(lines(2))
    assert sorted(Reader([tmp_path]).look()) == [lines(1), lines(2)]


@settings(max_examples=25, deadline=None)
@given(kind=st.sampled_from(sorted(PACKERS)), share=st.floats(0.0, 1.0, exclude_max=True))
def test_a_truncated_archive_gives_what_is_whole(
    tmp_path_factory: pytest.TempPathFactory, kind: str, share: float
) -> None:
    """Cut anywhere, it gives only whole lines from its beginning, and says what is wrong; the rest comes when it is."""
    path = tmp_path_factory.mktemp("cut") / f"app.log.{kind}"
    packed = PACKERS[kind](MANY)
    cut = max(1, int(len(packed) * share))
    path.write_bytes(packed[:cut])
    reader = Reader([path])
    given_ = b"".join(reader.look())
    assert MANY.startswith(given_)
    assert given_.endswith(b"\n") or not given_
    if cut > 10:
        assert len(given_) > len(MANY) * (cut / len(packed)) - 400_000
        assert len(reader.problems) == 1
        assert "truncated" in reader.problems[0]
    path.write_bytes(packed)
    assert given_ + b"".join(reader.look()) == MANY


def test_a_corrupt_archive_gives_what_comes_before(tmp_path: Path, kind: str) -> None:
    """The lines before the damage are delivered, and the problem names the place in the file."""
    path = tmp_path / f"app.log.{kind}"
    packed = bytearray(PACKERS[kind](MANY))
    middle = len(packed) // 2
    packed[middle : middle + 200] = os.urandom(200)
    path.write_bytes(packed)
    reader = Reader([path])
    given_ = reader.look()
    assert len(given_) > 5000
    assert b"".join(given_[:5000]) == MANY[: len(b"".join(given_[:5000]))]
    (problem,) = reader.problems
    assert "corrupt" in problem
    assert "near byte" in problem
    assert reader.look() == []


def test_rubbish_after_an_archive_is_a_problem_but_padding_is_not(tmp_path: Path) -> None:
    """Zeros at the end come from tapes; anything else is said."""
    (tmp_path / "a.log.gz").write_bytes(gzip.compress(lines(1)) + bytes(512))
    reader = Reader([tmp_path])
    assert reader.look() == [lines(1)]
    assert reader.problems == []
    for kind, pack in PACKERS.items():
        (tmp_path / f"b.log.{kind}").write_bytes(pack(lines(kind)) + b"rubbish")
        assert reader.look() == [lines(kind)]
    assert len(set(reader.problems)) == 2


def test_an_archive_that_is_only_rubbish_is_a_problem(tmp_path: Path, kind: str) -> None:
    """A head that cannot be decompressed is said too."""
    (tmp_path / f"a.log.{kind}").write_bytes(PACKERS[kind](lines(1))[:6] + os.urandom(500))
    reader = Reader([tmp_path])
    assert reader.look() == []
    assert len(reader.problems) == 1


def test_a_bomb_takes_time_and_no_memory(tmp_path: Path, kind: str) -> None:
    """A gigabyte of nothing in a small file is passed over as one oversize line."""
    path = tmp_path / f"bomb.log.{kind}"
    if kind == "gz":
        packer = zlib.compressobj(9, wbits=31)
        block = packer.compress(lines(1))
        block += b"".join(packer.compress(bytes(1 << 20)) for _ in range(256))
        path.write_bytes(block + packer.compress(b"\n" + lines(2)) + packer.flush())
    else:
        with zstandard.open(path, "wb") as file:
            file.write(lines(1))
            for _ in range(256):
                file.write(bytes(1 << 20))
            file.write(b"\n" + lines(2))
    assert path.stat().st_size < 1 << 20
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    reader = Reader([path], max_line_bytes=1 << 20, max_bytes=1 << 20)
    assert reader.look() == [lines(1), lines(2)]
    assert [x.length for x in reader.oversize] == [256 << 20]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000


def test_a_window_larger_than_memory_allows_is_refused(tmp_path: Path) -> None:
    """A zstd frame may ask its reader for 2 GiB of memory: it is told no."""
    parameters = zstandard.ZstdCompressionParameters(window_log=30)
    pack = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    (tmp_path / "a.log.zst").write_bytes(pack.compress(MANY) + pack.flush())
    reader = Reader([tmp_path])
    assert reader.look() == []
    assert "memory" in reader.problems[0]


def test_other_compressors_are_named(tmp_path: Path) -> None:
    """What is not read is said, with what to do."""
    import bz2
    import lzma

    (tmp_path / "a.log.bz2").write_bytes(bz2.compress(lines(1)))
    (tmp_path / "b.log.xz").write_bytes(lzma.compress(lines(1)))
    reader = Reader([tmp_path])
    assert reader.look() == []
    assert sorted(p.split(",")[0] for p in reader.problems) == ["is compressed with bzip2", "is compressed with xz"]


def test_an_archive_that_is_still_being_written_is_no_problem_while_it_grows(tmp_path: Path, kind: str) -> None:
    """A watcher reads what is there and says that an archive is truncated only when it has stopped growing."""
    path = tmp_path / f"app.log.{kind}"
    packed = PACKERS[kind](MANY)
    reader = Reader([tmp_path], final=False).watching()
    got = b""
    for share in (0.3, 0.6):
        path.write_bytes(packed[: int(len(packed) * share)])
        got += b"".join(reader.look())
        assert reader.problems == []
    got += b"".join(reader.look())
    assert len(reader.problems) == 1
    path.write_bytes(packed)
    got += b"".join(reader.look())
    assert got == MANY
    assert len(reader.problems) == 1


def test_going_on_in_an_archive_gives_the_same_as_reading_it_at_once(tmp_path: Path, kind: str) -> None:
    """A new process goes on in the middle of an archive."""
    path = tmp_path / f"app.log.{kind}"
    path.write_bytes(PACKERS[kind](MANY))
    known: dict[str, Known] = {}
    got = b""
    for _ in range(100):
        (source,) = Watcher([path], max_line_bytes=1 << 16, warn=lambda _: None, final=True).discover(known)
        offset = known[source.id].end_offset if known else 0
        chunk = source.read(offset, 100_000)
        if chunk is None:
            assert source.complete
            break
        got += bytes(chunk.data)
        known[source.id] = Known(chunk.end, source.tail_hash(chunk.end))
        source.close()
    assert got == MANY
