"""The keys whose values are replaced: found in the path of a value, and in text that is no JSON."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from deadreckon.ingest.redact.marks import HASH_DIGITS
from deadreckon.ingest.redact.surgery import Path


class Keys:
    """Named keys, in any case, at any depth; `user.email` also means email inside user."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._names = {key.lower(): key for key in keys}
        self._dotted = [(tuple(low.split(".")), key) for low, key in self._names.items() if "." in low]
        self._last = frozenset(parts[-1] for parts, _ in self._dotted)
        self._in_text = _key_values(self._names)

    @property
    def names(self) -> tuple[str, ...]:
        """The keys as they are set."""
        return tuple(self._names.values())

    def __bool__(self) -> bool:
        return bool(self._names)

    def named(self, path: Path) -> str | None:
        """The setting that names the value at a path, if any."""
        last = path[-1].lower()
        found = self._names.get(last)
        if found is None and last.rpartition(".")[2] in self._last:
            parts = tuple(".".join(path).lower().split("."))
            found = next((name for wanted, name in self._dotted if parts[-len(wanted) :] == wanted), None)
        return found

    def may_end_with(self, key: str) -> bool:
        """Whether a path that ends with this key may be named."""
        last = key.lower()
        return last in self._names or last.rpartition(".")[2] in self._last

    def replace_in_text(self, text: str, new: Callable[[str, str], str | None]) -> str:
        """Text with other values after these keys, as in `"password": "...` or password=...

        `new` gets the key as it is set and the value without its quotes; None leaves the value.
        """
        if self._in_text is None:
            return text

        def replaced(found: re.Match[str]) -> str:
            value = found["value"]
            bare = value.strip("\\\"'")
            mark = new(self._names[found["key"].lower()], bare) if bare else None
            if mark is None:
                return found[0]
            opening = value[: len(value) - len(value.lstrip("\\\"'"))]
            closing = value[len(value.rstrip("\\\"'")) :]
            return found[0].removesuffix(value) + opening + mark + closing

        return self._in_text.sub(replaced, text)


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
