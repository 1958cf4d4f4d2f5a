"""Colours with one meaning everywhere, legible on white and on near-black, told apart without red and green.

Each has a contrast of at least 3 to 1 against both backgrounds (WCAG 2.2, 1.4.11), and no colour stands alone: the
word is always beside it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

LIGHT_BACKGROUND: Final = "#ffffff"
DARK_BACKGROUND: Final = "#0e1117"

OK: Final = "#1f8a99"
BAD: Final = "#d9480f"
SLOW: Final = "#b7791f"
GREY: Final = "#7c8594"
ODD: Final = "#8a63d2"

STATUS: Final = {"ok": OK, "error": BAD, "timeout": SLOW, "cancelled": GREY, "running": ODD}
STATE: Final = {"firing": BAD, "error": ODD, "pending": SLOW, "no_data": GREY, "resolved": OK, "ok": OK}
MARKS: Final = {"ok": "✓", "error": "✕", "timeout": "✕", "cancelled": "⊘", "running": "…"}
"""What stands before a status in text, for whoever sees no colours."""
BADGE: Final = {
    "ok": "green",
    "resolved": "green",
    "error": "red",
    "firing": "red",
    "critical": "red",
    "timeout": "orange",
    "pending": "orange",
    "warning": "orange",
    "cancelled": "gray",
    "no_data": "gray",
    "info": "blue",
    "running": "violet",
}
"""Streamlit's name of the colour of a status, a state or a severity; the theme gives it the same hue as above."""

NOW: Final = "#3b7dd8"
"""What is now, beside what was, in grey."""
VERSIONS: Final = ("#3b7dd8", "#a05195", "#2f9e77", "#c2703d", "#6a70c9", "#8d7f2c", "#c75189", "#5f8a3c")
"""Model versions in the order of their first call; they repeat after eight."""
TEXT: Final = "#767c88"
"""Text inside charts, which do not know whether the page is light or dark."""


def status(name: str) -> str:
    """A status with its mark."""
    return f"{MARKS.get(name, '?')} {name}"


def by_version(known: Iterable[str]) -> dict[str, str]:
    """A colour for every known version: a filter never changes it."""
    return {label: VERSIONS[place % len(VERSIONS)] for place, label in enumerate(known)}


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, 1 to 21, as WCAG 2.2 defines it."""
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
