"""Where an export is written: what is not an export's stays, and a disk that is full is said to be."""

from __future__ import annotations

import os
import resource
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from tests.importers.stores import Imported, unpacked

from deadreckon.core.errors import QueryError, UsageError
from deadreckon.core.lake import Lake
from deadreckon.exchange import export
from deadreckon.exchange.export import Selection


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A lake with an import in it."""
    imported = Imported(tmp_path / "lake")
    imported.mlflow(unpacked("mlflow.db.gz", tmp_path))
    return Lake.open(imported.lake)


def test_a_folder_of_other_things_is_not_replaced(lake: Lake, tmp_path: Path) -> None:
    """Force replaces an export; whoever named another folder by mistake keeps what is in it."""
    precious = tmp_path / "precious"
    (precious / "date=2026-01-01").mkdir(parents=True)
    (precious / "date=2026-01-01" / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"mine\.txt"):
        export.parquet(Selection(lake), precious, force=True)
    assert (precious / "date=2026-01-01" / "mine.txt").read_text() == "mine"
    (precious / "date=2026-01-01" / "mine.txt").unlink()
    (precious / "date=2026-01-01").rmdir()
    for _ in range(2):
        assert export.parquet(Selection(lake), precious, force=True).events == 90
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".precious")]


def test_what_is_no_file_is_not_replaced(lake: Lake, tmp_path: Path) -> None:
    """A pipe, or a device, would be gone for everybody."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="neither a file nor a folder"):
        export.jsonl(Selection(lake), tmp_path / "pipe", force=True)
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_a_link_is_replaced_by_the_export(lake: Lake, tmp_path: Path) -> None:
    """What it led to stays, on another disk too."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "old.jsonl").write_text("old")
    (tmp_path / "new.jsonl").symlink_to(tmp_path / "elsewhere" / "old.jsonl")
    (tmp_path / "elsewhere").chmod(0o500)
    export.jsonl(Selection(lake), tmp_path / "new.jsonl", force=True)
    (tmp_path / "elsewhere").chmod(0o700)
    assert not (tmp_path / "new.jsonl").is_symlink()
    assert (tmp_path / "elsewhere" / "old.jsonl").read_text() == "old"


def limited(size: int) -> None:
    """No file may grow past so many bytes: what a full disk is to a writer."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@pytest.mark.parametrize(
    "words", ["jsonl a.jsonl", "jsonl a.jsonl.gz", "otlp a.json", "parquet a.parquet", "parquet a"]
)
def test_a_full_disk(words: str, lake: Lake, tmp_path: Path) -> None:
    """It is the disk's fault and not the lake's; nothing is left."""
    form, name = words.split()
    command = [
        sys.executable,
        "-c",
        "import sys; from deadreckon.cli import main; sys.exit(main())",
        "export",
        form,
        name,
    ]
    done = subprocess.run(
        [*command, "--lake", str(lake.root), "--format", "table"],
        check=False,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        preexec_fn=lambda: limited(1024),
    )
    assert done.returncode == 2, done.stderr
    assert f"cannot write {name}" in done.stderr
    assert not [path for path in tmp_path.iterdir() if path.name.lstrip(".").startswith("a")]


@pytest.mark.parametrize("where", ["CAST(event AS INTEGER) > 3", "event", "name::DATE > ts"])
def test_a_condition_that_an_event_breaks(where: str, lake: Lake, tmp_path: Path) -> None:
    """It is a condition until it meets an event."""
    with pytest.raises(QueryError, match="--where"):
        export.jsonl(Selection(lake, where=where), tmp_path / "x.jsonl")
    assert not [path for path in tmp_path.iterdir() if "x.jsonl" in path.name]
