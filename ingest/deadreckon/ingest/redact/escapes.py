"""What text says when the escapes of JSON in it are what they stand for."""

from __future__ import annotations

import re
from typing import Final

_ESCAPE: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_NEEDLESS: Final = re.compile(r"\\+u00(2[013-9a-fA-F]|[346][0-9a-fA-F]|5[0-9abdefABDEF]|7[0-9a-eA-E])")
_HALF: Final = re.compile("[\ud800-\udc7f\udd00-\udfff]")
_GAPS: Final = re.compile(r'([\s"]+)')
_SHORT: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def lightened(text: str) -> str:
    """The text with those escapes undone that never needed to be: of plain characters, but quotes and backslashes."""
    return _NEEDLESS.sub(lambda found: chr(int(found[1], 16)), text) if "\\u00" in text else text


def undone(text: str) -> str:
    """The text with one level of escapes undone; escaped halves of a character become one."""
    if "\\" not in text:
        return text
    plain = _ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else _SHORT.get(found[2], found[2]), text)
    return plain.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def without_torn_end(text: str) -> str:
    """Text that was cut anywhere, without what a secret may have been cut through: its last word, and groups of digits.

    A word ends at white space or a quote; words with digits before the last one go too, as in a number in groups.
    """
    parts = _GAPS.split(text)  # word, gap, word, ..., word
    last = len(parts) - 1
    while last >= 2 and '"' not in parts[last - 1] and any(map(str.isdecimal, parts[last - 2])):
        last -= 2
    return "".join(parts[:last])


def encoded(text: str) -> bytes:
    """Text as bytes: those that came through as surrogates are themselves again, a half character is none."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return _HALF.sub("\N{REPLACEMENT CHARACTER}", text).encode("utf-8", "surrogateescape")
