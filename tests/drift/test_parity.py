"""The same numbers as Evidently, NannyML and SciPy give, on the same rows: see tests/fixtures/peers."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from deadreckon.drift import Categories, Numbers, compare
from deadreckon.drift.compare import Sample
from deadreckon.drift.parity import PEERS
from deadreckon.drift.parity.nannyml import upper_threshold

PLACE = Path(__file__).parents[1] / "fixtures" / "peers"
ROWS: list[dict[str, Any]] = json.loads((PLACE / "peers.json").read_text("utf-8"))["results"]
OURS = {
    "evidently": {"psi", "kl_div", "jensenshannon", "wasserstein"},
    "nannyml": {"jensen_shannon", "hellinger", "kolmogorov_smirnov", "wasserstein", "l_infinity", "chi2"},
}


@functools.cache
def table(dataset: str) -> dict[str, list[Any]]:
    """A file's columns."""
    columns: dict[str, list[Any]] = pq.read_table(PLACE / f"{dataset}.parquet").to_pydict()
    return columns


def side(row: dict[str, Any], period: str, first: int = 0, last: int | None = None) -> Sample:
    """The values of one period, as the peer was told to read them."""
    columns = table(row["dataset"])
    values = [v for v, p in zip(columns[row["column"]], columns["period"], strict=True) if p == period][first:last]
    if row["kind"] == "numeric":
        return Numbers.of(np.array([np.nan if v is None else v for v in values], dtype=np.float64))
    return Categories.of(None if v is None else str(v) for v in values)


@functools.cache
def sides(dataset: str, column: str, kind: str) -> tuple[Sample, Sample]:
    """Both periods of a column."""
    row = {"dataset": dataset, "column": column, "kind": kind}
    return side(row, "reference"), side(row, "analysis")


def whole(peer: str) -> list[Any]:
    """A peer's numbers of whole columns, each a test of its own."""
    return [
        pytest.param(row, id=f"{row['dataset']}.{row['column']}-{row['kind']}-{row['method']}")
        for row in ROWS
        if row["peer"] == peer
        and row["method"] in OURS[peer]
        and row["value"] is not None
        and "chunk" not in row
        and (peer, row["column"]) != ("nannyml", "infinite")  # to NannyML infinities are values, to us they are none
    ]


@pytest.mark.parametrize("row", [*whole("evidently"), *whole("nannyml")])
def test_as_the_peer(row: dict[str, Any]) -> None:
    """Its number, to 1e-6, and its verdict."""
    found = {v.method: v for v in PEERS[row["peer"]](*sides(row["dataset"], row["column"], row["kind"]))}
    verdict = found[row["method"]]
    assert verdict.value == pytest.approx(row["value"], rel=1e-6, abs=1e-9)
    assert verdict.threshold == (row["threshold"] if row["peer"] == "evidently" else None)
    if verdict.threshold is not None:
        assert verdict.drifted is (row["value"] >= verdict.threshold)


def chunked() -> list[Any]:
    """NannyML's numbers per chunk, by column and method."""
    names = sorted({(r["dataset"], r["column"], r["kind"], r["method"]) for r in ROWS if "chunk" in r})
    return [pytest.param(*name, id="-".join(name)) for name in names]


@pytest.mark.parametrize(("dataset", "column", "kind", "method"), chunked())
def test_chunks_of_nannyml(dataset: str, column: str, kind: str, method: str) -> None:
    """Each chunk's distance from the whole reference, the threshold that the reference's chunks make, the alerts."""
    rows = [
        r
        for r in ROWS
        if "chunk" in r and (r["dataset"], r["column"], r["kind"], r["method"]) == (dataset, column, kind, method)
    ]
    reference, _ = sides(dataset, column, kind)
    of_reference = []
    for row in rows:
        chunk = row["chunk"]
        part = side(row, chunk["period"], chunk["first_row"], chunk["last_row"] + 1)
        found = {v.method: v.value for v in PEERS["nannyml"](reference, part)}[method]
        assert found == pytest.approx(row["value"], rel=1e-6, abs=1e-9)
        of_reference += [found] if chunk["period"] == "reference" else []
    if method != "chi2":  # which goes by its p-value
        threshold = upper_threshold(of_reference)
        assert threshold == pytest.approx(rows[0]["threshold"], rel=1e-6)
        assert [row["value"] > threshold for row in rows] == [row["alert"] for row in rows]


SCIPY = {"ks_2samp": "ks", "wasserstein_distance": "wasserstein"}


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(r, id=f"{r['dataset']}.{r['column']}-{r['method']}")
        for r in ROWS
        if r["peer"] == "scipy" and r["method"] in SCIPY and r["meaning"] != "p_value"
    ],
)
def test_as_scipy(row: dict[str, Any]) -> None:
    """Our own exact KS and Wasserstein; from histograms the same within their certain bounds, and KS within 1 point."""
    one, other = sides(row["dataset"], row["column"], "numeric")
    assert isinstance(one, Numbers)
    assert isinstance(other, Numbers)
    name = SCIPY[row["method"]]
    assert compare(one, other)[name] == pytest.approx(row["value"], rel=1e-9)
    # From the median on, as drift of what lies far from 0 could not be seen in relative buckets.
    origin = float(np.median(one.values))
    binned = next(d for d in compare(one.binned(origin), other.binned(origin)).distances if d.name == name)
    slack = 1e-9 * (1 + row["value"])
    assert binned.low - slack <= row["value"] <= binned.high + slack
    if name == "ks":
        assert binned.value == pytest.approx(row["value"], abs=0.01)


def test_known_figures() -> None:
    """What is published of NannyML's car loan data: Evidently's four distances of the car's value."""
    found = {v.method: v.value for v in PEERS["evidently"](*sides("car_loan", "car_value", "numeric"))}
    expected = {"wasserstein": 0.473049, "psi": 0.237248, "jensenshannon": 0.170941, "kl_div": 0.119619}
    assert found == {name: pytest.approx(value, abs=1e-6) for name, value in expected.items()}


def test_histograms_have_no_parity() -> None:
    """The peers' bins need raw values: histograms are refused rather than answered approximately."""
    binned = Numbers.of([1.0, 2.0]).binned()
    for verdicts in PEERS.values():
        with pytest.raises(TypeError, match="raw values"):
            verdicts(binned, binned)
