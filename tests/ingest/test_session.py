"""Statements over lines are planned once, and read the lines that they are given."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from deadreckon.core.settings import Settings
from deadreckon.ingest import session
from deadreckon.ingest.session import MOST_PLANS, Reader

SUM = "SELECT sum(n)::BIGINT FROM lines_in"


@pytest.fixture
def reader() -> Iterator[Reader]:
    """A reader in a database of its own."""
    with session.connect(Settings()) as con:
        yield session.reader(con, Settings())


def lines(*numbers: int, **more: list[int]) -> pa.Table:
    """Lines of nothing but numbers."""
    return pa.table({"n": pa.array(numbers, pa.int64()), **more})


def plans(reader: Reader) -> int:
    """How many statements DuckDB keeps for it."""
    return reader.con.execute("SELECT count(*) FROM duckdb_prepared_statements()").fetchall()[0][0]


def test_a_plan_reads_what_it_is_given_each_time(reader: Reader) -> None:
    """One plan, three answers."""
    assert [reader.run(SUM, lines(*some)).fetchall()[0][0] for some in ([1, 2], [5], [])] == [3, 5, None]
    assert plans(reader) == 1


def test_lines_with_other_columns_get_another_plan(reader: Reader) -> None:
    """As the number of presence columns differs from batch to batch."""
    for some in (lines(1), lines(2, has0=[7]), lines(3), lines(4, has0=[1])):
        assert reader.run(SUM, some).fetchall() == [(some["n"][0].as_py(),)]
    assert reader.run("SELECT has0 FROM lines_in", lines(4, has0=[1])).fetchall() == [(1,)]
    assert plans(reader) == 3


def test_old_plans_are_forgotten(reader: Reader) -> None:
    """A log whose keys change from batch to batch does not fill the memory with plans."""
    for n in range(MOST_PLANS + 5):
        assert reader.run(f"SELECT n + {n} FROM lines_in", lines(1)).fetchall() == [(n + 1,)]
    assert plans(reader) == MOST_PLANS
    assert reader.run("SELECT n + 0 FROM lines_in", lines(1)).fetchall() == [(1,)]


def test_a_plan_that_failed_once_is_good_for_the_next_lines(reader: Reader) -> None:
    """A full disk, say, must not stop the batch that is tried again."""
    query = "SELECT CASE WHEN n > 1 THEN error('no') ELSE n END FROM lines_in"
    with pytest.raises(duckdb.Error, match="no"):
        reader.run(query, lines(2)).fetchall()
    assert reader.run(query, lines(1)).fetchall() == [(1,)]


def test_a_copy_says_what_it_wrote(reader: Reader, tmp_path: Path) -> None:
    """Always to the same file, of the lines that it was given last."""
    path = tmp_path / "x.parquet"
    for some in (lines(1, 2, 3), lines(9)):
        (said,) = reader.run("SELECT n FROM lines_in", some, copy=f"'{path}' (FORMAT parquet)").fetchall()
        assert said[0] == len(some)
        assert reader.con.execute(f"SELECT n FROM '{path}' ORDER BY n").fetchall() == [
            (n,) for n in some["n"].to_pylist()
        ]
