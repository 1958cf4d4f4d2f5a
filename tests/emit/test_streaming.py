"""Streamed answers: counted, measured, and closed however their consumer leaves them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from tests.emit.conftest import SpoolFolder

from deadreckon import emit
from deadreckon.emit._usage import usage_of


@emit.trace("stream", operation="chat")
async def stream(*items: Any, fail: bool = False) -> AsyncIterator[Any]:
    """Stream the items."""
    for item in items:
        await asyncio.sleep(0)
        yield item
    if fail:
        raise ConnectionError("broke off")


def test_pieces_are_counted_and_usage_is_taken_from_the_piece_that_states_it(spool: SpoolFolder) -> None:
    """As OpenAI ends a stream: the last piece has the usage."""
    usage = {"prompt_tokens": 12, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": 4}}
    pieces = [{"choices": [{"delta": "a"}]}, {"choices": [{"finish_reason": "stop"}]}, {"choices": [], "usage": usage}]

    async def work() -> None:
        assert [piece async for piece in stream(*pieces)] == pieces

    asyncio.run(work())
    event = spool.event()
    assert (event["chunks"], event["input_tokens"], event["output_tokens"], event["cache_read_tokens"]) == (3, 12, 7, 4)
    assert event["finish_reason"] == "stop"
    assert event["ttft_ms"] >= 0


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (  # Anthropic: the input at the start, the output at the end
            [
                {"type": "message_start", "message": {"usage": {"input_tokens": 25, "output_tokens": 1}}},
                {"type": "content_block_delta", "delta": {"text": "a"}},
                {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 15}},
            ],
            (25, 15, "end_turn"),
        ),
        (  # Google: a running total in every piece
            [
                {"usage_metadata": {"prompt_token_count": 9, "candidates_token_count": 1}},
                {"usage_metadata": {"prompt_token_count": 9, "candidates_token_count": 7}},
                {"candidates": [{"finish_reason": "STOP"}], "usage_metadata": {"candidates_token_count": 12}},
            ],
            (9, 12, "STOP"),
        ),
    ],
)
def test_of_a_total_that_grows_the_last_one_counts(spool: SpoolFolder, pieces: list[Any], expected: Any) -> None:
    """Not the first, and not their sum."""

    async def work() -> None:
        assert len([piece async for piece in stream(*pieces)]) == 3

    asyncio.run(work())
    event = spool.event()
    assert (event["input_tokens"], event["output_tokens"], event["finish_reason"]) == expected


@pytest.mark.parametrize("leave", ["break", "aclose", "raise", "cancel", "forget"])
def test_a_stream_is_closed_however_it_is_left(spool: SpoolFolder, leave: str) -> None:
    """One span, cancelled, with the pieces there were; nothing is left current."""

    async def read() -> None:
        answer: Any = stream("a", "b", "c")
        async for _ in answer:
            if leave == "raise":
                raise LookupError("of the consumer")
            if leave == "cancel":
                await asyncio.sleep(60)
            if leave in ("break", "forget"):
                break
            await answer.aclose()
        if leave == "break":
            await answer.aclose()

    async def work() -> None:
        task = asyncio.create_task(read())
        await asyncio.sleep(0.01)
        if leave == "cancel":
            task.cancel()
        with contextlib.suppress(LookupError, asyncio.CancelledError):
            await task
        del task

    asyncio.run(work())
    event = spool.events("stream")[0]
    assert len(spool.events("stream")) == 1
    assert (event["status"], event["chunks"]) == ("cancelled", 1)
    assert emit.current_span() is None


def test_a_stream_that_breaks_off_is_an_error_with_its_pieces(spool: SpoolFolder) -> None:
    """What was received before is known."""

    async def work() -> None:
        with pytest.raises(ConnectionError):
            [piece async for piece in stream("a", "b", fail=True)]

    asyncio.run(work())
    event = spool.event()
    assert (event["status"], event["chunks"], event["error_type"]) == ("error", 2, "ConnectionError")


def test_a_stream_cancelled_while_it_waits_is_cancelled(spool: SpoolFolder) -> None:
    """The task is cancelled inside the generator, not in its consumer."""

    @emit.trace("slow", operation="chat")
    async def slow() -> AsyncIterator[str]:
        yield "a"
        await asyncio.sleep(60)

    async def work() -> None:
        async with asyncio.timeout(0.01):
            async for _ in slow():
                pass

    with pytest.raises(TimeoutError):
        asyncio.run(work())
    assert spool.event()["status"] == "cancelled"


def test_two_streams_read_in_turns_keep_apart(spool: SpoolFolder) -> None:
    """Each one's inner spans are its own."""

    @emit.trace("gen")
    def gen(name: str) -> Iterator[str]:
        for _ in range(3):
            with emit.span("step", of=name):
                pass
            yield name

    with emit.span("consumer"):
        for pair in zip(gen("a"), gen("b"), strict=True):
            assert pair == ("a", "b")
    gens = {event["span_id"] for event in spool.events("gen")}
    parents = {(event["of"], event["parent_span_id"]) for event in spool.events("step")}
    assert len(gens) == len(parents) == 2
    assert {parent for _, parent in parents} == gens


def test_a_stream_read_by_hand_is_counted_by_hand(spool: SpoolFolder) -> None:
    """Where no generator of one's own fits."""
    with emit.span("chat", operation="chat") as span:
        for _ in range(5):
            span.chunk()
        span.read_usage(SimpleNamespace(usage=SimpleNamespace(input_tokens=3, output_tokens=2)))
    event = spool.event()
    assert (event["chunks"], event["input_tokens"], event["output_tokens"]) == (5, 3, 2)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"usage": {"prompt_tokens": 5, "completion_tokens": 2}}, {"input_tokens": 5, "output_tokens": 2}),
        (
            {
                "usage": {
                    "input_tokens": 9,
                    "output_tokens": 4,
                    "output_tokens_details": {"reasoning_tokens": 3},
                    "input_tokens_details": {"cached_tokens": 0},
                }
            },
            {"input_tokens": 9, "output_tokens": 4, "reasoning_tokens": 3, "cache_read_tokens": 0},
        ),
        (
            {
                "stop_reason": "end_turn",
                "usage": {
                    "input_tokens": 1,
                    "cache_read_input_tokens": 10,
                    "cache_creation_input_tokens": 100,
                    "output_tokens": 7,
                },
            },
            {
                "input_tokens": 111,
                "output_tokens": 7,
                "cache_read_tokens": 10,
                "cache_write_tokens": 100,
                "finish_reason": "end_turn",
            },
        ),
        (
            {"usage_metadata": {"prompt_token_count": 8, "candidates_token_count": 5, "thoughts_token_count": 20}},
            {"input_tokens": 8, "output_tokens": 25, "reasoning_tokens": 20},
        ),
        (
            {"type": "message_start", "message": {"usage": {"input_tokens": 4, "output_tokens": 1}}},
            {"input_tokens": 4, "output_tokens": 1},
        ),
        ({"usage": {"prompt_tokens": "many", "completion_tokens": True}}, {}),
        ({"usage": None}, {}),
        ("text", {}),
        (None, {}),
        (object(), {}),
    ],
)
def test_usage_is_read_in_every_form(answer: Any, expected: dict[str, Any]) -> None:
    """Cached tokens are part of the input, reasoning ones of the output, whoever counts otherwise."""
    assert usage_of(answer) == expected


def test_what_the_caller_set_is_not_overwritten(spool: SpoolFolder) -> None:
    """And an answer of a traced function states its usage too."""

    @emit.trace("chat", operation="chat")
    def chat() -> dict[str, Any]:
        span = emit.current_span()
        assert span is not None
        span.set(input_tokens=1)
        return {"usage": {"prompt_tokens": 5, "completion_tokens": 2}}

    chat()
    assert (spool.event()["input_tokens"], spool.event()["output_tokens"]) == (1, 2)
