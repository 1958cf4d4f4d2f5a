"""Two traces side by side: their spans aligned by path, and what differs at each."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Literal

from deadreckon.queries.tree import Node, Tree, status_of

Change = Literal["", "only in a", "only in b"]
_Place = tuple[tuple[str, ...], int]


@dataclass(frozen=True, slots=True)
class Pair:
    """A span of the one trace and the span of the other at the same place; None where there is none.

    Attributes:
        path: the names from the root down.
        differs: what is not the same, of `status`, `error_type`, `model`, `model_version`, `input` and `output`; text
            is compared by its hash, and not at all where a side did not keep it.
    """

    path: tuple[str, ...]
    a: Node | None
    b: Node | None
    differs: tuple[str, ...]

    @property
    def change(self) -> Change:
        """Which side lacks it."""
        return "only in b" if self.a is None else "only in a" if self.b is None else ""

    @property
    def depth(self) -> int:
        """0 for a root."""
        return len(self.path) - 1


def align(a: Tree, b: Tree) -> list[Pair]:
    """The spans of both traces: those of `a` in reading order, those that only `b` has behind their neighbours there.

    A path that occurs more than once (a tool called three times) is aligned call by call, in order of time. The order
    of siblings does not matter: children in parallel begin now in this order and now in that.
    """
    left, right = _placed(a), _placed(b)
    following: dict[_Place | None, list[_Place]] = {}
    neighbour: _Place | None = None
    for place in right:
        if place in left:
            neighbour = place
        else:
            following.setdefault(neighbour, []).append(place)
    pairs = [Pair(path, None, right[path, turn], ()) for path, turn in following.get(None, [])]
    for place, node in left.items():
        other = right.get(place)
        pairs.append(Pair(place[0], node, other, _differing(node, other) if other is not None else ()))
        pairs += [Pair(path, None, right[path, turn], ()) for path, turn in following.get(place, [])]
    return pairs


def _placed(tree: Tree) -> dict[_Place, Node]:
    """Each span by its path and by which it is of those at that path."""
    paths: dict[int, tuple[str, ...]] = {}
    turns: Counter[tuple[str, ...]] = Counter()
    found: dict[_Place, Node] = {}
    for node in tree.spans:
        path = (*(paths[id(node.parent)] if node.parent is not None else ()), node.name)
        paths[id(node)] = path
        turns[path] += 1
        found[path, turns[path]] = node
    return found


def _differing(a: Node, b: Node) -> tuple[str, ...]:
    found = [] if status_of(a.event) == status_of(b.event) else ["status"]
    for text in ("output", "input"):
        hashes = [n.event.get(f"{text}_hash") for n in (a, b)]
        if None not in hashes and hashes[0] != hashes[1]:
            found.append(text)
    found += [k for k in ("model_version", "model", "error_type") if a.event[k] != b.event[k]]
    return tuple(found)
