"""Rules whose windows depend on those before: what they remember of a stream is kept with its state, exactly once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol, runtime_checkable

from deadreckon.core.lake import Lake
from deadreckon.monitor.windows import Facts


class Remembered(NamedTuple):
    """What was measured of one group in one window, and what will have to be known of it in the next."""

    labels: dict[str, str | None]
    value: float | None
    n: int
    unknown: str
    """Why nothing can be said yet; empty where something can."""
    memory: str
    facts: Facts
    """What the value rests on."""


@runtime_checkable
class Remembering(Protocol):
    """A rule that is asked in this way, and not for what it measured."""

    def remembered(
        self, lake: Lake, memories: Mapping[str, str], first: int, last: int
    ) -> Iterator[tuple[int, list[Remembered]]]:
        """The steps first to last, in their order. `memories`: what was remembered before, by labels (see `key_of`).

        Raises:
            QueryError: it cannot be evaluated.
        """
        ...
