"""The sentence of an alert: `{name}` and `{name:.1f}` in a template, and nothing that could reach into objects."""

from __future__ import annotations

import re
import string
from collections.abc import Collection, Mapping
from typing import Any, Final

FACTS: Final = (
    "rule",
    "metric",
    "state",
    "value",
    "threshold",
    "amount",
    "bound",
    "n",
    "window",
    "window_start",
    "window_end",
    "severity",
    "labels",
)
"""Names that every template may use, beside the names of labels."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# A width could ask for gigabytes of padding; a precision of two digits cannot.
_SPEC = re.compile(r",?(\.\d{1,2})?[efg%]?")


def names_in(template: str) -> set[str]:
    """The names that a template uses.

    Raises:
        ValueError: it reaches into a value (`{a.b}`, `{a[0]}`), or uses `!r` or a format other than `,`, `.2f`, `.1%`,
            `.3g` and `.1e`.
    """
    names: set[str] = set()
    for _, name, spec, conversion in string.Formatter().parse(template):
        if name is None:
            continue
        if not _NAME.fullmatch(name):
            raise ValueError(f"{{{name}}} is not a plain name; write {{value}} or a label's name")
        if conversion or not _SPEC.fullmatch(spec or ""):
            wrong = f"!{conversion}" if conversion else f":{spec}"
            raise ValueError(
                f"{{{name}{wrong}}} has a format that is not allowed; write {{{name}:.2f}} or {{{name}:,}}"
            )
        names.add(name)
    return names


def literal(text: str) -> str:
    """Text as a template that renders as itself."""
    return text.replace("{", "{{").replace("}", "}}")


def unknown_names(template: str, labels: Collection[str]) -> list[str]:
    """The names of a template that are neither facts nor these labels, sorted."""
    return sorted(names_in(template) - set(FACTS) - set(labels))


def render(template: str, facts: Mapping[str, Any]) -> str:
    """The template with its names replaced; a name without a value stays as it was written."""
    out: list[str] = []
    for text, name, spec, _ in string.Formatter().parse(template):
        out.append(text)
        if name is None:
            continue
        out.append(shown(facts[name], spec or "") if name in facts else f"{{{name}{':' if spec else ''}{spec or ''}}}")
    return "".join(out)


def shown(value: Any, spec: str = "") -> str:
    """A value for people; `spec` is a format of numbers."""
    if value is None:
        return "-"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return format(value, spec) if spec else number(value)


def number(value: float) -> str:
    """A number for people: whole ones in full, others with six significant digits."""
    if abs(value) < 1e15 and value == int(value):
        return str(int(value))
    return f"{value:.1f}" if 1e6 <= abs(value) < 1e12 else f"{value:.6g}"
