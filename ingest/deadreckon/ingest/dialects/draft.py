"""An event in the making: columns found so far, and the rest of the line, which becomes attributes."""

from __future__ import annotations

from typing import Any

from deadreckon.ingest.dialects.fits import FITS
from deadreckon.ingest.dialects.names import Names


class Draft:
    """Columns, and what is left of a line.

    A value moved to a column as it is leaves the rest; one that was converted, or says more, stays there too.
    Both are owned: `rest` is changed in place.
    """

    __slots__ = ("columns", "rest")

    def __init__(self, columns: dict[str, Any], rest: dict[str, Any]) -> None:
        self.columns = columns
        self.rest = rest

    def lift(self, column: str, *path: str) -> bool:
        """Move the value at this path of the rest to a column that is still empty, if it fits."""
        if column in self.columns:
            return False
        node: Any = self.rest
        parents = []
        for key in path:
            if type(node) is not dict or key not in node:
                return False
            parents.append(node)
            node = node[key]
        if node is None or not FITS[column](node):
            return False
        self.columns[column] = node
        for parent, key in zip(reversed(parents), reversed(path), strict=True):
            del parent[key]
            if parent:
                break
        return True

    def fill(self, column: str, value: Any) -> bool:
        """Put a converted value into a column that is still empty, if it fits; where it came from stays as it is."""
        if column in self.columns or value is None or not FITS[column](value):
            return False
        self.columns[column] = value
        return True

    def keep(self, key: str, value: Any) -> None:
        """Put a value among the attributes; a key that is taken gets `~2`, `~3`, ..."""
        name, clash = key, 2
        while name in self.rest:
            name = f"{key}~{clash}"
            clash += 1
        self.rest[name] = value

    def at(self, *path: str) -> Any:
        """The value at this path of the rest; None when there is none."""
        node: Any = self.rest
        for key in path:
            if type(node) is not dict:
                return None
            node = node.get(key)
        return node

    def event(self) -> dict[str, Any]:
        """The canonical object; `attributes` that were given and are no object stay, for the decoder to refuse."""
        if self.rest and "attributes" not in self.columns:
            return {**self.columns, "attributes": self.rest}
        return self.columns


def lift_named(draft: Draft, names: Names, *path: str) -> None:
    """Move what has a column's name or alias out of the rest, or out of an object in it."""
    fields = draft.at(*path) if path else draft.rest
    if type(fields) is not dict:
        return
    flat = names.flat
    for _, key in sorted([(flat[key][1], key) for key in fields if key in flat]):
        if flat[key][0] != "attributes":
            draft.lift(flat[key][0], *path, key)
