"""Foreign lines in our words: what each logger and exporter means by its keys.

Lines of which a flat alias is enough never come here. For the others, `rewrite` gives canonical objects: columns by
name, everything else under `attributes`, nothing lost.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from deadreckon.ingest.dialects import applications, console, ecs, envelopes, errors, gcp, genai, otlp, plain
from deadreckon.ingest.dialects.names import compiled, users_segments
from deadreckon.ingest.dialects.strange import cleaned

__all__ = ["CARE_KEYS", "asks_care", "care_keys", "rewrite"]

CARE_KEYS: Final[frozenset[str]] = (
    errors.KEYS
    | ecs.KEYS
    | genai.KEYS
    | otlp.KEYS
    | {"record", "fields", "spans", "traceparent", "gen_ai", "llm", "trace", "span", "session", "user"}
)
"""Top-level keys whose lines are rewritten; native lines have none of them."""
_COMBOS: Final = (*applications.combos(), *envelopes.COMBOS, console.COMBO)
_OWN_ERROR: Final = frozenset({"error_type", "exception"})
"""emit writes the traceback beside the error's columns: there is nothing left to find in it."""


def care_keys(aliases: Mapping[str, str]) -> frozenset[str]:
    """CARE_KEYS, and what the user's dotted aliases reach into."""
    return CARE_KEYS | users_segments(aliases)


def asks_care(keys: Collection[str], care: frozenset[str]) -> bool:
    """Whether lines with these keys are rewritten; `care` is what `care_keys` gave."""
    have = frozenset(keys)
    found = have & care
    if found and not (found == {"exception"} and have >= _OWN_ERROR):
        return True
    return any(combo <= have for combo in _COMBOS) or any(key.startswith(gcp.PREFIX) for key in have)


def rewrite(value: dict[str, Any], aliases: Mapping[str, str]) -> list[dict[str, Any]]:
    """The events of one decoded line, as canonical objects.

    `value` is taken over: it must not be used afterwards. Most lines are one event; one of OTLP/JSON holds many.
    """
    value = cleaned(value)
    names = compiled(aliases)
    return otlp.events(value, names) or [plain.event(value, names)]
