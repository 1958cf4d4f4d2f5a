"""The background thread that does what an application must not wait for: forcing data to the disk and sealing."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Keeper:
    """Runs `work` when woken and when the time is up that `work` returned last; None means until woken.

    It starts at the first wake and is a daemon: a process that ends does not wait for it.
    """

    __slots__ = ("_signal", "_thread", "_work", "possible")

    def __init__(self, work: Callable[[], float | None]) -> None:
        self._work = work
        self._signal = _signal()
        self._thread: threading.Thread | None = None
        self.possible = True

    @property
    def running(self) -> bool:
        """Whether the thread exists."""
        return self._thread is not None

    def wake(self) -> bool:
        """Have the work done soon; False when this process cannot have threads."""
        if self._thread is None:
            if not self.possible:
                return False
            thread = threading.Thread(target=self._run, args=(self._signal,), name="deadreckon-emit", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # the interpreter is shutting down, or the limit of threads is reached
                self.possible = False
                return False
            self._thread = thread
        _raise(self._signal)
        return True

    def stop(self, seconds: float) -> None:
        """End the thread, waiting at most `seconds` for the work at hand; a later wake starts another."""
        thread, self._thread = self._thread, None
        if thread is None or thread is threading.current_thread():
            return
        # The thread knows by its signal whether it is still the one: a new signal is for a new thread.
        signal, self._signal = self._signal, _signal()
        _raise(signal)
        thread.join(seconds)

    def _run(self, signal: threading.Lock) -> None:
        wait: float | None = None
        while True:
            signal.acquire(timeout=-1 if wait is None else max(wait, 0.0))
            if signal is not self._signal:
                return
            wait = self._work()


# The signal is a bare lock, locked unless raised. `threading.Event` would do the same in Python code, and an interrupt
# in the middle of its `set` leaves it locked for ever.
def _signal() -> threading.Lock:
    lock = threading.Lock()
    lock.acquire()
    return lock


def _raise(signal: threading.Lock) -> None:
    try:
        signal.release()
    except RuntimeError:
        return  # raised already
