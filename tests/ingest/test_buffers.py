"""Read buffers are used again, and never while somebody still looks into them."""

from __future__ import annotations

import json
from pathlib import Path

from tests.ingest.lakes import Place

from deadreckon.core.settings import Settings
from deadreckon.ingest.sources.buffers import LARGE, Buffers


def test_a_buffer_is_given_again_when_no_view_of_it_lives() -> None:
    """A view of a part keeps it as a view of the whole does."""
    buffers = Buffers()
    first = buffers.take(LARGE)
    part = memoryview(memoryview(first)[10:20])
    second = buffers.take(LARGE)
    assert second is not first
    del part
    assert buffers.take(LARGE) is first


def test_a_larger_one_replaces_those_that_are_too_small() -> None:
    """What is asked for fits, and memory does not grow with every size."""
    buffers = Buffers()
    first = buffers.take(LARGE)
    larger = buffers.take(2 * len(first))
    assert len(larger) >= 2 * len(first)
    assert buffers.take(LARGE) is larger


def test_no_large_one_is_kept_for_small_reads() -> None:
    """Thousands of small inputs in a batch need what they hold."""
    buffers = Buffers()
    assert len(buffers.take(100)) == 100
    assert buffers.take(100) is not buffers.take(100)


def test_batches_that_share_buffers_hold_what_their_lines_said(tmp_path: Path) -> None:
    """Several batches are under way at a time: none sees the bytes of the next."""
    place = Place(tmp_path)
    text = "x" * 900
    path = tmp_path / "long.jsonl"
    with path.open("w") as out:
        for n in range(40_000):
            out.write(json.dumps({"event": f"e{n}", "value": n, "label": f"{n}-{text}-{n}"}) + "\n")
    summary = place.ingest(path, using=Settings.model_validate({"ingest": {"batch_bytes": LARGE + 1000}}))
    assert summary.committed == 40_000
    rows = {row["value"]: (row["event"], row["label"]) for row in place.events()}
    assert rows == {n: (f"e{n}", f"{n}-{text}-{n}") for n in range(40_000)}
