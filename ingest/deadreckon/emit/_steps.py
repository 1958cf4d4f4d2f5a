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
    """Drives one generator inside one span."""

    __slots__ = ("_finish", "_inner", "_items", "_outer", "_span", "_streams")

    def __init__(self, span: Span, streams: bool, finish: Callable[[Span, Any], None] | None) -> None:
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

    def through(self, generator: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        """Yield what `generator` yields, passing on what is sent and thrown."""
        resume: Callable[[], Any] = generator.__next__
        while True:
            with self:
                try:
                    item = resume()
                except StopIteration as stop:
                    self._end(None)
                    return stop.value
                self._note(item)
            try:
                sent = yield item
            except GeneratorExit as stop:
                with self:
                    generator.close()
                    self._end(stop)
                raise
            except BaseException as error:  # noqa: BLE001  # it is the generator's to handle
                resume = _call(generator.throw, error)
            else:
                resume = generator.__next__ if sent is None else _call(generator.send, sent)

    async def athrough(self, generator: AsyncGenerator[Any, Any]) -> AsyncGenerator[Any, Any]:
        """Yield what `generator` yields, passing on what is sent and thrown."""
        resume: Callable[[], Any] = generator.__anext__
        while True:
            with self:
                try:
                    item = await resume()
                except StopAsyncIteration:
                    self._end(None)
                    return
                self._note(item)
            try:
                sent = yield item
            except GeneratorExit as stop:
                with self:
                    await generator.aclose()
                    self._end(stop)
                raise
            except BaseException as error:  # noqa: BLE001  # it is the generator's to handle
                resume = _call(generator.athrow, error)
            else:
                resume = generator.__anext__ if sent is None else _call(generator.asend, sent)

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
            self._end(error)
        self._inner = CURRENT.get()
        CURRENT.set(self._outer)

    def _note(self, item: Any) -> None:
        if self._streams:
            self._span.first_token()
        if self._finish:
            self._items.append(item)

    def _end(self, error: BaseException | None) -> None:
        if self._finish:
            text = all(isinstance(item, str) for item in self._items)
            self._finish(self._span, "".join(self._items) if text else self._items)
        self._span.end(error)


def _call(function: Callable[[Any], Any], argument: Any) -> Callable[[], Any]:
    return lambda: function(argument)
