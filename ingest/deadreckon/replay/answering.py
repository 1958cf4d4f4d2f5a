"""What a recorded call gives in place of one that is made now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from deadreckon.emit._stand_in import Answer
from deadreckon.replay import rebuild
from deadreckon.replay.recording import Call


def answer_of(call: Call, function: Callable[..., Any], *, streams: bool, masked: bool) -> Answer:
    """The answer that a recorded call holds for a call of `function`.

    `masked`: a result in which secrets were masked is one.

    Raises:
        UnclearError: it holds none; the message says why.
    """
    if call.status in ("cancelled", "running"):
        ended = "was cancelled" if call.status == "cancelled" else "never ended"
        raise rebuild.UnclearError(f"the recorded call {ended}, and has no result")
    error = None
    if call.status != "ok":
        error = rebuild.error(call.error_type, call.error_message, function)
        if not (streams and call.output.text):
            return Answer(error=error)
    trouble = call.output.trouble("its recorded output")
    mask = "" if masked else call.output.masks(call.output.value)
    if mask:
        trouble = f"its recorded output was redacted ({mask}); --masked takes it as it is"
    if trouble is not None:
        raise rebuild.UnclearError(trouble)
    if streams:
        return Answer(items=tuple(rebuild.items(call.output, function)), error=error)
    return Answer(rebuild.result(call.output, function, model=call.kind == "llm"))
