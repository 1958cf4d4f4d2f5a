"""The common case in one sweep: a line without escapes, where text is what stands between two quotes.

Whatever is not plainly that case is left to the surgeon, who takes each value apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from deadreckon.ingest.redact.custom import Custom
from deadreckon.ingest.redact.forms import CONTEXTS, Finder, Span
from deadreckon.ingest.redact.marks import Marks
from deadreckon.ingest.redact.surgery import Path
from deadreckon.ingest.redact.users import Users

NOT_IN_IDS: Final = ("phone", "card")
"""Patterns that identifiers may match by chance."""


class NotPlainError(Exception):
    """This line is not the common case."""


class Quick:
    """Replaces secrets in the text of a whole line."""

    def __init__(
        self,
        keys: Sequence[str],
        finders: Mapping[str, Finder],
        custom: Sequence[Custom],
        marks: Marks,
        whole: Callable[[Path, bytes], bytes | None],
        joined_by: frozenset[str],
        users: Users | None,
    ) -> None:
        self._finders = finders
        self._custom = custom
        self._marks = marks
        self._whole = whole
        self._joined_by = joined_by
        self._users = users
        self._plain = not any("." in key for key in keys) and not any(each.anchored for each in custom)
        names = "|".join(map(re.escape, keys))
        self._named = (
            re.compile(rf'"({names})"(\s*:\s*)("[^"]*"|[^\s,{{}}\[\]"]+|[{{\[])', re.IGNORECASE) if keys else None
        )

    def line(self, line: bytes) -> bytes:
        """A valid JSON line without its secrets.

        Raises:
            NotPlainError: it has to be taken apart.
        """
        if not self._plain or b"\\" in line:
            raise NotPlainError
        try:
            before = text = line.decode()
        except UnicodeDecodeError:
            raise NotPlainError from None
        if self._named is not None:
            if '"key"' in text:
                raise NotPlainError
            text = self._named.sub(self._remove, text)
        for name, finder in self._finders.items():
            if name == "api_key":
                self._check_contexts(text)
            text = self._replace(text, name, list(finder(text)))
        for custom in self._custom:
            text = self._replace(text, custom.name, list(custom.find(text)))
        return line if text is before else text.encode()

    def _remove(self, found: re.Match[str]) -> str:
        key, colon, value = found.groups()
        if value in ("{", "["):
            raise NotPlainError
        new = self._whole((key,), value.encode())
        return found[0] if new is None else f'"{key}"{colon}{new.decode()}'

    @staticmethod
    def _check_contexts(text: str) -> None:
        """What stands before a secret may be the key of its value, or in another value."""
        lower = text.lower()
        if any(mark in lower for mark in CONTEXTS) or ("://" in text and "@" in text):
            raise NotPlainError

    def _replace(self, text: str, name: str, spans: list[Span]) -> str:
        kept: list[Span] = []
        quotes = position = 0
        for span in sorted(spans, key=lambda s: s.start):
            quotes += text.count('"', position, span.start)
            position = span.start
            if quotes % 2 == 0 or '"' in text[span.start : span.end]:
                raise NotPlainError  # a number, or the structure of the line
            if text[text.index('"', span.end) + 1 :].lstrip()[:1] == ":":
                raise NotPlainError  # a key
            if self._users and self._may_be_user(self._users, text, span.start):
                raise NotPlainError
            if name not in NOT_IN_IDS or not self._is_identifier(text, span.start):
                kept.append(span)
        if kept and not name.isidentifier():
            raise NotPlainError  # a name of the user's own may need escapes
        return self._marks.replace(text, name, kept)

    def _may_be_user(self, users: Users, text: str, position: int) -> bool:
        """Whether the string around a place may be a user id; of one in a list only the whole line can tell."""
        key = self._key_before(text, position)
        return users.may_be_in(text) if key is None else users.may_name(key)

    def _is_identifier(self, text: str, position: int) -> bool:
        """Whether the string around a place is the value of a key that events are joined by."""
        key = self._key_before(text, position)
        if key is None:
            raise NotPlainError  # in a list
        start = text.rindex('"', 0, position)
        return key in self._joined_by and is_one_word(text[start + 1 : text.index('"', position)])

    @staticmethod
    def _key_before(text: str, position: int) -> str | None:
        """The key of the string around a place; None in a list."""
        before = text[: text.rindex('"', 0, position)].rstrip()
        if not before.endswith(":"):
            return None
        end = before.rindex('"')
        return before[before.rindex('"', 0, end) + 1 : end]


def is_one_word(text: str) -> bool:
    """Whether a text has no spaces, as identifiers have none."""
    return len(text.split(maxsplit=1)) == 1 and text == text.strip()
