"""The distances in SQL, over profiles of real events, held to those of Python over the same buckets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import duckdb
import numpy as np
import pytest
from tests.queries.lakes import at, make_lake

from deadreckon.core.errors import QueryError
from deadreckon.core.lake import Lake
from deadreckon.core.settings import Settings
from deadreckon.drift import Categories, Comparison, Numbers, compare
from deadreckon.profiles import profile
from deadreckon.queries import connect
from deadreckon.queries.sandbox import Sandbox

ASKED = "FROM drift_distances($about, '2026-06-03', '2026-06-04', '2026-06-04', '2026-06-05')"
AGES = {day: np.random.default_rng(day).normal(40 + day, 5, 500) for day in (3, 4)}
LANDS = {3: ["de"] * 400 + ["fr"] * 100, 4: ["de"] * 300 + ["fr"] * 150 + ["new"] * 50}


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Predictions of two days, in profiles."""
    events: list[dict[str, Any]] = []
    for day in (3, 4):
        for age, land in zip(AGES[day], LANDS[day], strict=True):
            features = json.dumps({"age": age, "land": land})
            events.append({"ts": at(f"{day} 10:00:00"), "kind": "prediction", "features": features})
    made = make_lake(tmp_path_factory.mktemp("macros") / "lake", events)
    profile(made)
    return made


@pytest.fixture(scope="module")
def con(lake: Lake) -> Iterator[duckdb.DuckDBPyConnection]:
    """What `connect` gives."""
    with connect(lake) as opened:
        yield opened


def asked(con: duckdb.DuckDBPyConnection, about: str) -> dict[str, tuple[float, float, float]]:
    """Each distance with its bracket."""
    return {row[0]: row[1:] for row in con.execute(ASKED, {"about": about}).fetchall()}


def held(found: dict[str, tuple[float, float, float]], known: Comparison, names: int) -> None:
    """All distances of Python that are in SQL are the same."""
    same = [d for d in known.distances if d.name in found]
    assert len(same) == len(found) == names
    for distance in same:
        assert found[distance.name] == pytest.approx((distance.value, distance.low, distance.high), rel=1e-9, abs=1e-12)


def test_numbers(con: duckdb.DuckDBPyConnection) -> None:
    """Over buckets from the subject's own origin, in groups of a twentieth of the reference."""
    row = con.execute("SELECT origin FROM profile_subjects WHERE subject = 'feature:age'").fetchone()
    assert row is not None
    sides = [Numbers.of(AGES[day]).binned(row[0]) for day in (3, 4)]
    held(asked(con, "feature:age"), compare(*sides), 8)


def test_categories(con: duckdb.DuckDBPyConnection) -> None:
    """Value by value."""
    held(asked(con, "feature:land"), compare(*(Categories.of(LANDS[day]) for day in (3, 4))), 6)


def test_buckets_side_by_side(con: duckdb.DuckDBPyConnection) -> None:
    """In the order of their values, each with what it holds of either side."""
    rows = con.execute(ASKED.replace("drift_distances", "drift_buckets"), {"about": "feature:age"}).fetchall()
    assert sum(row[4] for row in rows) == sum(row[5] for row in rows) == 500
    assert all(row[2] <= row[3] for row in rows)
    assert [row[2] for row in rows] == sorted(row[2] for row in rows)
    for row in rows:
        held_by = [np.count_nonzero((AGES[day] >= row[2]) & (AGES[day] <= row[3])) for day in (3, 4)]
        assert held_by == [row[4], row[5]]


def test_in_the_sandbox(lake: Lake) -> None:
    """`reckon sql` answers with them, and a subject without values has no distance."""
    with Sandbox(lake, settings=Settings()) as sandbox:
        rows = sandbox.query(ASKED, {"about": "feature:age"}).rows
        assert {row[0] for row in rows} >= {"psi", "ks", "wasserstein"}
        assert sandbox.query(ASKED, {"about": "feature:none"}).rows == []
        later = ASKED.replace("2026-06-05", "2026-06-04T01:00")
        assert sandbox.query(later, {"about": "feature:age"}).rows == []  # no value in the current range
        with pytest.raises(QueryError):
            sandbox.query("FROM query_table('lake_profile_buckets')")
