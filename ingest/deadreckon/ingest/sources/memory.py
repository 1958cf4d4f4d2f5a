"""What a watcher remembers from look to look, so that inputs at rest cost a `stat` and nothing else."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from deadreckon.ingest.sources.archives import Archive
from deadreckon.ingest.sources.chunks import Known
from deadreckon.ingest.sources.files import PlainFile, SpoolFile
from deadreckon.ingest.sources.places import Inode, Place, Signature
from deadreckon.ingest.sources.resolve import Candidate


@dataclass(frozen=True, slots=True)
class Rest:
    """Inputs of one beginning, all read to their ends or held by another: what the ledger knew, and who was there."""

    known: Mapping[str, Known | None]
    members: frozenset[Inode]


@dataclass(slots=True)
class Remembered:
    """What was found out about a file with one signature."""

    base: str
    archive: Archive | None = None
    rest: Rest | None = None


class Memory:
    """Remembers files as long as they are there and do not change."""

    def __init__(self) -> None:
        self._files: dict[Signature, Remembered] = {}

    def recall(self, place: Place) -> Remembered | None:
        """What is remembered of this very file."""
        return self._files.get(place.signature)

    def keep(self, place: Place, remembered: Remembered) -> None:
        """Remember it."""
        self._files[place.signature] = remembered

    def forget_all_but(self, places: Iterable[Place]) -> None:
        """Forget files that changed or went."""
        self._files = {p.signature: self._files[p.signature] for p in places if p.signature in self._files}

    def at_rest(self, place: Place, known: Mapping[str, Known], present: Collection[Inode]) -> bool:
        """Whether nothing can have come, as far as this file is concerned."""
        remembered = self._files.get(place.signature)
        if remembered is None or remembered.rest is None:
            return False
        rest = remembered.rest
        return all(known.get(n) == k for n, k in rest.known.items()) and all(m in present for m in rest.members)

    def note_rest(
        self, looked: Sequence[tuple[Place, Candidate]], chosen: Sequence[Candidate], known: Mapping[str, Known]
    ) -> None:
        """After a look: remember which groups of files have nothing more to give."""
        chosen_ids = {id(candidate) for candidate in chosen}
        groups: dict[str, list[tuple[Place, Candidate]]] = {}
        for place, candidate in looked:
            groups.setdefault(candidate.base, []).append((place, candidate))
        for group in groups.values():
            owners = [c for _, c in group if id(c) in chosen_ids]
            quiet = not any(may_have(c) for c in owners)
            rest = Rest({c.source.id: known.get(c.source.id) for c in owners}, frozenset(p.inode for p, _ in group))
            for place, _ in group:
                remembered = self._files.get(place.signature)
                if remembered is not None:
                    remembered.rest = rest if quiet else None


def may_have(candidate: Candidate) -> bool:
    """Whether an input may have something to read, to say or to be removed."""
    source = candidate.source
    if source.problem or isinstance(source, SpoolFile):
        return True
    if isinstance(source, PlainFile):
        return source.size > candidate.done
    return not source.ends_at(candidate.done) or source.removable
