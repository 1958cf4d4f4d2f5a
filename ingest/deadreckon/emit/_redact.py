"""Masking secrets in content before it leaves the process, as ingest does before the lake: `[email]`, `[password]`.

The forms here are the plain ones; ingest's redaction, which reads whole lines, knows more.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

FORMS = ("email", "phone", "card", "api_key")
_MAX_DEPTH = 50


@dataclass(frozen=True, slots=True)
class Redaction:
    """What to mask.

    Attributes:
        forms: names of secrets' forms in text.
        keys: lower-case keys whose values are masked, at any depth.
    """

    forms: tuple[str, ...] = ()
    keys: frozenset[str] = frozenset()

    @classmethod
    def of(cls, names: Iterable[str]) -> Redaction:
        """Return the redaction of these names: forms, and `key:NAME`.

        Raises:
            ValueError: one is neither.
        """
        listed = list(names)
        keys = [name.removeprefix("key:").lower() for name in listed if name.startswith("key:")]
        forms = tuple(name for name in listed if not name.startswith("key:"))
        wrong = [name for name in forms if name not in FORMS]
        if wrong or not all(keys):
            raise ValueError(f"emit.configure(redact={listed!r}): expected {', '.join(FORMS)} or key:NAME")
        return cls(forms, frozenset(keys))

    def __bool__(self) -> bool:
        return bool(self.forms or self.keys)

    def value(self, value: Any, depth: int = 0) -> Any:
        """Return plain JSON data with its secrets masked; the very same object where there are none."""
        if isinstance(value, str):
            return self.text(value)
        if depth > _MAX_DEPTH:
            return value
        if isinstance(value, Mapping):
            fresh = {
                key: f"[{str(key).lower()}]"
                if str(key).lower() in self.keys and one is not None
                else self.value(one, depth + 1)
                for key, one in value.items()
            }
            return fresh if any(fresh[key] is not value[key] for key in fresh) else value
        if isinstance(value, list | tuple):
            items = [self.value(one, depth + 1) for one in value]
            return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
        return value

    def text(self, text: str) -> str:
        """Return text with its secrets masked."""
        for form in self.forms:
            text = _pattern(form).sub(partial(_mask, form), text)
        for key in self.keys:
            if key in text.lower():
                text = _assigned(key).sub(rf"\g<1>[{key}]", text)
        return text


def _mask(form: str, found: re.Match[str]) -> str:
    return found[0] if form == "card" and not _is_card(found[0]) else f"[{form}]"


# Each takes time linear in the text: repetitions are possessive or bounded.
@cache
def _pattern(form: str) -> re.Pattern[str]:
    return re.compile(
        {
            "email": r"(?<![\w.+-])[\w.+-]++(?:@|%40)(?:[\w-]++\.)+[^\W\d_]{2,}",
            "phone": r"(?<![\w+])\+\d(?:[ ().\-/]{0,2}\d){6,14}(?!\w)"
            r"|(?<![\w.+/:-])(?:1[ .-])?(?:\([2-9]\d\d\) ?|[2-9]\d\d[.-])[2-9]\d\d[ .-]\d{4}(?!\w)",
            "card": r"(?<![\w.])\d(?:[ -]?\d){12,18}(?!\w)",
            "api_key": r"(?<!\w)(?:(?:sk|pk|rk)[-_](?:[\w-]{16,})|gh[pousr]_\w{30,}|AKIA[0-9A-Z]{16}|AIza[\w-]{30,}"
            r"|xox[abprs]-[\w-]{10,}|glpat-[\w-]{16,}|hf_\w{20,}|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,})",
        }[form]
    )


@cache
def _assigned(key: str) -> re.Pattern[str]:
    # In text that is no JSON any more: password=..., "password": "..."
    return re.compile(
        rf"""(?i)((?<!\w){re.escape(key)}\\?["']?\s{{0,8}}[:=]\s{{0,8}})(?:\\?"[^"]*+"?|'[^']*+'?|[^\s,;&}}\]]++)"""
    )


def _is_card(text: str) -> bool:
    digits = [int(one) for one in text if one.isdigit()]
    doubled = [n if place % 2 == 0 else sum(divmod(2 * n, 10)) for place, n in enumerate(reversed(digits))]
    return sum(doubled) % 10 == 0
