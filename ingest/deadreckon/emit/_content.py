"""What people wrote, and who they are: prompts, answers and user ids, kept back or reduced before they leave.

`input` and `output` hold content. By default their text is not written, only its length; `configure(capture=...)`
decides. A `user_id` is written as a salted hash, which still joins and counts.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from deadreckon.emit._encode import json_text, text_of
from deadreckon.emit._redact import Redaction

Capture = Literal["off", "hash", "text"]
_HASHED = "sha256:"
_SAYS_JSON = frozenset({dict, list, int, float, bool, orjson.Fragment})
_JSON_BEGINS = (*'{["-0123456789', "true", "false", "null")


@dataclass(frozen=True, slots=True)
class ContentPolicy:
    """How content and user ids are treated.

    Attributes:
        capture: `off` keeps the length, `hash` the length and hash, `text` both and the text up to `limit`.
        limit: characters of `input` and of `output` to keep.
        salt: put before the user id before hashing.
        hash_user_id: False writes user ids as they are.
        redaction: what is masked in content, before it is measured, hashed or cut.
    """

    capture: Capture = "off"
    limit: int = 8192
    salt: str = ""
    hash_user_id: bool = True
    redaction: Redaction = field(default_factory=Redaction)

    def user(self, user_id: Any) -> Any:
        """Return `sha256:` and the hex digest of salt + user id; an id that has this form already stays."""
        if user_id is None or not self.hash_user_id:
            return user_id
        text = text_of(user_id)
        if text.startswith(_HASHED) and len(text) == len(_HASHED) + 64:
            return text
        return _HASHED + _sha256(self.salt + text)

    def apply(self, fields: MutableMapping[str, Any], capture: Capture | None = None) -> None:
        """Reduce `user_id`, `input` and `output` in place."""
        if "user_id" in fields:
            fields["user_id"] = self.user(fields["user_id"])
        for name in ("input", "output"):
            value = fields.get(name)
            if value is not None:
                self._reduce(fields, name, value, capture or self.capture)

    def _reduce(self, fields: MutableMapping[str, Any], name: str, value: Any, capture: Capture) -> None:
        given = value
        if self.redaction:
            fields[name] = value = self.masked(value)
        kind = type(given)
        if isinstance(value, str):
            text = text_of(value)
        else:
            text = json_text(value)
            if text.startswith('"'):  # a date and the like: text, as it will be kept
                fields[name] = value = text = orjson.loads(text)
        fields[f"{name}_length"] = len(text)
        if capture != "off":
            fields[f"{name}_hash"] = _sha256(text)
        if capture != "text":
            del fields[name]
            return
        if len(text) > self.limit:
            fields[name] = text[: self.limit]
        elif not isinstance(value, str):
            fields[name] = orjson.Fragment(text)
        if name == "output" and kind not in _SAYS_JSON and (kind is not str or _reads_as_json(text)):
            # Texts and JSON are kept alike: this tells which it was, and what is to be made of it.
            fields["output_type"] = _title(kind)

    def masked(self, value: Any) -> Any:
        """Return content as plain JSON data with its secrets masked."""
        plain = value if isinstance(value, str) else orjson.loads(json_text(value))
        return self.redaction.value(plain)


def _reads_as_json(text: str) -> bool:
    if not text.startswith(_JSON_BEGINS):
        return False
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def _title(kind: type) -> str:
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _sha256(text: str) -> str:
    import hashlib  # OpenSSL takes milliseconds to load, and many processes never hash

    return hashlib.sha256(text.encode()).hexdigest()
