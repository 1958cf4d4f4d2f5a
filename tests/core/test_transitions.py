"""Old transitions of alerts expire; what the monitor needs to never alert twice does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.monitor.lakes import HOUR, NOON, add, calls, make, monitor, rule

from deadreckon.core.doctor import doctor
from deadreckon.core.lake import Lake
from deadreckon.core.maintenance import Step, maintain
from deadreckon.core.settings import MaintainSettings
from deadreckon.monitor import deed_store, settle, store, waiting
from deadreckon.monitor.deeds import Deed, alert_of
from deadreckon.monitor.lifecycle import acknowledge, expire, silence
from deadreckon.monitor.matcher import parse

SLOW = rule(name="slow", metric="latency_p95_ms", above=1000, group_by=["model_version"])
DAY = 24 * HOUR
WEEK = MaintainSettings(retention_days=7)
LATER = datetime.fromtimestamp(NOON + 20 * DAY, UTC)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Two models that became slow and quick again, three days long, and one that stayed slow from the first on."""
    made = make(tmp_path / "lake")
    for day in range(3):
        at = day * DAY
        add(made, calls(at + 10, 5, model_version="a", duration_ms=5000.0))
        add(made, calls(at + HOUR + 10, 5, model_version="a", duration_ms=5.0))
        if day == 0:
            add(made, calls(10, 5, model_version="b", duration_ms=5000.0))
        for hour in (1, 2):
            monitor(made, SLOW, at=at + hour * HOUR + 60)
            settle(made, waiting(made))
    return made


def seen(lake: Lake) -> list[tuple[str, str, int]]:
    """Group, state and time of every transition, oldest first."""
    return [(a.stream.labels, a.stream.state, a.stream.window_end) for a in store.transitions(lake)]


def test_old_transitions_leave_the_table(lake: Lake) -> None:
    """In one commit; the newest of each stream stays, and a second run has nothing to do."""
    before = seen(lake)
    done = maintain(lake, WEEK, steps={Step.expire}, now=LATER)
    after = seen(lake)
    newest = {group: (group, state, at) for group, state, at in before}
    assert sorted(after) == sorted(newest.values())
    assert [(w.table, w.what, w.rows) for w in done if w.table == "alert_states"] == [
        ("alert_states", "old transitions", len(before) - len(after))
    ]
    assert maintain(lake, WEEK, steps={Step.expire}, now=LATER) == []
    assert doctor(lake.root, deep=True).findings == ()


def test_the_monitor_goes_on_as_if_nothing_had_been(lake: Lake) -> None:
    """States, last windows and what was told are as before: nothing is said twice, and news is said."""
    page = store.read(lake)
    maintain(lake, WEEK, now=LATER)
    assert store.read(lake).alerts == page.alerts
    assert store.read(lake).evaluated("slow") == page.evaluated("slow")
    assert waiting(lake).alerts == ()
    known = len(seen(lake))
    assert monitor(lake, SLOW, at=2 * DAY + 2 * HOUR + 60).transitions == ()
    add(lake, calls(2 * DAY + 3 * HOUR + 10, 5, model_version="a", duration_ms=5000.0))
    monitor(lake, SLOW, at=2 * DAY + 4 * HOUR + 60)
    assert len(seen(lake)) > known
    assert waiting(lake).alerts


def test_what_was_not_told_stays(lake: Lake) -> None:
    """However old: it has yet to become an event."""
    add(lake, calls(2 * DAY + 3 * HOUR + 10, 5, model_version="a", duration_ms=5000.0))
    add(lake, calls(2 * DAY + 4 * HOUR + 10, 5, model_version="a", duration_ms=5.0))
    monitor(lake, SLOW, at=2 * DAY + 6 * HOUR + 60)
    untold = [a.event_id for a in waiting(lake).alerts]
    assert len(untold) >= 2
    maintain(lake, WEEK, now=LATER)
    assert [a.event_id for a in waiting(lake).alerts] == untold


def test_young_transitions_stay(lake: Lake) -> None:
    """The first day that is kept is kept whole; without a retention all is kept."""
    before = seen(lake)
    second = datetime.fromtimestamp(NOON + DAY, UTC).date()
    maintain(lake, MaintainSettings(), now=LATER)
    assert sorted(seen(lake)) == sorted(before)
    now = datetime(second.year, second.month, second.day, tzinfo=UTC) + timedelta(days=6, hours=23)
    maintain(lake, WEEK, steps={Step.expire}, now=now)
    kept = seen(lake)
    midnight = datetime(second.year, second.month, second.day, tzinfo=UTC).timestamp()
    assert [row for row in before if row[2] >= midnight] == [row for row in kept if row[2] >= midnight]
    assert len(kept) < len(before)


def test_what_was_kept_of_them_is_lost(lake: Lake) -> None:
    """The files that it was made of are there until vacuum's time: they come back, and expire again."""
    maintain(lake, WEEK, steps={Step.expire}, now=LATER)
    after = seen(lake)
    kept = [f.path for f in lake.snapshot(store.ALERT_STATES).files if f.path.name.startswith("kept-")]
    kept[0].unlink()
    assert doctor(lake.root, repair=True).healthy
    assert len(seen(lake)) > len(after)
    maintain(lake, WEEK, steps={Step.expire}, now=LATER)
    assert sorted(seen(lake)) == sorted(after)


def test_a_dry_run_says_what_would_leave(lake: Lake) -> None:
    """The rows are counted; nothing changes."""
    before = seen(lake)
    would = maintain(lake, WEEK, steps={Step.expire}, now=LATER, dry_run=True)
    assert seen(lake) == before
    done = maintain(lake, WEEK, steps={Step.expire}, now=LATER)
    assert [(w.table, w.what, w.rows, w.files_before) for w in would] == [
        (w.table, w.what, w.rows, w.files_before) for w in done
    ]


def test_what_people_did_leaves_when_it_is_over(lake: Lake) -> None:
    """By the same day: silences with what ended them, and what was done about alerts that are open no more."""
    week_before, later = int(LATER.timestamp()) - 8 * DAY, int(LATER.timestamp()) + DAY
    early, rule_ = NOON + 2 * DAY + 4 * HOUR, [parse("rule=slow")]
    add(lake, calls(2 * DAY + 3 * HOUR + 10, 5, model_version="c", duration_ms=5000.0))
    monitor(lake, SLOW, at=2 * DAY + 4 * HOUR)
    settle(lake, waiting(lake))
    over = silence(lake, rule_, starts_at=early, ends_at=early + HOUR, by="ann", comment="over", now=early)
    cut = silence(lake, rule_, starts_at=early, ends_at=later, by="ann", comment="cut", now=early)
    expire(lake, cut.made.id, by="ann", comment="", now=early + HOUR)
    long = silence(lake, rule_, starts_at=early, ends_at=later, by="ann", comment="long", now=early)
    young = silence(lake, rule_, starts_at=early, ends_at=week_before + 3 * DAY, by="ann", comment="", now=early)
    acknowledge(lake, "slow", {"model_version": "c"}, by="bob", comment="", now=early)
    (taken,) = [a for a in store.read(lake).alerts if a.stream.active_since is not None]
    another = replace(taken, stream=replace(taken.stream, active_since=NOON + HOUR))
    deed_store.record(lake, lambda _: [Deed("acknowledged", early, "bob", "", alert_of(another))])
    before = deed_store.read(lake)
    maintain(lake, WEEK, steps={Step.expire}, now=LATER)
    assert deed_store.read(lake).deeds == before.deeds  # nobody has told them
    deed_store.settle(lake, deed_store.untold(lake))
    would = maintain(lake, WEEK, steps={Step.expire}, now=LATER, dry_run=True)
    assert deed_store.read(lake).deeds == before.deeds
    done = maintain(lake, WEEK, steps={Step.expire}, now=LATER)
    assert [(w.what, w.rows) for w in would] == [(w.what, w.rows) for w in done] == [("old deeds", 4)]
    kept = deed_store.read(lake)
    assert {s.made.id for s in kept.silences()} == {long.made.id, young.made.id}
    assert over.made.id not in {s.made.id for s in kept.silences()}
    board = store.read(lake).alerts
    assert [d.by for d in kept.taken(board) if d] == ["bob"]
    assert kept.number == before.number
    assert maintain(lake, WEEK, steps={Step.expire}, now=LATER) == []
    assert doctor(lake.root, deep=True).findings == ()
    expire(lake, long.made.id, by="ann", comment="", now=LATER.timestamp())
    assert len(deed_store.untold(lake).deeds) == 1
