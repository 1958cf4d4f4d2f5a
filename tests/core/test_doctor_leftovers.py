"""What killed processes leave behind: orphans, temporary files, locks, spool files."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from tests.core.conftest import Story
from tests.core.lakes import DAY, events, write
from tests.core.patients import NEWEST, NOW, kinds, mended

from deadreckon.core.doctor import doctor
from deadreckon.core.lake import commit
from deadreckon.core.settings import IngestSettings, Settings


def test_orphans_are_found_in_their_time_and_removed(story: Story) -> None:
    """Data files that no commit named, old enough that no ingester can still want them."""
    orphan = story.lake.table_path() / write(story.lake, "events", DAY, events("x", 0, [1], DAY, NOW)[0]).path
    assert doctor(story.lake.root).findings == ()
    old = time.time() - 8 * 86400
    os.utime(orphan, (old, old))
    found = doctor(story.lake.root)
    assert kinds(found) == ["orphan_files"]
    assert found.healthy
    mended(story, "orphan_files")
    assert not orphan.exists()
    assert story.numbers() == story.expected


def test_temporary_files_are_put_aside(story: Story) -> None:
    """What interrupted writes left: in the log, in a partition, in the workshop, in a lock."""
    root = story.lake.table_path()
    old = time.time() - 2 * 3600
    left = [root / "_delta_log" / "_commit_1.json.tmp", root / "part=events" / ".x.parquet.tmp"]
    for path in left:
        path.write_bytes(b"half")
        os.utime(path, (old, old))
    young = root / "_delta_log" / ".y.tmp"
    young.write_bytes(b"now")
    (story.lake.root / "_maintenance").mkdir()
    (story.lake.root / "_new-1").mkdir()
    os.utime(story.lake.root / "_new-1", (old, old))
    story.lake.lock_path("maintenance").parent.mkdir(exist_ok=True)
    story.lake.lock_path("other").write_text("process 1 on nowhere")
    found = doctor(story.lake.root)
    assert kinds(found) == ["temporary_file", "temporary_file", "stale_lock", "unfinished_work", "unfinished_work"]
    assert found.healthy
    repaired = doctor(story.lake.root, repair=True)
    assert repaired.findings == ()
    assert not any(path.exists() for path in left)
    assert young.exists()
    assert story.lake.table().version() == NEWEST


def test_a_spool_is_examined(story: Story, tmp_path: Path) -> None:
    """Files that are in the lake but were not removed; files whose writer died; sources that cannot be read."""
    spool = tmp_path / "spool"
    spool.mkdir()
    consumed = spool / "11111111-1111-4111-8111-111111111111.sealed.jsonl"
    consumed.write_bytes(b'{"a":1}\n')
    waiting = spool / "22222222-2222-4222-8222-222222222222.sealed.jsonl"
    waiting.write_bytes(b'{"a":1}\n')
    dead = spool / "33333333-3333-4333-8333-333333333333.jsonl"
    dead.write_bytes(b'{"a":1}\n')
    os.utime(dead, (time.time() - 7200,) * 2)
    alive = spool / "44444444-4444-4444-8444-444444444444.jsonl"
    alive.write_bytes(b'{"a":1}\n')
    os.utime(alive, (time.time() - 7200,) * 2)
    commit(story.lake.table(), [], txns={consumed.name[:36]: 8})
    settings = Settings(ingest=IngestSettings(sources=[str(spool), str(tmp_path / "none"), str(spool / "*.nothing")]))
    with alive.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        found = doctor(story.lake.root, settings)
    assert [(f.kind, Path(f.subject).name) for f in found.findings] == [
        ("spool_consumed", consumed.name),
        ("spool_writer_dead", dead.name),
    ]
    assert found.healthy
    repaired = doctor(story.lake.root, settings, repair=True)
    assert not consumed.exists()
    assert waiting.exists()
    assert repaired.kept_in is not None
    assert [p.name for p in repaired.kept_in.rglob("*.sealed.jsonl")] == [consumed.name]
