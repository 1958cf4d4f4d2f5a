"""`budget`: a block that may use so much and no more, over all its threads and tasks, and is stopped when it has.

What is used is read from the spans that end inside. A block is stopped in two ways: asyncio tasks are cancelled, and
all else finds out when it begins its next span or calls `checkpoint`.
"""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from deadreckon.emit._context import CURRENT, PLAIN, Flow, restore
from deadreckon.emit._emitter import EMITTER
from deadreckon.emit._guard import GuardError, is_asynchronous, no_generator, title_of
from deadreckon.emit._kinds import write_contract
from deadreckon.emit._spending import (
    CALLS,
    MODEL_OPERATIONS,
    Account,
    amount,
    exact,
    figure,
    is_limit,
    is_one_of,
    repeats,
)
from deadreckon.emit._tasks import Tasks, current_task

if TYPE_CHECKING:
    from deadreckon.emit._span import Span

_F = TypeVar("_F", bound=Callable[..., Any])


class BudgetError(GuardError):
    """A budget is exhausted. `name` says which, `reason` what of it; `spent` and `limits` are by resource."""

    noun = "budget"
    name = ""
    reason = ""
    spent: Mapping[str, float] = {}
    limits: Mapping[str, float] = {}


class Budget:
    """Limits for a block, sync or async, or for each call of a function; `emit.budget(...)` makes one."""

    def __init__(self, name: str, limits: Mapping[str, float | None], error: type[BudgetError] = BudgetError) -> None:
        """Check the limits.

        Raises:
            ValueError: there is none, or one is no number of 0 or more.
        """
        self._given = name
        self.name = name or error.noun
        self.limits = {key: value for key, value in limits.items() if value is not None}
        self._kind = error
        wrong = [key for key, value in self.limits.items() if not is_limit(value)]
        if wrong or not self.limits:
            what = ", ".join(f"{key}={self.limits[key]!r}" for key in wrong) or "nothing"
            raise ValueError(
                f"{error.noun} {name!r} limits {what}: expected a number of 0 or more for {', '.join(limits)}"
            )
        self._open = False
        self._generation = EMITTER.generation

    # -- the block

    def __enter__(self) -> Self:
        if self._open and self._generation == EMITTER.generation:
            raise RuntimeError(f"{self._kind.noun} {self._given!r} is already in use: make one for each block")
        self._lock = threading.RLock()
        self._account = Account(self.limits)
        self._generation = EMITTER.generation
        self._broken = ""
        self._began = time.monotonic()
        previous = self._previous = CURRENT.get()
        flow = previous.flow or PLAIN
        self.outer = flow.budget
        self._tasks = Tasks()
        self._open = True
        if "seconds" in self.limits:
            self._tasks.call_later(self.limits["seconds"], self._expire)
        self._token = CURRENT.set(previous.within(Flow(flow.sampled, flow.rate, flow.tracestate, self)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        restore(self._token, self._previous)
        if self._generation != EMITTER.generation:
            return  # the process that this one was forked from ends its block itself
        with self._lock:
            self._late()
            self._open = False
        ours = self._tasks.leave()
        broken = self._broken
        self._write(error)
        if not broken or isinstance(error, BudgetError) or (error is not None and not self._caused(error)):
            return
        if ours or error is None or isinstance(error, BaseExceptionGroup):
            raise self._error() from error

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def __call__(self, function: _F) -> _F:
        """Guard every call of a function with a budget of its own."""
        no_generator(function, "a budget")
        name = self._given or title_of(function)
        wrapper: Any
        if is_asynchronous(function):

            async def wrapper(*args: Any, **kwargs: Any) -> Any:
                with Budget(name, self.limits, self._kind):
                    return await function(*args, **kwargs)

        else:

            def wrapper(*args: Any, **kwargs: Any) -> Any:
                with Budget(name, self.limits, self._kind):
                    return function(*args, **kwargs)

        wrapped: Any = functools.wraps(function)(wrapper)
        return cast("_F", wrapped)

    # -- spending

    @property
    def spent(self) -> dict[str, float]:
        """What was used so far: tokens, cost_usd, calls, seconds."""
        return {**self._account.spent, "seconds": time.monotonic() - self._began}

    @property
    def left(self) -> dict[str, float]:
        """What is left of each limit, at least 0."""
        spent = self.spent
        return {key: max(limit - spent[key], 0) for key, limit in self.limits.items()}

    def spend(self, *, tokens: int = 0, cost_usd: float = 0.0, calls: int = 0) -> None:
        """Take from this budget, and those around it, what no span states.

        Raises:
            BudgetError: one of them is exhausted.
            ValueError: an amount is no number of 0 or more.
        """
        amounts = [_given("tokens", tokens), _given("cost_usd", cost_usd), _given("calls", calls)]
        for one in self._chain():
            one._exhaust(one._account.add(*amounts))  # noqa: SLF001  # one of us
        self.check()

    def check(self) -> None:
        """Stop here when this budget, or one around it, is exhausted.

        Raises:
            BudgetError: it is.
        """
        for one in self._chain():
            one._late()  # noqa: SLF001
            if one._broken and one._open:  # noqa: SLF001
                raise one._error()  # noqa: SLF001

    def begin(self, operation: Any, around: Span | None) -> None:
        """Take notice of a span that begins: refuse it when nothing is left, and count it when it is a call.

        Raises:
            BudgetError: a budget is exhausted, or would be by this call.
        """
        counts = is_one_of(CALLS, operation) and not repeats(operation, around)
        task = current_task()
        for one in self._chain():
            one._tasks.join(task)  # noqa: SLF001
            if counts:
                one._exhaust(one._account.call())  # noqa: SLF001
        self.check()

    def charge_span(self, span_id: str, parent_span_id: str | None, fields: Mapping[str, Any]) -> None:
        """Take what a span that ended says it used; what spans inside it said already is not taken again."""
        tokens = int(amount(fields.get("input_tokens")) + amount(fields.get("output_tokens")))
        cost = None if fields.get("cost_usd") is None else amount(fields["cost_usd"])
        model = is_one_of(MODEL_OPERATIONS, fields.get("operation"))
        for one in self._chain():
            one._exhaust(one._account.charge(span_id, parent_span_id, tokens, cost, model=model))  # noqa: SLF001

    def _chain(self) -> Iterator[Budget]:
        one: Budget | None = self
        while one is not None:
            if one._generation == EMITTER.generation:  # noqa: SLF001  # else of the process that forked this one
                yield one
            one = one.outer

    # -- stopping

    def _late(self) -> None:
        seconds = self.limits.get("seconds")
        if seconds is not None and self._open and time.monotonic() - self._began >= seconds:
            self._expire()

    def _expire(self) -> None:
        self._exhaust(f"{figure(self.limits['seconds'])} s are over")

    def _exhaust(self, reason: str) -> None:
        """Stop the block, if there is a reason to."""
        if not reason:
            return
        with self._lock:
            if self._broken or not self._open:
                return
            self._broken = reason
        self._tasks.cancel()

    def _caused(self, error: BaseException) -> bool:
        if isinstance(error, BaseExceptionGroup):
            return all(self._caused(one) for one in error.exceptions)
        if isinstance(error, BudgetError):
            return error.name == self.name and error.reason == self._broken
        return bool(self._tasks.cancels) and type(error).__name__ == "CancelledError"

    def _error(self) -> BudgetError:
        spent = self.spent
        hint = "give it more, or let it do less" if self._kind is BudgetError else "give it longer, or let it do less"
        title = f"{self._kind.noun} {self._given}".strip()
        error = self._kind(f"{title} is exhausted: {self._broken}", hint=hint)
        error.name, error.reason, error.limits = self.name, self._broken, dict(self.limits)
        error.spent = spent
        return error

    def _write(self, error: BaseException | None) -> None:
        spent = self.spent
        action = None
        if self._broken:
            action = "cancelled" if self._tasks.cancels else "stopped"
        write_contract(
            self.name,
            not self._broken,
            label="budget",
            action=action,
            reason=self._broken or None,
            **{f"spent_{key}": exact(value) for key, value in spent.items()},
            **{f"limit_{key}": value for key, value in self.limits.items()},
            unpriced_calls=self._account.unpriced,
            error_type=type(error).__qualname__ if error is not None and not self._caused(error) else None,
        )


def budget(
    name: str = "",
    /,
    *,
    tokens: int | None = None,
    cost_usd: float | None = None,
    seconds: float | None = None,
    calls: int | None = None,
) -> Budget:
    """Return a budget to use as a block, `with` or `async with`, or as a decorator of functions.

    Args:
        name: what it is for, in events and errors; the function's name for a decorator.
        tokens: input and output tokens that the spans inside may state.
        cost_usd: US dollars that they may state; a call that states none counts as unpriced, and costs nothing here.
        seconds: how long the block may take.
        calls: model and tool calls that may be begun.

    Raises:
        ValueError: no limit is given, or one is no number of 0 or more.
    """
    limits = {"tokens": tokens, "cost_usd": cost_usd, "seconds": seconds, "calls": calls}
    return Budget(name, limits)


def checkpoint() -> None:
    """Stop here when a budget or time-out around this is exhausted: for loops that begin no spans.

    Raises:
        BudgetError: it is.
    """
    flow = CURRENT.get().flow
    if flow is not None and flow.budget is not None:
        flow.budget.check()


def current_budget() -> Budget | None:
    """Return the innermost budget here, if any."""
    flow = CURRENT.get().flow
    return flow.budget if flow is not None else None


def _given(what: str, value: Any) -> float:
    try:
        number = value if isinstance(value, int) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = -1
    if isinstance(value, str) or not is_limit(number):
        raise ValueError(f"budget.spend({what}={value!r}): expected a number of 0 or more")
    return number


def _soon(task: Any, cancel: Callable[[], Any]) -> None:
    try:
        task.get_loop().call_soon_threadsafe(cancel)
    except RuntimeError:
        pass  # its loop is closed, so it does not run any more
