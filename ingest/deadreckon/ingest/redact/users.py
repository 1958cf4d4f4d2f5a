"""User ids, hashed as the lake stores them wherever their key stands: a refused line must not tell them either."""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from deadreckon.ingest.dialects.genai import MOVED, OPENED
from deadreckon.ingest.redact.escapes import encoded
from deadreckon.ingest.redact.keys import Keys
from deadreckon.ingest.redact.surgery import Edits, Path, is_json, quote, rewrite, unquote

COLUMN: Final = "user_id"
_OTLP_TEXT: Final = "stringValue"
_OTLP_SCALARS: Final = (_OTLP_TEXT, "intValue", "doubleValue", "boolValue")
_MOST_OPENED: Final = 500
"""Brackets in a line that is no JSON: each value's path is as long as they are deep."""
_EMPTY: Final = ("null", "none", "undefined")


class Users:
    """Hashes the values of the keys that name a user, in JSON and in text that is none."""

    def __init__(self, keys: Sequence[str], salt: str) -> None:
        self._salt = salt
        self._keys = Keys(keys)
        self._needles = _needles(keys)
        self._plain, self._odd = _patterns(keys)
        self._edits = Edits(_leave, self.whole, self._string, _leave)
        self._torn = Edits(_leave, self._text_only, self._string, _leave)
        self._leaves = Edits(_leave, _leave, lambda _, text: self._other(text), self._number)

    def hashed(self, text: str) -> str:
        """The stored form of a user id, the same as the decoder's; one that is hashed already stays."""
        if text.startswith("sha256:") and len(text) == 71:
            return text
        digest = hashlib.sha256((self._salt + text).encode("utf-8", "backslashreplace")).hexdigest()
        return f"sha256:{digest}"

    def named(self, path: Path) -> bool:
        """Whether the value at this path is a user id."""
        return self._keys.named(path) is not None

    def holds(self, path: Path) -> bool:
        """Whether the text at this path is a user id; in OTLP it stands one level below its key."""
        if path and path[-1] == _OTLP_TEXT:
            path = path[:-1]
        return bool(path) and self.named(path)

    def may_name(self, key: str | None) -> bool:
        """Whether a value whose last key is this can be a user id; None is a value in a list."""
        return key is not None and (key == _OTLP_TEXT or self._keys.may_end_with(key))

    def may_be_in(self, line: str) -> bool:
        """Whether a line can hold a user id: few others are ever taken apart."""
        low = line.lower()
        # An escape may be a letter of a key.
        return any(needle in low for needle in self._needles) or "\\u00" in low

    def line(self, line: bytes) -> bytes:
        """A line, JSON or not, with its user ids hashed; the very same bytes where there are none."""
        body = line.rstrip(b"\r\n")
        text = body.decode("utf-8", "surrogateescape")
        if not self.may_be_in(text):
            return line
        if is_json(line):
            if "\\" in text or self._odd.search(text):
                return rewrite(line, self._edits)
            # The common case: text is what stands between two quotes.
            return (
                self._plain.sub(lambda found: found[1] + self.hashed(found[2]) + '"', text).encode(
                    "utf-8", "surrogateescape"
                )
                + line[len(body) :]
            )
        if line.count(b"{") + line.count(b"[") <= _MOST_OPENED:
            text = rewrite(body, self._torn).decode("utf-8", "surrogateescape")
        return encoded(self.text(text)) + line[len(body) :]

    def text(self, text: str, asked: Callable[[str], bool] = lambda _: True) -> str:
        """Text that is no JSON: what stands after these keys, as in `"user_id": "...` or user_id=..., where asked."""

        def new(_: str, bare: str) -> str | None:
            return self._other(bare) if bare.lower() not in _EMPTY and asked(bare) else None

        return self._keys.replace_in_text(text, new)

    def whole(self, path: Path, raw: bytes) -> bytes | None:
        """For `surgery.Edits.whole`: what to write for the value at this path, None to leave it."""
        if raw == b"null" or not self.named(path):
            return None
        if raw[:1] in (b"{", b"["):
            return b"" if len(raw) == 1 else self._container(raw)
        new = self._other(_text_of(raw))
        return None if new is None else quote(new)

    def hash_in(self, value: dict[str, Any]) -> None:
        """Hash the user ids at any depth of a decoded object, in place; never recursive."""
        stack: list[tuple[Any, Path, bool]] = [(value, (), False)]
        while stack:
            node, path, named = stack.pop()
            is_object = type(node) is dict
            for key, one in node.items() if is_object else enumerate(node):
                below = (*path, str(key)) if is_object else path
                mine = named or (is_object and self.named(below))
                if type(one) is dict or type(one) is list:
                    stack.append((one, below, mine))
                elif mine and one is not None:
                    node[key] = self.hashed(one if type(one) is str else json.dumps(one))

    def _other(self, text: str) -> str | None:
        new = self.hashed(text)
        return None if new == text else new

    def _text_only(self, path: Path, raw: bytes) -> bytes | None:
        if raw[:1] != b'"' or not self.holds(path):
            return None
        new = self._other(unquote(raw))
        return None if new is None else quote(new)

    def _string(self, _path: Path, text: str) -> str | None:
        if text.lstrip()[:1] not in ("{", "[") or not self.may_be_in(text):
            return None
        inner = text.encode("utf-8", "surrogatepass")
        new = rewrite(inner, self._edits) if is_json(inner) else inner
        return None if new == inner else new.decode("utf-8", "surrogatepass")

    def _number(self, _path: Path, raw: bytes) -> bytes | None:
        return None if raw == b"null" else quote(self.hashed(_text_of(raw)))

    def _container(self, raw: bytes) -> bytes | None:
        """An OTLP value as its scalar; of any other, which no user id can be, what is in it."""
        try:
            value = json.loads(raw.decode("utf-8", "surrogateescape"), strict=False)
        except (ValueError, RecursionError):  # a number of thousands of digits, or very deep
            value = None
        if type(value) is dict and len(value) == 1 and (kind := next(iter(value))) in _OTLP_SCALARS:
            one = value[kind]
            if type(one) is dict or type(one) is list or one is None:
                return None
            new = self._other(one if type(one) is str else json.dumps(one))
            return None if new is None else quote(new)
        new_raw = rewrite(raw, self._leaves)
        return None if new_raw == raw else new_raw


def user_keys(aliases: Mapping[str, str]) -> tuple[str, ...]:
    """The keys that are read into user_id: those of the alias table, and those that dialects move there."""
    moved = (key for table in (MOVED, OPENED) for key, column in table.items() if column == COLUMN)
    return tuple(dict.fromkeys([*(key for key, column in aliases.items() if column == COLUMN), *moved]))


@functools.cache
def users_of(keys: tuple[str, ...], salt: str | None) -> Users | None:
    """What hashes user ids; None when they are kept as they are."""
    return None if salt is None else Users(keys, salt)


def _needles(keys: Sequence[str]) -> tuple[str, ...]:
    """Words, as few as will do, of which a line has one if one of these keys, dotted or as objects, is in it."""
    words = sorted({max(key.lower().split("."), key=len) for key in keys}, key=len)
    return tuple(word for i, word in enumerate(words) if not any(other in word for other in words[:i]))


def _patterns(keys: Sequence[str]) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """In JSON without escapes: a user id that is text, and what may be another one, so that all has to be parsed."""
    dotted = [key.split(".") for key in keys if "." in key]
    above = sorted({".".join(parts[:n]) for parts in dotted for n in range(1, len(parts))})
    # A key with dots may be the end of a longer one.
    named = [re.escape(key) if "." not in key else rf'(?:[^"]*\.)?{re.escape(key)}' for key in keys]
    key = rf'"(?:{"|".join(named)})"\s*:\s*'
    odd = ['"key"', rf'{key}[^"n\s]']
    if above:
        odd.append(rf'"(?:[^"]*\.)?(?:{"|".join(map(re.escape, above))})"\s*:\s*[{{\[]')
    return re.compile(rf'({key}")([^"]*)"', re.IGNORECASE), re.compile("|".join(odd), re.IGNORECASE)


def _text_of(raw: bytes) -> str:
    """What the decoder makes a text of: a string's, or a number as it writes it."""
    if raw[:1] == b'"':
        return unquote(raw)
    text = raw.decode("utf-8", "surrogateescape")
    try:
        return json.dumps(json.loads(text))
    except ValueError:
        return text


def _leave(*_: object) -> None:
    return None
