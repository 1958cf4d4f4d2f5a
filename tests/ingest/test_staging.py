"""Files written before it is known what must be in them: by day, without what came before, and none left over."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tests.ingest.lakes import Place

from deadreckon.core.lake import Lake

NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def days(place: Place) -> dict[str, int]:
    """Events by the day of their file; every file on the disk is live, and holds events of its day alone."""
    live = Lake.open(place.lake).snapshot().part("events")
    assert {file.path for file in live} == set(place.lake.rglob("part=events/**/*.parquet"))
    found: dict[str, int] = {}
    for file in live:
        day = file.partition["date"]
        with pq.ParquetFile(file.path) as parquet:
            rows = parquet.read(["ts"]).column("ts").cast("int64").to_numpy()
        assert {str(moment)[:10] for moment in rows.astype("datetime64[us]")} == {day}
        assert file.rows == len(rows)
        found[day] = found.get(day, 0) + len(rows)
    return found


def line(case: int, moment: datetime, **more: object) -> dict[str, object]:
    return {"ts": moment.isoformat(), "case": case, **more}


def test_stragglers(place: Place) -> None:
    """Single lines of other days, where all around them are of one, go to the files of their days."""
    lines = [line(n, NOON + timedelta(minutes=n)) for n in range(2_000)]
    for odd in (5, 701, 1_999):
        lines[odd] = line(odd, NOON - timedelta(days=3))
    path = place.write("app.log", lines)

    assert place.ingest(path).committed == 2_000

    assert place.values("case") == list(range(2_000))
    found = days(place)
    assert found["2026-10-02"] == 3
    assert sum(found.values()) == 2_000


@pytest.mark.parametrize("many", [7, 90])
def test_no_order_at_all(place: Place, many: int) -> None:
    """Lines of few or many days in any order."""
    dice = random.Random(7)
    offsets = [dice.randrange(many) for _ in range(3_000)]
    path = place.write("app.log", [line(n, NOON + timedelta(days=day)) for n, day in enumerate(offsets)])

    assert place.ingest(path).committed == 3_000

    expected = {str((NOON + timedelta(days=day)).date()): offsets.count(day) for day in set(offsets)}
    assert days(place) == expected


def test_known_ids_of_several_days(place: Place) -> None:
    """What is twice in a batch, and what is in the lake, is not kept; a file of nothing else is not, either."""
    first = [line(n, NOON + timedelta(days=n % 3), event_id=f"id-{n}") for n in range(300)]
    assert place.ingest(place.write("a.log", first)).committed == 300
    second = [
        *(line(n, NOON + timedelta(days=n % 3), event_id=f"id-{n}") for n in range(250, 350)),
        *(line(n, NOON + timedelta(days=n % 3), event_id=f"id-{n}") for n in range(340, 360)),
        *(line(n, NOON + timedelta(days=9), event_id=f"id-{n}") for n in range(10)),
    ]

    summary = place.ingest(place.write("b.log", second))

    assert (summary.committed, summary.duplicates) == (60, 70)
    assert place.values("case") == list(range(360))
    assert days(place).keys() == {"2026-10-05", "2026-10-06", "2026-10-07"}


def test_the_first_of_a_batch_is_kept(place: Place) -> None:
    """Of lines with one id the first in the input counts, however they are read."""
    lines = [line(n, NOON, event_id=f"id-{n % 10}") for n in range(1_000)]
    lines += [line(1_000 + n, NOON, event_id=f"id-{n % 10}", level=["odd"]) for n in range(100)]

    place.ingest(place.write("a.log", lines))

    assert place.values("case") == list(range(10))


def test_lines_that_give_many_events(place: Place) -> None:
    """One request of OTLP that holds a span twice: the first is kept, and its line is no blank one."""
    span = {
        "traceId": "5b8efff798038103d269b633813fc60c",
        "spanId": "eee19b7ec3c1b174",
        "startTimeUnixNano": "1759665600000000000",
        "endTimeUnixNano": "1759665601000000000",
    }
    request = {"resourceSpans": [{"scopeSpans": [{"spans": [span | {"name": "one"}, span | {"name": "two"}]}]}]}

    summary = place.ingest(place.write("a.log", [request, {"ts": NOON.isoformat()}]))

    assert (summary.committed, summary.duplicates, summary.blank) == (2, 1, 0)
    assert "one" in {row.get("name") for row in place.events()}
