"""The HTTP server under the application: uvicorn, told to leave signals to us and to let nobody dawdle."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from deadreckon.serve.app import app
from deadreckon.serve.limits import Limits
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
            http=_protocol(limits),
            log_config=None,
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


def _protocol(limits: Limits) -> Any:
    try:
        from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol as Protocol
    except ImportError:
        from uvicorn.protocols.http.h11_impl import H11Protocol as Protocol  # type: ignore[assignment]

    class Prompt(Protocol):
        """A connection whose first request must begin in time: one that says nothing is closed."""

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            asyncio.get_running_loop().call_later(limits.request_seconds, self._expect)

        def _expect(self) -> None:
            if self.cycle is None and not self.transport.is_closing():
                self.transport.close()

    return Prompt
