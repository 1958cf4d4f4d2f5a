"""`@contract`: what must hold before and after a call, and what rules allow it; each check is an event."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Generator, Iterable, Mapping
from typing import Any, Literal

from deadreckon.emit._encode import text_of
from deadreckon.emit._guard import GuardError, Named, is_asynchronous, namer, title_of
from deadreckon.emit._kinds import write_contract
from deadreckon.emit._steps import NO_STEPS, NoSteps, async_generator

Check = Callable[..., Any]
Checks = Check | Mapping[str, Check] | Iterable[Check] | None
Kind = Literal["pre", "post", "policy"]
_MAX_REASON = 500
_RESULT = "result"


class ContractError(GuardError):
    """A contract was broken. `name` and `label` (pre, post, policy) say which, `reason` why."""

    name = ""
    label = ""
    reason = ""


class _Clause:
    """One check of one function."""

    __slots__ = ("_check", "_wants", "asynchronous", "label", "name")

    def __init__(self, label: Kind, name: str, check: Check, known: Iterable[str]) -> None:
        self.label = label
        self.name = name
        self._check = check
        self.asynchronous = inspect.iscoroutinefunction(check)
        parameters = inspect.signature(check).parameters.values()
        everything = any(one.kind is one.VAR_KEYWORD for one in parameters)
        self._wants = None if everything else [one.name for one in parameters]
        known = [*known, *([_RESULT] if label == "post" else [])]
        unknown = [one.name for one in parameters if one.default is one.empty and one.name not in known]
        if unknown and not everything:
            raise TypeError(
                f"the {label} check {name} asks for {', '.join(unknown)}; "
                f"it can ask for {', '.join(known) or 'nothing'}"
            )

    def ask(self, named: Mapping[str, Any]) -> Any:
        """Return what the check says, or for an asynchronous one what is to be awaited."""
        wanted = named if self._wants is None else {name: named[name] for name in self._wants if name in named}
        return self._check(**wanted)


class Guard:
    """The clauses of one function, and what happens when one does not hold."""

    def __init__(self, title: str, clauses: list[_Clause], *, enforce: bool) -> None:
        self._title = title
        self._enforce = enforce
        self.before = [one for one in clauses if one.label != "post"]
        self.after = [one for one in clauses if one.label == "post"]

    def check(self, clauses: list[_Clause], named: Mapping[str, Any]) -> None:
        """Ask each clause; write what it says."""
        for clause in clauses:
            try:
                said = _answer(clause.ask(named))
            except Exception as error:  # noqa: BLE001  # a check that fails did not say that all is well
                said = _failure(error)
            self._judge(clause, said)

    async def acheck(self, clauses: list[_Clause], named: Mapping[str, Any]) -> None:
        """Ask each clause, some of which may have to be awaited."""
        for clause in clauses:
            try:
                said = clause.ask(named)
                said = _answer(await said if inspect.isawaitable(said) else said)
            except Exception as error:  # noqa: BLE001  # as above
                said = _failure(error)
            self._judge(clause, said)

    def _judge(self, clause: _Clause, said: str | bool) -> None:
        reason = said[:_MAX_REASON] if isinstance(said, str) else None
        passed = said is True
        action = None
        if not passed:
            action = ("rejected" if clause.label == "post" else "refused") if self._enforce else "recorded"
        write_contract(clause.name, passed, label=clause.label, action=action, reason=reason, function=self._title)
        if passed or not self._enforce:
            return
        error = ContractError(
            f"{self._title}: {clause.label} {clause.name} does not hold" + (f": {reason}" if reason else ""),
            hint="the result was not returned; what the call did is done"
            if clause.label == "post"
            else "the call was not made; change its arguments, or the contract",
        )
        error.name, error.label, error.reason = clause.name, clause.label, reason or ""
        raise error


def guard(name: str | None, pre: Checks, post: Checks, policy: Checks, *, enforce: bool) -> Callable[[Any], Any]:
    """Return the decorator; see `emit.contract`."""

    def decorate(function: Any) -> Any:
        if isinstance(function, staticmethod | classmethod):
            return type(function)(decorate(function.__func__))
        title = name or title_of(function)
        parameters = inspect.signature(function).parameters
        given: tuple[tuple[Kind, Checks], ...] = (("pre", pre), ("policy", policy), ("post", post))
        clauses = [
            _Clause(label, title_, check, parameters)
            for label, checks in given
            for title_, check in _listed(label, checks, title)
        ]
        return functools.wraps(function)(
            _wrapped(function, namer(function), Guard(title, clauses, enforce=enforce), clauses)
        )

    return decorate


def _wrapped(function: Any, named: Named, guarded: Guard, clauses: list[_Clause]) -> Any:
    generator, asynchronous = inspect.isgeneratorfunction(function), inspect.isasyncgenfunction(function)
    if (generator or asynchronous) and guarded.after:
        raise TypeError(f"post cannot look at the generator {title_of(function)}: check what its consumer collected")
    if is_asynchronous(function):

        async def coroutine(*args: Any, **kwargs: Any) -> Any:
            arguments = named(args, kwargs)
            await guarded.acheck(guarded.before, arguments)
            result = await function(*args, **kwargs)
            await guarded.acheck(guarded.after, {**arguments, _RESULT: result})
            return result

        return coroutine
    waiting = [one.name for one in clauses if one.asynchronous]
    if waiting:
        raise TypeError(
            f"{', '.join(waiting)} must be awaited, which {title_of(function)} cannot: make it a plain function"
        )
    if generator:

        def steps(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            guarded.check(guarded.before, named(args, kwargs))
            return (yield from function(*args, **kwargs))

        return steps
    if asynchronous:

        def gate(args: tuple[Any, ...], kwargs: dict[str, Any]) -> NoSteps:
            guarded.check(guarded.before, named(args, kwargs))
            return NO_STEPS

        return async_generator(function, gate)

    def plain(*args: Any, **kwargs: Any) -> Any:
        arguments = named(args, kwargs)
        guarded.check(guarded.before, arguments)
        result = function(*args, **kwargs)
        guarded.check(guarded.after, {**arguments, _RESULT: result})
        return result

    return plain


def _listed(label: str, checks: Checks, title: str) -> list[tuple[str, Check]]:
    if checks is None:
        return []
    if isinstance(checks, Mapping):
        return list(checks.items())
    many = [checks] if callable(checks) else list(checks)
    names = [getattr(check, "__name__", label) for check in many]
    return [
        (f"{title}.{label}{number or ''}" if name == "<lambda>" else name, check)
        for number, (name, check) in enumerate(zip(names, many, strict=True))
    ]


def _answer(said: Any) -> str | bool:
    if inspect.iscoroutine(said):
        said.close()
        raise TypeError("it must be awaited, which a plain function cannot")
    return said if isinstance(said, str) else said is None or bool(said)


def _failure(error: Exception) -> str:
    text = text_of(error)
    if isinstance(error, AssertionError):
        return text or "an assertion failed"
    return f"the check raised {type(error).__name__}: {text}"
