"""Spans that do not end where blocks end: by hand in any order, in another thread, by the garbage collector."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator

import pytest
from tests.emit.conftest import SpoolFolder

from deadreckon import emit


def test_spans_that_overlap_leave_the_thread_as_it_was(spool: SpoolFolder) -> None:
    """What comes after two spans that ended in the order they began belongs to neither."""
    before = emit.context()
    first = emit.span("first").start()
    second = emit.span("second").start()
    first.end()
    assert emit.current_span() is second
    second.end()
    assert emit.context() == before
    with emit.span("later") as later:
        pass
    assert later.parent_span_id is None
    assert later.trace_id != first.trace_id


def test_three_spans_that_end_in_the_order_they_began(spool: SpoolFolder) -> None:
    """Each end takes out its own span alone."""
    with emit.bound(request_id="r"):
        opened = [emit.span(name).start() for name in "abc"]
        for number, one in enumerate(opened):
            one.end()
            assert emit.current_span() is (opened[-1] if number < 2 else None)
        assert emit.context() == {"request_id": "r"}


def test_a_span_that_another_thread_ends_leaves_that_thread_alone(spool: SpoolFolder) -> None:
    """A callback's thread does not take over what was bound where the span began."""
    found: list[object] = []

    def callback(span: emit.Span) -> None:
        emit.bind(request_id="mine")
        span.end()
        found.append(emit.context())

    with emit.bound(request_id="r-1", user_id="bob"):
        span = emit.span("call").start()
        thread = threading.Thread(target=callback, args=(span,))
        thread.start()
        thread.join()
    assert found == [{"request_id": "mine"}]
    assert [one["request_id"] for one in spool.events("call")] == ["r-1"]


def test_a_dropped_generator_does_not_end_the_span_around_its_end(spool: SpoolFolder) -> None:
    """A block in a plain generator that is dropped half way is taken out, and not what began after it."""

    def steps() -> Iterator[int]:
        with emit.span("steps"):
            yield 1
            yield 2

    left = steps()
    next(left)
    with emit.span("work") as work:
        del left
        emit.get_logger().info("inside")
    (inside,) = spool.events("inside")
    assert inside["span_id"] == work.span_id
    assert emit.current_span() is None
    assert emit.context() == {}


def test_a_span_is_started_once(spool: SpoolFolder) -> None:
    """`with span.start()` is the same as `with span`."""
    with emit.span("work").start() as work:
        pass
    assert work.parent_span_id is None
    assert emit.context() == {}


def test_a_span_that_could_not_begin_leaves_the_context_as_it_was(spool: SpoolFolder) -> None:
    """An interrupt in the middle of its beginning ends no block, since none began."""

    def clock() -> int:
        raise KeyboardInterrupt

    spool.configure(clock=clock)
    with pytest.raises(KeyboardInterrupt), emit.span("work"):
        pass
    assert emit.context() == {}


def test_a_span_at_the_end_of_the_stack_leaves_the_context_as_it_was(spool: SpoolFolder) -> None:
    """A recursion without end raises its RecursionError, and what follows belongs to no span of it."""

    @emit.trace
    def deeper(n: int) -> int:
        return deeper(n + 1)

    limit = sys.getrecursionlimit()
    for more in range(40):  # the stack ends at another place of the code each time
        sys.setrecursionlimit(limit + more)
        try:
            deeper(0)
        except RecursionError:
            pass
        finally:
            sys.setrecursionlimit(limit)
        assert emit.context() == {}
        emit.clear()
