"""One line that is one event: its keys by name and alias, then what its dialect adds."""

from __future__ import annotations

from typing import Any, Final

from deadreckon.ingest.dialects import (
    applications,
    console,
    ecs,
    envelopes,
    errors,
    gcp,
    genai,
    loguru,
    statuses,
    tracing,
    w3c,
)
from deadreckon.ingest.dialects.draft import Draft
from deadreckon.ingest.dialects.fits import FITS
from deadreckon.ingest.dialects.names import Names
from deadreckon.ingest.dialects.strange import cleaned

ENVELOPED: Final = frozenset({"log", "logName", "MESSAGE", "context"})
NAMED: Final = {
    "service": ("name",),
    "host": ("name", "hostname"),
    "environment": ("name",),
    "agent": ("name",),
    "tool": ("name",),
    "model": ("name", "id"),
    "provider": ("name",),
    "operation": ("name",),
}
"""Text columns that others write as an object, and where their text stands in it: `{"service": {"name": ...}}`."""
_NOTHING: Final[frozenset[str]] = frozenset()


def event(value: dict[str, Any], names: Names) -> dict[str, Any]:
    """The canonical object of a line."""
    if not ENVELOPED.isdisjoint(value):
        span = console.event(value, names)
        if span is not None:
            return span
        envelope = envelopes.opened(value)
        if envelope is not None:
            return _unwrapped(envelope, names)
    return _line(value, names)


def _unwrapped(envelope: envelopes.Envelope, names: Names) -> dict[str, Any]:
    """What stood inside, with what the envelope says; the envelope stays under its name."""
    found = _line(cleaned(envelope.inside), names)
    for column, value in envelope.columns.items():
        if column not in found and FITS[column](value):
            found[column] = value
    attributes = found.get("attributes", {})
    if type(attributes) is dict:
        draft = Draft({}, attributes)
        draft.keep(envelope.name, envelope.rest)
        found["attributes"] = attributes
    return found


def _line(value: dict[str, Any], names: Names) -> dict[str, Any]:
    is_ecs = ecs.reads(value)
    hidden = ecs.hidden(value, names) if is_ecs else _NOTHING
    if not applications.AMBIGUOUS.isdisjoint(value):
        hidden |= applications.hidden(value)
    draft = _by_name(value, names, hidden)
    rest = draft.rest
    statuses.settle(draft)
    if loguru.reads(rest):
        loguru.lift(draft, names)
    if is_ecs:
        ecs.lift(draft, names)
    if tracing.reads(rest):
        tracing.lift(draft, names)
    elif not names.asked.isdisjoint(rest):
        for first in [key for key in rest if key in names.asked]:
            for path, column in names.nested.get(first, ()):
                draft.lift(column, *path)
    if gcp.reads(rest):
        gcp.lift(draft)
    if "name" in hidden and applications.is_node(value):
        draft.lift("service", "name")
    errors.lift(draft)
    genai.lift(draft)
    if "traceparent" in rest:
        w3c.lift(draft)
    return draft.event()


def _named(draft: Draft, column: str, key: str) -> None:
    """Take the name out of an object where a name is meant; one without a name stays, to be refused."""
    item = draft.columns[column]
    for name in NAMED[column]:
        if type(item.get(name)) is str:
            draft.columns[column] = item.pop(name)
            if item:
                draft.keep(key, item)
            return


def _by_name(value: dict[str, Any], names: Names, hidden: frozenset[str]) -> Draft:
    """Split a line into columns and the rest; of two keys for a column, the one of lower rank that is not null wins."""
    columns: dict[str, Any] = {}
    ranks: dict[str, tuple[int, str]] = {}
    rest: dict[str, Any] = {}
    extra: list[tuple[str, dict[str, Any]]] = []
    for key, item in value.items():
        found = names.flat.get(key)
        if found is None or key in hidden:
            rest[key] = item
        elif item is not None:
            column, rank = found
            if column == "attributes" and type(item) is dict:
                extra.append((key, item))
            elif column not in columns:
                columns[column], ranks[column] = item, (rank, key)
            elif rank < ranks[column][0]:
                rest[ranks[column][1]] = columns[column]
                columns[column], ranks[column] = item, (rank, key)
            else:
                rest[key] = item
    draft = Draft(columns, rest)
    for column in NAMED:
        if type(columns.get(column)) is dict:
            _named(draft, column, ranks[column][1])
    for key, item in extra:
        if rest.keys().isdisjoint(item):
            rest.update(item)
        else:
            draft.keep(key, item)
    return draft
