"""The journal: nothing is said to be written before it is, and many are written at once."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.ingest.lakes import Place
from tests.serve.requests import JSON, span_json, traces
from tests.serve.servers import Server

from deadreckon.emit import new_id
from deadreckon.serve.journal import Journal, NotWrittenError


def content(directory: Path) -> list[bytes]:
    return sorted(line for file in directory.glob("*.jsonl") for line in file.read_bytes().splitlines(keepends=True))


def sealed(directory: Path) -> list[Path]:
    return list(directory.glob("*.sealed.jsonl"))


def remove_files(directory: Path) -> None:
    for file in directory.iterdir():
        file.unlink()


def test_lines_are_in_the_file_when_append_returns(tmp_path: Path) -> None:
    """Whole, and before the file is sealed."""

    async def scenario() -> None:
        journal = Journal(tmp_path, new_id)
        for number in range(3):
            await journal.append(b"%d\n" % number)
            assert content(tmp_path) == [b"%d\n" % n for n in range(number + 1)]
        await asyncio.to_thread(journal.close)
        with pytest.raises(NotWrittenError, match="stopping"):
            await journal.append(b"late\n")

    asyncio.run(scenario())
    (file,) = tmp_path.iterdir()
    assert file.name.endswith(".sealed.jsonl")


def test_requests_that_wait_together_are_forced_together(tmp_path: Path) -> None:
    """While one group is forced the next one gathers: a thousand appends are far fewer forcings."""

    async def scenario() -> int:
        journal = Journal(tmp_path, new_id)
        await asyncio.gather(*(journal.append(b"%04d\n" % n) for n in range(1000)))
        journal.close()
        return journal.forced

    forced = asyncio.run(scenario())
    assert 1 <= forced < 200
    assert content(tmp_path) == [b"%04d\n" % n for n in range(1000)]


def test_a_full_file_is_sealed_and_another_begun(tmp_path: Path) -> None:
    """Files stay near the size that they are meant to have."""

    async def scenario() -> None:
        journal = Journal(tmp_path, new_id, max_bytes=1000)
        for _ in range(10):
            await journal.append(b"x" * 499 + b"\n")
        await asyncio.to_thread(journal.close)

    asyncio.run(scenario())
    assert [file.stat().st_size for file in sealed(tmp_path)] == [1000] * 5


def test_an_old_file_is_sealed_without_another_line(tmp_path: Path) -> None:
    """What was received can leave the spool though nothing more comes."""

    async def scenario() -> None:
        journal = Journal(tmp_path, new_id, max_seconds=0.05)
        await journal.append(b"x\n")
        for _ in range(600):
            if sealed(tmp_path):
                break
            await asyncio.sleep(0.05)
        assert sealed(tmp_path)
        await asyncio.to_thread(journal.close)

    asyncio.run(scenario())


def test_a_file_that_was_deleted_is_not_written_to_any_more(tmp_path: Path) -> None:
    """The next append fails, since its lines would go nowhere; the one after it is in a new file."""

    async def scenario() -> None:
        journal = Journal(tmp_path, new_id)
        await journal.append(b"a\n")
        remove_files(tmp_path)
        with pytest.raises(NotWrittenError, match="deleted"):
            await journal.append(b"b\n")
        await journal.append(b"c\n")
        await asyncio.to_thread(journal.close)

    asyncio.run(scenario())
    assert content(tmp_path) == [b"c\n"]


@pytest.mark.fault
def test_a_full_disk_is_said_and_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    """503 and when to come again; /ready says why; with room again the same request is taken."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a file system in memory cannot be mounted here")
    try:
        with Server(tmp_path, "--spool", "disk/spool") as server:
            taken, refused = [], []
            for number in range(40):
                name = f"span-{number}"
                body = span_json(name=name, spanId=f"{number + 1:016x}", pad="x" * 100_000)
                status, said, headers = server.post("/v1/traces", body, JSON)
                (taken if status == 200 else refused).append(name)
                if status != 200:
                    assert (status, headers["retry-after"]) == (503, "1")
                    assert "No space left on device" in json.loads(said)["message"]
            assert taken
            assert refused
            status, said = server.get("/ready")
            assert (status, "No space left" in said["reason"]) == (503, True)
            assert server.get("/health")[0] == 200
            for line in content(disk / "spool"):
                json.loads(line)
            subprocess.run(["mount", "-o", "remount,size=12m", str(disk)], check=True)
            assert server.get("/ready") == (200, {"status": "ok"})
            assert server.post("/v1/traces", traces(["again"]).SerializeToString())[0] == 200
            assert server.stop() == 0
            place = Place(tmp_path)
            place.ingest(disk / "spool")
            names = [row["name"] for row in place.events()]
            assert {*taken, "again"} <= set(names) <= {*taken, *refused, "again"}
            assert not place.quarantined()
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=False)
