"""References of a few windows: windows are drawn from their values, and what is missing is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import orjson
import pytest
from tests.drift.profiled import HOUR, START, Profiles, normal, texts
from tests.drift.test_watch import firing, looked

from deadreckon.drift.watch import DAILY, Fixed, Watch, drawn

DAYS = 8


@pytest.fixture(scope="module")
def profiles() -> Profiles:
    """An hour of many values, and days of fewer, in the last two of which something has changed."""
    made = Profiles()
    since = 24 * (DAYS - 2)

    def sized(shift: float, sd: float = 1.0):  # type: ignore[no-untyped-def]  # a closure of the test
        def values(rng: np.random.Generator, hour: int) -> np.ndarray:
            return rng.normal(10 + (shift if hour >= since else 0.02 * (hour % 3)), sd, 5000 if hour == 0 else 200)

        return values

    hours = range(24 * DAYS)
    made.numbers("feature:steady", hours, sized(0.0), seed=1)
    made.numbers("feature:shifted", hours, sized(0.5), seed=2)
    made.numbers("feature:few", hours, normal(40), seed=3)
    made.categories("tool:name", hours, lambda rng, h: texts(3000 if h == 0 else 200, 0.1, since)(rng, h), seed=4)
    made.categories("tool:odd", hours, lambda rng, h: rng.integers(0, 300, 2000 if h == 0 else 60).astype(str), seed=5)
    return made


WATCH = Watch(("feature:*", "tool:*"), reference=Fixed(START, START + HOUR))


def test_an_hour_is_reference_enough(profiles: Profiles, tmp_path: Path) -> None:
    """What lies as that hour's values do never alarms, what has changed does within a day of it."""
    found = looked(profiles, tmp_path, range(1, 24 * DAYS), WATCH)
    first = firing(found)
    assert set(first) == {"feature:shifted", "tool:name"}
    assert all(24 * (DAYS - 2) <= hour <= 24 * (DAYS - 1) for hour in first.values())
    said = {orjson.loads(v.labels)["subject"]: v for v in found[0].verdicts}
    assert {name: (v.state, v.mode, v.windows) for name, v in said.items()} == {
        "feature:steady": ("ok", "drawn", 166),
        "feature:shifted": ("ok", "drawn", 166),
        "feature:few": ("learning", "", 1),
        "tool:name": ("ok", "drawn", 100),
        "tool:odd": ("learning", "", 1),
    }
    assert said["feature:steady"].n_reference == 5000
    assert said["feature:steady"].match == "all windows"
    again = looked(profiles, tmp_path / "again", range(1, 3), WATCH)
    assert [one.verdicts for one in again] == [one.verdicts for one in found[:2]]


def test_what_is_missing_is_said(profiles: Profiles, tmp_path: Path) -> None:
    """Both ways in which it could be enough."""
    found = looked(profiles, tmp_path, [2], WATCH)
    reasons = {orjson.loads(v.labels)["subject"]: v.reason for v in found[0].verdicts if v.state == "learning"}
    assert set(reasons) == {"feature:few", "tool:odd"}
    assert reasons["tool:odd"].endswith("has 2000 values, too few to tell how frequent its many categories are")
    assert reasons["feature:few"].endswith(
        "has 1 hourly windows of 30 values or more (40 values), and at least 16, or 480 values, are needed"
    )


def test_days_against_an_hour(profiles: Profiles, tmp_path: Path) -> None:
    """The daily windows of a slow reference do with as little."""
    watch = Watch(("feature:steady", "feature:shifted"), reference=Fixed(START, START + HOUR), cadence=DAILY)
    found = looked(profiles, tmp_path, range(24, 24 * DAYS, 24), watch)
    assert {v.mode for one in found for v in one.verdicts} == {"drawn"}
    assert {v.state for v in found[0].verdicts} == {"ok"}


def test_windows_are_drawn_without_repeats() -> None:
    """All have their size, together they hold no value more often than it is there, and they are the same again."""
    counts = np.array([500, 0, 3, 497])
    found = drawn.windows(counts, 30)
    assert found.shape == (33, 4)
    assert set(found.sum(axis=1)) == {30}
    assert (found.sum(axis=0) <= counts).all()
    assert found.sum(axis=0)[2] >= 2
    assert np.array_equal(found, drawn.windows(counts, 30))
    assert not np.array_equal(found, drawn.windows(counts[::-1], 30)[:, ::-1])
    assert drawn.windows(np.array([10**6, 10**10]), 50).shape == (drawn.MOST, 2)
