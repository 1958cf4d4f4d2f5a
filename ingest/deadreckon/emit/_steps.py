"""A span around a generator, which is current only while the generator runs.

Between two items the consumer runs, in the same context variables; what it emits there is not part of the span.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator
from types import TracebackType
from typing import Any

from deadreckon.emit._context import CURRENT, Context
from deadreckon.emit._span import Span


class Steps:
    """One generator's span: entered for each step of the generator, left for the consumer's."""

    __slots__ = ("_finish", "_inner", "_items", "_outer", "_span", "_streams")

    def __init__(self, span: Span, *, streams: bool, finish: Callable[[Span, Any], None] | None) -> None:
        """Prepare.

        Args:
            span: not yet started.
            streams: the first item is the first token.
            finish: is given all items at the end, where they are wanted.
        """
        self._span = span
        self._streams = streams
        self._finish = finish
        self._items: list[Any] = []
        self._inner: Context | None = None

    def __enter__(self) -> None:
        self._outer = CURRENT.get()
        if self._inner is None:
            self._span.start()
        else:
            CURRENT.set(self._inner)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self.end(error)
        self._inner = CURRENT.get()
        CURRENT.set(self._outer)

    def note(self, item: Any) -> Any:
        """Take notice of an item, and return it."""
        if self._streams:
            self._span.chunk()
            if not isinstance(item, str):
                self._span.read_usage(item)
        if self._finish:
            self._items.append(item)
        return item

    def end(self, error: BaseException | None) -> None:
        """Finish the span; a second call does nothing."""
        if self._finish:
            text = all(isinstance(item, str) for item in self._items)
            self._finish(self._span, "".join(self._items) if text else self._items)
        self._span.end(error)


class NoSteps:
    """Stands for the steps of a generator that has no span."""

    def __enter__(self) -> None:
        """Go on."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Go on."""

    def note(self, item: Any) -> Any:
        """Return the item."""
        return item

    def end(self, error: BaseException | None) -> None:
        """Go on."""


NO_STEPS = NoSteps()
Begin = Callable[[tuple[Any, ...], dict[str, Any]], Steps | NoSteps]


def generator(function: Any, begin: Begin) -> Any:
    """Return a generator function that does what `function` does, inside a span."""

    def wrapper(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        steps, inner = begin(args, kwargs), function(*args, **kwargs)
        resume: Callable[[], Any] = inner.__next__
        while True:
            with steps:
                try:
                    item = steps.note(resume())
                except StopIteration as stop:
                    steps.end(None)
                    return stop.value
            try:
                sent = yield item
            except GeneratorExit as stop:
                with steps:
                    inner.close()
                    steps.end(stop)
                raise
            except BaseException as error:  # noqa: BLE001  # it is the generator's to handle
                resume = _call(inner.throw, error)
            else:
                resume = inner.__next__ if sent is None else _call(inner.send, sent)

    return wrapper


def async_generator(function: Any, begin: Begin) -> Any:
    """Return an asynchronous generator function that does what `function` does, inside a span."""

    async def wrapper(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        steps, inner = begin(args, kwargs), function(*args, **kwargs)
        resume: Callable[[], Any] = inner.__anext__
        while True:
            with steps:
                try:
                    item = steps.note(await resume())
                except StopAsyncIteration:
                    steps.end(None)
                    return
            try:
                sent = yield item
            except GeneratorExit as stop:
                with steps:
                    await inner.aclose()
                    steps.end(stop)
                raise
            except BaseException as error:  # noqa: BLE001  # it is the generator's to handle
                resume = _call(inner.athrow, error)
            else:
                resume = inner.__anext__ if sent is None else _call(inner.asend, sent)

    return wrapper


def _call(function: Callable[[Any], Any], argument: Any) -> Callable[[], Any]:
    return lambda: function(argument)
