"""The HTTP server under the application: uvicorn, told to leave signals to us and to let nobody dawdle."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from deadreckon.serve.app import app
from deadreckon.serve.connection import protocol
from deadreckon.serve.receiver import Receiver


class Server(uvicorn.Server):
    """A server that is stopped by a call: uvicorn's own would raise the signal again when it has stopped."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield

    def stop(self) -> None:
        """Listen no more and answer what is at hand; called again, do not wait for it."""
        self.force_exit = self.should_exit
        self.should_exit = True


def server(receiver: Receiver) -> Server:
    """A server of this receiver, which is not running yet."""
    limits = receiver.limits
    return Server(
        uvicorn.Config(
            app(receiver),
            http=protocol(limits),
            log_config=None,
            log_level="error",  # what a sender does wrong is said to the sender
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            proxy_headers=False,
            limit_concurrency=limits.connections,
            timeout_keep_alive=int(limits.idle_seconds),
            timeout_graceful_shutdown=int(limits.stop_seconds),
        )
    )
