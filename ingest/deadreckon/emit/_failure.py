"""What an exception says in columns: status, error_type, error_message and the traceback's text."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any, Literal

from deadreckon.emit._encode import text_of

Status = Literal["ok", "error", "cancelled", "timeout"]
_MAX_MESSAGE = 2_000
_MAX_TRACEBACK = 32_768

# Cancellation and time-outs are known by name, so that asyncio, trio, anyio, httpx, requests or a provider's client
# need not be imported to be recognised.
_CANCELLED = ("CancelledError", "Cancelled")
_TIMEOUT = ("Timeout", "TimeoutError", "TimeoutException", "TimeoutExpired")


def status_of(error: BaseException | None) -> Status:
    """Classify how work ended: `timeout` and `cancelled` apart from `error`, because they are costs of another kind."""
    if error is None or (isinstance(error, SystemExit) and error.code in (None, 0)):
        return "ok"
    if isinstance(error, BaseExceptionGroup):  # as its members, where they agree
        members = {status_of(one) for one in error.exceptions}
        return members.pop() if len(members) == 1 else "error"
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, KeyboardInterrupt | GeneratorExit):
        return "cancelled"
    names = [cls.__name__ for cls in type(error).__mro__]
    if any(name in _CANCELLED for name in names):
        return "cancelled"
    if any(name.endswith(_TIMEOUT) for name in names):
        return "timeout"
    return "error"


def error_fields(error: BaseException) -> dict[str, Any]:
    """Return `error_type` (qualified with its module unless built in) and `error_message`."""
    cls = type(error)
    module = "" if cls.__module__ == "builtins" else f"{cls.__module__}."
    return {"error_type": f"{module}{cls.__qualname__}", "error_message": text_of(error)[:_MAX_MESSAGE]}


def exception_fields(exc_info: Any) -> dict[str, Any]:
    """Return the error fields and `exception`, the traceback as text, for anything logging calls `exc_info`."""
    error = exc_info
    trace: TracebackType | None = None
    if isinstance(exc_info, tuple):
        error = exc_info[1] if len(exc_info) > 1 else None
        trace = exc_info[2] if len(exc_info) > 2 else None
    elif exc_info is True:
        error = sys.exc_info()[1]
    if not isinstance(error, BaseException):
        return {}
    fields = error_fields(error)
    try:
        import traceback  # not every process logs a traceback

        text = "".join(traceback.format_exception(type(error), error, trace or error.__traceback__)).rstrip("\n")
    except Exception:  # noqa: BLE001  # an exception that cannot be printed must not raise another
        return fields
    # The end names the fault; a deep recursion fills the start.
    fields["exception"] = text if len(text) <= _MAX_TRACEBACK else "..." + text[-_MAX_TRACEBACK:]
    return fields
