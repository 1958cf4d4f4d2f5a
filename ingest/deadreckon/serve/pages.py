"""Records into lines of the spool, as many into each as have room; what surrounds them is written once a line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

import orjson

from deadreckon.serve.limits import TooLargeError
from deadreckon.serve.messages import Json
from deadreckon.serve.shape import MalformedError
from deadreckon.serve.signals import Signal

_TOGETHER: Final = 100
"""Records in one line at most: a record that is refused by ingest brings its whole line into the quarantine."""


@dataclass(frozen=True, slots=True)
class Around:
    """An object that holds a list, up to the list's content and after it; both as JSON."""

    before: bytes
    after: bytes

    @classmethod
    def of(cls, outer: Json, key: str, brackets: bytes = b"[]") -> Self:
        """The object `outer`, with a list under the key `key`, which it does not have; or, by its brackets, another.

        Raises:
            MalformedError: it cannot be written.
        """
        try:
            start = orjson.dumps(outer)[:-1]
        except TypeError as error:
            raise MalformedError(f"what surrounds {key} cannot be written: {error}") from error
        comma = b"," if len(start) > 1 else b""
        return cls(start + comma + orjson.dumps(key) + b":" + brackets[:1], brackets[1:] + b"}")

    def around(self, inner: Around) -> Around:
        """This one with the other as its list's only element, or in its brackets' place."""
        return Around(self.before + inner.before, inner.after + self.after)

    def __len__(self) -> int:
        return len(self.before) + len(self.after)


class Pages:
    """Lines that are filled."""

    def __init__(self, signal: Signal, limit: int, most: int | None) -> None:
        """Begin.

        `limit`: bytes that a line may have, its newline included. `most`: that all may have.
        """
        self.lines: list[bytes] = []
        self.taken = 0
        """Records in the lines."""
        self.rejected = 0
        self.reason = ""
        """Why some were rejected."""
        self._signal = signal
        self._limit = limit
        self._most = most
        self._left = most
        self._frame = Around(b"", b"")
        self._outside = 0
        self._parts: list[bytes] = []
        self._within: Around | None = None
        self._size = self._count = 0

    def frame(self, about: Json, scope: Json) -> None:
        """The resource and scope of the records that come now.

        Raises:
            MalformedError: they cannot be written.
        """
        self.end()
        signal = self._signal
        resource = Around(b'{"%s":[' % signal.resources.encode(), b"]}\n").around(Around.of(about, signal.scopes))
        self._frame = resource.around(Around.of(scope, signal.records))
        self._outside = len(self._frame)

    def add(self, record: Json, within: Around | None) -> None:
        """A record, or a data point and the metric that it is of; one that has no room in a line is rejected.

        Raises:
            TooLargeError: all lines together are too large.
        """
        try:
            written = orjson.dumps(record)
        except TypeError as error:  # the parser goes deeper than the writer
            self._reject(f"a {self._signal.noun} cannot be written: {error}")
            return
        if within is self._within and 0 < self._count < _TOGETHER and self._size + 1 + len(written) <= self._limit:
            self._parts += (b",", written)
            self._size += 1 + len(written)
            self._count += 1
            return
        outside = len(within) if within else 0
        alone = self._outside + outside + len(written)
        if alone > self._limit:
            self._reject(
                f"a {self._signal.noun} makes a line of {alone} bytes, and ingest.max_line_bytes is {self._limit}: "
                "send less content, or set it higher where reckon serve and reckon ingest run"
            )
            return
        if (
            within is not self._within
            and 0 < self._count < _TOGETHER
            and self._size + 1 + alone - self._outside <= self._limit
        ):
            self._close()
            self._parts.append(b",")
            self._size += 1
        else:
            self.end()
            self._parts = [self._frame.before]
            self._size = self._outside
        self._open(within, written)

    def end(self) -> None:
        """Finish the line at hand.

        Raises:
            TooLargeError: all lines together are too large.
        """
        if not self._count:
            return
        self._close()
        line = b"".join((*self._parts, self._frame.after))
        self.lines.append(line)
        self.taken += self._count
        self._parts, self._size, self._count = [], 0, 0
        if self._left is not None:
            self._left -= len(line)
            if self._left < 0:
                raise TooLargeError(f"the body makes more than {self._most} bytes of lines: send less at once")

    def _open(self, within: Around | None, written: bytes) -> None:
        self._within = within
        if within:
            self._parts.append(within.before)
            self._size += len(within)
        self._parts.append(written)
        self._size += len(written)
        self._count += 1

    def _close(self) -> None:
        if self._within:
            self._parts.append(self._within.after)

    def _reject(self, reason: str) -> None:
        self.rejected += 1
        self.reason = reason
