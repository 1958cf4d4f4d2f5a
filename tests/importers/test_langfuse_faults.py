"""Langfuse's files that are torn, named oddly or hold what they should not."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import zstandard
from tests.importers.stores import Imported

from deadreckon.core.errors import SourceError
from deadreckon.exchange import langfuse
from deadreckon.exchange.bring import Brought

SPAN = {"id": "o1", "trace_id": "t1", "name": "n", "type": "GENERATION"}
SPAN |= {"start_time": "2026-11-01 00:00:00.000", "end_time": "2026-11-01 00:00:01.000"}
SCORE = {"id": "s1", "timestamp": "2026-11-01T00:00:00Z", "name": "q", "source": "API", "trace_id": "t1"}


@pytest.fixture
def imported(tmp_path: Path) -> Imported:
    """A lake that is not there yet."""
    return Imported(tmp_path / "lake")


def bring(imported: Imported, path: Path, *rows: dict[str, Any]) -> Brought:
    """Import a file, of these rows if there are some."""
    if rows:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return imported.bring(langfuse.items([path]))


@pytest.mark.parametrize("count", ["12.0", 12.0, "12"])
def test_tokens_however_they_are_written(count: Any, tmp_path: Path, imported: Imported) -> None:
    """A number is one, in a text and with a point too."""
    bring(imported, tmp_path / "a.jsonl", {**SPAN, "usage_details": {"input": count, "output": "many"}})
    assert imported.one("SELECT input_tokens FROM spans") == 12


def test_numbers_that_are_none(tmp_path: Path, imported: Imported) -> None:
    """Infinite tokens, cost and times are unknown, and no fault of the file."""
    odd = {**SPAN, "usage_details": {"input": float("inf")}, "total_cost": float("nan"), "end_time": float("inf")}
    found = bring(imported, tmp_path / "a.jsonl", odd)
    assert (found.summary.committed, found.summary.quarantined) == (1, 0)
    (span,) = imported.rows("SELECT status, input_tokens, cost_usd FROM events")
    assert tuple(span.values()) == ("running", None, None)


def test_a_score_without_a_value(tmp_path: Path, imported: Imported) -> None:
    """It has a comment, and is no trace."""
    (tmp_path / "a.csv").write_text(
        "id,timestamp,name,value,string_value,source,data_type,trace_id,comment\n"
        "s1,2026-11-01T00:00:00Z,q,,,ANNOTATION,TEXT,t1,only words\n"
        "s2,2026-11-01T00:00:00Z,q,1,,API,NUMERIC,t1,\n"
    )
    assert bring(imported, tmp_path / "a.csv").found == {"score": 2}
    assert imported.rows("SELECT value, reason FROM scores ORDER BY value NULLS LAST") == [
        {"value": 1.0, "reason": None},
        {"value": None, "reason": "only words"},
    ]


def test_names_with_signs(tmp_path: Path, imported: Imported) -> None:
    """A name is a name, and no pattern for other files."""
    bring(imported, tmp_path / "a1.jsonl", {**SPAN, "name": "another"})
    assert bring(imported, tmp_path / "a[1].jsonl", SPAN | {"id": "o2"}).summary.committed == 1
    assert bring(imported, tmp_path / "a*.jsonl", SPAN | {"id": "o3"}).found == {"observation": 1}


ROWS = b"id,trace_id,start_time\n" + b"".join(b"o%d,t1,2026-11-01\n" % n for n in range(20_000))
LINES = b"".join(json.dumps({**SPAN, "id": f"o{n}"}).encode() + b"\n" for n in range(5_000))


@pytest.mark.parametrize("ending", ["gz", "zst"])
@pytest.mark.parametrize(("kind", "content"), [("csv", ROWS), ("jsonl", LINES)])
def test_an_archive_that_is_torn(ending: str, kind: str, content: bytes, tmp_path: Path, imported: Imported) -> None:
    """What is missing is not left out in silence."""
    packed = gzip.compress(content) if ending == "gz" else zstandard.compress(content)
    path = tmp_path / f"a.{kind}.{ending}"
    for damaged in (packed[: len(packed) // 2], packed[:-8], b"none of these\nat all\n"):
        path.write_bytes(damaged)
        with pytest.raises(SourceError, match="nothing was imported"):
            bring(imported, path)
    path.write_bytes(packed)
    assert bring(imported, path).found["observation"] == content.count(b"\n") - (kind == "csv")


def test_a_file_that_may_not_be_read(tmp_path: Path, imported: Imported) -> None:
    """Said of the file, and not of the folder for temporary ones."""
    (tmp_path / "a.csv").mkdir()
    with pytest.raises(SourceError, match=r"a\.csv"):
        bring(imported, tmp_path / "a.csv")
