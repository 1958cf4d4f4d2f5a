"""OTLP over HTTP: the paths, and for whatever can go wrong the answer that the protocol has for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Final

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deadreckon.serve import answers
from deadreckon.serve.body import EncodingError, UnknownEncodingError
from deadreckon.serve.journal import NotWrittenError
from deadreckon.serve.limits import OverloadedError, Share, TooLargeError
from deadreckon.serve.lines import MalformedError
from deadreckon.serve.signals import SIGNALS, Signal

if TYPE_CHECKING:
    from deadreckon.serve.receiver import Receiver

_RETRY: Final = {"Retry-After": "1"}
_CLOSE: Final = {"Connection": "close"}
"""With an answer that is given before all of the body was read."""
_TIMED_OUT: Final = 408
_PATIENCE: Final = 4
"""Times the size that a body may have are passed over, before its sender is hung up on."""
_PATIENCE_SECONDS: Final = 5.0


class _Refusal(Exception):  # noqa: N818 - it is an answer
    def __init__(self, status: int, code: int, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = headers or {}


class _Body:
    """A request's body as it arrives."""

    def __init__(self, request: Request) -> None:
        self._receive = request.receive
        self.over = False
        """Whether all of it has arrived."""

    async def parts(self) -> AsyncIterator[bytes]:
        """What has not been taken yet.

        Raises:
            ClientDisconnect: the sender went away.
        """
        while not self.over:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            self.over = not message.get("more_body", False)
            yield message.get("body", b"")

    async def whole(self, limit: int, share: Share) -> bytes:
        """All of it.

        Raises:
            TooLargeError: it is more than `limit` bytes.
            OverloadedError: all requests together are too much.
            ClientDisconnect: the sender went away.
        """
        found = bytearray()
        try:
            async for part in self.parts():
                if len(found) + len(part) > limit:
                    raise TooLargeError(f"the body has more than {limit} bytes")
                share.add(len(part))
                found += part
            return bytes(found)
        finally:
            found.clear()  # the error that ends it may live on while the rest is passed over

    async def pass_over(self, most: int) -> None:
        """Let the rest come, to some length: a sender that is hung up on while it sends never reads why."""
        async for part in self.parts():
            most -= len(part)
            if most < 0:
                return


def app(receiver: Receiver) -> Starlette:
    """The ASGI application: /v1/traces, /v1/logs, /v1/metrics, /health and /ready."""
    routes = [Route(f"/v1/{signal.name}", _Export(receiver, signal).answer, methods=["POST"]) for signal in SIGNALS]

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def ready(_: Request) -> Response:
        trouble = await asyncio.to_thread(receiver.journal.probe)
        if trouble:
            return JSONResponse({"status": "unavailable", "reason": trouble}, 503, _RETRY)
        return JSONResponse({"status": "ok"})

    async def elsewhere(request: Request, _: Exception) -> Response:
        paths = ", ".join(f"/v1/{signal.name}" for signal in SIGNALS)
        message = f"nothing is received at {request.url.path}; OTLP is at {paths}"
        kind = answers.PROTOBUF if _kind(request) == answers.PROTOBUF else answers.JSON
        return Response(answers.failure(kind, answers.NOT_FOUND, message), 404, media_type=kind)

    routes += [Route("/health", health), Route("/ready", ready)]
    return Starlette(routes=routes, exception_handlers={404: elsewhere})


def _kind(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


class _Export:
    """One signal's endpoint."""

    def __init__(self, receiver: Receiver, signal: Signal) -> None:
        self._receiver = receiver
        self._signal = signal

    async def answer(self, request: Request) -> Response:
        kind = _kind(request)
        written = kind if kind == answers.JSON else answers.PROTOBUF
        arriving = _Body(request)
        try:
            with self._receiver.memory.share() as share:
                return await self._take(request, arriving, kind, share)
        except _Refusal as refusal:
            body = answers.failure(written, refusal.code, str(refusal))
            status, headers = refusal.status, refusal.headers
        if status != _TIMED_OUT:
            await self._pass_over(arriving)
        return Response(body, status, headers if arriving.over else headers | _CLOSE, written)

    async def _pass_over(self, arriving: _Body) -> None:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await arriving.pass_over(_PATIENCE * self._receiver.limits.body)
        except (TimeoutError, ClientDisconnect):
            return

    async def _take(self, request: Request, arriving: _Body, kind: str, share: Share) -> Response:
        receiver, signal = self._receiver, self._signal
        if not receiver.admits(request.headers.get("authorization", "")):
            raise _Refusal(
                401,
                answers.UNAUTHENTICATED,
                "the sender must show the receiver's token: OTEL_EXPORTER_OTLP_HEADERS='authorization=Bearer TOKEN'",
                {"WWW-Authenticate": "Bearer"},
            )
        if kind not in (answers.PROTOBUF, answers.JSON):
            message = f"Content-Type is {kind!r}; OTLP is {answers.PROTOBUF} or {answers.JSON}"
            raise _Refusal(415, answers.INVALID_ARGUMENT, message)
        try:
            body = await self._unpacked(request, arriving, share)
            found = await receiver.take(signal, body, share, json=kind == answers.JSON)
        except TooLargeError as error:
            raise _Refusal(413, answers.INVALID_ARGUMENT, str(error)) from error
        except UnknownEncodingError as error:
            raise _Refusal(415, answers.INVALID_ARGUMENT, str(error)) from error
        except (EncodingError, MalformedError) as error:
            raise _Refusal(400, answers.INVALID_ARGUMENT, str(error)) from error
        except TimeoutError as error:
            message = f"the body did not arrive within {receiver.limits.request_seconds:g} seconds"
            raise _Refusal(_TIMED_OUT, answers.UNAVAILABLE, message) from error
        except OverloadedError as error:
            raise _Refusal(503, answers.UNAVAILABLE, str(error), _RETRY) from error
        except NotWrittenError as error:
            raise _Refusal(503, answers.UNAVAILABLE, f"not written: {error}", _RETRY) from error
        except ClientDisconnect as error:
            raise _Refusal(400, answers.INVALID_ARGUMENT, "the body ended early") from error
        return Response(answers.success(signal, kind, found.rejected, found.reason), media_type=kind)

    async def _unpacked(self, request: Request, arriving: _Body, share: Share) -> bytes:
        limit = self._receiver.limits.body
        length = request.headers.get("content-length", "")
        if length.isdigit() and int(length) > limit:
            raise TooLargeError(f"the body has {length} bytes, and may have {limit}")
        async with asyncio.timeout(self._receiver.limits.request_seconds):
            packed = await arriving.whole(limit, share)
        encoding = request.headers.get("content-encoding", "")
        if not encoding:
            return packed
        body = await self._receiver.unpacked(packed, encoding)
        share.add(len(body))
        return body


__all__ = ["app"]
