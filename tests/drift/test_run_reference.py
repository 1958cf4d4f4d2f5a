"""A named run as the reference of a drift rule: its own events, and no other of the same hours."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.drift.profiled import HOUR, START
from tests.drift.test_rule import look, told
from tests.queries.lakes import add, make_lake

from deadreckon.cli import main
from deadreckon.core.lake import Lake
from deadreckon.monitor import Report, event_of
from deadreckon.monitor.kinds.drift import KEPT
from deadreckon.profiles import profile

RULE = {"name": "as trained", "kind": "drift", "subjects": ["feature:*"], "reference": "run_id=train-7"}


def event(rng: np.random.Generator, hour: int, n: int, mean: float, **more: Any) -> dict[str, Any]:
    """A prediction."""
    features = {"age": float(rng.normal(mean, 1)), "land": str(rng.choice(["de", "fr"]))}
    at = datetime.fromtimestamp(START + hour * HOUR + n, UTC)
    return {"ts": at, "kind": "prediction", "features": json.dumps(features), "request_id": f"r{hour}-{n}", **more}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An hour in which a run is logged beside other events, and two days, on the second of which ages move."""
    rng = np.random.default_rng(3)
    events = [event(rng, 0, n, 40, run_id="train-7", environment="training") for n in range(1500)]
    events += [event(rng, 0, n, 90, environment="production") for n in range(1500, 3000)]
    for hour in range(1, 48):
        events += [event(rng, hour, n, 42 if hour >= 24 else 40, environment="production") for n in range(60)]
    place = tmp_path_factory.mktemp("run") / "lake"
    profile(make_lake(place, events))
    return place


@pytest.fixture
def lake(made: Path, tmp_path: Path) -> Lake:
    """A copy of that lake."""
    shutil.copytree(made, tmp_path / "lake")
    return Lake.open(tmp_path / "lake")


def states(report: Report) -> dict[str, str]:
    """By subject."""
    return {json.loads(a.stream.labels).get("subject", ""): a.stream.state for a in report.alerts}


def test_a_run_is_a_reference(lake: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    """Windows like the run's values are well, whatever else came in its hour; those that moved are told, and why."""
    table = RULE | {"where": {"environment": "production"}, "budget": 40.0}
    assert states(look(lake, 24, table, since=1)) == {"feature:age": "ok", "feature:land": "ok"}
    report = look(lake, 48, table)
    assert [row[:2] for row in told(lake)] == [("feature:age", "firing")]
    facts = event_of(next(a for a in report.alerts if a.stream.state == "firing"))["attributes"]["facts"]
    assert facts["reference"].endswith(",run_id=train-7")
    assert (facts["mode"], facts["windows"], facts["n_reference"]) == ("drawn", 50, 1500)
    words = facts["explain"].split()
    assert main([*words[1:], "--lake", str(lake.root), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["n_reference"] == 1500


def test_a_run_that_grows(lake: Lake) -> None:
    """While it goes on it is no reference; events that come late are counted, until it is over for a day."""
    reasons = {a.stream.reason for a in look(lake, 1, RULE).alerts}
    assert reasons == {"learning: the reference run_id=train-7 is not over"}
    rng = np.random.default_rng(4)
    add(lake, [event(rng, 2, n, 40, run_id="train-7") for n in range(500)])
    profile(lake)
    look(lake, 5, RULE, since=3)
    infos = [json.loads(file.read_bytes()) for file in (lake.root / KEPT).glob("*/info.json")]
    assert [(i["n"], i["start"], i["end"]) for i in infos if "run" in i] == [(2000, START, START + 3 * HOUR)]
    assert not list((lake.root / KEPT).glob(".*"))


def test_a_run_that_is_not_there(lake: Lake) -> None:
    """It is an error of the rule that names the nearest one, and never well."""
    (alert,) = look(lake, 5, RULE | {"reference": "run_id=trian-7"}).alerts
    assert alert.stream.state == "error"
    assert "of which there is no event" in alert.stream.reason
    assert "did you mean 'train-7'?" in alert.stream.reason
