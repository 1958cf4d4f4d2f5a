"""Spans, and the ways functions are traced."""

from __future__ import annotations

import asyncio
import functools
import gc
import inspect
from collections.abc import AsyncIterator, Iterator
from typing import Any

import numpy as np
import pytest
from tests.emit.conftest import SpoolFolder

from deadreckon import emit


def ticking(spool: SpoolFolder, **more: Any) -> None:
    """Give emit a clock that moves 5 ms at each reading."""
    now = iter(range(1_790_000_000_000_000_000, 1_790_000_001_000_000_000, 5_000_000))
    spool.configure(clock=lambda: next(now), **more)


def test_a_span_is_one_event_with_start_and_duration(spool: SpoolFolder) -> None:
    """The time is the start and duration_ms the length, by the same clock."""
    ticking(spool)
    with emit.span("answer", operation="chat", model="m") as one:
        one.set(input_tokens=12, output_tokens=3, cost_usd=0.01, finish_reason="stop")
    event = spool.event()
    assert (event["kind"], event["event"], event["name"]) == ("span", "answer", "answer")
    assert (event["ts"], event["duration_ms"]) == ("2026-09-21T14:13:20.000000Z", 5.0)
    assert (event["operation"], event["status"], event["model"]) == ("chat", "ok", "m")
    assert (event["input_tokens"], event["output_tokens"], event["cost_usd"]) == (12, 3, 0.01)
    assert "parent_span_id" not in event


def test_spans_nest_and_everything_inside_says_where_it_is(spool: SpoolFolder) -> None:
    """Children share the trace and name their parent; logs carry the innermost span."""
    with emit.span("outer") as outer:
        emit.get_logger().info("before")
        with emit.span("inner") as inner:
            assert emit.current_span() is inner
            emit.get_logger().info("inside")
        emit.prediction({"y": 1})
    assert emit.current_span() is None
    before, inside, inner_event, prediction, outer_event = spool.events()
    assert {event["trace_id"] for event in spool.events()} == {outer.trace_id}
    assert (before["span_id"], inside["span_id"], prediction["span_id"]) == (
        outer.span_id,
        inner.span_id,
        outer.span_id,
    )
    assert (inner_event["span_id"], inner_event["parent_span_id"]) == (inner.span_id, outer.span_id)
    assert "parent_span_id" not in outer_event
    assert "parent_span_id" not in inside


def test_two_spans_side_by_side_without_a_parent_are_two_traces(spool: SpoolFolder) -> None:
    """A trace begins with its outermost span."""
    for _ in range(2):
        with emit.span("x"):
            pass
    first, second = spool.events()
    assert first["trace_id"] != second["trace_id"]


@pytest.mark.parametrize(
    ("fields", "operation"),
    [
        ({}, "internal"),
        ({"tool": "search"}, "execute_tool"),
        ({"agent": "triage"}, "invoke_agent"),
        ({"tool": "search", "operation": "retrieval"}, "retrieval"),
    ],
)
def test_the_operation_follows_from_the_fields(spool: SpoolFolder, fields: dict[str, Any], operation: str) -> None:
    """A span of a tool is a tool's call unless it says otherwise."""
    with emit.span("x", **fields):
        pass
    assert spool.event()["operation"] == operation


class Cancelled(BaseException):
    """As trio names it."""


class ReadTimeout(Exception):  # noqa: N818  # the name is what is tested
    """As HTTP clients name it."""


@pytest.mark.parametrize(
    ("error", "status", "level"),
    [
        (ValueError("no"), "error", "error"),
        (TimeoutError("late"), "timeout", "error"),
        (ReadTimeout("late"), "timeout", "error"),
        (asyncio.CancelledError(), "cancelled", "warning"),
        (Cancelled(), "cancelled", "warning"),
        (KeyboardInterrupt(), "cancelled", "warning"),
        (SystemExit(3), "error", "error"),
        (SystemExit(0), "ok", "info"),
    ],
)
def test_how_a_span_ends_is_its_status(spool: SpoolFolder, error: BaseException, status: str, level: str) -> None:
    """Errors, time-outs and cancellation are told apart, and pass through unchanged."""
    with pytest.raises(type(error)) as caught, emit.span("x"):
        raise error
    assert caught.value is error
    event = spool.event()
    assert (event["status"], event["level"]) == (status, level)
    assert ("error_type" in event) == (status != "ok")


def test_the_error_is_named_with_its_module(spool: SpoolFolder) -> None:
    """As OpenTelemetry names it, so that both join."""
    with pytest.raises(ReadTimeout), emit.span("x"):
        raise ReadTimeout("after 3 s")
    event = spool.event()
    assert (event["error_type"], event["error_message"]) == (f"{__name__}.ReadTimeout", "after 3 s")


def test_a_span_may_say_itself_that_it_failed(spool: SpoolFolder) -> None:
    """An answer that came as an error code raises nothing."""
    with emit.span("x") as one:
        one.set(status="error", error_type="http.503")
    event = spool.event()
    assert (event["status"], event["level"], event["error_type"]) == ("error", "error", "http.503")


def test_a_status_that_was_set_does_not_hide_an_exception(spool: SpoolFolder) -> None:
    """What really happened wins."""

    def work() -> None:
        with emit.span("x") as one:
            one.set(status="ok")
            one.set(share=1 / 0)

    with pytest.raises(ZeroDivisionError):
        work()
    assert spool.event()["status"] == "error"


def test_first_token_is_measured_once(spool: SpoolFolder) -> None:
    """ttft_ms counts from the start of the span to the first call."""
    ticking(spool)
    with emit.span("x") as one:
        one.first_token()
        one.first_token()
    event = spool.event()
    assert (event["ttft_ms"], event["duration_ms"]) == (5.0, 10.0)


def test_a_span_can_be_started_and_ended_by_hand(spool: SpoolFolder) -> None:
    """For callbacks, where no block fits; ending twice writes once."""
    one = emit.span("x").start()
    one.end(TimeoutError("late"))
    one.end()
    assert spool.event()["status"] == "timeout"
    assert emit.current_span() is None


def test_a_span_ended_in_another_task_keeps_its_ids(spool: SpoolFolder) -> None:
    """What was bound where it began stays with it."""

    async def work() -> None:
        async def begin() -> emit.Span:
            emit.bind(request_id="r-1")
            return emit.span("x").start()

        one = await asyncio.create_task(begin())
        emit.bind(request_id="other")
        one.end()
        emit.unbind("request_id")

    asyncio.run(work())
    event = spool.event()
    assert event["request_id"] == "r-1"
    assert event["span_id"]


def test_what_is_bound_during_a_span_belongs_to_it(spool: SpoolFolder) -> None:
    """The model that was chosen inside is known when the span is written."""
    with emit.span("x"):
        emit.bind(model="chosen")
    assert spool.event()["model"] == "chosen"


def test_a_trace_continues_across_processes(spool: SpoolFolder) -> None:
    """The W3C header of one span makes another the child of it."""
    with emit.span("client") as client:
        header = emit.traceparent()
    assert header == client.traceparent == f"00-{client.trace_id}-{client.span_id}-01"
    with emit.span("server", traceparent=header):
        pass
    server = spool.events("server")[0]
    assert (server["trace_id"], server["parent_span_id"]) == (client.trace_id, client.span_id)
    assert emit.traceparent() is None


@pytest.mark.parametrize("header", ["", "00-xyz-1-01", f"00-{'0' * 32}-{'1' * 16}-01", "garbage"])
def test_a_bad_traceparent_begins_a_new_trace(spool: SpoolFolder, header: str) -> None:
    """A header comes from outside: it may be anything."""
    with emit.span("x", traceparent=header):
        pass
    assert "parent_span_id" not in spool.event()


def test_fields_of_a_span_may_be_objects_that_compare_oddly(spool: SpoolFolder) -> None:
    """An array has no truth value; nothing here asks for it."""
    with emit.span("x", features=np.array([1.0, 2.0])) as one:
        one.set(more=np.array([1, 2]))
    emit.prediction({"y": np.float32(1)}, features={"x": np.zeros(3)}, extra=np.zeros(2))
    emit.bind(array=np.zeros(2))
    emit.event("x")
    emit.clear()
    assert spool.events()[0]["features"] == [1.0, 2.0]


def test_spans_leave_nothing_for_the_garbage_collector(spool: SpoolFolder) -> None:
    """A span is gone with its block: a program that makes millions of them does not pause to clean up."""
    gc.collect()
    gc.disable()
    try:
        for _ in range(50):
            with emit.span("outer"), emit.span("inner"):
                emit.get_logger().info("x")
        assert gc.collect() == 0
    finally:
        gc.enable()


# -- @trace


def test_trace_without_arguments_names_the_span_after_the_function(spool: SpoolFolder) -> None:
    """The decorated function keeps its name, its result and its signature's documentation."""

    @emit.trace
    def add(a: int, b: int) -> int:
        """Add."""
        return a + b

    assert (add(1, b=2), add.__name__, add.__doc__) == (3, "add", "Add.")
    assert spool.event()["event"].endswith(".add")


def test_trace_takes_what_span_takes(spool: SpoolFolder) -> None:
    """A name, an operation and further fields."""

    @emit.trace("lookup", tool="search", attempt=2)
    def add() -> None: ...

    add()
    event = spool.event()
    assert (event["name"], event["operation"], event["tool"], event["attempt"]) == (
        "lookup",
        "execute_tool",
        "search",
        2,
    )


def test_trace_of_a_coroutine_lasts_until_it_returns(spool: SpoolFolder) -> None:
    """Concurrent calls are separate children of their caller."""

    @emit.trace
    async def inner(number: int) -> int:
        await asyncio.sleep(0)
        return number

    @emit.trace("outer")
    async def outer() -> list[int]:
        return await asyncio.gather(*(inner(number) for number in range(5)))

    assert asyncio.run(outer()) == [0, 1, 2, 3, 4]
    *inners, last = spool.events()
    assert {event["parent_span_id"] for event in inners} == {last["span_id"]}
    assert len({event["span_id"] for event in inners}) == 5


def test_trace_of_a_cancelled_coroutine_says_so(spool: SpoolFolder) -> None:
    """Cancelled work is logged as such, and a time-out around it as a time-out."""

    @emit.trace("slow")
    async def slow() -> None:
        await asyncio.sleep(60)

    async def work() -> None:
        with emit.span("caller"):
            async with asyncio.timeout(0.001):
                await slow()

    with pytest.raises(TimeoutError):
        asyncio.run(work())
    assert [(event["name"], event["status"]) for event in spool.events()] == [
        ("slow", "cancelled"),
        ("caller", "timeout"),
    ]


def test_trace_of_a_generator_lasts_until_it_is_exhausted(spool: SpoolFolder) -> None:
    """Its span is current only while it runs, not while the consumer does."""

    @emit.trace("stream", operation="chat")
    def stream() -> Iterator[str]:
        emit.get_logger().info("in generator")
        yield "a"
        yield "b"

    with emit.span("consumer"):
        for _ in stream():
            emit.get_logger().info("in consumer")
    spans = {event["name"]: event["span_id"] for event in spool.events() if event["kind"] == "span"}
    places = [event["span_id"] for event in spool.events() if event["event"].startswith("in ")]
    assert places == [spans["stream"], spans["consumer"], spans["consumer"]]
    assert spool.events("stream")[0]["ttft_ms"] >= 0


def test_trace_of_a_generator_passes_on_what_is_sent_thrown_and_returned(spool: SpoolFolder) -> None:
    """A decorated generator behaves like the bare one."""

    @emit.trace("echo")
    def echo() -> Iterator[Any]:
        got = yield "ready"
        try:
            yield got
        except LookupError as error:
            yield f"caught {error}"
        return "done"

    steps: Any = echo()
    assert (next(steps), steps.send(5), steps.throw(LookupError("x"))) == ("ready", 5, "caught x")
    with pytest.raises(StopIteration, match="done"):
        next(steps)
    assert spool.event()["status"] == "ok"


def test_trace_of_a_generator_that_is_left_early_is_cancelled(spool: SpoolFolder) -> None:
    """The consumer wanted no more; the generator's own clean-up is inside the span."""

    @emit.trace("stream")
    def stream() -> Iterator[int]:
        try:
            yield 1
            yield 2
        finally:
            emit.get_logger().info("clean-up")

    for _ in stream():
        break
    clean_up, span = spool.events()
    assert (span["status"], clean_up["span_id"]) == ("cancelled", span["span_id"])


def test_trace_of_a_generator_that_fails_is_an_error(spool: SpoolFolder) -> None:
    """The exception passes through."""

    @emit.trace("stream")
    def stream() -> Iterator[int]:
        yield 1
        raise ValueError("broke")

    with pytest.raises(ValueError, match="broke"):
        list(stream())
    assert (spool.event()["status"], spool.event()["error_message"]) == ("error", "broke")


def test_trace_of_an_asynchronous_generator(spool: SpoolFolder) -> None:
    """As with the synchronous kind: to the end, left early, failed."""

    @emit.trace("stream", operation="chat")
    async def stream(fail: bool = False) -> AsyncIterator[int]:
        yield 1
        await asyncio.sleep(0)
        emit.get_logger().info("inside")
        if fail:
            raise ValueError("broke")
        yield 2

    async def work() -> None:
        assert [item async for item in stream()] == [1, 2]
        with pytest.raises(ValueError, match="broke"):
            [item async for item in stream(fail=True)]
        left: Any = stream()
        async for _ in left:
            break
        await left.aclose()

    asyncio.run(work())
    assert [event["status"] for event in spool.events("stream")] == ["ok", "error", "cancelled"]
    assert {event["span_id"] for event in spool.events("inside")} <= {e["span_id"] for e in spool.events("stream")}


def test_trace_of_an_asynchronous_generator_passes_on_what_is_sent_and_thrown(spool: SpoolFolder) -> None:
    """A decorated one behaves like the bare one."""

    @emit.trace("echo")
    async def echo() -> AsyncIterator[Any]:
        got = yield "ready"
        try:
            yield got
        except LookupError as error:
            yield f"caught {error}"

    async def work() -> list[Any]:
        steps: Any = echo()
        return [
            await anext(steps),
            await steps.asend(5),
            await steps.athrow(LookupError("x")),
            await anext(steps, "end"),
        ]

    assert asyncio.run(work()) == ["ready", 5, "caught x", "end"]
    assert spool.event()["status"] == "ok"


def test_trace_leaves_the_kind_of_function_to_be_seen() -> None:
    """Frameworks look at it to decide how to call."""

    async def coroutine() -> None: ...
    async def asynchronous() -> AsyncIterator[int]:
        yield 1

    def generator() -> Iterator[int]:
        yield 1

    assert inspect.iscoroutinefunction(emit.trace(coroutine))
    assert inspect.isasyncgenfunction(emit.trace(asynchronous))
    assert inspect.isgeneratorfunction(emit.trace(generator))
    assert not inspect.iscoroutinefunction(emit.trace(len))


def test_trace_of_methods_and_callables(spool: SpoolFolder) -> None:
    """In either order with staticmethod and classmethod, on partials and on objects that can be called."""

    class Shop:
        @emit.trace("method")
        def method(self) -> str:
            return "method"

        @emit.trace("static")
        @staticmethod
        def static() -> str:
            return "static"

        @classmethod
        @emit.trace("class")
        def of_class(cls) -> str:
            return cls.__name__

    class Callable:
        async def __call__(self) -> str:
            await asyncio.sleep(0)
            return "called"

    shop = Shop()
    assert (shop.method(), shop.static(), Shop.of_class()) == ("method", "static", "Shop")
    assert emit.trace("partial")(functools.partial(int, "7"))() == 7
    assert asyncio.run(emit.trace("object")(Callable())()) == "called"
    assert [event["name"] for event in spool.events()] == ["method", "static", "class", "partial", "object"]


def test_trace_keeps_arguments_and_result_only_where_asked(spool: SpoolFolder) -> None:
    """Off by default; as JSON of the arguments by name, without self, when on."""

    class Shop:
        @emit.trace("quiet")
        def quiet(self, word: str) -> str:
            return word.upper()

        @emit.trace("open", capture="text")
        def open(self, word: str, *rest: int, key: int = 1) -> str:
            return word.upper()

        @emit.trace("stream", capture="text")
        def stream(self) -> Iterator[str]:
            yield "a"
            yield "b"

    shop = Shop()
    shop.quiet("hi")
    shop.open("hi", 1, 2, key=3)
    list(shop.stream())
    quiet, opened, stream = spool.events()
    assert {"input", "output", "input_length"}.isdisjoint(quiet)
    assert opened["input"] == {"word": "hi", "rest": [1, 2], "key": 3}
    assert (opened["output"], stream["output"]) == ("HI", "ab")


def test_a_wrong_call_fails_as_without_trace(spool: SpoolFolder) -> None:
    """The TypeError is Python's own."""

    @emit.trace("strict", capture="text")
    def strict(a: int) -> None: ...

    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        strict()  # type: ignore[call-arg]
    assert spool.event()["error_type"] == "TypeError"
