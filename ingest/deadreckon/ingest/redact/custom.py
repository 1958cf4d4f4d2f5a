"""Patterns of the user's own, run by RE2: whatever they say, they take time linear in the text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from deadreckon.core.errors import ConfigError
from deadreckon.ingest.arrays import texts
from deadreckon.ingest.redact.forms import Span

_OPEN: Final = "\ufdd0"  # noncharacters: they stand for nothing in any text
_CLOSE: Final = "\ufdd1"
_ANCHOR: Final = re.compile(r"(?<!\[)\^|\$|\\[AzZ]")


class Custom:
    """A named regular expression in RE2's syntax (no lookaround, no back references)."""

    def __init__(self, name: str, pattern: str) -> None:
        """Check and keep the pattern.

        Raises:
            ConfigError: it is not a regular expression, or it matches the empty text.
        """
        self.name = name
        self.pattern = pattern
        self.anchored = _ANCHOR.search(pattern) is not None
        try:
            empty = pc.match_substring_regex(texts([""]), pattern=pattern)[0].as_py()
        except pa.ArrowInvalid as error:
            reason = str(error).removeprefix("Invalid regular expression: ")
            raise ConfigError(
                f"redaction.custom.{name} is {pattern!r}: {reason}", hint=_hint(pattern, reason)
            ) from None
        if empty:
            raise ConfigError(
                f"redaction.custom.{name} is {pattern!r}, which matches the empty text, and so everywhere",
                hint="ask for at least one character: + in place of *",
            )

    def find(self, text: str) -> Iterator[Span]:
        """Where it matches in a text."""
        if _OPEN in text or _CLOSE in text:
            text = text.replace(_OPEN, "\ufffd").replace(_CLOSE, "\ufffd")
        marked = pc.replace_substring_regex(
            texts([text]), pattern=self.pattern, replacement=f"{_OPEN}\\0{_CLOSE}"
        ).to_pylist()[0]
        before, *matches = marked.split(_OPEN)
        position = len(before)
        for part in matches:
            secret, _, rest = part.partition(_CLOSE)
            if secret:
                yield Span(position, position + len(secret), secret)
            position += len(secret) + len(rest)


def _hint(pattern: str, reason: str) -> str:
    if "(?=" in pattern or "(?!" in pattern or "(?<" in pattern or "perl operator" in reason:
        return "lookaround is not supported, as it may take forever: match the surroundings too, or write it without"
    if "escape" in reason and re.search(r"\\[1-9]", pattern):
        return "back references are not supported, as they may take forever: write the repetition out"
    if "repetition" in reason:
        return "RE2 repeats at most 1000 times: use * or +, or a smaller count"
    return "write it in RE2's syntax, in single quotes so that TOML leaves backslashes alone: '\\d{6}'"
