"""Work that is done ahead by several threads, each of which does its first part alone, and in the order of turns."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Condition
from typing import Final, TypeVar

AHEAD: Final = 2
"""Pieces of work at a time: while one is decoded by all cores, the next is read and split by one."""

Taken = TypeVar("Taken")
Made = TypeVar("Made")


def ahead(
    pool: ThreadPoolExecutor,
    take: Callable[[], Taken | None],
    make: Callable[[int, Taken], Made],
    discard: Callable[[Made], None],
) -> Generator[Made]:
    """What `make` gives for each thing that `take` gives, in that order, until that is None.

    `take` is never called by two threads at once; `make` is, each time with another number below AHEAD. What was made
    and is not wanted any more, as the iterator was closed, goes to `discard`; then nothing of it runs any more.
    """
    turns = _Turns()

    def work(turn: int) -> Made | None:
        with turns.at(turn):
            taken = take()
        return None if taken is None else make(turn % AHEAD, taken)

    waiting = deque[Future[Made | None]](pool.submit(work, turn) for turn in range(AHEAD))
    turn = AHEAD
    try:
        while (made := waiting[0].result()) is not None:
            waiting.popleft()
            waiting.append(pool.submit(work, turn))
            turn += 1
            yield made
    finally:
        for future in waiting:
            if not future.cancel() and future.exception() is None and (unwanted := future.result()) is not None:
                discard(unwanted)


class _Turns:
    """Turns 0, 1, 2, ... of which each begins when the one before it has ended, in whatever way it did."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._next = 0

    @contextmanager
    def at(self, turn: int) -> Iterator[None]:
        """Wait for this turn, and end it."""
        with self._changed:
            self._changed.wait_for(lambda: self._next == turn)
        try:
            yield
        finally:
            with self._changed:
                self._next = turn + 1
                self._changed.notify_all()
