"""Files of OTLP/JSON lines, as the collector's file exporter and `reckon export otlp` write them.

Each line is taken as a request that `reckon serve` had received: a record is known by its bytes and its place in them,
so that a copy of the file under another name adds nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import orjson

from deadreckon.core import inflate
from deadreckon.core.errors import SourceError
from deadreckon.exchange.bring import MAX_LINE_BYTES, Item
from deadreckon.exchange.own import events, is_own
from deadreckon.exchange.pieces import pieces
from deadreckon.serve.lines import MalformedError, lines
from deadreckon.serve.signals import LOGS, METRICS, TRACES, Signal

LONGEST: Final = 256 << 20
"""Bytes of a line, which stands for one request."""
_BEGIN: Final = b'{"resource'
SIGNALS: Final = {signal.resources: signal for signal in (TRACES, LOGS, METRICS)}


def items(paths: list[Path]) -> Iterator[Item]:
    """The lines of files, plain or compressed.

    Raises:
        SourceError: one holds something else, or is damaged.
    """
    for path in paths:
        for number, text in _lines(path):
            yield from _request(path, number, text)


def _request(path: Path, number: int, text: bytes) -> Iterator[Item]:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise _strange(path, number, f"is no JSON: {error}") from error
    if not isinstance(value, dict) or SIGNALS.keys().isdisjoint(value) or not SIGNALS.keys() >= value.keys():
        raise _strange(path, number, "is no OTLP/JSON")
    for key, resources in value.items():
        signal = SIGNALS[key]
        if is_own(resources, signal):
            try:
                ours = list(events(resources, signal))
            except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
                raise _strange(path, number, f"is no export of reckon as it was written: {error}") from error
            yield from (Item(event, ("event",)) for event in ours)
            continue
        try:
            found = lines(signal, resources, text, MAX_LINE_BYTES)
        except MalformedError as error:
            raise _strange(path, number, f"is no OTLP/JSON: {error}") from error
        if found.rejected:
            raise _strange(path, number, f"holds a record that is too long: {found.reason}")
        for one in found.block.splitlines():
            yield Item(one, (signal.noun,) * _count(signal, one))


def _count(signal: Signal, text: bytes) -> int:
    """How many items a line has, for the figures."""
    found: list[Any] = [
        record
        for resource in orjson.loads(text)[signal.resources]
        for scope in resource.get(signal.scopes) or ()
        for record in scope.get(signal.records) or ()
    ]
    if signal is not METRICS:
        return len(found)
    return sum(len(shape.get("dataPoints") or ()) for one in found for shape in one.values() if isinstance(shape, dict))


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a file that are not blank, with their numbers.

    A last one that was cut off is left out, as its writer left it.
    """
    rest: list[bytes] = []
    number = 1
    try:
        for piece in pieces(path):
            *whole, last = piece.split(b"\n")
            for one in whole:
                text, rest = b"".join([*rest, one]), []
                if text.strip():
                    yield number, text
                number += 1
            rest.append(last)
            if sum(map(len, rest)) > LONGEST:
                raise _strange(path, number, f"is longer than {LONGEST >> 20} MiB")
    except OSError as error:
        raise SourceError(
            f"{path} cannot be read: {error.strerror or error}", hint="check its name and rights"
        ) from error
    except inflate.DamagedError as error:
        raise SourceError(f"{path}: {error}; nothing was imported", hint="copy or export the file again") from error
    text = b"".join(rest)
    if text.strip() and not _is_cut(text):
        yield number, text


def _is_cut(text: bytes) -> bool:
    """Whether this is the beginning of a request, and no more: the collector was stopped while it wrote."""
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return text.startswith(_BEGIN) or _BEGIN.startswith(text)
    return False


def _strange(path: Path, number: int, why: str) -> SourceError:
    return SourceError(
        f"{path}, line {number}, {why}; nothing was imported",
        hint="reckon ingest takes files of other lines; the collector's file exporter must write format: json",
    )
