"""One pass over a whole chunk that says which lines may hold a secret, so that the others cost next to nothing.

RE2 runs it (through Arrow) over the bytes as they are; what it looks for is a superset of what is redacted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import ClassVar, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from deadreckon.ingest.arrays import integers, texts
from deadreckon.ingest.redact.custom import Custom
from deadreckon.ingest.redact.escapes import undone

# A plain character that is written as an escape: then only decoding shows what the text says. Go escapes < > and &.
_ESCAPED: Final = r"\\u00(?:2[0-57-9a-fA-F]|3[0-9abdfABDF]|[4-7])|\\/"
# In JSON inside a string an escape begins with more than one backslash.
_EDGE: Final = r"\\[bfnrt]|\\u[0-9a-fA-F]{4}"
_GAPS: Final = r"(?:[ ()./\-\x80-\xff]|\\+u[0-9a-fA-F]{4}){0,6}"
_PATTERNS: Final[dict[str, str]] = {
    "email": r"[^\s\"](?:@|%40)(?:[A-Za-z0-9_\x80-\xff-]|\\+u)",
    "phone": rf"\+[0-9](?:{_GAPS}[0-9]){{6}}"
    r"|[2-9][0-9]{2}(?:[-.]|\) ?)[2-9][0-9]{2}[ .-][0-9]{4}"
    rf"|(?:^|[^0-9A-Za-z.+/:,_-]|{_EDGE})0[1-9][0-9]{{0,3}}\)?[ /-][0-9]{{2}}",
    "card": rf"(?:^|[^0-9A-Za-z.]|[^0-9]\.|{_EDGE})[2-6](?:[0-9]{{12}}|[0-9]{{3}}[ -][0-9]{{4,6}}[ -][0-9]{{4}})",
    "api_key": r"sk-[\w-]{16}|k_(?:live|test)_|whsec_|A[KS]IA[A-Z0-9]{16}|gh[pousr]_[A-Za-z0-9]{20}|github_pat_|glpat-"
    r"|xox[a-z]-|xapp-|AIza[\w-]{30}|ya29\.|GOCSPX-|hf_[A-Za-z0-9]{20}|gsk_|xai-|pplx-|nvapi-|r8_[A-Za-z0-9]{20}|pcsk_"
    r"|dapi[0-9a-f]{32}|SG\.|npm_[A-Za-z0-9]{30}|pypi-|eyJ[\w-]*\.[\w-]*\.|://[^/\s:@]*:[^/\s@]+@"
    r"|(?i:bearer(?:\s|\\)|authorization|private key|passw(?:or)?d|(?:api|access|secret)[_-]?key"
    r"|(?:auth|access|refresh)[_-]?token|client[_-]?secret)",
}


@dataclass(frozen=True, slots=True)
class Suspicion:
    """The lines that may hold a secret, and by which patterns; None: by any."""

    indices: np.ndarray
    reasons: Mapping[str, np.ndarray]
    by_any: np.ndarray

    def each(self) -> Iterator[tuple[int, frozenset[str] | None]]:
        """Each line's index with the names of its patterns."""
        rows = zip(*(mask.tolist() for mask in self.reasons.values()), strict=True)
        names = tuple(self.reasons)
        sets: dict[tuple[bool, ...], frozenset[str]] = {}
        for index, any_, row in zip(self.indices.tolist(), self.by_any.tolist(), rows, strict=True):
            if any_:
                yield index, None
                continue
            if row not in sets:
                sets[row] = frozenset(compress(names, row))
            yield index, sets[row]


class Prefilter:
    """Finds the lines of a chunk that are worth decoding."""

    KEYS: ClassVar[str] = "keys"
    CUSTOM: ClassVar[str] = "custom"

    def __init__(self, keys: Sequence[str], patterns: Sequence[str], custom: Sequence[Custom]) -> None:
        self._binary = {name: _PATTERNS[name] for name in patterns}
        if keys:
            names = "|".join(sorted({_bytes_pattern(key.rpartition(".")[2]) for key in keys}))
            self._binary[self.KEYS] = rf"(?i:(?:{names})\\*[\"']?\s*[:=,}}])"
        self._all = any(each.anchored for each in custom)
        # In text a custom pattern may match what an escape stands for, so lines with escapes are always looked at.
        self._custom = "|".join([r"\\", *(f"(?:{each.pattern})" for each in custom)]) if custom else ""

    def look(self, data: bytes | memoryview, starts: np.ndarray) -> Suspicion:
        """The lines that match, and what."""
        bounds = np.append(starts, len(data)).astype(np.int64, copy=False)
        buffers = [None, pa.py_buffer(bounds), pa.py_buffer(data)]
        lines = pa.Array.from_buffers(pa.large_binary(), len(starts), buffers)
        found = np.full(len(starts), self._all)
        if self._custom and not self._all:
            text = pa.Array.from_buffers(pa.large_string(), len(starts), buffers)
            found |= _match(text, self._custom)
            found[found] = self._with_escapes_undone(text.take(integers(np.flatnonzero(found))))
        custom = found.copy()
        if self._binary and not self._all:
            found |= _match(lines, "|".join([_ESCAPED, *self._binary.values()]))
        indices = np.flatnonzero(found)
        suspected = lines.take(integers(indices))
        reasons = {name: _match(suspected, pattern) for name, pattern in self._binary.items()}
        reasons[self.CUSTOM] = custom[indices]
        return Suspicion(indices, reasons, _match(suspected, _ESCAPED))

    def _with_escapes_undone(self, lines: pa.Array) -> np.ndarray:
        """Which lines match, or may, once their escapes are what they stand for."""
        raw = lines.cast(pa.large_binary()).to_pylist()
        return _match(texts([undone(line.decode("utf-8", "replace")) for line in raw]), self._custom)


def _match(lines: pa.Array, pattern: str) -> np.ndarray:
    bits = pc.match_substring_regex(lines, pattern=pattern).buffers()[1]
    return np.unpackbits(np.frombuffer(bits, dtype=np.uint8), count=len(lines), bitorder="little").astype(bool)


def _bytes_pattern(key: str) -> str:
    """A key as it may stand in JSON: what is not plain ASCII is written out or escaped."""
    other = r"(?:[\x80-\xff]|\\+u[0-9a-fA-F]{4}|\\+.|[\"'])+"
    return other.join(re.escape(part) for part in re.split(r"[^ !#-&(-\[\]-~]+", key))
