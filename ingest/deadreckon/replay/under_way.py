"""`with replaying(recording)`: which code is inside of which replay."""

from __future__ import annotations

import contextvars
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from deadreckon import emit
from deadreckon.emit._context import CURRENT
from deadreckon.emit._deadletter import REPLAYING
from deadreckon.emit._stand_in import PLACE
from deadreckon.replay.recording import Recording
from deadreckon.replay.replay import Missing, Replay

_HERE: contextvars.ContextVar[Replay | None] = contextvars.ContextVar("deadreckon.replay", default=None)
_UNDER_WAY: dict[str, Replay] = {}
_everywhere: Replay | None = None


def under_way() -> Replay | None:
    """The replay that this code runs in, if any.

    It is known by a context variable, by what `emit.carry` takes along into threads, or by being the only one there is.
    """
    return _HERE.get() or _UNDER_WAY.get(CURRENT.get().bindings.fields.get("replay_id", "")) or _everywhere


@contextmanager
def replaying(
    recording: Recording,
    *,
    live: Collection[str] = (),
    missing: Missing = "error",
    answer: Collection[str] = (),
    masked: bool = False,
    environment: str = "replay",
    everywhere: bool = False,
    trace_id: str | None = None,
) -> Iterator[Replay]:
    """Answer calls of traced tools and models in this block from a recording; what runs is a trace of its own.

    Holds for this task and those that it starts, and for threads that were given `emit.carry(function)`.

    Args:
        recording: the trace to replay.
        live: what is called for real: `llm`, `tool`, `tool:NAME`, `llm:NAME`, `all`.
        missing: what becomes of a call that was not recorded: `error`, `live`, or `skip`, which returns None.
        answer: names of the program's own traced steps to answer as well.
        masked: recorded results that were redacted are returned with their masks.
        environment: of the new run's events.
        everywhere: also in threads that carry nothing, and after the block in those that it left behind: in a process
            that does nothing else.
        trace_id: of the new run; a new one.

    Raises:
        NotAnsweredError: in the block, from a call that the recording does not answer.
    """
    global _everywhere  # noqa: PLW0603  # one process, one replay everywhere
    PLACE.find = under_way
    replay = Replay(recording, live=live, missing=missing, answer=answer, masked=masked, trace_id=trace_id)
    before = CURRENT.get()
    here, letters = _HERE.set(replay), REPLAYING.set(True)
    _UNDER_WAY[replay.id] = replay
    _everywhere = replay if everywhere else None
    ids = {"replay_id": replay.id, "replay_of_trace_id": recording.trace_id, "environment": environment}
    try:
        with emit.bound(**ids, trace_id=replay.trace_id):
            yield replay
    finally:
        CURRENT.set(before)
        del _UNDER_WAY[replay.id]
        REPLAYING.reset(letters)
        _HERE.reset(here)
