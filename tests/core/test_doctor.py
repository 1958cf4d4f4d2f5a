"""The doctor: each kind of damage is found, explained, mended, and nothing is lost or twice afterwards."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake
from tests.core.conftest import Story, lines
from tests.core.lakes import DAY, events, log_file, write

from deadreckon.cli import main
from deadreckon.core.doctor import Diagnosis, doctor
from deadreckon.core.durable import exclusive_lock
from deadreckon.core.errors import DamagedLakeError, LakeNotFoundError, LockHeldError
from deadreckon.core.lake import Lake, commit
from deadreckon.core.maintenance import Step, maintain
from deadreckon.core.maintenance.log import POINTER, Log
from deadreckon.core.settings import IngestSettings, MaintainSettings, Settings
from deadreckon.ingest import ingest

NOW = datetime.now(UTC)
NEWEST = 9
CHECKPOINT = 6


def kinds(found: Diagnosis) -> list[str]:
    return [f.kind for f in found.findings]


def mended(story: Story, *expected: str, deep: bool = False) -> Diagnosis:
    """Repair, check what was repaired, and that a second look finds a healthy lake in which nothing is left to do."""
    found = doctor(story.lake.root, repair=True, deep=deep)
    assert sorted({t.finding.kind for t in found.treatments}) == sorted(set(expected))
    assert all(t.done for t in found.treatments), [t.said for t in found.treatments]
    assert found.healthy
    again = doctor(story.lake.root, repair=True, deep=deep)
    assert again.treatments == ()
    assert again.healthy
    return found


def whole(story: Story, refused: list[str]) -> None:
    """After the next ingest the lake holds exactly what it held before the damage."""
    story.read_again()
    assert story.numbers() == story.expected
    assert story.refused() == refused
    assert doctor(story.lake.root, deep=True).findings == ()
    story.read_again()
    assert story.numbers() == story.expected


@pytest.fixture
def refused(told: Story) -> list[str]:
    return told.refused()


def cut(path: Path, size: int) -> None:
    path.write_bytes(path.read_bytes()[:size])


def data_file(story: Story, part: str, merged: bool) -> Path:
    return next(f.path for f in story.lake.snapshot().part(part) if f.path.name.startswith("merged-") is merged)


def test_a_whole_lake_is_healthy(told: Story) -> None:
    """Nothing is found in a lake that was ingested, compacted and checkpointed, and nothing is touched."""
    before = sorted((p, p.stat().st_mtime_ns) for p in told.lake.root.rglob("*"))
    assert doctor(told.lake.root, deep=True) == Diagnosis(())
    assert sorted((p, p.stat().st_mtime_ns) for p in told.lake.root.rglob("*")) == before
    assert told.numbers() == told.expected


TEARS: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "half": lambda b: b[: len(b) // 2],
    "all but a byte": lambda b: b[:-1],
    "NUL bytes": lambda b: bytes(len(b)),
    "half NUL bytes": lambda b: b[: len(b) // 2] + bytes(len(b) - len(b) // 2),
    "no JSON": lambda _: b"\x80\x81 what",
    "no object": lambda _: b"[1, 2]\n",
}


@pytest.mark.parametrize("tear", TEARS)
def test_a_half_written_newest_commit(story: Story, refused: list[str], tear: str) -> None:
    """It is replaced by an empty entry; its offsets fell with it, so the next ingest brings its rows again."""
    path = log_file(story.lake, NEWEST)
    path.write_bytes(TEARS[tear](path.read_bytes()))
    if tear != "empty":  # delta-rs takes an empty entry for a commit of nothing
        with pytest.raises(DamagedLakeError) as caught:
            story.lake.table()
        assert "reckon doctor" in caught.value.hint
    found = doctor(story.lake.root)
    assert kinds(found) == ["commit_half_written"]
    assert not found.healthy
    mended(story, "commit_half_written")
    assert len(story.numbers()) == 70
    whole(story, refused)


@pytest.mark.parametrize("version", [NEWEST, NEWEST - 1, 7])
@pytest.mark.parametrize("kept", [1, 2, 3, 4, 5])
def test_an_ingest_commit_cut_at_the_end_of_a_line(story: Story, refused: list[str], version: int, kept: int) -> None:
    """A commit with a part of its actions opens without an error, and is found all the same, newest or not."""
    path = log_file(story.lake, version)
    content = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(content[:kept]))
    story.lake.table()
    assert "commit_cut_short" in kinds(doctor(story.lake.root))
    found = doctor(story.lake.root, repair=True)
    assert found.healthy
    whole(story, refused)


@pytest.mark.parametrize("kept", [1, 2, 3, 4])
def test_a_compaction_cut_at_the_end_of_a_line(story: Story, refused: list[str], kept: int) -> None:
    """Files that were added without those that they replace would count rows twice: the compaction is undone."""
    maintain(story.lake, steps={Step.compact}, now=NOW)
    newest = story.lake.table().version()
    path = log_file(story.lake, newest)
    content = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(content[:kept]))
    mended(story, "commit_cut_short")
    assert story.numbers() == story.expected
    whole(story, refused)


@pytest.mark.parametrize("kept", [1, 2, 3])
def test_an_expiry_cut_at_the_end_of_a_line(story: Story, kept: int) -> None:
    """It is undone and comes again with the next maintenance; no offset and no ledger row is lost on the way."""
    maintain(story.lake, MaintainSettings(retention_days=2), steps={Step.expire}, now=NOW)
    newest = story.lake.table().version()
    path = log_file(story.lake, newest)
    content = path.read_bytes().splitlines(keepends=True)
    assert len(content) > kept
    path.write_bytes(b"".join(content[:kept]))
    mended(story, "commit_cut_short")
    assert story.numbers() == story.expected
    maintain(story.lake, MaintainSettings(retention_days=2), steps={Step.expire}, now=NOW)
    story.read_again()
    assert story.numbers() == []
    assert doctor(story.lake.root).healthy


@pytest.mark.parametrize("damage", ["gone", "half"])
@pytest.mark.parametrize("version", [7, 8])
def test_an_older_commit_lost_while_newer_ones_stand(
    story: Story, refused: list[str], damage: str, version: int
) -> None:
    """Its data files are still there: they are committed again, so that nothing needs to be read again."""
    path = log_file(story.lake, version)
    path.unlink() if damage == "gone" else cut(path, 100)
    with pytest.raises(DamagedLakeError):
        story.lake.table()
    first = "entry_missing" if damage == "gone" else "commit_half_written"
    assert kinds(doctor(story.lake.root)) == [first]
    found = mended(story, first, "lost_range")
    assert any("of the lost commit are in the table again" in t.said for t in found.treatments)
    assert story.numbers() == story.expected
    whole(story, refused)


def test_an_older_commit_lost_with_its_data_files(story: Story, refused: list[str]) -> None:
    """Without its data files the inputs are set back to before it; the next ingest brings exactly what is missing."""
    path = log_file(story.lake, 8)
    for text in path.read_text().splitlines():
        if "add" in (action := json.loads(text)):
            (story.lake.table_path() / action["add"]["path"]).unlink()
    path.unlink()
    mended(story, "entry_missing", "lost_range")
    assert len(story.numbers()) == 50
    whole(story, refused)


def test_an_older_commit_lost_for_good_is_on_record(story: Story, tmp_path: Path, told: Story) -> None:
    """When neither its data files nor its inputs are there, the quarantine says what was lost."""
    path = log_file(story.lake, 8)
    for text in path.read_text().splitlines():
        if "add" in (action := json.loads(text)):
            (story.lake.table_path() / action["add"]["path"]).unlink()
    path.unlink()
    told.logs.rename(tmp_path / "away")
    try:
        mended(story, "entry_missing", "lost_range")
    finally:
        (tmp_path / "away").rename(told.logs)
    assert len(story.numbers()) == 70
    rows = pa.concat_tables(
        pq.read_table(f.path, partitioning=None, columns=["error_code", "error"])
        for f in story.lake.snapshot().part("ledger")
    ).to_pylist()
    assert [r["error_code"] for r in rows].count("lost") == 2
    story.read_again()
    assert len(story.numbers()) == 70  # it was told to be gone: it does not come again by itself


def test_a_compaction_lost_while_newer_commits_stand(story: Story, refused: list[str]) -> None:
    """Without the entry the small files are live again and the merged ones are not: the same rows."""
    for name in ("00000000000000000006.checkpoint.parquet", POINTER):
        (story.lake.table_path() / "_delta_log" / name).unlink()
    log_file(story.lake, 4).unlink()
    mended(story, "entry_missing")
    assert story.numbers() == story.expected
    whole(story, refused)


def test_the_first_entry_lost(story: Story, refused: list[str]) -> None:
    """The events table's columns and rules are known: its beginning is written anew."""
    for name in ("00000000000000000006.checkpoint.parquet", POINTER):
        (story.lake.table_path() / "_delta_log" / name).unlink()
    log_file(story.lake, 0).unlink()
    with pytest.raises(DamagedLakeError):
        story.lake.table()
    mended(story, "entry_missing")
    assert story.numbers() == story.expected
    whole(story, refused)


def test_a_lake_whose_making_was_interrupted(tmp_path: Path) -> None:
    """A first entry that is cut off never held a row: it is put aside, and the next ingest makes the table."""
    lake = Lake.create(tmp_path / "lake")
    cut(log_file(lake, 0), 40)
    with pytest.raises(DamagedLakeError):
        lake.table()
    found = doctor(lake.root, repair=True)
    assert [t.finding.kind for t in found.treatments] == ["commit_half_written"]
    assert found.healthy
    assert Lake.create(lake.root).table().version() == 0


@pytest.mark.parametrize("size", [0, 1, 100, 5000])
@pytest.mark.parametrize("pointed", [True, False])
def test_a_truncated_checkpoint(story: Story, refused: list[str], size: int, pointed: bool) -> None:
    """It is put aside with its pointer: the entries that it summed up are all there."""
    log = story.lake.table_path() / "_delta_log"
    cut(log / f"{CHECKPOINT:020}.checkpoint.parquet", size)
    if not pointed:
        (log / POINTER).unlink()
    assert kinds(doctor(story.lake.root)) == ["checkpoint_damaged"]
    found = mended(story, "checkpoint_damaged")
    assert found.kept_in is not None
    assert list(found.kept_in.rglob("*.checkpoint.parquet"))
    assert story.numbers() == story.expected
    whole(story, refused)


def test_a_truncated_checkpoint_behind_which_the_log_was_cleared(story: Story, refused: list[str]) -> None:
    """The last but one checkpoint and what follows it are always kept, so that the newest can be done without."""
    maintain(story.lake, steps={Step.checkpoint}, now=NOW)
    maintain(story.lake, steps={Step.checkpoint}, now=NOW + timedelta(days=40))
    assert min(Log.of(story.lake.table_path()).commits) == CHECKPOINT
    cut(Log.of(story.lake.table_path()).checkpoints[NEWEST], 1000)
    with pytest.raises(DamagedLakeError):
        story.lake.table()
    mended(story, "checkpoint_damaged")
    assert story.numbers() == story.expected
    whole(story, refused)


def test_a_checkpoint_that_cannot_be_done_without(story: Story) -> None:
    """When the entries that it summed up are gone, nothing is touched, and the finding says that a backup is needed."""
    for version in range(CHECKPOINT + 1):
        log_file(story.lake, version).unlink()
    checkpoint = Log.of(story.lake.table_path()).checkpoints[CHECKPOINT]
    cut(checkpoint, 1000)
    found = doctor(story.lake.root, repair=True)
    assert kinds(found) == ["checkpoint_damaged"]
    assert found.treatments == ()
    assert "backup" in found.findings[0].remedy
    assert checkpoint.exists()


@pytest.mark.parametrize("content", [b'{"version":99,"size":1}', b'{"vers', b"", b"\0\0\0", b"[]", b'{"version":"x"}'])
def test_a_wrong_pointer(story: Story, refused: list[str], content: bytes) -> None:
    """One that points to a missing checkpoint keeps the table from opening; one that says nothing is only a note."""
    (story.lake.table_path() / "_delta_log" / POINTER).write_bytes(content)
    kind = "pointer_dangling" if b"99" in content or b"x" in content else "pointer_damaged"
    found = doctor(story.lake.root)
    assert kinds(found) == [kind]
    assert found.healthy == (kind == "pointer_damaged")
    mended(story, kind)
    assert story.numbers() == story.expected
    whole(story, refused)


def test_a_damaged_entry_behind_a_checkpoint_is_only_a_note(story: Story) -> None:
    """What the checkpoint holds needs no entry."""
    cut(log_file(story.lake, 2), 50)
    found = doctor(story.lake.root)
    assert kinds(found) == ["old_entry_damaged"]
    assert found.healthy


@pytest.mark.parametrize("part", ["events", "ledger"])
@pytest.mark.parametrize("damage", ["gone", "cut", "empty"])
def test_a_merged_file_lost_or_cut_off(story: Story, refused: list[str], part: str, damage: str) -> None:
    """The files that it was made of stay until vacuum's time: they take its place, and no row is lost."""
    path = data_file(story, part, merged=True)
    path.unlink() if damage == "gone" else cut(path, 0 if damage == "empty" else 500)
    assert kinds(doctor(story.lake.root)) == ["file_missing" if damage == "gone" else "file_damaged"]
    mended(story, "file_missing" if damage == "gone" else "file_damaged")
    assert story.numbers() == story.expected
    whole(story, refused)


@pytest.mark.parametrize("part", ["events", "ledger"])
@pytest.mark.parametrize("merged", [True, False])
def test_a_lost_file_whose_input_can_be_read_again(story: Story, refused: list[str], part: str, merged: bool) -> None:
    """The input is set back to before the loss, with all that came from there: it is read exactly once again."""
    if merged:
        for file in story.lake.table_path().rglob("*.parquet"):
            used = {f.path for f in story.lake.snapshot().files}
            if "_delta_log" not in file.parts and file not in used:
                file.unlink()
    data_file(story, part, merged=merged).unlink()
    found = doctor(story.lake.root)
    assert "a.jsonl" in found.findings[0].remedy
    mended(story, "file_missing")
    whole(story, refused)


@pytest.mark.parametrize("part", ["events", "ledger"])
def test_a_lost_file_whose_input_is_gone(story: Story, told: Story, tmp_path: Path, part: str) -> None:
    """It leaves the table so that the rest can be asked again; the loss is on record, once."""
    told.logs.rename(tmp_path / "away")
    try:
        data_file(story, part, merged=False).unlink()
        mended(story, "file_missing")
    finally:
        (tmp_path / "away").rename(told.logs)
    remaining = story.numbers()
    assert set(remaining) <= set(story.expected)
    assert len(remaining) == len(set(remaining))
    assert (len(remaining) == 90) == (part == "ledger")
    assert any(raw == "" for raw in story.refused())
    story.read_again()
    assert story.numbers() == remaining


@pytest.mark.parametrize("part", ["events", "ledger"])
def test_who_needs_a_lost_file_is_told_of_the_doctor(
    story: Story, part: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Queries and ingest say which file cannot be read and who finds out why; nothing is committed."""
    data_file(story, part, merged=True).unlink()
    place = ["--lake", str(story.lake.root)]
    question = "SELECT max(event) FROM events" if part == "events" else "SELECT max(lines) FROM sources"
    repeated = tmp_path / "again.jsonl"
    repeated.write_bytes(lines(range(10)))
    for words in (["sql", question], ["ingest", str(repeated)]):
        assert main([*words, *place]) == 3
        assert "reckon doctor" in json.loads(capsys.readouterr().err)["error"]["hint"]
    assert story.lake.table().version() == NEWEST


def test_what_expiry_kept_of_the_ledger_is_lost(story: Story) -> None:
    """The ledger's expired files are still there: they come back and expire again, and no input is read twice."""
    rules = MaintainSettings(retention_days=2)
    maintain(story.lake, rules, steps={Step.expire}, now=NOW)
    next(f.path for f in story.lake.snapshot().part("ledger") if f.path.name.startswith("kept-")).unlink()
    mended(story, "file_missing")
    maintain(story.lake, rules, steps={Step.expire}, now=NOW)
    story.read_again()
    assert story.numbers() == []
    assert doctor(story.lake.root).findings == ()


def test_a_file_that_a_repair_wrote_is_lost(story: Story, told: Story, tmp_path: Path) -> None:
    """Even then the lake can be asked again."""
    told.logs.rename(tmp_path / "away")
    try:
        data_file(story, "events", merged=False).unlink()
        mended(story, "file_missing")
    finally:
        (tmp_path / "away").rename(told.logs)
    found = [f.path for f in story.lake.snapshot().part("ledger") if f.path.name.startswith("mended-")]
    assert found
    found[0].unlink()
    mended(story, "file_missing")
    story.read_again()
    assert doctor(story.lake.root).healthy


def test_answers_to_refused_lines_and_rotation_are_no_damage(told: Story, tmp_path: Path) -> None:
    """Replays, drops, an input that was renamed, one that shrank and grew anew, and one from a pipe: all healthy."""
    logs, lake = tmp_path / "logs", tmp_path / "lake"
    place = ["--lake", str(lake)]
    logs.mkdir()
    log = logs / "app.log"
    log.write_bytes(lines(range(10)))
    ingest([logs], lake)
    log.rename(logs / "app.log.1")
    log.write_bytes(lines(range(10, 20)))
    ingest([logs], lake)
    log.write_bytes(lines(range(20, 23)))
    ingest([logs], lake)
    run = "import sys; from deadreckon.cli import main; sys.exit(main(sys.argv[1:]))"
    subprocess.run(
        [sys.executable, "-c", run, "ingest", "-", *place], input=lines(range(30, 35)), capture_output=True, check=True
    )
    assert main(["quarantine", "replay", *place]) in (0, 1, 3)
    assert main(["quarantine", "drop", "--all", *place]) in (0, 2)
    assert doctor(lake, deep=True) == Diagnosis(())
    maintain(Lake.open(lake), now=NOW + timedelta(days=2))
    assert doctor(lake, deep=True) == Diagnosis(())


def test_a_changed_input_is_not_read_again(story: Story, told: Story, tmp_path: Path) -> None:
    """An input whose bytes are no longer the same is no source for what was lost: nothing is taken out for it."""
    shutil.copytree(told.logs, tmp_path / "kept")
    try:
        for log in told.logs.iterdir():
            log.write_bytes(log.read_bytes()[:-5] + b"xxxx\n")
        data_file(story, "events", merged=False).unlink()
        before = story.lake.snapshot()
        found = doctor(story.lake.root)
        assert "jsonl" not in found.findings[0].remedy
        mended(story, "file_missing")
        assert len(story.lake.snapshot().part("events")) == len(before.part("events")) - 1
    finally:
        shutil.copytree(tmp_path / "kept", told.logs, dirs_exist_ok=True)


def test_a_flipped_byte_is_found_by_a_deep_look(story: Story, refused: list[str]) -> None:
    """A file whose end is whole can still be damaged inside: `deep` reads every page."""
    path = data_file(story, "events", merged=True)
    content = bytearray(path.read_bytes())
    content[40:140] = bytes(100)
    path.write_bytes(content)
    assert doctor(story.lake.root).healthy
    assert kinds(doctor(story.lake.root, deep=True)) == ["file_damaged"]
    mended(story, "file_damaged", deep=True)
    whole(story, refused)


def test_a_lost_offset(story: Story, refused: list[str]) -> None:
    """The ledger remembers how far each input was read: the offset is set again before anything is read twice."""
    table = story.lake.table()
    source = next(s for s in Log.of(story.lake.table_path()).offsets() if s != "ingest")
    true = table.transaction_version(source)
    commit(table, [], txns={source: 0})
    with pytest.raises(DamagedLakeError, match="its offset says 0"):
        story.read_again()
    found = doctor(story.lake.root)
    assert kinds(found) == ["offset_lost"]
    assert "says 0" in found.findings[0].meaning
    mended(story, "offset_lost")
    assert story.lake.table().transaction_version(source) == true
    whole(story, refused)


def test_an_expired_offset(story: Story, refused: list[str]) -> None:
    """A checkpoint that no longer holds an offset, as other writers make them, is no loss either."""
    log = Log.of(story.lake.table_path())
    path = log.checkpoints[CHECKPOINT]
    table = pq.read_table(path)
    kept = [i for i, row in enumerate(table["txn"].to_pylist()) if row is None or row["appId"] == "ingest"]
    pq.write_table(table.take(kept), path)
    for version in range(7, NEWEST + 1):
        entry = log_file(story.lake, version)
        content = [t for t in entry.read_text().splitlines() if '"txn":{"appId":"log-' not in t]
        entry.write_text("\n".join(content).replace('"deadreckon.actions":"7"', '"deadreckon.actions":"0"'))
    found = doctor(story.lake.root)
    assert set(kinds(found)) <= {"offset_lost", "commit_cut_short"}
    doctor(story.lake.root, repair=True)
    whole(story, refused)


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


def test_damage_in_another_table(story: Story) -> None:
    """Every table of the lake is examined, with what can be done without ingest's ledger."""
    states = story.lake.root / "alert_states"
    for i in range(3):
        write_deltalake(str(states), pa.table({"rule": [f"r{i}"], "date": [DAY]}), mode="append", partition_by=["date"])
    next(states.rglob("date=*/*.parquet")).unlink()
    cut(states / "_delta_log" / f"{2:020}.json", 30)
    found = doctor(story.lake.root)
    assert [(f.kind, f.table) for f in found.findings] == [("commit_half_written", "alert_states")]
    repaired = doctor(story.lake.root, repair=True)
    assert repaired.healthy
    assert story.numbers() == story.expected


def test_many_damages_at_once(story: Story, refused: list[str]) -> None:
    """Each stage of the repair brings to light what the one below had hidden."""
    data_file(story, "events", merged=True).unlink()
    cut(data_file(story, "ledger", merged=False), 100)
    cut(Log.of(story.lake.table_path()).checkpoints[CHECKPOINT], 100)
    log_file(story.lake, 8).unlink()
    cut(log_file(story.lake, NEWEST), 100)
    found = doctor(story.lake.root, repair=True)
    assert found.healthy, found
    whole(story, refused)


def test_what_is_replaced_is_kept_with_a_report(story: Story) -> None:
    """Under `_doctor/<time>/` lie the copies, and a report of what was done."""
    path = log_file(story.lake, NEWEST)
    cut(path, 100)
    half = path.read_bytes()
    found = doctor(story.lake.root, repair=True, now=datetime(2026, 5, 1, tzinfo=UTC))
    assert found.kept_in == story.lake.root / "_doctor" / "20260501T000000.000000Z"
    assert (found.kept_in / "events" / "_delta_log" / path.name).read_bytes() == half
    report = json.loads((found.kept_in / "report.json").read_text())
    assert [(r["kind"], r["done"]) for r in report] == [("commit_half_written", True)]


def test_a_lake_that_lost_its_log(story: Story) -> None:
    """Nothing can be mended, nothing is touched, and the finding says that a backup is needed."""
    log = story.lake.table_path() / "_delta_log"
    shutil.rmtree(log)
    found = doctor(story.lake.root, repair=True)
    assert (kinds(found), found.treatments) == (["log_lost"], ())
    assert not found.healthy
    log.mkdir()
    assert kinds(doctor(story.lake.root)) == ["log_lost"]


def test_no_lake(tmp_path: Path) -> None:
    """A folder without a table is no lake, and an error says so."""
    with pytest.raises(LakeNotFoundError):
        doctor(tmp_path)
    with pytest.raises(LakeNotFoundError):
        doctor(tmp_path / "none")


def test_repair_and_maintenance_exclude_each_other(story: Story) -> None:
    """Examining needs no lock; a repair waits for nobody and says who holds it."""
    with exclusive_lock(story.lake.lock_path("maintenance"), what="maintenance"):
        assert doctor(story.lake.root).healthy
        with pytest.raises(LockHeldError):
            doctor(story.lake.root, repair=True)
