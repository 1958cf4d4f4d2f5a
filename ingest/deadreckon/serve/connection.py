"""One connection of HTTP: a head that is short and comes in time, and no change to another protocol."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Final

import httptools
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from deadreckon.serve.limits import Limits

_MAX_HEAD: Final = 64 << 10
_TOO_LONG: Final = b"HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_OF_UPGRADES: Final = (b"upgrade", b"connection", b"http2-settings")


class _Flow(FlowControl):
    """Reads no further while requests that have been read wait for the answers to those before them."""

    def __init__(self, transport: asyncio.Transport, waiting: Collection[object]) -> None:
        super().__init__(transport)
        self._waiting = waiting

    def resume_reading(self) -> None:
        if not self._waiting:
            super().resume_reading()


def protocol(limits: Limits) -> type[HttpToolsProtocol]:
    """The class of uvicorn's connections, within these limits."""

    class Connection(HttpToolsProtocol):
        _deadline: asyncio.TimerHandle | None = None
        _in_head = False
        _begun = False
        """Whether a head began in the data at hand, which may hold whole requests before it."""
        _head = 0
        """Bytes of the head that is arriving, but for those that came with its first."""
        _again = b""
        """A head that asked for another protocol, as if it had not."""

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self.flow = _Flow(transport, self.pipeline)
            self._expect()

        def connection_lost(self, exc: Exception | None) -> None:
            self._expected()
            super().connection_lost(exc)

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self._in_head, self._begun, self._head = True, True, 0
            self._expect()

        def on_headers_complete(self) -> None:
            self._in_head = False
            self._expected()
            if self.parser.should_upgrade():
                self._again = self._declined()
            else:
                super().on_headers_complete()

        def on_message_complete(self) -> None:
            if not self._again:
                super().on_message_complete()

        def data_received(self, data: bytes) -> None:
            self._unset_keepalive_if_required()
            self._begun = False
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                if self.parser.get_method() != b"CONNECT":  # which cannot be declined
                    self._go_on(data[upgrade.args[0] :])
                    return
                self.send_400_response("This is no proxy.")
            except httptools.HttpParserError:
                self.send_400_response("Invalid HTTP request received.")
            if self.transport.is_closing():
                return
            if self._in_head and not self._begun:
                self._head += len(data)
                if self._head > _MAX_HEAD:
                    self.transport.write(_TOO_LONG)
                    self.transport.close()
            elif not self._in_head and self._deadline is None and (self.cycle is None or self.cycle.response_complete):
                self._expect()  # an empty line, which ended the time that the connection may be idle

        def _go_on(self, rest: bytes) -> None:
            """Read on after a head that asked for another protocol.

            Java's client asks for HTTP/2 in this way with its first request. A server may stay with HTTP/1.1, but the
            parser takes what follows for the other protocol, and the body would be lost.
            """
            head, self._again = self._again, b""
            self.parser = httptools.HttpRequestParser(self)
            self.data_received(head + rest)

        def _declined(self) -> bytes:
            lines = [b"%s %s HTTP/1.1" % (self.parser.get_method(), self.url)]
            lines += [b"%s: %s" % (name, value) for name, value in self.headers if name not in _OF_UPGRADES]
            return b"\r\n".join((*lines, b"", b""))

        def _expect(self) -> None:
            self._expected()
            self._deadline = asyncio.get_running_loop().call_later(limits.request_seconds, self.transport.close)

        def _expected(self) -> None:
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None

    return Connection
