"""What happens to a request, by whichever way it came: unpacked bytes to lines on the disk."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

import orjson

from deadreckon.serve.body import unpacked
from deadreckon.serve.journal import Journal
from deadreckon.serve.limits import Limits, Memory, Share
from deadreckon.serve.lines import Lines, MalformedError, lines
from deadreckon.serve.signals import SIGNALS, Signal

T = TypeVar("T")
_SMALL: Final = 128 << 10
"""Bytes of a body that is read where it arrives; a larger one would keep all other requests waiting."""


class Receiver:
    """Takes requests of all signals into one journal."""

    def __init__(self, journal: Journal, limits: Limits, token: str = "") -> None:
        """Prepare.

        `token`: what a sender must show; empty when none is asked for.
        """
        self.journal = journal
        self.limits = limits
        self.memory = Memory(limits.memory)
        self._token = token.encode()
        self._reader = ThreadPoolExecutor(1, "read")  # one at a time: a body takes several times its size to read

    def close(self) -> None:
        """Write what waits, and seal the spool file."""
        self._reader.shutdown()
        self.journal.close()

    def admits(self, authorization: str) -> bool:
        """Whether this Authorization header may send."""
        if not self._token:
            return True
        scheme, _, given = authorization.partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode("utf-8", "replace"), self._token)

    async def unpacked(self, body: bytes, encoding: str) -> bytes:
        """A body without its Content-Encoding; see `body.unpacked`."""
        return await self._aside(len(body), lambda: unpacked(body, encoding, self.limits.body))

    async def _aside(self, size: int, work: Callable[[], T]) -> T:
        """Do it here if it is small, else beside the other requests."""
        if size <= _SMALL:
            return work()
        return await asyncio.get_running_loop().run_in_executor(self._reader, work)

    async def take(self, signal: Signal, body: bytes, share: Share, *, json: bool) -> Lines:
        """Write a request to the disk and say what was taken of it.

        Raises:
            MalformedError: it is no request of this signal.
            OverloadedError: too much is waiting to be written.
            NotWrittenError: the disk did not take it.
        """
        found = await self._aside(len(body), lambda: read(signal, body, self.limits.line, json=json))
        if found.block:
            share.add(len(found.block))
            await self.journal.append(found.block)
        return found


def read(signal: Signal, body: bytes, limit: int, *, json: bool) -> Lines:
    """The lines of a request.

    Raises:
        MalformedError: it is no request of this signal.
    """
    return lines(signal, _json(signal, body) if json else _protobuf(signal, body), body, limit)


def _protobuf(signal: Signal, body: bytes) -> Any:
    from google.protobuf.message import DecodeError

    try:
        return signal.read(signal.request().FromString(body))
    except DecodeError as error:
        raise MalformedError(f"the body is no protobuf message of OTLP {signal.name}: {error}") from error


def _json(signal: Signal, body: bytes) -> Any:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MalformedError(f"the body is not JSON: {error}") from error
    if type(value) is not dict:
        raise MalformedError("the body is no JSON object")
    if signal.resources in value or not value:
        return value.get(signal.resources)
    for other in SIGNALS:
        if other.resources in value:
            raise MalformedError(f"the body has {other.resources}, which go to /v1/{other.name}")
    raise MalformedError(f"the body has no {signal.resources}")
