"""What happens to a request, by whichever way it came: unpacked bytes to lines on the disk."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from deadreckon.serve.body import unpacked
from deadreckon.serve.journal import Journal
from deadreckon.serve.jsons import of_json
from deadreckon.serve.limits import MOST_PARTS, Limits, Memory, Share, TooLargeError
from deadreckon.serve.lines import Lines, MalformedError, lines
from deadreckon.serve.signals import Signal
from deadreckon.serve.weight import parts

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
            TooLargeError: it is too much to be read.
            OverloadedError: too much is waiting to be written.
            NotWrittenError: the disk did not take it.
        """
        found = await self._aside(
            len(body), lambda: read(signal, body, self.limits.line, self.limits.memory, json=json)
        )
        if found.block:
            share.add(len(found.block))
            await self.journal.append(found.block)
        return found


def read(signal: Signal, body: bytes, limit: int, most: int | None = None, *, json: bool) -> Lines:
    """The lines of a request; `limit` and `most` as `lines` has them.

    Raises:
        MalformedError: it is no request of this signal.
        TooLargeError: it is too much to be read.
    """
    return lines(signal, of_json(signal, body) if json else _protobuf(signal, body), body, limit, most)


def _protobuf(signal: Signal, body: bytes) -> Any:
    from google.protobuf.message import DecodeError

    kind = signal.request()
    if len(body) > 2 * MOST_PARTS and parts(kind.DESCRIPTOR, body, MOST_PARTS) > MOST_PARTS:
        raise TooLargeError(f"the body has more than {MOST_PARTS} messages in it: send less at once")
    try:
        return signal.read(kind.FromString(body))
    except DecodeError as error:
        raise MalformedError(f"the body is no protobuf message of OTLP {signal.name}: {error}") from error
