"""Which key is which column: the alias table turned into what rewriting needs, compiled once per table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from deadreckon.core.schema import EVENTS, alias_table

GENERIC: Final = frozenset({"gen_ai", "llm", "trace", "span", "session", "user", "openinference", "deployment"})
"""Objects at the top of any line that are looked into by dotted alias: `{"session": {"id": ...}}` is `session.id`."""

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Names:
    """Keys by what they mean."""

    flat: Mapping[str, tuple[str, int]]
    """Key -> its column, and its rank among that column's keys: 0 its own name, then the user's, then ours."""
    nested: Mapping[str, tuple[tuple[Path, str], ...]]
    """First segment of a dotted key -> (path, column) in order of rank."""
    asked: frozenset[str]
    """First segments that any line is looked into for: ours that are common, and all of the user's."""


def compiled(aliases: Mapping[str, str]) -> Names:
    """The names of this alias table; the last table asked for is remembered."""
    if not _memory or _memory[0][0] is not aliases:
        _memory[:] = [(aliases, _compile(aliases))]
    return _memory[0][1]


def users_segments(aliases: Mapping[str, str]) -> frozenset[str]:
    """The first segments of the user's dotted aliases."""
    return frozenset(key.split(".", 1)[0] for key in _users(aliases) if "." in key)


_memory: list[tuple[Mapping[str, str], Names]] = []


def _users(aliases: Mapping[str, str]) -> list[str]:
    builtin = alias_table()
    return [key for key, column in aliases.items() if builtin.get(key) != column]


def _compile(aliases: Mapping[str, str]) -> Names:
    users = {key: place for place, key in enumerate(_users(aliases), 1)}
    ours = {alias: 1_000_000 + i for column in EVENTS.values() for i, alias in enumerate(column.aliases)}
    flat = {
        key: (column, 0 if key == column else users.get(key) or ours.get(key, 2_000_000))
        for key, column in aliases.items()
    }
    nested: dict[str, list[tuple[int, Path, str]]] = {}
    for key, (column, rank) in flat.items():
        if "." in key:
            path = tuple(key.split("."))
            nested.setdefault(path[0], []).append((rank, path, column))
    return Names(
        flat,
        {first: tuple((path, column) for _, path, column in sorted(found)) for first, found in nested.items()},
        (GENERIC & nested.keys()) | users_segments(aliases),
    )
