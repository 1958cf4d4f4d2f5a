"""Identifiers: ordered within a process, unique beyond it."""

from __future__ import annotations

import itertools
import threading
import uuid
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from tests.emit.conftest import SpoolFolder
from tests.emit.spools import run

from deadreckon import emit
from deadreckon.emit._stamp import Stamper

MS = 1_000_000
NOW = 1_790_000_000_000_000_000


def test_ids_are_version_7_and_tell_their_time() -> None:
    """The first 48 bits are the milliseconds since 1970, as RFC 9562 lays down."""
    one = uuid.UUID(Stamper().uuid7(NOW))
    assert (one.version, one.variant, one.int >> 80) == (7, uuid.RFC_4122, NOW // MS)


def test_a_million_ids_in_one_millisecond_increase() -> None:
    """The counter carries over into the sequence without a step back."""
    stamper = Stamper()
    ids = [stamper.uuid7(NOW) for _ in range(1_000_000)]
    assert all(a < b for a, b in itertools.pairwise(ids))
    assert all(uuid.UUID(one).version == 7 for one in ids[::10_007])


@given(st.lists(st.integers(min_value=0, max_value=4_000 * MS), min_size=2, max_size=200))
def test_ids_increase_whatever_the_clock_does(offsets: list[int]) -> None:
    """A clock that is set back does not set ids back."""
    stamper = Stamper()
    ids = [stamper.uuid7(NOW + offset) for offset in offsets]
    assert ids == sorted(set(ids))


@given(st.integers(min_value=0, max_value=253_402_300_799_999_999_999))
def test_the_timestamp_is_the_clocks(ns: int) -> None:
    """Both ways to format a time agree with the calendar, from 1970 to the end of the year 9999."""
    from datetime import UTC, datetime, timedelta

    expected = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=ns // 1000)).strftime("%Y-%m-%dT%H:%M:%S.%f")
    stamper = Stamper()
    assert stamper.iso(ns) == f"{int(expected[:4]):04d}{expected[expected.index('-') :]}Z"
    assert stamper.opening(ns).startswith('{"ts":"' + stamper.iso(ns) + '","event_id":"')


def test_threads_never_share_an_id() -> None:
    """Eight threads that take ids at once get 160,000 different ones, each thread in order."""
    stamper, found = Stamper(), [[] for _ in range(8)]
    barrier = threading.Barrier(8)

    def take(mine: list[str]) -> None:
        barrier.wait()
        mine.extend(stamper.uuid7(NOW) for _ in range(20_000))

    threads = [threading.Thread(target=take, args=(mine,)) for mine in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(mine == sorted(mine) for mine in found)
    assert len({one for mine in found for one in mine}) == 160_000


def test_forked_children_never_share_an_id(tmp_path: Path) -> None:
    """Children forked within one millisecond draw new randomness for all three kinds of ids."""
    code = """
import os
from deadreckon import emit
emit.new_id()
with emit.span("parent"): pass
for child in range(4):
    if os.fork() == 0:
        ids = [emit.new_id() for _ in range(300)]
        for _ in range(300):
            with emit.span("x") as one: ids += [one.trace_id, one.span_id]
        os.write(1, (" ".join(ids) + "\\n").encode())
        os._exit(0)
for child in range(4): os.wait()
"""
    ids = run(code, tmp_path / "spool").split()
    assert len(ids) == len(set(ids)) == 4 * 900


def test_trace_and_span_ids_have_w3c_sizes() -> None:
    """32 and 16 lower-case hex digits, also past the first batch."""
    for _ in range(600):
        with emit.span("x") as one:
            assert (len(one.trace_id), len(one.span_id)) == (32, 16)
            assert int(one.trace_id, 16) > 0 < int(one.span_id, 16)
            assert one.trace_id == one.trace_id.lower()


def test_a_test_can_own_clock_and_ids(spool: SpoolFolder) -> None:
    """The same seed and clock give the same lines, byte for byte."""

    def once() -> list[dict[str, object]]:
        ticks = iter(range(NOW, NOW + 100 * MS, MS))
        spool.configure(clock=lambda: next(ticks), ids=emit.SeededIds(7), host="h", static={"pid": 1})
        with emit.run("train"), emit.span("step"):
            emit.metric("loss", 0.5)
        emit.close()
        found = spool.events()
        for path in spool.path.iterdir():
            path.unlink()
        for event in found:
            event.pop("pins", None)
        return found

    first, second = once(), once()
    assert first == second
    assert [event["event"] for event in first] == ["run.start", "metric", "step", "run.end"]
    assert first[2]["duration_ms"] == 2.0
    assert first[0]["ts"] == "2026-09-21T14:13:20.002000Z"


def test_seeded_ids_increase_and_are_version_7() -> None:
    """Generated logs sort like real ones, with a clock that stands still too."""
    ids = emit.SeededIds(1)
    made = [ids.event_id(NOW - (n % 3) * MS) for n in range(40_000)]
    assert made == sorted(set(made))
    assert uuid.UUID(made[-1]).version == 7
