"""`reckon drift compare`, on the sample logs and on data that a user may meet."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.queries.lakes import at, make_lake

from deadreckon.cli import main
from deadreckon.ingest import ingest

Captured = pytest.CaptureFixture[str]
SAMPLES = Path(__file__).parents[2] / "sample_logs"


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The sample logs in a lake."""
    place = tmp_path_factory.mktemp("drift") / "lake"
    ingest([SAMPLES / "logs"], place)
    return str(place)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Predictions of two days with features of every kind of value, and calls of tools."""
    rng = np.random.default_rng(11)
    events: list[dict[str, Any]] = []
    for day, shift in ((3, 0.0), (4, 0.8)):
        for n in range(300):
            features = {
                "age": round(float(rng.normal(shift)), 6),
                "country": "de" if n % 3 else "fr" if day == 3 else "new",
                "odd~/key": n,
                "mixed": n if day == 3 else str(n),
                "lost": None if day == 4 else 1.5,
                "broken": "NaN" if n % 10 == 0 else n,
            }
            row = {"ts": at(f"{day} 10:00:00"), "kind": "prediction", "features": json.dumps(features)}
            events.append({**row, "model_version": str(day), "duration_ms": 10.0 + n * day})
    return str(make_lake(tmp_path_factory.mktemp("small") / "lake", events).root)


def ask(capsys: Captured, *words: str) -> tuple[int, dict[str, Any]]:
    """The exit code, and the document on stdout or the error on stderr."""
    code = main(["drift", "compare", *words])
    out, err = capsys.readouterr()
    return code, json.loads(out) if out else json.loads(err.splitlines()[-1])["error"]


def two_days(lake: str, subject: str) -> list[str]:
    """The arguments that compare the second day with the first."""
    day = "2026-06-0"
    return ["--lake", lake, "--subject", subject, "--reference", f"..{day}4", "--current", f"{day}4..{day}5"]


def test_the_drifted_feature_of_the_story(story: str, capsys: Captured) -> None:
    """From 19 October on accounts are younger: that feature is far away, and another one is not."""
    sides = ["--lake", story, "--reference", "..2026-10-19", "--current", "2026-10-19.."]
    code, drifted = ask(capsys, *sides, "--subject", "feature:account_age_days")
    _, steady = ask(capsys, *sides, "--subject", "feature:sentiment")

    assert code == 0
    ks = {d["name"]: d for d in drifted["distances"]}["ks"]
    assert ks["value"] > 0.5
    assert ks["p_value"] < 1e-50
    assert {d["name"]: d["value"] for d in steady["distances"]}["ks"] < 0.06
    assert sum(g["reference"] for g in drifted["groups"]) == drifted["reference"]["n"]


def test_every_kind_of_value(lake: str, capsys: Captured) -> None:
    """Numbers are compared as numbers and texts as categories; nulls, NaN and other types are counted, not compared."""
    found = {name: ask(capsys, *two_days(lake, f"feature:{name}"))[1] for name in ("age", "country", "odd~/key")}
    assert [found[name]["kind"] for name in found] == ["numeric", "categorical", "numeric"]
    assert found["country"]["groups"] == [
        {"group": "de", "reference": 200, "current": 200},
        {"group": "fr", "reference": 100, "current": 0},
        {"group": "new", "reference": 0, "current": 100},
    ]
    assert {d["name"]: d["value"] for d in found["country"]["distances"]}["total_variation"] == pytest.approx(1 / 3)
    assert {d["name"]: d["value"] for d in found["odd~/key"]["distances"]}["ks"] == 0
    _, broken = ask(capsys, *two_days(lake, "feature:broken"))
    assert (broken["kind"], broken["reference"]["n"]) == ("numeric", 270)
    _, latency = ask(capsys, *two_days(lake, "latency_ms"))
    assert latency["kind"] == "numeric"
    _, version = ask(capsys, *two_days(lake, "model_version"))
    assert (version["kind"], {d["name"]: d["value"] for d in version["distances"]}["hellinger"]) == ("categorical", 1.0)


@pytest.mark.parametrize(
    ("words", "kind", "says"),
    [
        (["--subject", "feature:mixed"], "data", "no numbers in the current selection (0 nulls, 300 others)"),
        (["--subject", "feature:lost"], "data", "no numbers in the current selection (300 nulls, 0 others)"),
        (["--subject", "feature:nothing"], "data", "nothing in the lake has the feature 'nothing'"),
        (["--subject", "score:nothing"], "data", "nothing in the lake has the score 'nothing'"),
        (["--subject", "feature:"], "usage", "names nothing after the colon"),
        (["--subject", "latncy_ms"], "usage", "there is no subject 'latncy_ms'"),
        (["--subject", "features"], "usage", "there is no subject 'features'"),
        (["--subject", "tool", "--current", "2026-06-09..2026-06-01"], "usage", "ends before it starts"),
        (["--subject", "tool", "--current", "yesterday.."], "usage", "'yesterday' in 'yesterday..' is no time"),
        (["--subject", "tool", "--current", "color=red"], "usage", "'color' in 'color=red' cannot select"),
        (["--subject", "tool", "--current", ".."], "usage", "selects nothing in particular"),
        (["--subject", "tool", "--current", "1.3.0"], "usage", "neither a range of times nor COLUMN=VALUE"),
    ],
)
def test_faults_are_said(lake: str, capsys: Captured, words: list[str], kind: str, says: str) -> None:
    """What cannot be compared, or not be understood, ends in an error that names it."""
    defaults = two_days(lake, "tool")
    for option, value in zip(words[::2], words[1::2], strict=True):
        defaults[defaults.index(option) + 1] = value
    code, error = ask(capsys, *defaults)
    assert (code, error["kind"]) == ({"usage": 2, "data": 3}[kind], kind)
    assert says in error["message"]
    assert error["hint"]


def test_a_value_is_never_sql(lake: str, capsys: Captured) -> None:
    """Quotes in names and values are values."""
    code, error = ask(capsys, *two_days(lake, "feature:x') OR true --"))
    assert (code, error["kind"]) == (3, "data")
    words = two_days(lake, "latency_ms")
    words[-1] = "model_version=4' OR '1'='1"
    code, error = ask(capsys, *words)
    assert (code, error["kind"]) == (3, "data")


def test_as_a_table(lake: str, capsys: Captured) -> None:
    """People see the distances, the groups that changed most, and how much was null."""
    assert main(["drift", "compare", *two_days(lake, "feature:country"), "--format", "table"]) == 0
    out, err = capsys.readouterr()
    assert "total_variation" in out
    assert [line.split() for line in out.splitlines() if line.startswith("new")] == [["new", "0.0%", "33.3%"]]
    assert "300 values in the reference" in err


def test_like_another_tool(lake: str, capsys: Captured) -> None:
    """The numbers of Evidently, with its verdicts, and those of NannyML, which depend on thresholds of its own."""
    assert main(["drift", "compare", *two_days(lake, "feature:age"), "--like", "evidently", "--format", "jsonl"]) == 0
    rows = {row["method"]: row for row in map(json.loads, capsys.readouterr().out.splitlines())}
    assert rows["wasserstein"]["value"] == pytest.approx(0.8, abs=0.2)
    assert {row["drifted"] for row in rows.values()} == {True}
    assert main(["drift", "compare", *two_days(lake, "feature:age"), "--like", "nannyml", "--format", "jsonl"]) == 0
    rows = {row["method"]: row for row in map(json.loads, capsys.readouterr().out.splitlines())}
    assert {row["drifted"] for row in rows.values()} == {None}
    assert main(["drift", "compare", *two_days(lake, "feature:age"), "--like", "nannyml", "--format", "table"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[0].split() == [
        "method",
        "value",
    ]  # columns that would be empty are not shown, but explained
    assert "no verdicts: nannyml takes its thresholds from chunks" in err
    assert main(["drift", "compare", *two_days(lake, "feature:age"), "--like", "whylogs"]) == 2
