"""What becomes of each key and value of a JSON line."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Final

import orjson

from deadreckon.core.schema import EVENT_COLUMNS, EVENTS, alias_table
from deadreckon.ingest.redact.custom import Custom
from deadreckon.ingest.redact.forms import SECRET_NAME, Finder, is_card
from deadreckon.ingest.redact.marks import HASH_DIGITS, Marks
from deadreckon.ingest.redact.quick import NOT_IN_IDS, NotPlainError, Quick, is_one_word
from deadreckon.ingest.redact.surgery import Edits, Path, quote, rewrite, unquote

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


class Keys:
    """The keys whose values are removed, in any case, at any depth; `user.email` also means email inside user."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._names = {key.lower(): key for key in keys}
        self._dotted = [(tuple(low.split(".")), key) for low, key in self._names.items() if "." in low]
        self._in_text = _key_values(self._names)

    @property
    def names(self) -> tuple[str, ...]:
        """The keys as they are set."""
        return tuple(self._names.values())

    def __bool__(self) -> bool:
        return bool(self._names)

    def named(self, path: Path) -> str | None:
        """The setting that names the value at a path, if any."""
        found = self._names.get(path[-1].lower())
        if found is None and self._dotted:
            parts = tuple(".".join(path).lower().split("."))
            found = next((name for wanted, name in self._dotted if parts[-len(wanted) :] == wanted), None)
        return found

    def remove_from_text(self, text: str, marks: Marks) -> str:
        """Text without the values that stand after these keys, as in `"password": "...` or password=..."""
        if self._in_text is None:
            return text

        def replaced(found: re.Match[str]) -> str:
            name, value = self._names[found["key"].lower()], found["value"]
            bare = value.strip("\\\"'")
            if not bare or marks.is_mark(name, bare):
                return found[0]
            opening = value[: len(value) - len(value.lstrip("\\\"'"))]
            closing = value[len(value.rstrip("\\\"'")) :]
            return found[0].removesuffix(value) + opening + marks.mark(name, bare) + closing

        return self._in_text.sub(replaced, text)


class Values:
    """Decides on single values, with some of the patterns: those that a line is suspected of."""

    def __init__(self, keys: Keys, finders: Mapping[str, Finder], custom: Sequence[Custom], marks: Marks) -> None:
        self._keys = keys
        self._finders = dict(finders)
        self._custom = custom
        self._marks = marks
        self._ids_finders = {n: f for n, f in self._finders.items() if n not in NOT_IN_IDS}
        self._edits = Edits(self._new_key, self._whole, self._string, self._number)
        self._quick = Quick(keys.names, finders, custom, marks, self._whole, _JOINED_BY)

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
        return None if new == text else new

    def _number(self, path: Path, raw: bytes) -> bytes | None:
        if "card" not in self._finders or not _LONG_INTEGER.fullmatch(raw) or not is_card(raw.decode()):
            return None
        last = path[-1] if path else ""
        if last in EVENTS or last in _ALIASES or _IDENTIFIER.search(last):
            return None
        return quote(self._marks.mark("card", raw.decode()))


def is_json(body: bytes) -> bool:
    """Whether bytes are one JSON value, by the rules that people live by: NaN, long integers, half characters pass."""
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError:
        pass  # stricter than people are: ask again below
    else:
        return True
    try:
        json.loads(body.decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError):
        return False
    return True


def _is_word(text: str) -> bool:
    return len(text) >= 8 and not text.startswith("[") and is_one_word(text)


def _key_values(names: Mapping[str, str]) -> re.Pattern[str] | None:
    if not names:
        return None
    keys = "|".join(sorted(map(re.escape, names), key=len, reverse=True))
    value = "|".join(
        (
            rf"\[(?:{keys})(?::[0-9a-f]{{{HASH_DIGITS}}})?\]",  # a mark, from an earlier redaction
            r'\\"[^"\\]*+\\"',  # in JSON inside a string
            r'\\*"(?:[^"\\]|\\.)*+"?',  # perhaps torn
            r"'[^']*+'?",
            r"[{\[].*+",  # what is not JSON does not say where a container ends: up to the end of the text
            r"""[^\s,;&{}\[\]"']++""",
        )
    )
    shape = rf"""(?<![^\W_])(?P<key>{keys})\\*["']?\s{{0,8}}[:=]\s{{0,8}}(?P<value>{value})"""
    return re.compile(shape, re.IGNORECASE | re.DOTALL)
