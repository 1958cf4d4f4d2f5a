"""What many inputs, competitors, odd bytes and odd settings do to a run: no line is lost, doubled or altered."""

from __future__ import annotations

import os
import resource
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from tests.ingest.lakes import NOW, Place, settings

from deadreckon.core.errors import ConfigError
from deadreckon.core.lake import Lake
from deadreckon.ingest.engine import Ingester
from deadreckon.ingest.quarantine import replay
from deadreckon.ingest.sources import Watcher

EMAILS = settings(redaction={"user_id": "keep", "patterns": ["email"]})
BOM = b"\xef\xbb\xbf"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def following(*paths: Path) -> Watcher:
    """A watcher that looks again and again."""
    return Watcher(paths, max_line_bytes=1 << 20, warn=lambda _: None)


@contextmanager
def few_descriptors(more: int) -> Iterator[None]:
    """This process may open only so many files more than it has open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(list(Path("/proc/self/fd").iterdir())) + more, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_more_files_than_may_be_open(place: Place) -> None:
    """A folder of more files than a process may open at a time is read whole."""
    spool = place.root / "spool"
    spool.mkdir()
    for n in range(150):
        name = f"{uuid.UUID(int=n)}.sealed.jsonl" if n % 2 else f"{n}.log"
        place.write(f"spool/{name}", [{"case": n}])

    with few_descriptors(60):
        summary = place.ingest(spool)

    assert (summary.committed, summary.quarantined, summary.sources) == (150, 0, 150)
    assert place.values("case") == list(range(150))
    assert len(list(spool.iterdir())) == 75


def test_very_many_short_lines(place: Place) -> None:
    """However short its lines are, a batch has so many of them at most; each arrives, or is refused, in its place."""
    good, bad = b'{"a":1}\n' * 10, b"no json\n"
    path = place.write("a.log", (good + bad) * 20_000 + b'{"a":1}')

    summary = place.ingest(path)

    assert summary.commits > 1
    assert (summary.read_lines, summary.committed, summary.quarantined) == (220_001, 200_001, 20_000)
    assert {row["source_offset"] for row in place.quarantined()} == {80 + 88 * n for n in range(20_000)}
    assert place.ingest(path).read_lines == 0


def test_follower_learns_what_another_read(place: Place) -> None:
    """An input that another ingester read, and that was then emptied and filled anew, is read from its new start."""
    path = place.write("app.log", [])
    lake = Lake.create(place.lake)
    with Ingester(lake, settings()) as one, Ingester(lake, settings()) as two:
        first, second = following(path), following(path)
        two.look(second)
        place.write("app.log", [{"event": "start"}, *({"case": n} for n in range(20))])
        one.look(first)
        place.write("app.log", [{"event": "start"}, *({"case": n} for n in range(100, 160))])
        two.look(second)
        one.look(first)
        two.look(second)

    assert len(place.events()) == 82
    found = {row["attributes"]["case"] for row in place.events() if "attributes" in row}
    assert found == {*range(20), *range(100, 160)}
    assert place.quarantined() == []


def test_followed_input_counts_once(place: Place) -> None:
    """An input that grows under a follower is one input, however often it is read."""
    path = place.write("app.log", [{"case": 0}])
    with Ingester(Lake.create(place.lake), settings()) as ingester:
        watcher = following(path)
        for n in range(1, 4):
            ingester.look(watcher)
            place.append("app.log", [{"case": n}])
        ingester.look(watcher)
        assert (ingester.summary.sources, ingester.summary.committed) == (1, 4)


def test_follower_stops_between_batches(place: Place) -> None:
    """Asked to stop, a follower ends with the batches in hand instead of reading all that is there; nothing is lost."""
    pad = "x" * 1000
    path = place.write("app.log", [{"case": n, "pad": pad} for n in range(8000)])
    small = settings(ingest={"batch_bytes": 1 << 20})
    with Ingester(Lake.create(place.lake), small, clock=lambda: NOW) as ingester:
        summary = ingester.follow([path], lambda: ingester.summary.commits > 0)
        assert 0 < summary.committed < 8000

    place.ingest(path)
    assert place.values("case") == list(range(8000))


def test_follower_stops_within_a_spool_file(place: Place) -> None:
    """A spool file is not removed when a follower was asked to stop before all of its lines were committed."""
    path = place.write(f"{uuid.UUID(int=1)}.sealed.jsonl", b'{"a":1}\n' * 700_000)
    with Ingester(Lake.create(place.lake), settings(), clock=lambda: NOW) as ingester:
        summary = ingester.follow([path], lambda: ingester.summary.commits > 0)
    assert 0 < summary.committed < 700_000
    assert path.exists()

    assert summary.committed + place.ingest(path).committed == 700_000
    assert not path.exists()


def test_empty_spool_files_go(place: Place) -> None:
    """A spool file that stayed empty is removed when its writer is gone for long; a young one may be just made."""
    spool = place.root / "spool"
    spool.mkdir()
    old = place.write(f"spool/{uuid.UUID(int=1)}.sealed.jsonl", [])
    young = place.write(f"spool/{uuid.UUID(int=2)}.jsonl", [])
    os.utime(old, (0, 0))

    place.ingest(spool)

    assert [path.name for path in spool.iterdir()] == [young.name]


def test_redaction_and_a_byte_order_mark(place: Place) -> None:
    """A first line that is redacted loses its BOM as any other does."""
    place.ingest(place.write("app.log", BOM + b'{"m":"a@example.com"}\n{"m":"b"}\n'), using=EMAILS)

    assert place.values("m") == ["[email]", "b"]
    assert place.quarantined() == []


@pytest.mark.parametrize("start", [b"", BOM])
def test_redaction_of_what_is_no_text(place: Place, start: bytes) -> None:
    """Invalid UTF-8 is refused, never altered, also behind a BOM and in a line that is redacted."""
    place.ingest(place.write("app.log", start + b'{"m":"caf\xe9"}\n{"m":"caf\xe9 a@example.com"}\n'), using=EMAILS)

    assert place.events() == []
    assert [row["error_code"] for row in place.quarantined()] == ["invalid_utf8"] * 2
    assert b"example.com" not in b"".join(p.read_bytes() for p in place.lake.rglob("*.parquet"))


def test_spans_without_valid_ids(place: Place) -> None:
    """Ids of no characters or of zeros, as switched-off tracers write them, make no two spans one."""
    nothing = {"kind": "span", "trace_id": "", "span_id": ""}
    zeros = {"kind": "span", "trace_id": "0" * 32, "span_id": "0" * 16}

    summary = place.ingest(place.write("a.log", [{**ids, "case": n} for ids in (nothing, zeros) for n in range(3)]))

    assert (summary.committed, summary.duplicates) == (6, 0)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "x'y", ""])
def test_unknown_time_zone(place: Place, zone: str) -> None:
    """A time zone that is none is an error that names the setting, before anything is read."""
    using = settings(ingest={"naive_timezone": zone})
    with pytest.raises(ConfigError, match="naive_timezone"):
        place.ingest(place.write("a.log", [{"case": 1}]), using=using)
    with pytest.raises(ConfigError, match="naive_timezone"):
        replay(Lake.open(place.lake), using)


def test_endless_horizon(place: Place) -> None:
    """A deduplication horizon of more days than a calendar has means always."""
    using = settings(ingest={"dedupe_horizon_days": 10**12})
    place.ingest(place.write("a.log", [{"event_id": "x", "ts": "0001-01-01T00:00:00Z"}]), using=using)
    summary = place.ingest(place.write("b.log", [{"event_id": "x", "ts": "9999-12-31T00:00:00Z"}]), using=using)

    assert summary.duplicates == 1


def test_replay_redacts(place: Place) -> None:
    """A refused line is replayed under the present redaction, which it was not refused under."""
    path = place.write("a.log", ['{"step":"one","m":"a@example.com"}'])
    place.ingest(path)
    using = settings(aliases={"step": "label"}, redaction={"user_id": "keep", "patterns": ["email"]})

    assert replay(Lake.open(place.lake), using, clock=lambda: NOW).committed == 1

    assert place.values("m") == ["[email]"]


def test_replay_after_long(place: Place) -> None:
    """A refused line whose event arrived another way adds nothing when it is replayed, however late that is."""
    place.ingest(place.write("a.log", [{"event_id": "x", "step": "one"}]))
    place.ingest(place.write("b.log", [{"event_id": "x", "step": 1}]))
    using = settings(aliases={"step": "label"})

    done = replay(Lake.open(place.lake), using, clock=lambda: NOW + timedelta(days=100))

    assert (done.replayed, done.committed, done.duplicates) == (1, 0, 1)
    assert len(place.events()) == 1
