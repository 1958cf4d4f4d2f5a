"""`reckon drift explain`: which values moved, in which segment, and which requests show it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.queries.lakes import at, make_lake

from deadreckon.cli import main

Captured = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Predictions of two days: on the second one customer's ages are far higher, and its countries are new."""
    events: list[dict[str, Any]] = []
    for day in (3, 4):
        for n in range(400):
            customer = ("acme", "bolt", "core", "dune")[n % 4]
            moved = day == 4 and customer == "bolt"
            request = f"req-{day}-{n:03}"
            ts = at(f"{day} 10:{n // 60:02}:{n % 60:02}")
            features = {"age": (90 if moved else 40) + n * 7 % 400 / 100, "land": "xx" if moved else "de"}
            events.append(
                {
                    "ts": ts,
                    "kind": "prediction",
                    "features": json.dumps(features),
                    "request_id": request,
                    "model_version": "1",
                    "attributes": json.dumps({"customer/id": customer}),
                }
            )
            tool = "lookup" if customer == "bolt" else "search"
            events.append({"ts": ts, "kind": "tool", "tool": tool, "request_id": request, "duration_ms": 5.0})
    return str(make_lake(tmp_path_factory.mktemp("explained") / "lake", events).root)


def ask(lake: str, capsys: Captured, subject: str, *words: str) -> dict[str, Any]:
    """The document of an explanation of the second day by the first."""
    sides = ["--reference", "..2026-06-04", "--current", "2026-06-04.."]
    code = main(["drift", "explain", "--lake", lake, "--subject", subject, *sides, *words, "--format", "json"])
    out, err = capsys.readouterr()
    assert code == 0, err
    return dict(json.loads(out))


def test_the_segment_that_moved(lake: str, capsys: Captured) -> None:
    """A quarter of the values moved, all of one customer's: it explains nearly all, and nothing is left without it."""
    found = ask(lake, capsys, "feature:age", "--by", "customer/id", "--by", "tool", "--by", "model_version")
    assert found["total_variation"] == pytest.approx(0.25)
    top = found["changes"][0]
    assert (top["to"] > 90, top["reference"], top["current"] > 0.2) == (True, 0.0, True)
    first = {s["attribute"]: s for s in reversed(found["segments"])}
    assert set(first) == {"customer/id", "tool"}  # there is but one model_version
    assert (first["customer/id"]["value"], first["tool"]["value"]) == ("bolt", "lookup")
    assert first["customer/id"]["explains"] == pytest.approx(1)
    assert first["customer/id"]["without"] == 0
    assert sum(s["explains"] for s in found["segments"] if s["attribute"] == "customer/id") == pytest.approx(1)


def test_requests_to_look_at(lake: str, capsys: Captured) -> None:
    """The newest requests of the values that grew, which are of the customer that moved."""
    found = ask(lake, capsys, "feature:age")
    assert found["exemplars"] == [f"req-4-{n}" for n in (397, 393, 389, 385, 381)]


def test_a_histogram_ready_to_be_drawn(lake: str, capsys: Captured) -> None:
    """Edges, one more than there are shares, which sum to 1 on either side; categories by name."""
    histogram = ask(lake, capsys, "feature:age")["histogram"]
    assert len(histogram["edges"]) == len(histogram["reference"]) + 1 == len(histogram["current"]) + 1
    assert histogram["edges"] == sorted(histogram["edges"])
    assert sum(histogram["reference"]) == pytest.approx(1)
    assert sum(histogram["current"]) == pytest.approx(1)
    land = ask(lake, capsys, "feature:land")
    assert land["histogram"] == {"categories": ["de", "xx"], "reference": [1.0, 0.0], "current": [0.75, 0.25]}
    assert land["changes"][0]["value"] == "de"
    assert land["exemplars"][0] == "req-4-397"


def test_a_column_is_explained_by_its_own_events(lake: str, capsys: Captured) -> None:
    """Latencies did not change: nothing moved, nothing explains it, no request shows it."""
    found = ask(lake, capsys, "latency_ms")
    assert found["total_variation"] == 0
    assert found["changes"] == found["exemplars"] == []
    assert {s["explains"] for s in found["segments"]} == {0.0}


def test_people_see_tables(lake: str, capsys: Captured) -> None:
    """The changes, the segments, and a command for each request."""
    words = ["--lake", lake, "--subject", "feature:age", "--reference", "..2026-06-04", "--current", "2026-06-04.."]
    assert main(["drift", "explain", *words, "--format", "table"]) == 0
    out, err = capsys.readouterr()
    assert "lookup" in out
    assert "reckon trace req-4-397" in err


def test_what_cannot_tell_apart_is_said(lake: str, capsys: Captured) -> None:
    """A column of times or documents is no attribute."""
    words = ["--lake", lake, "--subject", "tool", "--reference", "..2026-06-04", "--current", "2026-06-04.."]
    assert main(["drift", "explain", *words, "--by", "features"]) == 2
    assert "--by features" in capsys.readouterr().err


def test_groups_are_called_by_values_that_there_are(tmp_path: Path, capsys: Captured) -> None:
    """The first group begins at the lowest value of the reference, and one of a single value is called by it."""
    events = [
        {
            "ts": at(f"{day} 10:00:00"),
            "kind": "tool",
            "tool": "t",
            "duration_ms": float(n % 7 * (n % 2 if day == 3 else 1)),
        }
        for day in (3, 4)
        for n in range(200)
    ]
    found = ask(str(make_lake(tmp_path / "lake", events).root), capsys, "latency_ms")
    top = found["changes"][0]
    assert (top["from"], top["to"]) == (0.0, 0.0)
    assert top["change"] < -0.3
    edges = found["histogram"]["edges"]
    assert edges == sorted(edges)
    assert edges[0] == 0.0
    sides = ["--reference", "..2026-06-04", "--current", "2026-06-04.."]
    assert main(["drift", "explain", "--lake", str(tmp_path / "lake"), "--subject", "latency_ms", *sides]) == 0
    text = capsys.readouterr().out
    assert "e-324" not in text
    assert "0 to 0" not in text
