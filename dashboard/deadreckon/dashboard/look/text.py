"""Text from the lake, where Streamlit would read Markdown in it: shown as it is, never as a link, image or formula."""

from __future__ import annotations

import re
from typing import Final

LONGEST: Final = 400

_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&@^=/])")
_BLANK: Final = re.compile(r"[\x00-\x20\x7f\u200b-\u200f\u2028-\u202e\u2066-\u2069]+")


def literal(text: object, longest: int = LONGEST) -> str:
    """The text with everything escaped that Markdown, HTML or Streamlit's own directives could take for a command.

    Line breaks and invisible characters become blanks; what is longer than `longest` ends in an ellipsis.
    """
    return _SPECIAL.sub(r"\\\1", plain(text, longest))


def plain(text: object, longest: int = LONGEST) -> str:
    """The text on one line, without invisible characters, cut: for places that take it as it is."""
    flat = _BLANK.sub(" ", str(text)).strip()
    return flat if len(flat) <= longest else flat[: longest - 1] + "…"
