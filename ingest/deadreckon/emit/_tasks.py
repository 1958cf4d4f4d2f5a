"""The asyncio tasks of a block, and how they are cancelled; asyncio is not imported for it."""

from __future__ import annotations

import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any


class Tasks:
    """The task that runs a block, if one does, and those that are known to work for it."""

    __slots__ = ("_before", "_lock", "_open", "_others", "_owner", "_timer", "cancels")

    def __init__(self) -> None:
        """Begin where the block does; `cancels` counts how often the block itself was cancelled."""
        self._owner = current_task()
        # Not 0 after a TaskGroup that failed, in some versions of Python, though that cancellation is over.
        self._before = self._owner.cancelling() if self._owner is not None else 0
        self._others: weakref.WeakSet[Any] = weakref.WeakSet()
        self._lock = threading.RLock()
        self._timer: Any = None
        self._open = True
        self.cancels = 0

    def call_later(self, seconds: float, then: Callable[[], None]) -> None:
        """Have the loop of the block's task call something, while the block lasts."""
        if self._owner is not None:
            self._timer = self._owner.get_loop().call_later(seconds, then)

    def join(self, task: Any) -> None:
        """Take notice of a task that works for the block, or of None."""
        if task is not None and task is not self._owner:
            with self._lock:
                self._others.add(task)

    def cancel(self) -> None:
        """Cancel all but the task that this is called in; that one finds out by itself."""
        with self._lock:
            others = [*self._others]
        here = current_task()
        for task in others:
            if task is not here:
                _soon(task, task.cancel)
        if self._owner is not None:
            _soon(self._owner, self._cancel_owner)

    def _cancel_owner(self) -> None:
        # Runs in the loop, so the block is suspended in here or it has ended.
        if self._open and self._owner is not None:
            self.cancels += 1
            self._owner.cancel()

    def leave(self) -> bool:
        """End with the block, and take its cancellation back; False when somebody else wants it cancelled too."""
        self._open = False
        if self._timer is not None:
            self._timer.cancel()
        left = self._before
        for _ in range(self.cancels):
            left = self._owner.uncancel()
        return left <= self._before


def current_task() -> Any:
    """Return the asyncio task that runs here, if any."""
    asyncio = sys.modules.get("asyncio")
    if asyncio is None:
        return None
    try:
        return asyncio.current_task()
    except (RuntimeError, AttributeError):  # no loop runs here; another thread is in the middle of the import
        return None


def _soon(task: Any, cancel: Callable[[], Any]) -> None:
    try:
        task.get_loop().call_soon_threadsafe(cancel)
    except RuntimeError:
        pass  # its loop is closed, so it does not run any more
