"""Refused lines: listed, shown, replayed after a fix exactly once, or dropped on purpose."""

from __future__ import annotations

import base64
import gzip
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tests.ingest.lakes import NOW, Place, joined, settings

from deadreckon.cli.app import run
from deadreckon.core.doctor.history import Range
from deadreckon.core.doctor.losses import lost_row, write_ledger
from deadreckon.core.errors import DataError
from deadreckon.core.lake import Lake, commit
from deadreckon.ingest import quarantine
from deadreckon.ingest.quarantine import Replayed, drop, replay
from deadreckon.ingest.refused import Line, Refused

FIXED = settings(aliases={"duration_ms": "error_message"})
"""What was refused as a number is right where a text is expected."""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def opened(place: Place) -> list[Line]:
    """The open lines."""
    with duckdb.connect() as con:
        return Refused(con, Lake.open(place.lake).snapshot()).lines()


def again(place: Place, using: Any = FIXED, *, ids: tuple[str, ...] = ()) -> Replayed:
    """Replay under these settings."""
    return replay(Lake.open(place.lake), using, ids=ids, clock=lambda: NOW)


def refused(count: int, start: int = 0, **more: Any) -> list[dict[str, Any]]:
    """Lines that are refused until an alias sends their key elsewhere."""
    return [{"case": n, "duration_ms": "soon", **more} for n in range(start, start + count)]


def test_replay_after_a_fix_is_exactly_once(place: Place) -> None:
    """Before the fix a replay changes nothing; after it each line becomes an event once, however often it is run."""
    place.ingest(place.write("app.log", [{"case": -1}, *refused(5), "garbage"]))
    ids = [line.quarantine_id for line in opened(place)]
    version = Lake.open(place.lake).snapshot().version

    assert again(place, settings()) == Replayed(0, 0, 0, 6, 0)
    assert Lake.open(place.lake).snapshot().version == version
    assert again(place) == Replayed(5, 5, 0, 1, 0)
    assert again(place) == Replayed(0, 0, 0, 1, 0)

    assert place.values("case") == [-1, 0, 1, 2, 3, 4]
    assert {row["error_message"] for row in place.events() if "error_message" in row} == {"soon"}
    assert [line.raw for line in opened(place)] == ["garbage"]
    assert [row["quarantine_id"] for row in place.ledger("resolution")] == ids[:5]
    assert len(place.quarantined()) == 6


def test_replayed_event_is_the_one_it_would_have_been(place: Place) -> None:
    """A replayed line has the id, place and time that it would have had, had it been right at first."""
    path = place.write("app.log", refused(3, ts="2026-01-02T03:04:05Z"))
    other = Place(place.root, place.root / "other")
    place.ingest(path)
    again(place)
    other.ingest(path, using=FIXED)

    assert place.events() == other.events()


def test_replay_of_what_is_there_already(place: Place) -> None:
    """A refused line whose event came by another way is closed as a duplicate, and no second event appears."""
    lines = refused(3)
    for line in lines:
        line["event_id"] = f"id-{line['case']}"
    place.ingest(place.write("bad.log", [*lines, {**lines[0]}]))
    place.ingest(place.write("good.log", [{"event_id": "id-0", "case": 0}]))

    assert again(place) == Replayed(4, 2, 2, 0, 0)
    assert place.values("case") == [0, 1, 2]
    assert opened(place) == []


def test_lines_fixed_and_read_again_from_a_copy(place: Place) -> None:
    """Lines with ids that were corrected in a copy and ingested from there stay single events when replayed."""
    place.ingest(place.write("app.log", [{"event_id": "x", "case": 1, "duration_ms": "soon"}]))
    place.ingest(place.write("fixed.log", [{"event_id": "x", "case": 1, "duration_ms": 7}]))

    assert again(place) == Replayed(1, 0, 1, 0, 0)
    (event,) = place.events()
    assert event["duration_ms"] == 7


def test_two_replays_at_once(place: Place) -> None:
    """Replays in several threads at once give each line once between them."""
    place.ingest(place.write("app.log", refused(200)))
    done: list[Replayed] = []
    start = threading.Barrier(3)

    def race() -> None:
        start.wait()
        done.append(again(place))

    racers = [threading.Thread(target=race) for _ in range(3)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()

    assert len(done) == 3
    assert sum(result.committed for result in done) == 200
    assert place.values("case") == list(range(200))
    assert len(place.ledger("resolution")) == 200


def test_replay_beside_ingest(place: Place) -> None:
    """Lines that are ingested while others are replayed do no harm to each other."""
    path = place.write("app.log", refused(50))
    place.ingest(path)
    replayed: list[Replayed] = []
    racer = threading.Thread(target=lambda: replayed.append(again(place)))
    racer.start()
    for n in range(50, 60):
        place.append("app.log", [{"case": n}])
        place.ingest(path)
    racer.join()

    assert place.values("case") == list(range(60))
    assert replayed == [Replayed(50, 50, 0, 0, 0)]


def test_what_cannot_be_replayed(place: Place) -> None:
    """Bytes that are no text and lines kept only in part stay open, are said to, and can be dropped."""
    bad = b'{"case": "\xff"}'
    huge = {"case": "x" * 3000}
    place.ingest(place.write("app.log", [bad, huge]), using=settings(ingest={"max_line_bytes": 1024}))

    assert again(place) == Replayed(0, 0, 0, 1, 1)
    kept = {line.error_code: line for line in opened(place)}
    assert base64.b64decode(kept["invalid_utf8"].raw) == bad
    assert kept["oversize"].raw_bytes == len(json.dumps(huge))
    assert not kept["oversize"].whole
    assert drop(Lake.open(place.lake), [kept["oversize"].quarantine_id]) == 1
    assert [line.error_code for line in opened(place)] == ["invalid_utf8"]


def test_damage_and_a_bad_line_at_one_place(place: Place) -> None:
    """Where an archive was cut off and, once repaired, holds a bad line, the damage is closed and the line is not."""
    plain = joined([{"case": n, "pad": f"{n * 7919:x}" * 20} for n in range(2000)])
    packed = gzip.compress(plain)
    path = place.write("app.log.gz", packed[: len(packed) // 2])
    place.ingest(path)
    (damage,) = opened(place)
    end = damage.source_offset
    bad = b"garbage" + plain[end + 7 :]
    path.write_bytes(gzip.compress(plain[:end] + bad))
    place.ingest(path)

    (left,) = opened(place)
    assert left.error_code == "invalid_json"
    assert left.raw.startswith("garbage")
    assert place.ingest(path).read_lines == 0


def test_a_loss_is_not_replayed_away(place: Place) -> None:
    """What `reckon doctor` noted as lost holds no line: a replay leaves it open, until it is dropped on purpose."""
    place.ingest(place.write("app.log", refused(1)))
    lake = Lake.open(place.lake)
    table = lake.table()
    lost = lost_row(Range("log-1", 10, 20), "the file is gone")
    commit(table, [write_ledger(lake, [lost], NOW)])

    assert again(place) == Replayed(1, 1, 0, 0, 1)
    (left,) = opened(place)
    assert left.error_code == "lost"
    assert drop(lake, [left.quarantine_id]) == 1


def test_drop_and_ids_that_are_not_open(place: Place) -> None:
    """A dropped line is closed for good; an id that is not open is an error that names it, and nothing is changed."""
    place.ingest(place.write("app.log", refused(3)))
    lake = Lake.open(place.lake)
    first, second, third = (line.quarantine_id for line in opened(place))

    assert drop(lake, [first]) == 1
    for wrong in ([first], ["nonsense"], [second, "nonsense"]):
        with pytest.raises(DataError, match="no open quarantined line"):
            drop(lake, wrong)
        with pytest.raises(DataError, match="no open quarantined line"):
            again(place, ids=tuple(wrong))
    assert again(place, ids=(second,)) == Replayed(1, 1, 0, 0, 0)
    assert [line.quarantine_id for line in opened(place)] == [third]
    assert place.values("case") == [1]


def test_on_the_command_line(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """List, show, replay and drop speak JSON, count, and say with exit code 3 what is not there."""
    place.ingest(place.write("app.log", [*refused(3), "garbage", b"\xff"]))
    config = place.root / "deadreckon.toml"
    config.write_text('[aliases]\nduration_ms = "error_message"\n')

    def reckon(*words: str) -> tuple[int, Any]:
        code = run(["quarantine", *words, "--lake", str(place.lake), "--config", str(config), "--format", "json"])
        said = capsys.readouterr()
        return code, json.loads(said.out or said.err)

    code, listed = reckon("list", "--limit", "4")
    assert (code, listed["count"], listed["open"], listed["truncated"]) == (0, 4, 5, True)
    assert {row["code"] for row in listed["rows"]} <= {"wrong_type", "invalid_json", "invalid_utf8"}
    _, by_code = reckon("list", "--by", "code")
    most = by_code["rows"][0]
    assert (most["code"], most["field"], most["lines"]) == ("wrong_type", "duration_ms", 3)
    _, shown = reckon("show", listed["rows"][0]["id"])
    assert json.loads(shown["raw"]) == refused(1)[0]
    assert shown["source_path"] == str(place.root / "app.log")
    code, result = reckon("replay")
    assert (code, result["replayed"], result["still_refused"]) == (0, 3, 2)
    code, error = reckon("show", "nonsense")
    assert (code, error["error"]["kind"]) == (3, "data")
    code, error = reckon("drop")
    assert (code, error["error"]["kind"]) == (2, "usage")
    assert reckon("drop", "--all") == (0, {"dropped": 2})
    assert reckon("list")[1]["open"] == 0
    assert place.values("case") == [0, 1, 2]


def test_a_listing_for_people(
    place: Place, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sums by code and input come first; each line takes two, no wider than the terminal, its id never cut."""
    monkeypatch.setenv("COLUMNS", "120")
    place.ingest(place.write("a.log", [*refused(3, pad="x" * 500), "garbage"]), place.write("b.log", refused(2)))
    words = ["quarantine", "list", "--lake", str(place.lake), "--format", "table"]
    assert run([*words, "--limit", "4"]) == 0
    out, err = capsys.readouterr()
    sums, listed = out.split("\n\n")
    assert [(row.split()[0], row.split()[-1]) for row in sums.splitlines()[1:]] == [
        ("wrong_type", "3"),
        ("wrong_type", "2"),
        ("invalid_json", "1"),
    ]
    rows = listed.splitlines()
    assert len(rows) == 2 * 4
    assert max(map(len, rows)) == 120
    ids = {line.quarantine_id for line in opened(place)}
    assert {row.split()[0] for row in rows[::2]} < ids
    assert all("log  wrong_type" in row or "log  invalid_json" in row for row in rows[::2])
    assert err.startswith("6 lines open")
    assert "2 more are not shown" in err


def test_what_a_replay_leaves_is_named(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """Of what cannot be replayed the first few ids and reasons are said; a drop is said once."""
    config = place.root / "deadreckon.toml"
    config.write_text('[redaction]\nuser_id = "keep"\n')
    lines = [{"case": "x" * (3000 + n)} for n in range(5)]
    place.ingest(place.write("app.log", lines), using=settings(ingest={"max_line_bytes": 1024}))
    words = ["--lake", str(place.lake), "--config", str(config), "--format", "table"]
    assert run(["quarantine", "replay", *words]) == 0
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("not replayable: ")]
    assert len(said) == 3
    ids = {line.quarantine_id for line in opened(place)}
    for line in said:
        id_, path, code, *_ = line.removeprefix("not replayable: ").split()
        assert id_ in ids
        assert (path, code) == (str(place.root / "app.log"), "oversize:")
    assert run(["quarantine", "drop", "--all", *words]) == 0
    out, err = capsys.readouterr()
    assert (out, err) == ("", "5 lines closed\n")


def test_all_and_ids_are_not_dropped_together(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """Who names a line and says --all has to say which is meant: nothing is closed."""
    place.ingest(place.write("app.log", refused(3)))
    (first, *_) = opened(place)
    assert run(["quarantine", "drop", "--all", first.quarantine_id, "--lake", str(place.lake)]) == 2
    error = json.loads(capsys.readouterr().err)["error"]
    assert error["kind"] == "usage"
    assert first.quarantine_id in error["message"]
    assert len(opened(place)) == 3


def test_a_listing_is_bounded(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --limit 50 lines are shown, of each only its start is read, and how many more there are is said."""
    lines = [*refused(60, pad="x" * 100_000), *({"a": n, "ts": "?"} for n in range(2))]
    place.ingest(place.write("app.log", lines))
    words = ["--lake", str(place.lake), "--format", "json"]
    assert run(["quarantine", "list", *words]) == 0
    said = capsys.readouterr()
    listed = json.loads(said.out)
    assert (listed["count"], listed["open"], listed["truncated"]) == (50, 62, True)
    assert said.err.startswith("12 more")
    assert [json.loads(row["raw"].split(', "pad"')[0] + "}") for row in listed["rows"]] == refused(50)
    assert run(["quarantine", "list", "--by", "code", "--limit", "1", *words]) == 0
    said = capsys.readouterr()
    (row,) = json.loads(said.out)["rows"]
    assert (row["code"], row["field"], row["lines"]) == ("wrong_type", "duration_ms", 60)
    assert said.err.startswith("1 more")
    with duckdb.connect() as con:
        found = Refused(con, Lake.open(place.lake).snapshot())
        assert max(len(line.raw) for line in found.listed(100)) <= 400


def test_replay_in_portions(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """However small the portions, by number or by size, each line is read once and becomes one event."""
    lines = [line for n in range(20) for line in (*refused(1, n, event_id=f"id-{n % 15}"), "garbage", b"\xff")]
    path = place.write("app.log", lines)
    place.ingest(path)
    with duckdb.connect() as con:
        found = Refused(con, Lake.open(place.lake).snapshot())
        assert len(found.portion(None, count=7, size=1 << 20)) == 7
        assert len(found.portion(None, count=7, size=0)) == 1
        few = found.portion(None, count=100, size=100)
        assert (
            sum(line.raw_bytes for line in few) <= 100 < sum(line.raw_bytes for line in found.lines()[: len(few) + 1])
        )
    monkeypatch.setattr(quarantine, "REPLAY_LINES", 7)
    monkeypatch.setattr(quarantine, "REPLAY_BYTES", 200)

    assert again(place) == Replayed(20, 15, 5, 40, 0)
    assert again(place) == Replayed(0, 0, 0, 40, 0)
    assert place.values("case") == list(range(15))
    assert drop(Lake.open(place.lake), []) == 40
    assert opened(place) == []


def test_what_is_not_utf8_is_shown_as_text(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """A listing shows what can be read and says that the rest cannot; show gives the bytes, and says how."""
    place.ingest(place.write("app.log", [b'{"event": "caf\xe9"}', "garbage"]))
    words = ["--lake", str(place.lake), "--format", "json"]
    run(["quarantine", "list", *words])
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [(row["raw"], row["encoding"]) for row in rows] == [
        ('{"event": "caf\ufffd"}', "not UTF-8"),
        ("garbage", "utf-8"),
    ]
    shown = []
    for row in rows:
        run(["quarantine", "show", row["id"], *words])
        shown.append(json.loads(capsys.readouterr().out))
    assert base64.b64decode(shown[0]["raw"]) == b'{"event": "caf\xe9"}'
    assert shown[0]["text"] == '{"event": "caf\ufffd"}'
    assert "base64" in shown[0]["raw_is"]
    assert (shown[1]["raw"], "text" in shown[1]) == ("garbage", False)
    assert "UTF-8" in shown[1]["raw_is"]


def test_nothing_refused_and_no_lake(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """A lake without refused lines lists none; where no lake is, that is said."""
    assert run(["quarantine", "list", "--lake", str(place.lake)]) == 3
    assert json.loads(capsys.readouterr().err)["error"]["hint"]
    place.ingest(place.write("app.log", [{"case": 1}]))
    assert run(["quarantine", "list", "--lake", str(place.lake), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["count"] == 0
    assert again(place) == Replayed(0, 0, 0, 0, 0)


SECRETS = ("jane.doe@example.org", "4242 4242 4242 4242", "hunter2-is-my-password", "sk-proj-Zq8vN3xT5kYbW7uR2mPcD4fG")


def test_no_secret_in_any_byte_of_the_lake(place: Place) -> None:
    """With redaction configured, what it names stands nowhere in the lake: not in events, refused lines or the log."""
    mail, card, password, key = SECRETS
    lines: list[Any] = [
        {"event": f"mail to {mail}", "user_id": mail, "password": password, "deep": [{"Password": [password]}]},
        {"event": f"card {card}", "input": {"messages": [{"content": f"my card is {card}"}]}},
        {"features": {"key": key}, "error_message": f"bad key {key}", mail: 1},
        {"duration_ms": f"from {mail}", "password": password},
        {"exception": f"E: {mail}", "session": {"id": "s"}, "gen_ai": {"prompt": key}},
        f'not json {mail} {key} "password": "{password}"',
        f'{{"event": "torn {mail}", "password": "{password}',
        f'{{"event": "caf\\u00e9 {mail}", "a": 1, "a": 2}}',
        b"\xff\xfe " + mail.encode() + b" " + key.encode(),
        json.dumps({"event": mail, "password": password}).replace("@", "\\u0040").replace("hunter", "\\u0068unter"),
        {"event": "long " + mail + " x" * 2000 + " " + key},
    ]
    using = settings(
        redaction={"keys": ["password"], "patterns": ["email", "card", "api_key"]}, ingest={"max_line_bytes": 2048}
    )
    path = place.write("app.log", lines)

    summary = place.ingest(path, using=using)
    replay(Lake.open(place.lake), using)

    assert summary.committed >= 5
    assert summary.quarantined >= 5
    for name in place.names():
        data = (place.lake / name).read_bytes()
        for secret in SECRETS:
            assert secret.encode() not in data, (secret, name)
    # Parquet is compressed: what a reader gets is looked into as well.
    texts = json.dumps([place.events(), place.ledger("source"), place.quarantined()], default=str, ensure_ascii=False)
    kept = "".join(base64.b64decode(r["raw"]).decode("utf-8", "replace") for r in place.quarantined()
                   if r["raw_encoding"] == "base64")  # fmt: skip
    for secret in (*SECRETS, "jane.doe"):
        assert secret not in texts
        assert secret not in kept
    assert "[email]" in texts


def test_a_killed_listing_is_nobodys_loss(place: Place) -> None:
    """A reader that stops reading early, as `head` does, is no error."""
    place.ingest(place.write("app.log", refused(300)))
    code = "import sys; from deadreckon.cli.app import run; sys.exit(run(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "quarantine", "list", "--limit", "300", "--lake", str(place.lake)]
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ)
    assert process.stdout is not None
    process.stdout.read(10)
    process.stdout.close()
    assert process.stderr is not None
    with process.stderr as said:
        assert said.read() == b""
    assert process.wait() == 0
