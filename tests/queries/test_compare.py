"""Two versions side by side: the figures are those of the views, and each says how sure it is."""

from __future__ import annotations

import json
import random
from datetime import timedelta
from typing import Any

import pytest
from tests.queries.lakes import at, make_lake

from deadreckon.cli import main
from deadreckon.queries.intervals import Estimate, difference, mean, rate

Captured = pytest.CaptureFixture[str]


def test_a_rate_has_wilsons_interval() -> None:
    """Also where nothing failed; of nothing there is no rate."""
    one = rate(1, 10)
    assert (one.low, one.high) == (pytest.approx(0.0179, abs=1e-4), pytest.approx(0.4042, abs=1e-4))
    none = rate(0, 20)
    assert (none.value, none.low, none.high) == (0.0, 0.0, pytest.approx(0.1611, abs=1e-4))
    assert rate(0, 0) == Estimate(0, None)


def test_a_difference_of_rates_has_newcombes_interval() -> None:
    """The first example of Newcombe's paper: 48 of 80 against 56 of 70."""
    assert difference(rate(48, 80), rate(56, 70)) == (pytest.approx(0.0524, abs=1e-4), pytest.approx(0.3339, abs=1e-4))
    assert difference(rate(0, 0), rate(1, 2)) is None


def test_a_mean_of_few_values_has_no_interval() -> None:
    """A handful says nothing about its spread."""
    assert mean(9, 1.0, 0.1) == Estimate(9, 1.0)
    assert mean(100, 1.0, 1.0).high == pytest.approx(1.196, abs=1e-4)
    assert mean(0, None, None) == Estimate(0, None)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Two hundred traces of two versions: the second is slower and dearer, and as often wrong as the first."""
    dice = random.Random(7)
    events: list[dict[str, Any]] = []
    for i in range(200):
        version = "1" if i % 2 else "2"
        common = {"kind": "span", "trace_id": f"t{i}", "request_id": f"q{i}", "environment": "prod"}
        call = {**common, "operation": "chat", "model": "fox", "model_version": version, "span_id": "a"}
        call |= {"ts": at("3") + timedelta(minutes=i), "input_tokens": 10, "output_tokens": 5, "variant": "A"}
        call |= {"duration_ms": dice.uniform(900, 1100) * (2 if version == "2" else 1)}
        call |= {"cost_usd": dice.uniform(0.9, 1.1) * (3 if version == "2" else 1)}
        call |= {"status": "error", "error_type": "Boom"} if i % 20 < 2 else {}
        tool = {**common, "span_id": "b", "tool": "find" if i % 4 else "other", "duration_ms": 5.0, "ts": call["ts"]}
        score = {"kind": "score", "name": "good", "source": "judge", "value": dice.random(), "request_id": f"q{i}"}
        events += [call, tool, {**score, "environment": "prod", "ts": call["ts"]}]
    events.append({"kind": "prediction", "model": "fox", "model_version": "3", "ts": at("4"), "request_id": "z"})
    return str(make_lake(tmp_path_factory.mktemp("versions"), events).root)


def answered(capsys: Captured, *words: str) -> Any:
    """The JSON that a command printed; it must have ended well."""
    code = main([*words, "--format", "json"])
    out, err = capsys.readouterr()
    assert code == 0, err
    return json.loads(out)


def test_what_differs_is_told_from_chance(capsys: Captured, lake: str) -> None:
    """Slower and dearer is said; errors that are alike are unclear; every figure has its n."""
    said = answered(capsys, "compare", "1", "2", "--lake", lake)
    measures = {(m["about"], m["name"]): m for m in said["measures"]}
    assert (said["a"], said["b"]) == (
        {"version": "1", "calls": 100, "unpriced_calls": 0},
        {"version": "2", "calls": 100, "unpriced_calls": 0},
    )
    verdicts = {key: m["verdict"] for key, m in measures.items()}
    assert verdicts[("chat", "p50")] == verdicts[("chat", "cost")] == "higher"
    assert verdicts[("chat", "errors")] == "unclear"
    assert measures[("chat", "errors")]["a"]["n"] == 100
    p50 = measures[("chat", "p50")]
    assert p50["a"]["low"] < p50["a"]["value"] < p50["a"]["high"]
    assert p50["difference"]["low"] < p50["difference"]["value"] < p50["difference"]["high"]
    assert verdicts[("chat", "p99")] == ""  # a hundred calls do not say how long the slowest may take
    assert verdicts[("tool other", "share")] == "higher"
    assert measures[("score good by judge", "mean")]["a"]["n"] == 100
    (views,) = answered(capsys, "sql", "select p95_ms from latency_by_version where model_version='2'", "--lake", lake)[
        "rows"
    ]
    assert measures[("chat", "p95")]["b"]["value"] == pytest.approx(views["p95_ms"])


def test_a_table_fits_and_flat_formats_have_a_row_a_measure(
    capsys: Captured, lake: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eighty columns hold it; nothing is cut off that is a figure."""
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["compare", "1", "2", "--lake", lake, "--format", "table"]) == 0
    out = capsys.readouterr().out
    assert all(len(line) <= 80 for line in out.splitlines())
    assert "points" in out
    assert "higher" in out
    assert main(["compare", "1", "2", "--lake", lake, "--format", "csv"]) == 0
    assert capsys.readouterr().out.splitlines()[0].startswith("about,name,unit")


@pytest.mark.parametrize(
    ("words", "code", "hint"),
    [
        (("1", "9"), 3, "cost_by_version"),
        (("1", "2", "--since", "2027-01-01"), 3, "cost_by_version"),
        (("1", "2", "--since", "soon"), 2, "2026-06-01"),
        (("1", "1"), 2, "VERSION_A"),
    ],
)
def test_what_cannot_be_compared_is_said(
    capsys: Captured, lake: str, words: tuple[str, ...], code: int, hint: str
) -> None:
    """An unknown version, a day without calls, and a version beside itself."""
    assert main(["compare", *words, "--lake", lake]) == code
    assert hint in json.loads(capsys.readouterr().err)["error"]["hint"]


def test_a_version_with_one_call_is_compared_without_certainty(capsys: Captured, lake: str) -> None:
    """What nobody can say is null, never zero."""
    measures = answered(capsys, "compare", "1", "3", "--lake", lake)["measures"]
    lone = next(m for m in measures if m["about"] == "predict" and m["name"] == "p95")
    assert (lone["a"]["n"], lone["b"]["value"], lone["verdict"]) == (0, None, "")
