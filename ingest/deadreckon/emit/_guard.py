"""What the guards share: their error, and how they look at the function that they guard."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from deadreckon.emit._answerable import body_of

SCRIPTS = ("__main__", "__mp_main__")
"""How Python calls the module of a script: in its process, and in the workers that multiprocessing starts anew."""


class GuardError(Exception):
    """A guard stopped something; `hint` is the next step."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint
        if hint:
            self.add_note(f"hint: {hint}")


Named = Callable[[tuple[Any, ...], dict[str, Any]], dict[str, Any]]


def namer(function: Any) -> Named:
    """Return what names the arguments of a call of `function`, defaults included.

    It raises TypeError, as the call itself would, for arguments that do not fit.
    """
    signature = inspect.signature(function)

    def named(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return dict(bound.arguments)

    return named


def placed(function: Any, named: Mapping[str, Any]) -> inspect.BoundArguments:
    """Return arguments given by name as a call of `function` takes them, also by position where it must be.

    Raises:
        TypeError: they do not fit.
    """
    signature = inspect.signature(function)
    given = dict(named)
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    for name, parameter in signature.parameters.items():
        if name not in given:
            continue
        value = given.pop(name)
        if parameter.kind is parameter.VAR_POSITIONAL:
            args = [*args, *value]
        elif parameter.kind is parameter.VAR_KEYWORD:
            kwargs = {**kwargs, **value}
        elif kwargs or parameter.kind is parameter.KEYWORD_ONLY:
            kwargs[name] = value
        else:
            args.append(value)
    return signature.bind(*args, **kwargs, **given)


def call_named(function: Any, named: Mapping[str, Any]) -> Any:
    """Call `function` with arguments by name.

    Raises:
        TypeError: they do not fit.
    """
    call = placed(function, named)
    return function(*call.args, **call.kwargs)


def title_of(function: Any) -> str:
    """Return how a function is called in events: its qualified name."""
    return str(getattr(function, "__qualname__", type(function).__qualname__)).replace("<locals>.", "")


def module_of(function: Any) -> str:
    """Return the name of a function's module; that of a script is its file's, as where it is imported."""
    name = str(function.__module__)
    script = sys.modules.get(name) if name in SCRIPTS else None
    spec, file = getattr(script, "__spec__", None), getattr(script, "__file__", None)
    return str(spec.name) if spec else Path(file).stem if file else name


def is_asynchronous(function: Any) -> bool:
    """Tell whether a call has to be awaited, also that of an object that can be called."""
    return inspect.iscoroutinefunction(body_of(function))


def no_generator(function: Any, what: str) -> None:
    """Refuse a generator.

    Raises:
        TypeError: it is one.
    """
    body = body_of(function)
    if inspect.isgeneratorfunction(body) or inspect.isasyncgenfunction(body):
        raise TypeError(f"{what} cannot guard the generator {title_of(function)}: guard the code that consumes it")
