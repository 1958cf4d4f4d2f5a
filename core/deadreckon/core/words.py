"""Numbers with their nouns, as people read them."""

from __future__ import annotations


def counted(n: int, noun: str, many: str = "") -> str:
    """`1 line`, `1,234 lines`; `many` is the plural where that is not the noun with an s."""
    return f"{n:,} {noun if n == 1 else many or noun + 's'}"
