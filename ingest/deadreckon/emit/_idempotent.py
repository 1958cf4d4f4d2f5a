"""`@idempotent`: a call that was completed is not made again, by whatever process and after whatever crash."""

from __future__ import annotations

import functools
import inspect
import re
import time
from collections.abc import Callable, Iterator
from string import Formatter
from typing import Any, TypeVar

from deadreckon.emit._binding import bound
from deadreckon.emit._guard import is_asynchronous, module_of, namer, no_generator, title_of
from deadreckon.emit._ledger import Entry, Ledger, Unknown
from deadreckon.emit._spending import is_limit
from deadreckon.emit._store import pauses

_F = TypeVar("_F", bound=Callable[..., Any])
Key = str | Callable[..., Any]


def idempotent(
    key: Key,
    *,
    name: str | None = None,
    expires: float | None = None,
    wait: float = 30.0,
    unknown: Unknown = "raise",
) -> Callable[[_F], _F]:
    """Make a function whose completed calls are not made again: `@idempotent("refund:{order_id}")`.

    The result is kept as JSON (a tuple comes back as a list) and returned to later calls with the same key, in any
    process that has the same `state` folder. Inside, `idempotency_key` is bound, for the other side to know it too.

    A call that raises is not completed, and may be made again; one that ends in a time-out or cancellation, or whose
    process was killed, may have been made: see `unknown`. The decorated function has `forget(*args, **kwargs)`, which
    allows the call again, and `settle(result, *args, **kwargs)`, which keeps a result that was found out otherwise.

    Args:
        key: what tells calls apart: a template over the arguments' names, or a function of arguments by their names.
        name: keeps keys of different functions apart; the function's module and name.
        expires: seconds after which a completed call may be made again; never.
        wait: seconds to wait for somebody else who is making the same call.
        unknown: what to do when nobody knows whether an earlier call was made: `raise`, or `rerun`.

    Raises:
        InFlightError: somebody else did not finish in time.
        OutcomeUnknownError: an earlier call may have been made.
        ResultLostError: the call was made, but its result could not be kept.
        OSError: what is to be known about the call cannot be put on disk; it was not made.
        TypeError: when a function is decorated: the key asks for what its arguments are not called.
        ValueError: an argument here cannot work.
    """
    for what, value in (("expires", expires), ("wait", wait)):
        if value is not None and not is_limit(value):
            raise ValueError(f"idempotent({what}={value!r}): expected a number of 0 or more, in seconds")
    if unknown not in ("raise", "rerun"):
        raise ValueError(f"idempotent(unknown={unknown!r}): expected raise or rerun")

    def decorate(function: Any) -> Any:
        no_generator(function, "idempotent")
        ledger = Ledger(name or f"{module_of(function)}.{title_of(function)}", expires, wait, unknown)
        named = namer(function)
        known = inspect.signature(function).parameters
        missing = [one for one in _asked(key) if one not in known]
        if missing:
            raise TypeError(
                f"the key of {title_of(function)} asks for {', '.join(missing)}; "
                f"it can ask for {', '.join(known) or 'nothing'}"
            )
        make = key.format_map if isinstance(key, str) else _by_name(key)

        def entry(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Entry:
            return ledger.entry(str(make(named(args, kwargs))))

        wrapper = _asynchronous(function, entry) if is_asynchronous(function) else _plain(function, entry)
        wrapped: Any = functools.wraps(function)(wrapper)

        def forget(*args: Any, **kwargs: Any) -> bool:
            """Allow the call again; False when nothing is known of it."""
            return entry(args, kwargs).forget()

        def settle(result: Any, /, *args: Any, **kwargs: Any) -> None:
            """Keep a result that was found out otherwise."""
            entry(args, kwargs).settle(result)

        wrapped.forget, wrapped.settle = forget, settle
        return wrapped

    return decorate


def _plain(function: Any, entry: Callable[..., Entry]) -> Any:
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        one = entry(args, kwargs)
        for pause in _turns(one):
            time.sleep(pause)
        with one, bound(idempotency_key=one.key):
            if one.found:
                return one.result
            result = function(*args, **kwargs)
            one.keep(result)
            return result

    return wrapper


def _asynchronous(function: Any, entry: Callable[..., Entry]) -> Any:
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        import asyncio

        one = entry(args, kwargs)
        for pause in _turns(one):
            await asyncio.sleep(pause)
        with one, bound(idempotency_key=one.key):
            if one.found:
                return one.result
            result = await function(*args, **kwargs)
            one.keep(result)
            return result

    return wrapper


def _turns(one: Entry) -> Iterator[float]:
    """Yield the pauses until it is our turn.

    Raises:
        InFlightError: it does not come.
    """
    waiting = pauses(one.ledger.wait)
    while not one.take():
        pause = next(waiting, None)
        if pause is None:
            raise one.refuse_in_flight()
        yield pause


def _asked(key: Key) -> list[str]:
    """Return the arguments that a key needs by name."""
    if isinstance(key, str):
        try:
            places = [place for _, place, _, _ in Formatter().parse(key) if place is not None]
        except ValueError as error:
            raise TypeError(f"the key {key!r} is no template: {error}") from error
        return [re.split(r"[.\[]", place)[0] or "{}" for place in places]
    parameters = inspect.signature(key).parameters.values()
    return [one.name for one in parameters if one.default is one.empty and one.kind is not one.VAR_KEYWORD]


def _by_name(key: Callable[..., Any]) -> Callable[[dict[str, Any]], Any]:
    wants = list(inspect.signature(key).parameters)
    return lambda named: key(**{name: named[name] for name in wants if name in named})
