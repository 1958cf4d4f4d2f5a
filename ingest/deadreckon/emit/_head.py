"""The encoded form of everything bound: made once, written with every event."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from deadreckon.emit._encode import encode
from deadreckon.emit._record import STAMPED, TREATED


class Head:
    """The encoded form of everything bound, and the keys that must take the long way."""

    __slots__ = ("epoch", "keys", "text")

    def __init__(self, epoch: object, fields: Mapping[str, Any], careful: bool) -> None:
        self.epoch = epoch
        self.keys: _EveryKey | frozenset[str] = _EveryKey() if careful else frozenset((*fields, *STAMPED, *TREATED))
        inner = encode(fields)[1:-2].decode()
        self.text = f",{inner}" if inner else ""


class _EveryKey:
    """Stands for all keys there are, when every event must take the long way."""

    def isdisjoint(self, _: Iterable[str]) -> bool:
        return False
