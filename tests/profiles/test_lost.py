"""A file of the profiles that is lost or cut off: the events can be asked all the same, and it is made again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from tests.profiles.lakes import add, make
from tests.profiles.oracle import events, profiled
from tests.profiles.test_exactly_once import batch

from deadreckon.cli import main
from deadreckon.core import profiles
from deadreckon.core.doctor import doctor
from deadreckon.core.errors import QueryError
from deadreckon.core.lake import DataFile, Lake
from deadreckon.core.settings import Settings
from deadreckon.profiles import profile
from deadreckon.queries import connect
from deadreckon.queries.sandbox import Sandbox

PARTS = ["bucket", "summary", "subject"]


def lose(file: DataFile) -> None:
    file.path.unlink()


def cut(file: DataFile) -> None:
    file.path.write_bytes(file.path.read_bytes()[:-20])


def two_runs(folder: Path) -> Lake:
    lake = make(folder, batch(0))
    profile(lake)
    add(lake, batch(1))
    profile(lake)
    return lake


@pytest.mark.parametrize("harm", [lose, cut])
@pytest.mark.parametrize("place", [0, -1])
def test_only_what_reads_the_profiles_fails(tmp_path: Path, harm: Callable[[DataFile], None], place: int) -> None:
    """Any view of events answers; one of profiles says what is lost and what makes it again."""
    lake = two_runs(tmp_path)
    file = profiles.snapshot(lake).part("bucket")[place]
    harm(file)

    with Sandbox(lake, settings=Settings()) as sandbox:
        assert sandbox.query("SELECT count(*) FROM events").rows == [(40,)]
        assert sandbox.query("SELECT count(*) FROM profile_summaries").rows != [(0,)]
        with pytest.raises(QueryError, match=file.path.name) as caught:
            sandbox.query("SELECT * FROM percentiles_by_day")
        assert "reckon profile" in caught.value.hint
        profile(lake)
        assert sandbox.query("SELECT count(*) > 0 FROM percentiles_by_day").rows == [(True,)]
    assert profiled(lake) == events(lake)


def test_a_connection_opens_without_them(tmp_path: Path) -> None:
    """Every view is made; a query of profiles fails by itself."""
    lake = two_runs(tmp_path)
    for file in profiles.snapshot(lake).files:
        lose(file)
    with connect(lake, settings=Settings()) as con:
        assert con.execute("SELECT count(*) FROM requests").fetchone() is not None
        with pytest.raises(duckdb.Error, match="reckon profile"):
            con.execute("SELECT * FROM profile_subjects")


@pytest.mark.parametrize("part", PARTS)
def test_the_next_run_makes_them_again(tmp_path: Path, part: str) -> None:
    """A run that has nothing new to count sees that a file is gone; so does --rebuild."""
    lake = two_runs(tmp_path)
    lose(profiles.snapshot(lake).part(part)[0])
    assert profile(lake).rebuilt
    assert profiled(lake) == events(lake)
    assert not profile(lake).rebuilt

    lose(profiles.snapshot(lake).part(part)[0])
    assert main(["profile", "--rebuild", "..", "--lake", str(lake.root)]) == 0
    assert profiled(lake) == events(lake)
    assert doctor(lake.root, Settings(lake=str(lake.root))).healthy


def test_the_doctor_says_the_command(tmp_path: Path) -> None:
    """The file is found, and the command that counts the events again is said."""
    lake = two_runs(tmp_path)
    file = profiles.snapshot(lake).part("summary")[0]
    lose(file)
    found = [f for f in doctor(lake.root, Settings(lake=str(lake.root))).findings if f.kind == "file_missing"]
    assert [(f.table, f.subject) for f in found] == [
        ("profiles", file.path.relative_to(lake.root / "profiles").as_posix())
    ]
    assert f"reckon profile --rebuild .. --lake {lake.root}" in found[0].remedy
