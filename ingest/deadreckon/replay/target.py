"""The code that is replayed: found by name, checked against the recorded arguments, run to its end."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from deadreckon import emit
from deadreckon.core.errors import UsageError
from deadreckon.emit._encode import text_of
from deadreckon.emit._guard import call_named
from deadreckon.emit._letters import DeadLetterError, resolve
from deadreckon.emit._trace import is_traced
from deadreckon.replay import rebuild
from deadreckon.replay.recording import Recording


def found(entry: str) -> Callable[..., Any]:
    """What `module:function` names.

    Raises:
        UsageError: there is no such function, or its module cannot be imported.
    """
    try:
        function: Callable[..., Any] = resolve(entry)
    except DeadLetterError as error:
        raise UsageError(str(error), hint=error.hint) from error
    except Exception as error:  # the module is the user's, and may raise anything
        raise UsageError(
            f"{entry!r} cannot be imported: {type(error).__name__}: {text_of(error)}",
            hint="python -c 'import " + entry.partition(":")[0] + "' shows where",
        ) from error
    return function


def fitting(function: Callable[..., Any], entry: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments in the types that the function says it takes.

    Raises:
        UsageError: they do not fit it.
    """
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return dict(arguments)
    kinds = inspect.Parameter
    named = {n for n, p in parameters.items() if p.kind not in (kinds.VAR_POSITIONAL, kinds.VAR_KEYWORD)}
    open_ = any(p.kind is kinds.VAR_KEYWORD for p in parameters.values())
    missing = [n for n in sorted(named) if parameters[n].default is kinds.empty and n not in arguments]
    unknown = [] if open_ else [n for n in arguments if n not in parameters]
    if missing or unknown:
        parts = [f"it wants {', '.join(missing)}"] if missing else []
        parts += [f"it does not take {', '.join(unknown)}"] if unknown else []
        raise UsageError(
            f"{entry} does not fit the recorded input ({', '.join(arguments) or 'no arguments'}): {'; '.join(parts)}",
            hint="name a function of the same arguments; a method needs its object: module:object.method"
            if "self" in missing
            else "name a function of the same arguments, or give what is missing: --set NAME=JSON",
        )
    return {name: _in_form(function, name, value) for name, value in arguments.items()}


def run(function: Callable[..., Any], arguments: Mapping[str, Any], recording: Recording) -> Any:
    """Call the function, to the end of what it streams or awaits; what it returned, items as a list.

    One that is not traced runs in a span with the name of the recorded root.
    """
    if is_traced(function):
        return _finished(function, arguments)
    with emit.span(recording.root.step, operation="internal", capture="text", input=dict(arguments)) as span:
        result = _finished(function, arguments)
        if result is not None:
            span.set(output=result)
        return result


def _finished(function: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
    result = call_named(function, arguments)
    if inspect.isawaitable(result):
        return asyncio.run(_awaited(result))
    if inspect.isasyncgen(result):
        return asyncio.run(_collected(result))
    return _joined(list(result)) if inspect.isgenerator(result) else result


async def _awaited(result: Any) -> Any:
    return await result


async def _collected(items: Any) -> Any:
    return _joined([item async for item in items])


def _joined(items: list[Any]) -> Any:
    return "".join(items) if all(isinstance(item, str) for item in items) else items


def _in_form(function: Callable[..., Any], name: str, value: Any) -> Any:
    says = rebuild.annotation(function, name)
    try:
        return rebuild.shaped(value, says)
    except (ValueError, TypeError):
        return value  # as it was recorded: code may say of an argument what is not so
