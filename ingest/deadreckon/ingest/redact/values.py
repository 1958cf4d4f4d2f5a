"""What becomes of each key and value of a JSON line."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from deadreckon.core.schema import EVENT_COLUMNS, EVENTS, alias_table
from deadreckon.ingest.redact.custom import Custom
from deadreckon.ingest.redact.forms import SECRET_NAME, Finder, is_card
from deadreckon.ingest.redact.keys import Keys
from deadreckon.ingest.redact.marks import Marks
from deadreckon.ingest.redact.quick import NOT_IN_IDS, NotPlainError, Quick, is_one_word
from deadreckon.ingest.redact.surgery import Edits, Path, is_json, quote, rewrite, unquote
from deadreckon.ingest.redact.users import Users

_ALIASES: Final = alias_table()
_OTLP_IDS: Final = ("traceId", "spanId", "parentSpanId", "timeUnixNano", "startTimeUnixNano", "endTimeUnixNano")
# What events are joined and ordered by: nothing in it is taken for a telephone or card number.
_JOINED_BY: Final = frozenset(
    key
    for key, column in _ALIASES.items()
    if (column.endswith(("_id", "_hash")) and column != "user_id") or column in ("ts", "git_commit", "idempotency_key")
).union(_OTLP_IDS, ["observedTimeUnixNano"])
# Columns that refuse a text: a removed value becomes null.
_TYPED: Final = frozenset(
    c.name
    for c in EVENT_COLUMNS
    if c.type not in ("string", "json") or (c.type == "json" and c.name not in ("input", "output"))
)
_IDENTIFIER: Final = re.compile(
    r"(?:^|[._-])(?:ids?|uuid|hash|sha\d*|digest|ts|time|timestamp|ns|us|ms)$|(?:Id|Time|Nano)s?$", re.ASCII
)
_LONG_INTEGER: Final = re.compile(rb"\d{13,19}")


class Values:
    """Decides on single values, with some of the patterns: those that a line is suspected of."""

    def __init__(
        self,
        keys: Keys,
        finders: Mapping[str, Finder],
        custom: Sequence[Custom],
        marks: Marks,
        users: Users | None = None,
    ) -> None:
        self._keys = keys
        self._users = users
        self._finders = dict(finders)
        self._custom = custom
        self._marks = marks
        self._ids_finders = {n: f for n, f in self._finders.items() if n not in NOT_IN_IDS}
        self._edits = Edits(self._new_key, self._whole, self._string, self._number)
        self._quick = Quick(keys.names, finders, custom, marks, self._whole, _JOINED_BY, users)

    def line(self, line: bytes) -> bytes:
        """A valid JSON line without its secrets."""
        try:
            return self._quick.line(line)
        except NotPlainError:
            return rewrite(line, self._edits)

    def text(self, text: str) -> str:
        """Text without the secrets that the patterns find."""
        return self._apply(text, self._finders)

    def _apply(self, text: str, finders: Mapping[str, Finder]) -> str:
        for name, finder in finders.items():
            text = self._marks.replace(text, name, finder(text))
        for custom in self._custom:
            text = self._marks.replace(text, custom.name, custom.find(text))
        return text

    def _new_key(self, key: str) -> str | None:
        new = self.text(key)
        return None if new == key else new

    def _whole(self, path: Path, raw: bytes) -> bytes | None:
        name = self._keys.named(path)
        if name is None or raw == b"null":
            return None
        if raw[:1] == b'"':
            text = unquote(raw)
            return None if not text or self._marks.is_mark(name, text) else quote(self._marks.mark(name, text))
        if _ALIASES.get(path[-1]) in _TYPED:
            return b"null"
        return quote(self._marks.mark(name, raw.decode("utf-8", "surrogateescape")))

    def _string(self, path: Path, text: str) -> str | None:
        if text[:1] in ("{", "[") and is_json(inner := text.encode("utf-8", "surrogatepass")):
            new = rewrite(inner, self._edits).decode("utf-8", "surrogatepass")
        elif path and path[-1] in _JOINED_BY and is_one_word(text):
            new = self._apply(text, self._ids_finders)
        elif path and "api_key" in self._finders and SECRET_NAME.search(path[-1]) and _is_word(text):
            new = self._marks.mark("api_key", text)
        else:
            new = self._apply(text, self._finders)
        if new != text and self._users and self._users.holds(path):
            new = self._users.hashed(text)  # as it is stored: a mark would make all users one
        return None if new == text else new

    def _number(self, path: Path, raw: bytes) -> bytes | None:
        if "card" not in self._finders or not _LONG_INTEGER.fullmatch(raw) or not is_card(raw.decode()):
            return None
        last = path[-1] if path else ""
        if last in EVENTS or last in _ALIASES or _IDENTIFIER.search(last):
            return None
        return quote(self._marks.mark("card", raw.decode()))


def _is_word(text: str) -> bool:
    return len(text) >= 8 and not text.startswith("[") and is_one_word(text)
