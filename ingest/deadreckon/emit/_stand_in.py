"""What may answer the call of a traced function in place of the function: the replay of a recorded trace.

emit knows only this much of it. As long as there was no replay in the process, a call costs one look at `PLACE`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol


@dataclass(frozen=True, slots=True)
class Answer:
    """What to return, or to raise, in place of a call.

    Attributes:
        items: what a generator gives before.
        waits_s: how long to wait for being cancelled before, None for not at all.
        beyond: makes the error to raise where the recording ends before the call does.
    """

    result: Any = None
    items: tuple[Any, ...] = ()
    error: BaseException | None = None
    waits_s: float | None = None
    beyond: Callable[[], BaseException] | None = None

    def end(self) -> Any:
        """Return the result, or raise the error."""
        if self.beyond is not None:
            raise self.beyond()
        if self.error is not None:
            raise self.error
        return self.result


class StandIn(Protocol):
    """Answers calls."""

    def answer(self, function: Callable[..., Any], named: Mapping[str, Any], *, streams: bool) -> Answer | None:
        """What the call of a traced function, whose span is current, gets; None lets it be made."""

    def block(self, name: str, fields: Mapping[str, Any]) -> None:
        """Take notice of a span that is a block of code, which nothing can answer; raises to keep it from running."""


@dataclass(slots=True)
class Place:
    """`find` gives what stands in for calls of the code that asks; None where there never was a replay."""

    find: Callable[[], StandIn | None] | None = None


PLACE: Final = Place()
