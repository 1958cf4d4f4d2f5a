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

SIGNALS: Final = {signal.resources: signal for signal in (TRACES, LOGS, METRICS)}


def items(paths: list[Path]) -> Iterator[Item]:
    """The lines of files, plain or compressed.

    Raises:
        SourceError: one holds something else, or is damaged.
    """
    for path in paths:
        for number, text in enumerate(_lines(path), 1):
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
            yield from (Item(event, ("event",)) for event in events(resources, signal))
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


def _lines(path: Path) -> Iterator[bytes]:
    """The lines of a file that are not blank. A last one that was cut off is left out, as its writer left it."""
    rest = b""
    try:
        for piece in pieces(path):
            *whole, rest = (rest + piece).split(b"\n")
            yield from (one for one in whole if one.strip())
    except OSError as error:
        raise SourceError(
            f"{path} cannot be read: {error.strerror or error}", hint="check its name and rights"
        ) from error
    except inflate.DamagedError as error:
        raise SourceError(f"{path}: {error}; nothing was imported", hint="copy or export the file again") from error
    if rest.strip():
        try:
            orjson.loads(rest)
        except orjson.JSONDecodeError:
            return  # the collector was stopped while it wrote
        yield rest


def _strange(path: Path, number: int, why: str) -> SourceError:
    return SourceError(
        f"{path}, line {number}, {why}; nothing was imported",
        hint="reckon ingest takes files of other lines; the collector's file exporter must write format: json",
    )
