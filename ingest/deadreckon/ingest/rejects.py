"""A line that was refused: why, where, and the line itself."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Any, Final

DAMAGED: Final = "damaged_source"
"""The code of an input that ends in damage: there is no line to replay."""

REPAIRED: Final = "repaired"
"""What became of the damage when the input was read beyond it after all."""


@dataclass(frozen=True, slots=True)
class Reject:
    """What a quarantine row says."""

    source_id: str
    offset: int
    code: str
    error: str
    field: str | None
    raw: str
    raw_encoding: str
    raw_bytes: int
    raw_sha256: str

    @property
    def place(self) -> str:
        """Where the line stands: its quarantine id."""
        return f"{self.source_id}:{self.offset}"

    @property
    def line(self) -> bytes:
        """The bytes that are kept of the line."""
        return base64.b64decode(self.raw) if self.raw_encoding == "base64" else self.raw.encode()

    def row(self) -> dict[str, Any]:
        """The row as the ledger keeps it."""
        return {
            "record": "quarantine",
            "source_id": self.source_id,
            "source_offset": self.offset,
            "quarantine_id": damage_id(self.source_id, self.offset) if self.code == DAMAGED else self.place,
            "error_code": self.code,
            "error_field": self.field,
            "error": self.error,
            "raw": self.raw,
            "raw_encoding": self.raw_encoding,
            "raw_bytes": self.raw_bytes,
            "raw_sha256": self.raw_sha256,
        }


def reject(source_id: str, offset: int, line: bytes, code: str, error: str, field: str | None = None) -> Reject:
    """A refused line, kept whole: as text, or in base64 when it is not UTF-8."""
    body = line.rstrip(b"\r\n")
    try:
        raw, encoding = body.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        raw, encoding = base64.b64encode(body).decode("ascii"), "base64"
    return Reject(source_id, offset, code, error, field, raw, encoding, len(body), hashlib.sha256(body).hexdigest())


def damage_id(source_id: str, offset: int) -> str:
    """The quarantine id of an input's damage: when the input is repaired, a refused line may stand at this place."""
    return f"{source_id}:{offset}:damage"


def resolution(how: str, quarantine_id: str, source_id: str, offset: int, path: str | None) -> dict[str, Any]:
    """The ledger row that closes a quarantine row: it was replayed, dropped, or repaired."""
    return {
        "record": "resolution",
        "source_id": source_id,
        "source_offset": offset,
        "source_path": path,
        "quarantine_id": quarantine_id,
        "resolution": how,
    }


def invalid_utf8(source_id: str, offset: int, line: bytes) -> Reject:
    """A line that is not UTF-8."""
    try:
        line.decode("utf-8")
        where = "a byte"
    except UnicodeDecodeError as error:
        where = f"byte {error.start} (0x{line[error.start]:02x})"
    return reject(
        source_id, offset, line, "invalid_utf8", f"{where} is not valid UTF-8; write the log in UTF-8, then replay"
    )


def oversize(source_id: str, offset: int, length: int, sha256: str, *, head: bytes, limit: int) -> Reject:
    """A line over the limit: its head is kept, with the whole line's length and hash."""
    return Reject(
        source_id,
        offset,
        "oversize",
        f"the line has {length} bytes, over the limit of {limit}; raise ingest.max_line_bytes and read it from a copy",
        None,
        head.decode("utf-8", "replace"),
        "utf-8",
        length,
        sha256,
    )
