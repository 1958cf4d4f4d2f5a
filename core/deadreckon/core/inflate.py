"""Streaming decompression with bounded memory, and with a plain word on what is damaged, and where."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import Final

import zstandard

_IN: Final = 128 << 10
_OUT: Final = 1 << 20

Read = Callable[[int], bytes]
"""Gives up to n compressed bytes, b'' at the end."""

GZIP: Final = "gzip"
ZSTD: Final = "zstd"


class DamagedError(Exception):
    """A compressed input ends too early or is corrupt; everything before was delivered."""


def kind_of(head: bytes) -> str | None:
    """`gzip` or `zstd` by the first bytes of a file, else None. Its name may say anything."""
    if head.startswith(b"\x1f\x8b"):
        return GZIP
    if head.startswith(b"\x28\xb5\x2f\xfd") or (head[1:4] == b"\x2a\x4d\x18" and 0x50 <= head[0] <= 0x5F):
        return ZSTD
    return None


def inflate(kind: str, read: Read) -> Iterator[bytes]:
    """The decompressed pieces of an input, each at most 1 MiB.

    Raises:
        DamagedError: the input is truncated or corrupt; says where in the compressed bytes.
    """
    return _gzip(read) if kind == GZIP else _zstd(read)


class _Meter:
    """Counts compressed bytes on their way in."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self.passed = 0

    def read(self, size: int) -> bytes:
        data = self._read(size)
        self.passed += len(data)
        return data


def _gzip(read: Read) -> Iterator[bytes]:
    source = _Meter(read)
    raw = source.read(_IN)
    while raw:
        if not raw.startswith(b"\x1f\x8b"[: len(raw)]):
            raise DamagedError(f"what follows a gzip member at byte {source.passed - len(raw)} is not gzip")
        member = zlib.decompressobj(wbits=31)
        while not member.eof:
            ended = False
            if not raw:
                raw = source.read(_IN)
                ended = not raw
            before = member.copy()
            try:
                out = member.decompress(raw, _OUT)
            except zlib.error as error:
                yield from _salvage(before, raw)
                where = source.passed - len(raw)
                raise DamagedError(f"corrupt gzip data near byte {where}: {_reason(error)}") from None
            raw = member.unconsumed_tail
            if out:
                yield out
            elif ended:
                raise DamagedError(f"truncated gzip: it ends at byte {source.passed} in the middle of a member")
        raw = member.unused_data
        # Tapes and some tools pad with zeros; another member may follow.
        while not (raw := raw.lstrip(b"\0")):
            raw = source.read(_IN)
            if not raw:
                return


def _salvage(member: zlib._Decompress, raw: bytes) -> Iterator[bytes]:
    """What the bytes before a corrupt one still give."""
    saved: list[bytes] = []
    try:
        saved.extend(member.decompress(raw[index : index + 1]) for index in range(len(raw)))
    except zlib.error:
        pass  # the corrupt place, which the caller reports
    if any(saved):
        yield b"".join(saved)


def _reason(error: Exception) -> str:
    return str(error).rpartition(": ")[2]


class _Frames:
    """Follows zstd's frame and block headers, since the library takes a truncated frame for the end of the input."""

    def __init__(self, read: Read) -> None:
        self._source = _Meter(read)
        self._skip = 0
        self._need = 4
        self._held = b""
        self._step: Callable[[bytes], None] = self._magic
        self._checksum = False

    def read(self, size: int = -1) -> bytes:
        data = self._source.read(min(size, _IN) if size > 0 else _IN)
        position = 0
        while position < len(data):
            if self._skip:
                passed = min(self._skip, len(data) - position)
                self._skip -= passed
                position += passed
                continue
            taken = data[position : position + self._need - len(self._held)]
            position += len(taken)
            self._held += taken
            if len(self._held) == self._need:
                held, self._held = self._held, b""
                self._step(held)
        return data

    @property
    def passed(self) -> int:
        return self._source.passed

    @property
    def whole(self) -> bool:
        """Whether the bytes so far end where a frame ends."""
        return self._step == self._magic and not self._held and not self._skip

    def _expect(self, need: int, step: Callable[[bytes], None]) -> None:
        self._need, self._step = need, step

    def _magic(self, held: bytes) -> None:
        if held[1:] == b"\x2a\x4d\x18":
            self._expect(4, self._skippable)
        else:
            self._expect(1, self._descriptor)

    def _skippable(self, held: bytes) -> None:
        self._skip = int.from_bytes(held, "little")
        self._expect(4, self._magic)

    def _descriptor(self, held: bytes) -> None:
        flags = held[0]
        single = flags >> 5 & 1
        self._checksum = bool(flags >> 2 & 1)
        content = (1 if single else 0, 2, 4, 8)[flags >> 6]
        self._skip = (0 if single else 1) + (0, 1, 2, 4)[flags & 3] + content
        self._expect(3, self._block)

    def _block(self, held: bytes) -> None:
        header = int.from_bytes(held, "little")
        run_length = (header >> 1 & 3) == 1
        self._skip = 1 if run_length else header >> 3
        if header & 1:
            self._skip += 4 if self._checksum else 0
            self._expect(4, self._magic)


def _zstd(read: Read) -> Iterator[bytes]:
    frames = _Frames(read)
    reader = zstandard.ZstdDecompressor().stream_reader(frames, read_size=_IN, read_across_frames=True)  # type: ignore[arg-type]  # it asks for nothing but read()
    while True:
        try:
            # Unlike read(), this gives what there is before it tries what follows, which may be damaged.
            out = reader.read1(_OUT)
        except zstandard.ZstdError as error:
            raise DamagedError(f"corrupt zstd data near byte {frames.passed}: {_reason(error)}") from None
        if not out:
            break
        yield out
    if not frames.whole:
        raise DamagedError(f"truncated zstd: it ends at byte {frames.passed} in the middle of a frame")
