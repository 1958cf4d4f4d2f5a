"""Each line once: whatever is read again, grows, rotates, is retried, or is read by two at a time."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.ingest.lakes import NOW, Place, joined, settings

from deadreckon.core.lake import Lake
from deadreckon.ingest.engine import Ingester

SMALL = settings(ingest={"batch_bytes": 1 << 20})


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def cases(start: int, stop: int, **more: Any) -> list[dict[str, Any]]:
    """Lines without an id."""
    return [{"case": n, **more} for n in range(start, stop)]


def with_ids(start: int, stop: int, ts: float = 1.77e9) -> list[dict[str, Any]]:
    """Lines with an id, as a retrying writer gives them."""
    return [{"event_id": f"0198{n:04x}-0000-7000-8000-{n:012x}", "ts": ts + n, "case": n} for n in range(start, stop)]


def test_same_file_again(place: Place) -> None:
    """The second reading reads nothing, and equal lines in one file are as many events."""
    path = place.write("app.log", [*cases(0, 5), *cases(0, 5)])

    first, second = place.ingest(path), place.ingest(path, place.root / "app.log", place.root)

    assert (first.committed, first.sources, second.read_lines, second.commits) == (10, 1, 0, 0)
    assert place.values("case") == sorted([*range(5), *range(5)])
    ids = [row["event_id"] for row in place.events()]
    assert len(set(ids)) == 10


def test_growing_file(place: Place) -> None:
    """A file that grows is read on from where it was, and a torn last line waits for its rest."""
    path = place.write("app.log", cases(0, 3))
    for n in range(3, 9, 2):
        torn, rest = joined([{"case": n}]).partition(b"e")[::2]
        place.append("app.log", torn)
        place.ingest(path)
        place.append("app.log", b"e" + rest)
        place.append("app.log", cases(n + 1, n + 2))
        place.ingest(path)

    assert place.values("case") == list(range(9))
    assert place.quarantined() == []


def test_rotation_by_rename(place: Place) -> None:
    """What was renamed is read to its end, what took its name from its start."""
    place.write("app.log", cases(0, 4))
    place.ingest(place.root / "app.log")
    place.append("app.log", cases(4, 6))
    (place.root / "app.log").rename(place.root / "app.log.1")
    place.write("app.log", cases(6, 9))

    place.ingest(place.root / "app.log")

    assert place.values("case") == list(range(9))


def test_copytruncate(place: Place) -> None:
    """A file copied away and emptied: the copy adds only what was not read, the new content is new."""
    path = place.write("app.log", cases(0, 4))
    place.ingest(path)
    place.append("app.log", cases(4, 6))
    shutil.copy(path, place.root / "app.log.1")
    place.write("app.log", cases(6, 20))

    place.ingest(path)
    place.ingest(path)

    assert place.values("case") == list(range(20))


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_compressed_after_rotation(place: Place, suffix: str) -> None:
    """A log that is compressed after it was half read gives its other half."""
    path = place.write("app.log", cases(0, 1000))
    place.ingest(path)
    place.append("app.log", cases(1000, 1500))
    packed = place.root / f"app.log.1{suffix}"
    if suffix == ".gz":
        packed.write_bytes(gzip.compress(path.read_bytes()))
    else:
        import zstandard

        packed.write_bytes(zstandard.compress(path.read_bytes()))
    place.write("app.log", cases(1500, 1600))
    path.unlink()
    place.write("app.log", cases(1500, 1600))

    for _ in range(2):
        place.ingest(place.root)

    assert place.values("case") == list(range(1600))


def test_repeated_ids(place: Place) -> None:
    """A retried event is one event: within a batch, over batches, files and days, and whatever else it says."""
    first = place.write("a.log", [*with_ids(0, 10), *with_ids(5, 12)])
    second = place.write("b.log", [*with_ids(11, 14), *with_ids(0, 3, ts=1.77e9 + 2 * 86_400)])

    summary = place.ingest(first)
    assert (summary.committed, summary.duplicates) == (12, 5)
    summary = place.ingest(second)
    assert (summary.committed, summary.duplicates) == (2, 4)
    place.append("a.log", [*with_ids(0, 20)])
    summary = place.ingest(first)
    assert (summary.committed, summary.duplicates) == (6, 14)

    assert place.values("case") == list(range(20))
    ledger = place.ledger("source")
    assert sum(row["lines"] for row in ledger) == 17 + 6 + 20
    assert sum(row["committed"] + row["duplicates"] for row in ledger) == 17 + 6 + 20


def test_first_of_repeated_lines_stays(place: Place) -> None:
    """Of lines with one id within a batch the first is kept; the ids of spans are their trace and span."""
    span = {"kind": "span", "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "span_id": "00f067aa0ba902b7", "ts": 1.77e9}
    lines = [{"event_id": "x", "case": 1}, {"event_id": "x", "case": 2}, {**span, "case": 3}, {**span, "case": 4}]
    path = place.write("a.log", lines)

    place.ingest(path)
    place.ingest(place.write("b.log", [{**span, "case": 5}]))

    assert place.values("case") == [1, 3]


def test_repeated_id_beyond_the_horizon(place: Place) -> None:
    """Outside of the stated days around a batch a repeated id counts as new; inside it does not."""
    using = settings(ingest={"dedupe_horizon_days": 3})
    for name, days in (("a.log", 0), ("b.log", 3), ("c.log", 10)):
        place.ingest(place.write(name, [{"event_id": "same", "ts": 1.77e9 + days * 86_400, "case": days}]), using=using)

    assert place.values("case") == [0, 10]


def test_many_batches(place: Place) -> None:
    """Over several commits of one run, with retries between them, each event is there once and the offsets join up."""
    pad = "x" * 400
    lines = [{"event_id": f"id-{n}", "case": n, "pad": pad} for n in range(9000)]
    retried = [line for n, line in enumerate(lines) if n % 10 == 0]
    first = place.write("a.log", [*lines, "garbage", *retried])
    second = place.write("b.log", retried)

    summary = place.ingest(first, second, using=SMALL)

    assert summary.commits >= 4
    assert (summary.committed, summary.duplicates, summary.quarantined) == (9000, 1800, 1)
    assert place.values("case") == list(range(9000))
    ends: dict[str, int] = {}
    for row in place.ledger("source"):
        assert row["source_offset"] == ends.get(row["source_id"], 0)
        ends[row["source_id"]] = row["end_offset"]
    assert sorted(ends.values()) == sorted([first.stat().st_size, second.stat().st_size])


def test_equal_files_in_two_folders(place: Place) -> None:
    """Two files with the same bytes in different folders are two inputs; a copy beside one is none."""
    for name in ("one", "two"):
        (place.root / name).mkdir()
        place.write(f"{name}/app.log", cases(0, 3))
    place.ingest(place.root / "one", place.root / "two")
    assert place.values("case") == [0, 0, 1, 1, 2, 2]

    shutil.copy(place.root / "one/app.log", place.root / "one/app.log.1")
    assert place.ingest(place.root / "one").read_lines == 0


RACER = """
import json, sys, time
from pathlib import Path
from deadreckon.core.lake import Lake
from deadreckon.core.settings import Settings
from deadreckon.ingest.engine import Ingester
place, lake = map(Path, sys.argv[1:])
using = Settings.model_validate({"ingest": {"batch_bytes": 1 << 20}})
with Ingester(Lake.create(lake), using) as ingester:
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(3):
        ingester.run([place / "logs"])
    print(json.dumps(ingester.summary.as_dict()))
"""


def test_two_at_once(place: Place) -> None:
    """Two processes on the same files: they get in each other's way, and together commit each line once."""
    (place.root / "logs").mkdir()
    pad = "x" * 300
    for number in range(4):
        own = [{"event_id": f"{number}-{n}", "case": number * 2000 + n, "pad": pad} for n in range(2000)]
        others = [{"event_id": f"{(number + 1) % 4}-{n}", "case": -1, "pad": pad} for n in range(0, 2000, 100)]
        place.write(
            f"logs/{number}.log",
            [*own, "garbage", *({**o, "case": (number + 1) % 4 * 2000 + k * 100} for k, o in enumerate(others))],
        )
    command = [sys.executable, "-c", RACER, str(place.root), str(place.lake)]
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    racers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ)
        for _ in range(2)
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    totals = []
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    for racer in racers:
        out, _ = racer.communicate()
        assert racer.returncode == 0
        totals.append(json.loads(out))

    assert place.values("case") == list(range(8000))
    assert sum(t["committed"] for t in totals) == 8000
    assert sum(t["duplicates"] for t in totals) == 80
    assert sum(t["quarantined"] for t in totals) == len(place.quarantined()) == 4
    assert sum(t["conflicts"] for t in totals) > 0, "they never met: the test lost its point"
    live = {file.path for file in Lake.open(place.lake).snapshot().files}
    assert {path for path in place.lake.rglob("*.parquet") if "_delta_log" not in path.parts} == live


def test_ingester_that_was_overtaken(place: Place) -> None:
    """An ingester whose work was prepared on an old state of the lake sees that it was overtaken, and adds the rest."""
    path = place.write("app.log", with_ids(0, 10))
    lake = Lake.create(place.lake)
    overtaken = False

    def clock() -> Any:
        # Called once a batch, after it was read and before it is committed.
        nonlocal overtaken
        if not overtaken:
            overtaken = True
            place.append("app.log", with_ids(8, 15))
            place.ingest(path)
            place.append("app.log", with_ids(14, 20))
        return NOW

    with Ingester(lake, settings(), clock=clock) as slow:
        summary = slow.run([path])

    assert summary.conflicts == 1
    assert (summary.committed, summary.duplicates) == (5, 1)
    assert place.values("case") == list(range(20))


def test_a_pipe_when_the_work_is_thrown_away(place: Place) -> None:
    """What a pipe gave is given again when others moved an input of the same batch: none of it is lost or doubled."""
    path = place.write("app.log", cases(0, 10))
    reading, writing = os.pipe()
    given = joined(cases(100, 12_000, pad="x" * 300))
    overtaken = False

    def clock() -> Any:
        nonlocal overtaken
        if not overtaken:
            overtaken = True
            place.ingest(path)
        return NOW

    def write() -> None:
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(given)

    with ThreadPoolExecutor(1) as pool, Ingester(Lake.create(place.lake), SMALL, clock=clock) as slow:
        written = pool.submit(write)
        summary = slow.run([path, f"/dev/fd/{reading}"])
        written.result()
    os.close(reading)

    assert summary.conflicts == 1
    assert summary.commits > 3
    assert place.values("case") == [*range(10), *range(100, 12_000)]


def test_standard_input(place: Place) -> None:
    """Lines from a pipe arrive, the last one without its newline too; what is refused is kept and counted."""
    command = [sys.executable, "-c", "import sys; from deadreckon.cli.app import run; sys.exit(run(sys.argv[1:]))"]
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    given = joined([*with_ids(0, 5), "garbage"]) + b'{"case": 5}'
    done = subprocess.run(
        [*command, "ingest", "-", "--lake", str(place.lake)], input=given, capture_output=True, check=True, env=environ
    )

    summary = json.loads(done.stdout)
    assert (summary["read_lines"], summary["committed"], summary["quarantined"]) == (7, 6, 1)
    assert place.values("case") == list(range(6))
    assert place.quarantined()[0]["raw"] == "garbage"
    again = subprocess.run(
        [*command, "ingest", "-", "--lake", str(place.lake)], input=given, capture_output=True, check=True, env=environ
    )
    assert json.loads(again.stdout)["duplicates"] == 5


def test_derived_ids_are_the_same_in_every_lake(place: Place) -> None:
    """A line without an id gets one from its place: another lake, another day and other batches give the same."""
    path = place.write("app.log", cases(0, 3000, pad="x" * 600))
    other = Place(place.root, place.root / "other")

    place.ingest(path)
    other.ingest(path, using=SMALL, now=NOW + timedelta(days=400))

    assert [row["event_id"] for row in place.events()] == [row["event_id"] for row in other.events()]


STRANGE_IDS = (
    *(
        " ",
        "'",
        '"',
        "\\",
        "a\x00b",
        "\x00",
        "é",
        "e\u0301",
        "🦊",
        "\uffff",
        "\x7f",
        "a\nb",
        "null",
        "NaN",
        "-1",
        "1e5",
        "0",
    ),
    *("{}", "[1]", "true", "x" * 200, "x" * 70_000, "é" * 40, "🦊" * 70, "\ufeffid", "%41", "a/b", "A", "a"),
)


def test_strange_ids(place: Place) -> None:
    """Whatever text an id is, its retry is found by it, over commits, and no other id is taken for it."""
    alone, together = place.root / "alone", [{"event_id": one, "case": n} for n, one in enumerate(STRANGE_IDS)]
    alone.mkdir()
    lake = Lake.create(place.lake)
    with Ingester(lake, settings(), clock=lambda: NOW) as ingester:
        for line in together:
            ingester.run([place.write(f"alone/{line['case']}.log", [line])])
        assert ingester.summary.committed == len(STRANGE_IDS)

    summary = place.ingest(place.write("retried.log", together))
    assert (summary.committed, summary.duplicates) == (0, len(STRANGE_IDS))
    summary = place.ingest(place.write("again.log", [{"event_id": "brand new", "case": -1}, *reversed(together)]))
    assert (summary.committed, summary.duplicates) == (1, len(STRANGE_IDS))
    assert [row["event_id"] for row in place.events()].count("brand new") == 1


def test_lake_made_by_many_at_once(place: Place) -> None:
    """Ingesters that all find no lake make one between them, and commit each line once."""
    path = place.write("app.log", cases(0, 100))
    with ThreadPoolExecutor(4) as pool:
        done = [pool.submit(place.ingest, path) for _ in range(4)]
    assert sum(one.result().committed for one in done) == 100
    assert place.values("case") == list(range(100))
