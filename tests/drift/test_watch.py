"""Drift watched over profiles: what is seen, what is not, what is said where nothing can be, and what is remembered."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import orjson
import pytest
from tests.drift.profiled import HOUR, START, WEEK, Profiles, normal, texts

from deadreckon.drift.buckets import keys
from deadreckon.drift.detector.edetector import Budget, total
from deadreckon.drift.watch import DAILY, HOURLY, Fixed, Judged, States, Trailing, Watch, judge
from deadreckon.drift.watch.grid import at_scale
from deadreckon.drift.watch.power import windows_needed

REFERENCE = 5 * WEEK
"""Hours after which every share of the streams has 28 days of reference, whenever it moves on."""
WATCH = Watch(("feature:*", "tool:name"), reference=Trailing(28, 7))


def looked(
    profiles: Profiles,
    place: Path,
    hours: Iterable[int],
    watch: Watch = WATCH,
    states: States | None = None,
    a_year: float = 4.0,
) -> list[Judged]:
    """What is said of these hours since START."""
    starts = [START + hour * HOUR for hour in hours]

    def budget(streams: int) -> Budget:
        return Budget(max(streams, 10), a_year, watch.cadence.windows_a_year)

    return list(judge(profiles.con, watch, starts, states or States.new(()), budget, place))


def firing(found: list[Judged]) -> dict[str, int]:
    """The subjects that alarm, and after how many windows each first did."""
    first: dict[str, int] = {}
    for number, one in enumerate(found, 1):
        for verdict in one.verdicts:
            if verdict.alarm:
                first.setdefault(orjson.loads(verdict.labels)["subject"], number)
    return first


@pytest.fixture(scope="module")
def profiles() -> Profiles:
    """Features, of which one shifts at the end of the fourth week and one does not, and tools, one of them new."""
    made = Profiles()
    hours = range(REFERENCE + 5 * 24)
    made.numbers("feature:steady", hours, normal(), seed=1)
    made.numbers("feature:shifted", hours, normal(shift=0.5, since=REFERENCE), seed=2, origin=10.0)
    made.categories("tool:name", hours, texts(new=0.05, since=REFERENCE + 24), seed=3)
    return made


@pytest.fixture(scope="module")
def week(profiles: Profiles, tmp_path_factory: pytest.TempPathFactory) -> list[Judged]:
    """Five days after the reference, hour by hour."""
    return looked(profiles, tmp_path_factory.mktemp("kept"), range(REFERENCE, REFERENCE + 5 * 24))


def test_what_changes_is_seen_and_nothing_else(week: list[Judged]) -> None:
    """A mean that moves by half a deviation within a day, a tool nobody used before within hours, and no other."""
    first = firing(week)
    assert set(first) == {"feature:shifted", "tool:name"}
    assert first["feature:shifted"] <= 12
    assert 24 < first["tool:name"] <= 36
    last = {orjson.loads(v.labels)["subject"]: v for v in week[-1].verdicts}
    assert last["feature:shifted"].state == "firing"
    assert last["feature:steady"].state == "ok"


def test_a_verdict_says_what_it_rests_on(week: list[Judged]) -> None:
    """n, the distances with their brackets, the reference, the mode, the evidence and what it must reach."""
    verdict = next(v for v in week[0].verdicts if "shifted" in v.labels)
    assert (verdict.n, verdict.n_reference, verdict.windows) == (300, 4 * 300, 4 * WEEK)
    assert verdict.match == "hour of the week"
    assert verdict.mode == "innovations"
    assert verdict.threshold == pytest.approx(10 * 8766 / 4)
    ks, moved, *_ = verdict.measures
    assert (ks.name, moved.name) == ("ks", "wasserstein")
    assert ks.low == pytest.approx(0.19, abs=0.08)  # of normal distributions half a deviation apart
    assert ks.high - ks.low < 0.05
    assert moved.low < 0.5 < moved.high
    assert all(m.low <= m.value <= m.high for m in verdict.measures)
    assert len(orjson.dumps(verdict.row())) < 2000


def test_an_alarm_says_which_values_moved(week: list[Judged]) -> None:
    """Parts of the values with their share before and after; categories by name."""
    last = {orjson.loads(v.labels)["subject"]: v for one in week[:40] for v in one.verdicts}
    assert last["feature:steady"].moved == ()
    grown = max(last["feature:shifted"].moved, key=lambda part: part.current - part.reference)
    assert grown.low is not None
    assert grown.low > 10.3  # the mean went from 10 to 10.5
    assert grown.reference < grown.current
    new = last["tool:name"].moved[0]
    assert (new.value, new.reference) == ("(values that the reference does not have)", 0.0)
    assert new.current == pytest.approx(0.05, abs=0.04)
    assert {part.value for part in last["tool:name"].moved[1:]} <= {"search", "buy", "mail", "call"}


def test_running_again_gives_the_same(profiles: Profiles, tmp_path: Path, week: list[Judged]) -> None:
    """States go through plain rows and calibrations can be deleted between any two runs: nothing else comes of it."""
    half = 30
    first = looked(profiles, tmp_path, range(REFERENCE, REFERENCE + half))
    rows = orjson.loads(orjson.dumps(first[-1].states.rows()))
    shutil.rmtree(tmp_path)
    rest = looked(profiles, tmp_path, range(REFERENCE + half, REFERENCE + 5 * 24), states=States.of_rows(rows))
    assert [one.verdicts for one in first + rest] == [one.verdicts for one in week]
    assert rest[-1].states.rows() == week[-1].states.rows()
    again = looked(profiles, tmp_path, [REFERENCE + half], states=States.of_rows(rows))
    assert again[0].verdicts == rest[0].verdicts


def test_the_order_of_rows_is_none(profiles: Profiles, tmp_path: Path, week: list[Judged]) -> None:
    """Profiles split and shuffled, as appends and compaction leave them, are the same profiles."""
    other = Profiles()
    other.con.execute("INSERT INTO profile_subjects VALUES ('feature:shifted', 'numeric', 10.0, NULL)")
    rows = profiles.con.sql("SELECT * FROM lake_profile_buckets WHERE subject = 'feature:shifted'").to_arrow_table()
    other.con.register("given", rows)
    other.con.execute(
        """
        INSERT INTO lake_profile_buckets
        SELECT * REPLACE (n // 2 AS n) FROM given WHERE n > 1 UNION ALL SELECT * REPLACE (n - n // 2 AS n) FROM given
        ORDER BY hash(hour, bucket)
        """
    )
    found = looked(other, tmp_path, range(REFERENCE, REFERENCE + 24))
    for one, known in zip(found, week, strict=False):
        assert [v.measures for v in one.verdicts] == [v.measures for v in known.verdicts if "shifted" in v.labels]


def test_a_stream_begins_by_learning(profiles: Profiles, tmp_path: Path) -> None:
    """Without a reference it is said what is missing, and it is never called well."""
    found = looked(profiles, tmp_path, [3, 2 * WEEK])
    assert {v.state for v in found[0].verdicts} == {"learning"}
    assert "has 0 hourly windows of 30 values or more, and at least" in found[0].verdicts[0].reason
    assert {v.state for v in found[1].verdicts} == {"ok"}
    assert all(WEEK < v.windows <= 2 * WEEK for v in found[1].verdicts)
    hourly = [windows_needed(HOURLY, Budget(streams)) for streams in (1, 100, 10_000)]
    daily = windows_needed(DAILY, Budget(100, windows_a_year=DAILY.windows_a_year))
    assert hourly == [16, 16, 16]
    assert daily == 16


def test_missing_windows_change_nothing(tmp_path: Path) -> None:
    """An hour without values, or with too few, is no data; the evidence stays what it was."""
    made = Profiles()
    made.numbers("feature:a", [h for h in range(REFERENCE + 12) if h != REFERENCE + 5], normal(), seed=4)
    made.numbers("feature:few", range(REFERENCE), normal(), seed=5)
    made.numbers("feature:few", range(REFERENCE, REFERENCE + 12), normal(3), seed=6)
    found = looked(made, tmp_path, range(REFERENCE, REFERENCE + 12))
    before, missing = found[4].states.of(found[5].states.labels), found[5].states
    assert Counter(v.state for v in found[5].verdicts) == {"no_data": 2}
    assert {v.reason for v in found[5].verdicts} == {f"{n} of at least 30 values in the window" for n in (0, 3)}
    assert before.rows() == missing.rows()
    few = [v for one in found for v in one.verdicts if "few" in v.labels]
    assert {(v.state, v.e, v.alarm) for v in few} == {("no_data", 1.0, False)}


def test_the_reference_moves_on_at_stated_times(tmp_path: Path) -> None:
    """It is frozen for a week; the verdict names its range, and the evidence is carried over."""
    made = Profiles()
    made.numbers("feature:a", range(REFERENCE + WEEK + 2), normal(), seed=7)
    found = looked(made, tmp_path, range(REFERENCE, REFERENCE + WEEK + 1))
    said = [one.verdicts[0] for one in found]
    moved = [hour for hour in range(1, WEEK + 1) if said[hour].reference != said[hour - 1].reference]
    assert len(moved) == 1
    (start, end) = said[moved[0]].reference.split("..")
    assert datetime.fromisoformat(end).timestamp() == START + (REFERENCE + moved[0]) * HOUR
    assert datetime.fromisoformat(end) - datetime.fromisoformat(start) == timedelta(days=28)
    assert len({v.calibration for v in said}) == 2
    assert [int(one.states.windows[0]) for one in found] == list(range(1, WEEK + 2))


def test_streams_move_on_at_different_hours(tmp_path: Path) -> None:
    """They are dealt into 24 shares by their names; what one is held against does not depend on who else is there."""
    made = Profiles()
    for number in range(30):
        made.numbers(f"feature:{number}", range(2 * WEEK), normal(50), seed=number)
    watch = Watch(("feature:*",), reference=Trailing(7, 7))
    found = looked(made, tmp_path / "all", [2 * WEEK - 1], watch)[0].verdicts
    ends = Counter(v.reference.partition("..")[2] for v in found)
    assert len(ends) > 10
    assert max(ends.values()) < 6
    assert {(datetime.fromisoformat(end).timestamp() - START) // HOUR % 7 for end in ends if "T" in end} == {0}
    alone = looked(made, tmp_path / "one", [2 * WEEK - 1], replace(watch, subjects=("feature:17",)))[0].verdicts
    assert [replace(v, calibration="") for v in alone] == [
        replace(v, calibration="", evidence=alone[0].evidence, threshold=alone[0].threshold)
        for v in found
        if v.labels == alone[0].labels
    ]


def test_shares_of_a_cadence() -> None:
    """As many as there are windows between two moves, 24 at most; a range that stays has one."""
    assert [Trailing(28, 7).shares(c) for c in (HOURLY, DAILY)] == [24, 7]
    assert [Trailing(28, 1).shares(c) for c in (HOURLY, DAILY)] == [24, 1]
    assert Fixed(0, 1).shares(HOURLY) == 1
    week = 7 * 86_400
    for now in range(START, START + week, HOUR):
        ends = [Trailing(28, 7).at(now, share, HOURLY)[1] for share in range(24)]
        assert all(now - week < end <= now for end in ends)
        assert [(end - START) % week for end in ends] == [share * 7 * HOUR for share in range(24)]


def test_calibrations_that_nobody_uses_are_removed(profiles: Profiles, tmp_path: Path) -> None:
    """A reference that moved on is kept for two weeks after its last use."""
    looked(profiles, tmp_path, [REFERENCE - WEEK])
    old = list(tmp_path.iterdir())
    looked(profiles, tmp_path, [REFERENCE])
    assert len(list(tmp_path.iterdir())) == 2 * len(old) == 48
    os.utime(old[0] / "info.json", (0, 0))
    looked(profiles, tmp_path, [REFERENCE - 2 * WEEK])
    assert not old[0].exists()
    assert all(folder.exists() for folder in old[1:])


def test_a_canary_is_held_against_the_champion(tmp_path: Path) -> None:
    """One version is the reference of every other: those that are as it is do not alarm, one that is not does."""
    made = Profiles()
    hours = range(REFERENCE, REFERENCE + 48)
    made.numbers("feature:a", range(REFERENCE), normal(), seed=8, version="1.0")
    made.numbers("feature:a", hours, normal(100), seed=9, version="1.1")
    made.numbers("feature:a", hours, normal(100, sd=1.6), seed=10, version="1.2")
    watch = Watch(("feature:a",), ("model_version",), against=(("model_version", "1.0"),))
    found = looked(made, tmp_path, hours, watch)
    alarmed = {orjson.loads(v.labels)["model_version"] for one in found for v in one.verdicts if v.alarm}
    assert alarmed == {"1.2"}
    assert found[0].verdicts[0].reference.endswith(",model_version=1.0")


def test_days_against_a_fixed_reference_see_what_is_slow(tmp_path: Path) -> None:
    """A ramp over weeks, which a trailing reference takes in, is far from where it began."""
    made = Profiles()
    ramp = 10 * WEEK

    def slow(rng: np.random.Generator, hour: int) -> np.ndarray:
        return rng.normal(10 + max(0, hour - ramp) / WEEK * 0.15, 1, 40)

    made.numbers("feature:slow", range(ramp + 4 * WEEK), slow, seed=11)
    made.numbers("feature:still", range(ramp + 4 * WEEK), normal(40), seed=12)
    watch = Watch(("feature:*",), reference=Fixed(START, START + ramp * HOUR), cadence=DAILY)
    found = looked(made, tmp_path, range(ramp, ramp + 4 * WEEK, 24), watch)
    assert set(firing(found)) == {"feature:slow"}
    assert found[0].verdicts[0].match == "day of the week"


def test_odd_streams(tmp_path: Path) -> None:
    """One value for ever, a coarser scale in old hours, values beyond everything seen, and no null dimension lost."""
    made = Profiles()
    hours = range(REFERENCE, REFERENCE + 24)
    made.numbers("feature:constant", range(REFERENCE + 24), lambda _, h: np.full(50, 7.0 if h < REFERENCE + 6 else 8.0))
    made.numbers("feature:old", range(2 * WEEK), normal(), seed=13, scale=3)
    made.numbers("feature:old", range(2 * WEEK, REFERENCE + 24), normal(), seed=14)
    made.numbers("feature:unit", range(REFERENCE), normal(), seed=15, version=None)
    made.numbers("feature:unit", hours, lambda rng, h: normal()(rng, h) * 1000, seed=16, version=None)
    watch = Watch(("feature:*",), ("model_version",))
    found = looked(made, tmp_path, hours, watch)
    first = firing(found)
    assert set(first) == {"feature:constant", "feature:unit"}
    assert 6 < first["feature:constant"] <= 12
    moved = next(v for v in found[0].verdicts if "unit" in v.labels).measures[1]
    assert moved.low < moved.high
    assert moved.high > 9000
    assert orjson.loads(next(v for v in found[0].verdicts if "unit" in v.labels).labels)["model_version"] is None


def test_an_alarm_is_over_after_quiet_windows(tmp_path: Path) -> None:
    """It fires while windows bear evidence, and for six more."""
    made = Profiles()
    until = REFERENCE + 20
    made.numbers("feature:a", range(REFERENCE + 60), lambda rng, h: normal(300, 0.8 * (REFERENCE <= h < until))(rng, h))
    said = [one.verdicts[0] for one in looked(made, tmp_path, range(REFERENCE, REFERENCE + 60))]
    states = [v.state for v in said]
    assert states[19] == "firing"
    assert states[21] == "firing"
    over = states.index("ok", 20)
    assert over < 36
    assert [v.e > 1 for v in said[over - 6 : over + 1]] == [True] + [False] * 6
    assert set(states[over:]) == {"ok"}


def test_the_bet_on_what_does_not_change_does_not_pay(tmp_path: Path) -> None:
    """Over streams and windows that lie as their reference's do, the mean of e is at most 1, and none alarms."""
    made = Profiles()
    for number in range(12):
        made.numbers(f"feature:{number}", range(REFERENCE + 48), normal(100), seed=100 + number)
    made.categories("tool:name", range(REFERENCE + 48), texts(100), seed=200)
    found = looked(made, tmp_path, range(REFERENCE, REFERENCE + 48))
    e = [v.e for one in found for v in one.verdicts]
    assert len(e) == 13 * 48
    assert np.mean(e) <= 1
    assert not firing(found)


def test_evidence_is_carried_over_between_modes() -> None:
    """Another number of interleaved detectors shares what there was: it comes to the same, whatever the order."""
    rng = np.random.default_rng(1)
    states = States.new(["a", "b", "c"])
    states.evidence[:, 0] = rng.random((3, 3))
    before = total(states.evidence)
    for lag in ([1, 4, 24], [24, 4, 2], [1, 1, 1]):
        states.spread(np.array(lag))
        assert total(states.evidence) == pytest.approx(before)
        assert [int((row.sum(axis=1) > 0).sum()) for row in states.evidence] == lag


def test_keys_of_another_scale() -> None:
    """Finer keys fit into coarser ones exactly; coarser ones are taken for the last finer one that they hold."""
    values = np.concatenate([-np.geomspace(1e-6, 1e6, 200), [0.0], np.geomspace(1e-6, 1e6, 200)])
    fine, coarse = keys(np.sort(values)), keys(np.sort(values), scale=2)
    there = at_scale(fine, np.full(len(fine), 5), np.array([2]))
    assert there.tolist() == coarse.tolist()
    back = at_scale(coarse, np.full(len(fine), 2), np.array([5]))
    assert at_scale(back, np.full(len(fine), 5), np.array([2])).tolist() == coarse.tolist()
    assert (back >= fine).all()


def test_strict_mode_needs_more(profiles: Profiles, tmp_path: Path) -> None:
    """With a probability for ever in place of a rate, evidence is never more, and the shift is seen all the same."""
    hours = [START + hour * HOUR for hour in range(REFERENCE, REFERENCE + 48)]
    watch = Watch(("feature:*",), reference=Trailing(28, 7))
    usual = list(judge(profiles.con, watch, hours, States.new(()), lambda n: Budget(n, a_year=1e-300), tmp_path))
    strict = list(judge(profiles.con, watch, hours, States.new(()), lambda n: Budget(n, strict=1e-300), tmp_path))
    for one, other in zip(usual, strict, strict=True):
        pairs = zip(one.verdicts, other.verdicts, strict=True)
        assert all(b.evidence <= a.evidence for a, b in pairs)
    assert max(v.evidence for v in strict[-1].verdicts) > 1e6
