"""Inputs that are not lines of JSON in UTF-8: said once, with the way out, instead of a refused line for each line."""

from __future__ import annotations

from typing import Final

from deadreckon.ingest.sources import names

_COMPRESSED: Final = {b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz", b"\x04\x22\x4d\x18": "lz4", b"PK\x03\x04": "zip"}
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff", b"{\0", b"\0{")
_OPENINGS: Final = (b"[", b"{")


def refusal(name: str, head: bytes) -> str | None:
    """Why a file with this name and these first (decompressed) bytes cannot be read as lines; None when it can."""
    for magic, compressor in _COMPRESSED.items():
        if head.startswith(magic):
            return f"is compressed with {compressor}, which is not read: decompress it first"
    if head.startswith(_UTF16):
        return "is UTF-16, not UTF-8: convert it first, iconv -f UTF-16 -t UTF-8 FILE"
    if head.startswith(b"PAR1"):
        return "is a Parquet file, not lines of JSON"
    if names.family(name).lower().endswith(".json"):
        first, newline, _ = head.removeprefix(b"\xef\xbb\xbf").lstrip().partition(b"\n")
        if first.startswith(b"[") or (newline and first.strip() in _OPENINGS):
            return (
                "is one JSON document, not an object on each line: take it apart, "
                "jq -c 'if type == \"array\" then .[] else . end' FILE | reckon ingest -"
            )
    return None
