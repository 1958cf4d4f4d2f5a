"""A request as lines of the spool: OTLP/JSON, cut so that each is a line that ingest takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from deadreckon.serve.identity import Identity
from deadreckon.serve.limits import MOST_PARTS, TooLargeError
from deadreckon.serve.messages import Json
from deadreckon.serve.pages import Around, Pages
from deadreckon.serve.shape import MalformedError, mapping, objects, points, taken_out
from deadreckon.serve.signals import METRICS, Signal

__all__ = ["Lines", "MalformedError", "lines"]


@dataclass(frozen=True, slots=True)
class Lines:
    """What a request becomes."""

    block: bytes = b""
    """Whole lines."""
    taken: int = 0
    """Items (spans, log records, data points) in them."""
    rejected: int = 0
    reason: str = ""
    """Why some were rejected."""


def lines(signal: Signal, resources: Any, body: bytes, limit: int, most: int | None = None) -> Lines:
    """The lines of a request in the form of OTLP/JSON, which is taken over.

    `resources`: the list under the signal's key. `body`: the request's bytes, uncompressed. `limit`: bytes that a line
    may have; what does not fit by itself is rejected, and counted. `most`: bytes that all lines may have.

    Raises:
        MalformedError: a list or an object is something else, or holds what is not read in its place.
        TooLargeError: the records or the bytes of their lines are too many.
    """
    pages = Pages(signal, limit, most)
    identity = Identity(signal, body)
    count = 0
    for at, about in enumerate(objects(resources, signal.resources)):
        where = f"{signal.resources}[{at}]"
        mapping(about.get("resource"), f"{where}.resource")
        for place, scope in enumerate(taken_out(about, signal.scopes, where)):
            inside = f"{where}.{signal.scopes}[{place}]"
            mapping(scope.get("scope"), f"{inside}.scope")
            records = taken_out(scope, signal.records, inside)
            pages.frame(about, scope)
            for some in _items(signal, records, f"{inside}.{signal.records}"):
                count += len(some.items)
                if count > MOST_PARTS:
                    raise TooLargeError(f"the body has more than {MOST_PARTS} {signal.noun}s")
                for number, item in enumerate(some.items):
                    identity.give(item, f"{some.where}[{number}]")
                    pages.add(item, some.within)
    pages.end()
    return Lines(b"".join(pages.lines), pages.taken, pages.rejected, pages.reason)


@dataclass(frozen=True, slots=True)
class _Items:
    """Items of one list, and the metric that they are in."""

    items: list[Json]
    where: str
    within: Around | None = None


def _items(signal: Signal, records: list[Json], where: str) -> Iterator[_Items]:
    if signal is not METRICS:
        yield _Items(records, where)
        return
    for number, metric in enumerate(records):
        place = f"{where}[{number}]"
        shape, found = points(metric, place)
        if found:
            data = {key: value for key, value in metric.pop(shape).items() if key != "dataPoints"}
            within = Around.of(metric, shape, b"").around(Around.of(data, "dataPoints"))
            yield _Items(found, f"{place}.{shape}.dataPoints", within)
