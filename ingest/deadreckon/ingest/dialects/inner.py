"""JSON inside of a text, which some instrumentations write because attributes cannot hold objects."""

from __future__ import annotations

import json
from typing import Any, Final

from deadreckon.ingest.dialects.strange import cleaned

MAX_LENGTH: Final = 100_000
"""Longer texts are content: they stay as they are."""


def opened(value: Any) -> Any:
    """A value whose object, list or text was JSON-encoded into a text, decoded; anything else as it is."""
    return decoded(value) if type(value) is str and value[:1] in ("{", "[", '"') else value


def decoded(value: Any) -> Any:
    """A value that was JSON-encoded into a text, decoded; what is no JSON, or holds what JSON cannot, as it is."""
    if type(value) is not str or len(value) >= MAX_LENGTH:
        return value
    try:
        found = {"": json.loads(value)}
    except (ValueError, RecursionError):
        return value
    return found[""] if cleaned(found) is found else value
