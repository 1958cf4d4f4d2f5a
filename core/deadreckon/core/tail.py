"""How an input is known again: by the hash of what lies before the offset up to which it was read."""

from __future__ import annotations

import hashlib
from typing import Final

TAIL_BYTES: Final = 64 << 10
"""How much before an offset must be the same for two inputs to be the same up to there.

A whole small file fits, so that two files of equal length and first line are told apart by any byte of theirs.
"""


def digest(tail: bytes) -> str:
    """The hash of these (at most TAIL_BYTES) bytes, as the ledger's column tail_hash holds it."""
    return hashlib.sha256(tail).hexdigest()
