"""What is bound, for whom, and for how long."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

from tests.emit.conftest import SpoolFolder

from deadreckon import emit


def test_bind_lasts_until_unbind(spool: SpoolFolder) -> None:
    """Everything emitted between carries the field."""
    log = emit.get_logger()
    emit.bind(request_id="r-1", session_id="s-1")
    log.info("a")
    emit.unbind("session_id", "never bound")
    emit.metric("b", 1)
    emit.bind(request_id=None)
    log.info("c")
    ids = [(event.get("request_id"), event.get("session_id")) for event in spool.events()]
    assert ids == [("r-1", "s-1"), ("r-1", None), (None, None)]


def test_bound_restores_what_was_bound(spool: SpoolFolder) -> None:
    """Blocks nest, an inner value hides the outer, and bind inside ends with the block."""
    with emit.bound(a=1, b=1):
        with emit.bound(b=2):
            emit.bind(c=3)
            assert emit.context() == {"a": 1, "b": 2, "c": 3}
        assert emit.context() == {"a": 1, "b": 1}
    assert emit.context() == {}


def test_bound_works_in_async_code_and_after_errors() -> None:
    """The binding ends with the block however it ends."""

    async def work() -> None:
        async with emit.bound(a=1):
            raise LookupError

    try:
        asyncio.run(work())
    except LookupError:
        pass
    assert emit.context() == {}


def test_asyncio_tasks_keep_their_contexts_apart(spool: SpoolFolder) -> None:
    """A hundred requests at once, switching at every step, never see each other's IDs."""
    log = emit.get_logger()

    async def request(number: int) -> None:
        emit.bind(request_id=f"r-{number}")
        with emit.span("handle", number=number):
            for step in range(5):
                await asyncio.sleep(0)
                log.info("step", number=number, step=step)
                with emit.span("inner", number=number):
                    await asyncio.sleep(0)

    async def serve() -> None:
        emit.bind(service_area="eu")
        await asyncio.gather(*(request(number) for number in range(100)))
        assert emit.context() == {"service_area": "eu"}

    asyncio.run(serve())
    events = spool.events()
    assert len(events) == 100 * 11
    assert all(event["request_id"] == f"r-{event['number']}" for event in events)
    traces = {(event["number"], event["trace_id"]) for event in events}
    assert len(traces) == len({trace for _, trace in traces}) == 100
    assert all(event["service_area"] == "eu" for event in events)


def test_threads_begin_with_nothing_bound_and_carry_brings_it() -> None:
    """A worker thread serves many requests: it gets the context of the one that gave it work, and keeps nothing."""
    emit.bind(request_id="r-1")
    with ThreadPoolExecutor(1) as pool, emit.span("outer") as outer:
        assert pool.submit(emit.context).result() == {}
        assert pool.submit(emit.carry(emit.context)).result() == {
            "request_id": "r-1",
            "trace_id": outer.trace_id,
            "span_id": outer.span_id,
        }
        assert pool.submit(emit.context).result() == {}
    emit.clear()


def test_threads_have_contexts_of_their_own() -> None:
    """What one thread binds, another does not see."""
    seen = []

    def work() -> None:
        emit.bind(a="thread")
        seen.append(emit.context())

    emit.bind(a="main")
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert (seen, emit.context()) == ([{"a": "thread"}], {"a": "main"})
    emit.clear()


def test_a_block_that_ends_in_another_context_does_not_raise() -> None:
    """Frameworks finalise generators wherever they like; the worst is a binding that is set instead of reset."""
    block = emit.bound(a=1)
    contextvars.copy_context().run(block.__enter__)
    block.__exit__(None, None, None)
    assert emit.context() == {}


def test_a_trace_id_can_be_bound(spool: SpoolFolder) -> None:
    """Spans join the trace that a gateway began; what is not a W3C id is left out."""
    with emit.bound(trace_id="A" * 32, span_id="b" * 16):
        with emit.span("child") as child:
            assert (child.trace_id, child.parent_span_id) == ("a" * 32, "b" * 16)
        assert emit.context() == {"trace_id": "a" * 32, "span_id": "b" * 16}
    with emit.bound(trace_id="nonsense"):
        assert emit.context() == {}
    with emit.bound(trace_id="a" * 32), emit.bound(trace_id=None):
        assert emit.context() == {}
    assert spool.event()["parent_span_id"] == "b" * 16


def test_every_binding_form_hashes_the_user(spool: SpoolFolder) -> None:
    """A user id reaches the file only as a hash, whichever way it came."""
    spool.configure(salt="pepper")
    emit.bind(user_id="bob")
    emit.get_logger().info("bound")
    emit.clear()
    emit.get_logger(user_id="bob").info("logger")
    emit.get_logger().info("call", user_id="bob")
    emit.metric("m", 1, user_id="bob")
    with emit.span("s", user_id="bob"):
        pass
    users = {event["user_id"] for event in spool.events()}
    assert len(users) == 1
    assert users.pop().startswith("sha256:")
    assert not any(b"bob" in path.read_bytes() for path in spool.path.iterdir())


class Item:
    """Something that can be watched."""


def test_loggers_without_end_do_not_fill_memory(spool: SpoolFolder) -> None:
    """A logger made per item is forgotten with it."""
    marks = []
    for _ in range(200):
        item = Item()
        emit.get_logger(item=item).info("x")
        marks.append(weakref.ref(item))
    del item
    gc.collect()
    assert sum(mark() is not None for mark in marks) <= 40
    assert len(spool.events()) == 200
