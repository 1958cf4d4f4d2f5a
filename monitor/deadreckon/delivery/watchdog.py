"""An end to a conversation that goes on for too long: socket timeouts alone allow a byte now and then for ever."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Timer


@contextmanager
def hung_up_after(seconds: float, current: Callable[[], socket.socket | None]) -> Iterator[Event]:
    """Shut the socket that `current` gives after so many seconds; the event says whether that happened."""
    late = Event()

    def hang_up() -> None:
        late.set()
        sock = current()
        if sock is not None:
            try:
                # Not SSLSocket.shutdown, which takes the session away from under the thread that reads.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
            except OSError:
                pass  # it was closed just now

    timer = Timer(seconds, hang_up)
    timer.daemon = True
    timer.start()
    try:
        yield late
    finally:
        timer.cancel()
