"""What was kept of an input or output: whole, cut, masked, hashed, or nothing."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal, Self

import orjson

_MASK: Final = re.compile(r"\[(?:email|phone|card|api_key)(?::[0-9a-f]+)?\]")
_SHOWN: Final = 60


@dataclass(frozen=True)
class Content:
    """A recorded input or output.

    Attributes:
        name: `input` or `output`.
        text: what the lake holds; None where nothing was kept.
        length: characters of the whole, None where that was not said.
        hash: SHA-256 of the whole, None where that was not said.
        beside: whether the step's other side was captured: then nothing here means None.
        type: of what Python type it was, where that is not what JSON says, and whoever wrote it says so: emit does.
    """

    name: Literal["input", "output"]
    text: str | None
    length: int | None
    hash: str | None
    beside: bool
    type: str | None = None

    @classmethod
    def of(cls, row: Mapping[str, Any], name: Literal["input", "output"]) -> Self:
        """What a span holds of it."""
        beside, type_ = row["input_hash"] is not None, row.get(f"{name}_type")
        return cls(name, row[name], row[f"{name}_length"], row[f"{name}_hash"], beside, type_)

    def trouble(self, what: str) -> str | None:
        """Why it is not there whole, as a sentence about `what`; None where it is."""
        if self.text is None:
            if self.length is None and (self.name == "output" and self.beside):
                return None  # what returns None has no output
            said = f", only its length, {self.length:,} characters" if self.length is not None else ""
            said += " and hash" if said and self.hash else ""
            return f"{what} was not kept{said} (capture was {'hash' if self.hash else 'off'})"
        if self.is_cut:
            return f"{what} was cut: {len(self.text):,} of {self.length:,} characters were kept"
        if self.hash and _sha256(self.text) != self.hash:
            why = "redacted at ingest, or Decimals with more digits than JSON keeps"
            return f"{what} was changed after it was recorded (its hash is another's): {why}"
        return None

    @cached_property
    def value(self) -> Any:
        """What the text says as JSON; the text itself where it is none."""
        return orjson.loads(self.text) if self.text is not None and self._is_json else self.text

    @property
    def is_cut(self) -> bool:
        """Whether its end is not there; an object or list that has one is whole, though its length was another."""
        short = self.text is not None and self.length is not None and len(self.text) < self.length
        return short and not isinstance(self.value, dict | list)

    @cached_property
    def _is_json(self) -> bool:
        try:
            orjson.loads(self.text or "")
        except orjson.JSONDecodeError:
            return False
        return True

    @property
    def is_text(self) -> bool | None:
        """Whether a text was recorded, rather than a value as JSON; None where whoever wrote it does not say."""
        if self.type == "str" or not self._is_json:
            return True
        return (
            False if self.hash else None
        )  # emit alone hashes, and says of texts that can be read as JSON what they are

    @property
    def as_emitted(self) -> bool:
        """Whether the text is JSON in the form in which emit writes what is no text."""
        try:
            return self.text is not None and orjson.dumps(orjson.loads(self.text)).decode() == self.text
        except (orjson.JSONDecodeError, orjson.JSONEncodeError):
            return False

    def shown(self) -> str:
        """Its beginning, for messages."""
        return short(self.text)

    @staticmethod
    def masks(value: Any, key: str = "") -> str:
        """The first mask in a value: `[email]`, or `[password]` under the key of that name; empty if there is none."""
        if isinstance(value, str):
            if key and re.fullmatch(rf"\[{re.escape(key.lower())}(?::[0-9a-f]+)?\]", value):
                return value
            found = _MASK.search(value)
            return found[0] if found else ""
        if isinstance(value, Mapping):
            return next((mask for k, v in value.items() if (mask := Content.masks(v, str(k)))), "")
        if isinstance(value, list):
            return next((mask for v in value if (mask := Content.masks(v))), "")
        return ""


def short(text: str | None) -> str:
    """The beginning of a text."""
    text = text or "nothing"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
