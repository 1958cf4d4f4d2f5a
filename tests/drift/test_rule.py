"""Rules of kind drift in the monitor: from events to alerts, with what is remembered kept with their state."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.drift.profiled import HOUR, START, WEEK
from tests.queries.lakes import make_lake

from deadreckon.core.errors import ConfigError
from deadreckon.core.lake import Lake
from deadreckon.core.settings import Settings
from deadreckon.drift.explain import explain
from deadreckon.drift.selection import selection
from deadreckon.drift.subject import subject
from deadreckon.monitor import Report, Rule, event_of, history, load_rules, run
from deadreckon.monitor.asking import asker
from deadreckon.monitor.kinds.drift import KEPT, DriftRule
from deadreckon.profiles import profile
from deadreckon.queries import connect

REFERENCE = 2 * WEEK
TABLE = {
    "name": "inputs",
    "kind": "drift",
    "subjects": ["feature:*"],
    "group_by": ["model_version"],
    "reference": "14d",
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two weeks of predictions and two days more, in which one of two features moves."""
    rng = np.random.default_rng(21)
    events: list[dict[str, Any]] = []
    for hour in range(REFERENCE + 48):
        for n in range(40):
            moved = 1.5 if hour >= REFERENCE else 0.0
            features = {"age": float(rng.normal(40 + moved, 1)), "size": float(rng.normal(3, 1))}
            if hour >= REFERENCE + 20 and (n > 3 or hour >= REFERENCE + 22):
                del features["size"]
            at = datetime.fromtimestamp(START + hour * HOUR + n * 60, UTC)
            events.append(
                {
                    "ts": at,
                    "kind": "prediction",
                    "model_version": "7",
                    "features": json.dumps(features),
                    "request_id": f"req-{hour}-{n}",
                }
            )
    place = tmp_path_factory.mktemp("rule") / "lake"
    profile(make_lake(place, events))
    return place


@pytest.fixture
def lake(made: Path, tmp_path: Path) -> Lake:
    """A copy of that lake."""
    shutil.copytree(made, tmp_path / "lake")
    return Lake.open(tmp_path / "lake")


def look(lake: Lake, hour: int, *tables: dict[str, Any], since: int | None = None) -> Report:
    """Run these rules (TABLE unless said) as of so many hours after START."""
    settings = Settings(lake=str(lake.root))
    at = START + hour * HOUR
    begin = None if since is None else START + since * HOUR
    rules = load_rules(list(tables) or [TABLE])
    return run(lake, rules, lambda: asker(lake, settings), as_of=at, now=at, since=begin)


def told(lake: Lake) -> list[tuple[str, str, int]]:
    """Every transition: the subject, the state, the hour."""
    rows = [
        (json.loads(a.stream.labels).get("subject", ""), a.stream.state, a.stream.window_end) for a in history(lake)
    ]
    return sorted((subject, state, (end - START) // HOUR) for subject, state, end in rows)


def test_a_feature_that_moves_is_told_once(lake: Lake) -> None:
    """Run by run or in one catch-up, with calibrations deleted in between: the same alert, and only one."""
    shutil.copytree(lake.root, lake.root.parent / "other")
    other = Lake.open(lake.root.parent / "other")
    for hour in range(REFERENCE + 1, REFERENCE + 13):
        look(lake, hour, since=None)
        shutil.rmtree(lake.root / KEPT) if hour % 4 == 0 else None
    look(lake, REFERENCE + 12)  # again: nothing is due
    look(other, REFERENCE + 12, since=REFERENCE)
    assert told(lake) == told(other)
    ((about, state, hour),) = told(lake)
    assert (about, state) == ("feature:age", "firing")
    assert hour <= REFERENCE + 8


def test_an_alert_says_what_it_rests_on(lake: Lake) -> None:
    """The event of the alert holds the verdict and the command that explains it, which leads to the requests."""
    report = look(lake, REFERENCE + 12, since=REFERENCE)
    firing = next(a for a in report.alerts if a.stream.state == "firing")
    facts = event_of(firing)["attributes"]["facts"]
    assert facts["reference"].split(",")[0] == "2026-07-10T04:00:00Z..2026-07-24T04:00:00Z"  # of this stream's share
    assert facts["ks_low"] <= facts["ks"] <= facts["ks_high"]
    assert {"ks", "wasserstein", "hellinger", "tails"} <= facts.keys()
    assert "before, " in facts["moved"]
    assert facts["mode"] == "innovations"
    words = facts["explain"].split()
    assert words[:3] == ["reckon", "drift", "explain"]
    given = dict(zip(words[3::2], words[4::2], strict=True))
    with connect(lake) as con:
        sides = selection(given["--reference"]), selection(given["--current"])
        found = explain(con, subject(given["--subject"]), *sides)
    assert found.total_variation > 0.4
    assert all(request.startswith(f"req-{REFERENCE + 11}-") for request in found.exemplars)
    kept = {a.stream.labels: json.loads(a.stream.memory) for a in report.alerts}
    assert {memory["windows"] for memory in kept.values()} == {12}


def test_two_monitors_are_one(lake: Lake) -> None:
    """Of two that begin at the same page one commits, and the other starts again from what that one wrote."""
    settings = Settings(lake=str(lake.root))
    rules = load_rules([TABLE])
    at = START + (REFERENCE + 12) * HOUR
    times = []

    def ask() -> Any:
        times.append(1)
        if len(times) == 1:
            run(lake, rules, lambda: asker(lake, settings), as_of=at, now=at, since=at - 12 * HOUR)
        return asker(lake, settings)

    run(lake, rules, ask, as_of=at, now=at, since=at - 12 * HOUR)
    assert len(times) == 2
    assert [row[:2] for row in told(lake)] == [("feature:age", "firing")]


def test_learning_is_never_well(lake: Lake) -> None:
    """Before there is a reference a stream is no_data with what is missing, and a range that is not over is said."""
    report = look(lake, 5)
    assert {a.stream.state for a in report.alerts} == {"no_data"}
    assert {a.stream.reason[:31] for a in report.alerts} == {"learning: the reference 2026-06"}
    over = TABLE | {"name": "fixed", "reference": "2026-07-16..2026-12-01", "no_data": "ok"}
    report = look(lake, REFERENCE, over)
    assert [a.stream.reason for a in report.alerts] == ["learning: the reference 2026-07-16..2026-12-01 is not over"]
    assert {a.stream.state for a in report.alerts} == {"no_data"}


def test_silence_is_waited_for(lake: Lake) -> None:
    """Windows with few values or none leave a stream as it was, for a day: then it has no data."""
    states = []
    for hour in (20, 21, 23, 43, 44):
        report = look(lake, REFERENCE + hour, since=REFERENCE if hour == 20 else None)
        states.append({json.loads(a.stream.labels)["subject"]: a.stream.state for a in report.alerts}["feature:size"])
    assert states == ["ok", "ok", "ok", "ok", "no_data"]


def test_what_cannot_be_judged_is_an_error_of_the_rule(lake: Lake) -> None:
    """It is said, the other rules go on, and what was remembered outlives it."""
    look(lake, REFERENCE + 2, since=REFERENCE)
    shutil.rmtree(lake.root / KEPT)
    (lake.root / KEPT).write_text("in the way")
    volume = {"name": "volume", "metric": "event_count", "below": 1, "window": "1h"}
    report = look(lake, REFERENCE + 3, TABLE, volume)
    states = {(a.stream.rule, a.stream.state) for a in report.alerts}
    assert ("inputs", "error") in states
    assert ("volume", "ok") in states
    (lake.root / KEPT).unlink()
    report = look(lake, REFERENCE + 4)
    assert [json.loads(a.stream.memory)["windows"] for a in report.alerts if a.stream.memory] == [3, 3]


def drift(**keys: Any) -> list[DriftRule]:
    """The parts of a rule."""
    return [rule for rule in load_rules([TABLE | keys]) if isinstance(rule, DriftRule)]


def test_the_budget_is_shared() -> None:
    """Four a year for all rules that state none, half of a rule's for its daily companion; strict is shared so too."""
    other = TABLE | {"name": "outputs", "subjects": ["output:*"], "slow_reference": "2026-01-01..2026-03-01"}
    rules: tuple[Rule, ...] = load_rules([TABLE, other, TABLE | {"name": "own", "budget": 1.0}])
    budgets = [(r.name, r.allowed(10).a_year, r.window) for r in rules if isinstance(r, DriftRule)]
    assert budgets == [
        ("inputs", 2.0, 3600),
        ("outputs", 1.0, 3600),
        ("outputs: slow", 1.0, 86_400),
        ("own", 1.0, 3600),
    ]
    strict = drift(strict=0.01, slow_reference="2026-01-01..2026-03-01")
    assert [r.allowed(10).threshold for r in strict] == [pytest.approx(2000), pytest.approx(2000)]


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"reference": "36h"}, "is no number of whole days"),
        ({"reference": "2026-01-01.."}, "is neither a range with both ends nor a run"),
        ({"reference": "model_version=7"}, "is neither a range with both ends nor a run"),
        ({"reference": "run_id="}, "is neither a range with both ends nor a run"),
        ({"slow_reference": "28d"}, "is no reference that stays"),
        ({"group_by": ["tool"]}, "group_by names 'tool'"),
        ({"against": {"variant": "a"}}, "which is not in group_by"),
        ({"budget": 1.0, "strict": 0.1}, "give budget or strict, not both"),
        ({"subjects": []}, "subjects"),
        ({"treshold": 1}, "unknown key 'treshold'"),
    ],
)
def test_what_makes_no_sense_is_said(keys: dict[str, Any], says: str) -> None:
    """Before anything is evaluated."""
    with pytest.raises(ConfigError, match=says):
        drift(**keys)
