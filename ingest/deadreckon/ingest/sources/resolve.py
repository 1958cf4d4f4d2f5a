"""Which id each input has: content decides, so that nothing is read twice and nothing is taken for something else.

An input whose content cannot be asked just now, as it was renamed while one looked, gets no id: the next look finds it.
To take it for a new one would be to read it twice.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from deadreckon.ingest.sources.archives import Archive
from deadreckon.ingest.sources.chunks import Known
from deadreckon.ingest.sources.files import PlainFile
from deadreckon.ingest.sources.identity import chain

_COMPARED: Final = 1 << 20
# An id may stay unused: its input was found together with others and vanished before anything of it was committed.
_GAP: Final = 16

Seekable = PlainFile | Archive


@dataclass(slots=True)
class Candidate:
    """A source whose id is still open: `base` is the first id of its chain."""

    source: Seekable
    base: str
    rotated: bool = False
    """Not asked for: a sibling that is read only if its beginning was read under another name."""
    done: int = 0
    """How much of it the ledger knows under the id chosen."""

    @property
    def length(self) -> int:
        """Decompressed bytes."""
        source = self.source
        return source.size if isinstance(source, PlainFile) else source.length()


class Compared:
    """What was found to hold what, so that a copy beside a log that grows is not compared again at each look."""

    def __init__(self) -> None:
        self._now: set[Hashable] = set()
        self._before: set[Hashable] = set()

    def next_look(self) -> None:
        """Forget what the last look did not ask for."""
        self._before, self._now = self._now, set()

    def holds(self, owner: Candidate, other: Candidate, start: int) -> bool:
        """Whether `owner` has all the bytes of `other`, in its place, from `start` on."""
        length = other.length
        if length == start:
            return True
        if owner.source.tail_hash(length) != other.source.tail_hash(length):
            return False
        key = (owner.source.file.inode, other.source.file.inode, length, start)
        if key in self._before or _equal(owner.source, other.source, start, length):
            self._now.add(key)
            return True
        return False


def _equal(ours: Seekable, theirs: Seekable, start: int, end: int) -> bool:
    position = start
    while position < end:
        size = min(_COMPARED, end - position)
        part = ours.peek(position, size)
        if part is None or part != theirs.peek(position, size):
            return False
        position += size
    return True


def resolve(candidates: Sequence[Candidate], known: Mapping[str, Known], compared: Compared) -> list[Candidate]:
    """Give each source its id and drop those whose bytes another one holds as well."""
    groups: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        groups.setdefault(candidate.base, []).append(candidate)
    return [chosen for base, group in groups.items() for chosen in _group(base, group, known, compared)]


def _group(base: str, group: list[Candidate], known: Mapping[str, Known], compared: Compared) -> list[Candidate]:
    taken = list(_known_chain(base, known))
    taken.sort(key=lambda item: item[1].end_offset)
    claims: dict[str, list[Candidate]] = {}
    fresh: list[Candidate] = []
    for candidate in group:
        candidate.source.vanished = False
        found = [item for item in taken if candidate.source.matches(item[1])]
        if found:
            name, entry = found[-1]
            candidate.source.id, candidate.done = name, entry.end_offset
            claims.setdefault(name, []).append(candidate)
        elif not (candidate.rotated or candidate.source.vanished):
            fresh.append(candidate)
    owners: list[Candidate] = []
    for claimants in claims.values():
        owner, *others = _longest_first(claimants)
        owners.append(owner)
        fresh += [other for other in others if not compared.holds(owner, other, other.done)]
    free = (name for name in chain(base) if name not in known)
    for candidate in _longest_first(fresh):
        if any(compared.holds(owner, candidate, 0) for owner in owners) or any(c.source.vanished for c in group):
            continue
        candidate.source.id, candidate.done = next(free), 0
        owners.append(candidate)
    for candidate in owners:
        if candidate.done:
            candidate.source.matches(known[candidate.source.id])
    for candidate in group:
        candidate.source.file.close()  # there may be more inputs than a process may have open
    return [owner for owner in owners if not owner.source.vanished]


def _known_chain(base: str, known: Mapping[str, Known]) -> Iterator[tuple[str, Known]]:
    missing = 0
    for name in chain(base):
        entry = known.get(name)
        if entry is not None:
            missing = 0
            yield name, entry
        else:
            missing += 1
            if missing > _GAP:
                return


def _longest_first(group: list[Candidate]) -> list[Candidate]:
    if len(group) < 2:
        return group
    lengths = {id(c): c.length for c in group}
    # Each archive is passed once, in order, for all the places at which it will be compared.
    for candidate in group:
        for length in sorted(set(lengths.values())):
            if length <= lengths[id(candidate)]:
                candidate.source.tail_hash(length)
    return sorted(group, key=lambda c: (-lengths[id(c)], isinstance(c.source, Archive), c.source.path))
