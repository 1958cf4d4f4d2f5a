"""Elastic Common Schema, nested, dotted, or both in one line."""

from __future__ import annotations

from typing import Any, Final

from deadreckon.ingest.dialects.draft import Draft
from deadreckon.ingest.dialects.fits import measure
from deadreckon.ingest.dialects.names import Names

KEYS: Final = frozenset({"ecs.version", "ecs"})
_EXTRA: Final = (
    ("host", ("host", "hostname")),
    ("environment", ("service", "environment")),
)


def reads(value: dict[str, Any]) -> bool:
    """Whether the line says that it is ECS."""
    if "ecs.version" in value:
        return True
    ecs = value.get("ecs")
    return type(ecs) is dict and "version" in ecs


def hidden(value: dict[str, Any], names: Names) -> frozenset[str]:
    """Field sets whose name is a column's: `event`, `service`, `host`, `labels`, ... are objects in ECS."""
    return frozenset(key for key, item in value.items() if type(item) is dict and key in names.flat)


def lift(draft: Draft, names: Names) -> None:
    """Columns out of field sets, nested or dotted, by the aliases of the schema."""
    for first, item in list(draft.rest.items()):
        if type(item) is dict and first != "agent":  # the shipper, not an agent of ours
            for path, column in names.nested.get(first, ()):
                if path[1] in item:
                    draft.lift(column, *path)
    for column, path in _EXTRA:
        draft.lift(column, *path) or draft.lift(column, ".".join(path))
    duration = draft.at("event", "duration")
    duration = measure(draft.rest.get("event.duration") if duration is None else duration)
    if duration is not None:
        draft.fill("duration_ms", duration / 1e6)
