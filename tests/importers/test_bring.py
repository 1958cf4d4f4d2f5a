"""From lines into the lake: what is left of an import that was killed, and what is too long."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.importers.stores import Imported

from deadreckon.core.errors import SourceError
from deadreckon.exchange.bring import Item

KILLED = """
import sys, time
from tests.importers.stores import Imported
from deadreckon.exchange.bring import Item
from pathlib import Path

def items():
    yield Item(b'{"event": "secret"}' * 10_000)
    print("begun", flush=True)
    time.sleep(60)

Imported(Path(sys.argv[1])).bring(items())
"""


@pytest.fixture
def imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Imported:
    """A lake that is not there yet, and a folder for temporary files of its own."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return Imported(tmp_path / "lake")


def test_what_a_killed_import_left_is_removed(tmp_path: Path, imported: Imported) -> None:
    """Its lines were not redacted yet: the next import removes them, and leaves alone one that goes on."""
    words = [sys.executable, "-c", KILLED, str(imported.lake)]
    running = [subprocess.Popen(words, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) for _ in range(2)]
    try:
        for one in running:
            assert one.stdout is not None
            assert one.stdout.readline() == b"begun\n"
        running[0].send_signal(signal.SIGKILL)
        running[0].wait()
        assert len(list((tmp_path / "tmp").iterdir())) == 2
        imported.bring([Item(b'{"event": "x", "event_id": "1", "ts": 1790000000}', ("line",))])
        assert len(list((tmp_path / "tmp").iterdir())) == 1
    finally:
        for one in running:
            one.kill()
            one.wait()
            assert one.stdout is not None
            one.stdout.close()
    assert imported.one("SELECT count(*) FROM events") == 1


def test_nothing_is_left_of_one_that_failed(tmp_path: Path, imported: Imported) -> None:
    """Neither in the lake nor in the temporary folder."""

    def items() -> Iterator[Item]:
        yield Item(b'{"event": "x"}')
        raise SourceError("torn", hint="mend it")

    with pytest.raises(SourceError, match="torn"):
        imported.bring(items())
    assert not imported.lake.exists()
    assert not list((tmp_path / "tmp").iterdir())


def test_long_lines(imported: Imported) -> None:
    """A span of 20 MB is no log line of 20 MB: it comes in."""
    line = json.dumps({"event": "long", "event_id": "1", "ts": 1790000000, "input": "x" * (20 << 20)}).encode()
    assert imported.bring([Item(line)]).summary.quarantined == 0
    assert imported.one("SELECT length(input) FROM events") == 20 << 20


def test_nothing_to_import(imported: Imported) -> None:
    """Makes no lake."""
    assert imported.bring([]).lines == 0
    assert not imported.lake.exists()


def test_a_refused_line_is_refused_once(imported: Imported) -> None:
    """The same lines again are the same input: the quarantine does not grow."""
    lines = [Item(b'{"event": "x", "ts": "never"}'), Item(b'{"event": "y", "event_id": "1", "ts": 1790000000}')]
    for _ in range(2):
        imported.bring(lines)

    assert imported.one("SELECT count(*) FROM quarantine") == 1


FULL = """
import resource, sys
from pathlib import Path
from tests.importers.stores import Imported
from deadreckon.core.errors import SourceError
from deadreckon.exchange.bring import Item

resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    Imported(Path(sys.argv[1])).bring([Item(b'{"event": "x"}' * 20)] * int(sys.argv[2]))
except SourceError as error:
    print(error.message, error.hint)
"""


@pytest.mark.parametrize("lines", ["1", "1000"])
def test_no_room_for_the_lines(lines: str, tmp_path: Path, imported: Imported) -> None:
    """Said as such, whether it shows in the midst or with the last of them; nothing is left."""
    words = [sys.executable, "-c", FULL, str(imported.lake), lines]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    assert "nothing was imported" in done.stdout, done.stderr
    assert "TMPDIR" in done.stdout
    assert not imported.lake.exists()
    assert not list((tmp_path / "tmp").iterdir())


MANY = """
import sys
from deadreckon.exchange.bring import _folder

for _ in range(int(sys.argv[1])):
    with _folder() as folder:
        (folder / "lines").write_bytes(b"x")
"""


def test_imports_that_begin_together_leave_each_other_alone(imported: Imported) -> None:
    """What has just begun is not taken for what a killed import left."""
    assert imported
    words = [sys.executable, "-c", MANY, "300"]
    running = [subprocess.Popen(words, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    said = [one.communicate()[1] for one in running]
    assert [one.returncode for one in running] == [0] * 4, "".join(said)[-2000:]
