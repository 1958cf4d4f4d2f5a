"""What a recorded call gives in place of one that is made now."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Final

from deadreckon.emit._answerable import body_of
from deadreckon.emit._stand_in import Answer
from deadreckon.replay import rebuild
from deadreckon.replay.recording import Call

_PATIENCE_S: Final = 5.0
"""How much longer than the recorded call one waits for being cancelled."""


def answer_of(call: Call, function: Callable[..., Any], *, streams: bool, masked: bool) -> Answer:
    """The answer that a recorded call holds for a call of `function`.

    `masked`: a result in which secrets were masked is one. A call that was cancelled waits for being cancelled, as long
    as it did then and a little longer; a stream that its consumer left gives what it had given.

    Raises:
        UnclearError: it holds none; the message says why.
    """
    cancelled = call.status == "cancelled"
    left = cancelled and streams and call.error_type == "GeneratorExit"
    if call.status == "running" or (cancelled and not left and not _awaits(function)):
        ended = "was cancelled" if cancelled else "never ended"
        raise rebuild.UnclearError(f"the recorded call {ended}, and has no result")
    waits_s = (call.duration_ms or 0.0) / 1000 + _PATIENCE_S if cancelled and not left else None
    error = None
    if call.status != "ok" and not cancelled:
        error = rebuild.error(call.error_type, call.error_message, function)
    if call.status != "ok" and not (streams and call.output.text):
        return Answer(error=error, waits_s=waits_s)
    trouble = call.output.trouble("its recorded output")
    mask = "" if masked else call.output.masks(call.output.value)
    if mask:
        trouble = f"its recorded output was redacted ({mask}); --masked takes it as it is"
    if trouble is not None:
        raise rebuild.UnclearError(trouble)
    if streams:
        return Answer(items=tuple(rebuild.items(call.output, function)), error=error, waits_s=waits_s)
    return Answer(rebuild.result(call.output, function, model=call.kind == "llm"))


def _awaits(function: Callable[..., Any]) -> bool:
    body = body_of(function)
    return inspect.iscoroutinefunction(body) or inspect.isasyncgenfunction(body)
