"""Compaction of profiles: what they say stays what it was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from tests.profiles.lakes import HOUR, NOON, add, event, make

from deadreckon.core import profiles
from deadreckon.core.lake import Lake
from deadreckon.core.maintenance import Step, maintain
from deadreckon.core.settings import MaintainSettings
from deadreckon.drift.buckets import SCALE, coarser, keys
from deadreckon.profiles import connect, profile
from deadreckon.queries import connect as every_view


def made_of(lake: Lake, batches: int) -> list[float]:
    rng = np.random.default_rng(batches)
    values: list[float] = []
    for number in range(batches):
        batch = [float(x) for x in rng.normal(0, 50, 40)]
        add(lake, [event(number * HOUR + i, duration_ms=x, tool=f"t{i % 3}") for i, x in enumerate(batch)])
        profile(lake)
        values += batch
    return values


def everything(lake: Lake) -> list[tuple[object, ...]]:
    with connect(lake) as con:
        return [
            *con.execute("FROM profile_buckets ORDER BY ALL").fetchall(),
            *con.execute("FROM profile_summaries SELECT * EXCLUDE (sum, sum_sq) ORDER BY ALL").fetchall(),
            *con.execute("FROM profile_subjects ORDER BY ALL").fetchall(),
        ]


def files(lake: Lake, part: str) -> int:
    return len(profiles.snapshot(lake).part(part))


def test_a_month_that_is_over_becomes_one_file_of_each_part(tmp_path: Path) -> None:
    """Files are merged, rows are summed, and every relation says the same as before."""
    lake = make(tmp_path)
    made_of(lake, 5)
    before = everything(lake)

    done = maintain(lake, steps={Step.compact}, now=NOON + timedelta(days=40))

    assert [w.table for w in done] == ["events", "profiles"]
    assert (files(lake, "bucket"), files(lake, "summary")) == (1, 1)
    assert everything(lake) == before
    assert maintain(lake, steps={Step.compact}, now=NOON + timedelta(days=40)) == []


def test_the_month_that_is_written_is_left_until_it_has_many_files(tmp_path: Path) -> None:
    """What is merged today is merged again tomorrow: a few files are no harm."""
    lake = make(tmp_path)
    made_of(lake, 3)
    maintain(lake, steps={Step.compact}, now=NOON + timedelta(days=1))
    assert files(lake, "bucket") == 3


def test_old_months_are_kept_by_the_day_in_buckets_of_a_coarser_scale(tmp_path: Path) -> None:
    """After the days of the settings hours become days, and 4 buckets 1: exactly those that the law of merging says."""
    lake = make(tmp_path)
    values = made_of(lake, 4)
    rules = MaintainSettings(profile_hourly_days=30)

    maintain(lake, rules, steps={Step.compact}, now=datetime(2026, 12, 1, tzinfo=UTC))

    with connect(lake) as con:
        rows = con.execute(
            "SELECT bucket, sum(n), min(scale), max(scale), min(hours) FROM profile_buckets "
            "WHERE subject = 'latency_ms' GROUP BY bucket"
        ).fetchall()
        hours = con.execute("SELECT DISTINCT hour, hours FROM profile_summaries").fetchall()
    coarse = coarser(coarser(keys(np.array(values)), SCALE), SCALE - 1)
    expected = {int(k): int(n) for k, n in zip(*np.unique(coarse, return_counts=True), strict=True)}
    assert {bucket: int(n) for bucket, n, *_ in rows} == expected
    assert {tuple(row[2:]) for row in rows} == {(3, 3, 24)}
    assert hours == [(NOON.replace(hour=0), 24)]


def test_what_comes_late_to_an_old_month_is_counted_with_it(tmp_path: Path) -> None:
    """Rows of two scales in one day: percentiles still hold the exact ones, and the next run puts them together."""
    lake = make(tmp_path)
    made_of(lake, 4)
    late = datetime(2026, 12, 1, tzinfo=UTC)
    maintain(lake, MaintainSettings(profile_hourly_days=30), steps={Step.compact}, now=late)
    add(lake, [event(30, duration_ms=float(i)) for i in range(50)])
    profile(lake)

    for _ in range(2):
        with every_view(lake) as con:
            rows = con.execute(
                "SELECT p.n, e.n, abs(p.p90 - e.p90) - p.p90_error FROM percentiles_by_day p "
                "JOIN exact_percentiles_by_day e USING (date, subject) WHERE subject = 'latency_ms'"
            ).fetchall()
        assert [(a, b) for a, b, _ in rows] == [(210, 210)]
        assert rows[0][2] < 1e-9
        maintain(lake, MaintainSettings(profile_hourly_days=30), steps={Step.compact}, now=late)


@pytest.mark.parametrize("steps", [{Step.vacuum}, {Step.checkpoint}, set(Step)])
def test_the_other_steps_keep_what_the_profiles_say(tmp_path: Path, steps: set[Step]) -> None:
    """Vacuum and checkpoints treat the table as any other; profiling goes on behind them."""
    lake = make(tmp_path)
    made_of(lake, 3)
    before = everything(lake)
    maintain(lake, MaintainSettings(vacuum_hours=0), steps=steps, now=datetime.now(UTC) + timedelta(days=2))
    assert everything(lake) == before

    add(lake, [event(0, duration_ms=1.0)])
    done = profile(lake)
    assert (done.events, done.days) == (1, 0)


def test_subjects_are_put_together_too(tmp_path: Path) -> None:
    """Of each subject the newest row stays, once many runs have written theirs."""
    lake = make(tmp_path)
    made_of(lake, 18)
    assert files(lake, "subject") < 5
    with connect(lake) as con:
        assert con.execute("SELECT categories FROM profile_subjects WHERE subject = 'tool:name'").fetchall() == [
            (["t0", "t1", "t2"],)
        ]
