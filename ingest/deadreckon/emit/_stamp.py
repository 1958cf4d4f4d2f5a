"""When and which: the timestamp and the UUIDv7 of an event, made together because both come from one clock reading.

The work is done once per millisecond. Within it an event costs two table look-ups: three digits for its
microseconds and two hex digits of a counter. Ids follow RFC 9562 (version 7, method 1, a fixed-length counter):

    48 bits milliseconds | 0111 | 12 bits sequence | 10 | 6 bits sequence | 8 bits counter | 48 bits random

The sequence starts at a random point of its lower half with each new millisecond and steps by one when the counter is
used up or the clock stands still or steps back, so ids never decrease within a process.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator

_MICROS = [f"{n:03d}" for n in range(1000)]
_COUNTER = [f"{n:02x}" for n in range(256)]
_MS = 1_000_000
_SEQUENCES = 1 << 18
_NOISE = 9  # random bytes for a millisecond: 3 for where the sequence starts, 6 for the end of the ids
_NOISES = 128

_TS = '{"ts":"'
_ID = '","event_id":"'
_END = '","event":'

_State = tuple[int, str, str, Callable[[], str], str]


class Stamper:
    """Makes the opening of each line; safe to call from threads and from signal handlers."""

    __slots__ = ("_lock", "_ms", "_noise", "_second", "_sequence", "_state")

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Begin anew with fresh randomness, as a forked child must."""
        self._lock = threading.RLock()
        self._ms = -1
        self._sequence = 0
        self._second = (-1, "")
        self._noise: Iterator[bytes] = iter(())
        self._state: _State = (-_MS, "", "", iter(()).__next__, "")

    def opening(self, now: int) -> str:
        """Return `{"ts":"...","event_id":"...","event":` for an event at `now` (ns since 1970, UTC)."""
        while True:
            base, ts, event_id, counter, tail = state = self._state
            offset = now - base
            if 0 <= offset < _MS:
                try:
                    return f"{ts}{_MICROS[offset // 1000]}Z{event_id}{counter()}{tail}"
                except StopIteration:
                    pass
            self._renew(now, state)

    def opening_at(self, now: int, at: str) -> str:
        """Return the opening of an event emitted `now` whose time is `at`, as `iso` gives it."""
        while True:
            base, _, event_id, counter, tail = state = self._state
            if 0 <= now - base < _MS:
                try:
                    return f'{{"ts":"{at}{event_id}{counter()}{tail}'
                except StopIteration:
                    pass
            self._renew(now, state)

    def uuid7(self, now: int) -> str:
        """Return the next id; it is greater than every id returned before in this process."""
        opening = self.opening(now)
        return opening[-len(_END) - 36 : -len(_END)]

    def now(self, now: int) -> str:
        """Return the present time as `iso` does, in a fraction of its time."""
        while True:
            state = self._state
            offset = now - state[0]
            if 0 <= offset < _MS:
                return f"{state[1][len(_TS) :]}{_MICROS[offset // 1000]}Z"
            self._renew(now, state)

    def iso(self, ns: int) -> str:
        """Return `ns` since 1970 as ISO-8601 in UTC with microseconds and `Z`."""
        second, rest = divmod(ns, 1_000_000_000)
        return f"{self._calendar(second)}{rest // 1000:06d}Z"

    def _calendar(self, second: int) -> str:
        known, text = self._second
        if known != second:
            t = time.gmtime(second)
            day = f"{t.tm_year:04d}-{t.tm_mon:02d}-{t.tm_mday:02d}"
            text = f"{day}T{t.tm_hour:02d}:{t.tm_min:02d}:{t.tm_sec:02d}."
            self._second = second, text
        return text

    def _more_noise(self) -> bytes:
        """Fetch randomness for many milliseconds: each fetch is a system call that lets other threads go first."""
        fetched = os.urandom(_NOISE * _NOISES)
        noises = iter([fetched[at : at + _NOISE] for at in range(0, len(fetched), _NOISE)])
        first = next(noises)
        self._noise = noises
        return first

    def _renew(self, now: int, seen: _State) -> None:
        with self._lock:
            if self._state is not seen:
                return
            ms = now // _MS
            noise = next(self._noise, b"") or self._more_noise()
            if ms > self._ms:
                id_ms, sequence = ms, int.from_bytes(noise[:3], "big") % (_SEQUENCES // 2)
            else:
                id_ms, sequence = self._ms, self._sequence + 1
                if sequence >= _SEQUENCES:
                    id_ms, sequence = id_ms + 1, 0
            digits = f"{id_ms & 0xFFFFFFFFFFFF:012x}"
            variant = f"{8 | sequence >> 4 & 3:x}{sequence & 15:x}"
            fresh: _State = (
                ms * _MS,
                f"{_TS}{self._calendar(ms // 1000)}{ms % 1000:03d}",
                f"{_ID}{digits[:8]}-{digits[8:]}-7{sequence >> 6:03x}-{variant}",
                iter(_COUNTER).__next__,
                f"-{noise[3:].hex()}{_END}",
            )
            # A signal handler may have emitted since the check above; no bytecode between this check and the
            # stores lets another one in.
            if self._state is seen:
                self._ms = id_ms
                self._sequence = sequence
                self._state = fresh
