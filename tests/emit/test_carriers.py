"""Headers of every library, and functions of every kind that are carried."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from email.message import Message
from typing import Any

import pytest
from tests.emit.conftest import SpoolFolder

from deadreckon import emit

HEADER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def message() -> Message:
    """Return headers as http.server and http.client have them."""
    headers = Message()
    headers["Host"] = "example"
    headers["TraceParent"] = HEADER
    return headers


@pytest.mark.parametrize(
    "carrier",
    [
        message(),
        {"traceparent": HEADER, 5: None},
        [("traceparent", HEADER), ("lone",)],
        [(b"traceparent", HEADER.encode())],
    ],
    ids=["message", "mapping", "pairs", "bytes"],
)
def test_a_trace_is_found_in_headers_of_any_kind(spool: SpoolFolder, carrier: Any) -> None:
    """What is no pair of name and value is passed over."""
    assert emit.extract(carrier) == {"traceparent": HEADER}


@pytest.mark.parametrize("carrier", [None, 5, "traceparent", object(), [1, 2], {"traceparent": "x"}, {}])
def test_what_holds_no_headers_gives_nothing(spool: SpoolFolder, carrier: Any) -> None:
    """And raises nothing into the program."""
    assert emit.extract(carrier) == {}


@pytest.mark.parametrize("flags", ["+1", "-1", "1_", " 1", "0x", "g0"])
def test_flags_are_two_hex_digits(spool: SpoolFolder, flags: str) -> None:
    """And nothing else that Python takes for a number."""
    assert emit.extract({"traceparent": HEADER[:-2] + flags}) == {}


def test_coroutines_are_carried(spool: SpoolFolder) -> None:
    """Into a loop of another thread; what that loop does otherwise is not touched."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def work() -> dict[str, Any]:
        await asyncio.sleep(0)
        return emit.context()

    with emit.bound(request_id="r-1"), emit.span("outer") as outer:
        found = asyncio.run_coroutine_threadsafe(emit.carry(work)(), loop).result(20)
    after = asyncio.run_coroutine_threadsafe(work(), loop).result(20)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
    assert found == {"request_id": "r-1", "trace_id": outer.trace_id, "span_id": outer.span_id}
    assert after == {}


def test_a_carried_coroutine_leaves_its_awaiter_as_it_was(spool: SpoolFolder) -> None:
    """Whatever was bound there."""

    async def work() -> str:
        await asyncio.sleep(0)
        return str(emit.context()["request_id"])

    with emit.bound(request_id="r-1"):
        carried = emit.carry(work)

    async def main() -> tuple[str, Any]:
        with emit.bound(request_id="r-2"):
            return await carried(), emit.context()["request_id"]

    assert asyncio.run(main()) == ("r-1", "r-2")


def test_generators_are_carried_step_by_step(spool: SpoolFolder) -> None:
    """Between two items the consumer's own context holds."""

    def steps() -> Iterator[str]:
        yield emit.context()["request_id"]
        yield emit.context()["request_id"]

    async def later() -> AsyncIterator[str]:
        for one in steps():
            yield one

    with emit.bound(request_id="r-1"):
        plain, asynchronous = emit.carry(steps), emit.carry(later)

    async def main() -> list[str]:
        return [one async for one in asynchronous()]

    found = []
    with emit.bound(request_id="r-2"):
        for one in plain():
            found += [one, emit.context()["request_id"]]
    assert found == ["r-1", "r-2", "r-1", "r-2"]
    assert asyncio.run(main()) == ["r-1", "r-1"]
