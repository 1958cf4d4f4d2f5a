"""The HTTP server under the application: uvicorn, told to leave signals to us and to let nobody dawdle."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from deadreckon.serve.app import app
from deadreckon.serve.limits import Limits
from deadreckon.serve.receiver import Receiver

_MAX_HEAD: Final = 64 << 10
_TOO_LONG: Final = b"HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


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


def _protocol(limits: Limits) -> type[HttpToolsProtocol]:
    class Prompt(HttpToolsProtocol):
        """A connection whose requests must each begin and have its head in time, and of a length that can be held."""

        _deadline: asyncio.TimerHandle | None = None
        _in_head = False
        _head = 0
        """Bytes of the head that is arriving, as far as they came after its first."""

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._expect()

        def connection_lost(self, exc: Exception | None) -> None:
            self._expected()
            super().connection_lost(exc)

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self._in_head, self._head = True, 0
            self._expect()

        def on_headers_complete(self) -> None:
            self._in_head = False
            self._expected()
            super().on_headers_complete()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.transport.is_closing():
                return
            if self._in_head:
                self._head += len(data)
                if self._head > _MAX_HEAD:
                    self.transport.write(_TOO_LONG)
                    self.transport.close()
            elif self._deadline is None and (self.cycle is None or self.cycle.response_complete):
                self._expect()  # an empty line, which ended the time that the connection may be idle

        def _expect(self) -> None:
            self._expected()
            self._deadline = asyncio.get_running_loop().call_later(limits.request_seconds, self.transport.close)

        def _expected(self) -> None:
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None

    return Prompt
