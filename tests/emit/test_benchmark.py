"""The benchmark compares like with like."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks import bench_emit
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
