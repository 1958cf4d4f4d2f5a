"""The benchmark compares like with like."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from benchmarks import bench_emit, bench_span
from tests.emit.conftest import SpoolFolder


def test_every_case_writes_an_event_and_emits_have_25_fields(spool: SpoolFolder, tmp_path: Path) -> None:
    """Raw and emit write the same keys; the others are shown beside them."""
    with bench_emit.cases(tmp_path) as cases:
        for case in cases.values():
            case()
    (raw,) = (json.loads(line) for line in (tmp_path / "raw.jsonl").read_text().splitlines())
    written = [json.loads(line) for path in (tmp_path / "spool").iterdir() for line in path.read_text().splitlines()]
    assert [set(event) for event in written[:3]] == [set(raw)] * 3
    assert len(raw) == 25
    assert (tmp_path / "structlog.jsonl").stat().st_size > 0


def test_spans_are_measured_at_each_number_of_threads(tmp_path: Path) -> None:
    """With OpenTelemetry's beside them, where it is installed; none of ours is lost."""
    pytest.importorskip("opentelemetry.sdk.trace")
    found, said = bench_span.measure(tmp_path, rounds=1, calls=8)
    assert len(found) == 6
    assert said.endswith("emit dropped 0")
    written = [line for path in (tmp_path / bench_span.DEFAULT).iterdir() for line in path.read_text().splitlines()]
    assert len(written) == 8 + 8 * 8
