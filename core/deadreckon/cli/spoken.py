"""Measures as people say them."""

from __future__ import annotations

import math


def duration(ms: float) -> str:
    """Milliseconds as people say them."""
    if ms < 1:
        return f"{ms:.2f} ms" if ms else "0 ms"
    if ms < 1_000:
        return f"{ms:.0f} ms"
    if ms < 60_000:
        return f"{ms / 1_000:.2f} s"
    return f"{int(ms // 60_000)} min {ms % 60_000 / 1_000:.0f} s"


def money(usd: float) -> str:
    """US dollars, with as many places as small sums need for two digits that say something."""
    if usd >= 1:
        return f"${usd:,.2f}"
    return f"${usd:.4f}" if usd >= 0.0001 or usd <= 0 else f"${usd:.{1 - math.floor(math.log10(usd))}f}"
