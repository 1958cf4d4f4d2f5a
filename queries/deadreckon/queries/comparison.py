"""Two model versions side by side: errors, latency, cost, tokens, tools and scores, each with how sure it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from typing import Any, Literal

from deadreckon.core.errors import DataError, UsageError
from deadreckon.queries.intervals import Estimate, difference, mean, rate
from deadreckon.queries.sandbox import Answer, Sandbox

Verdict = Literal["higher", "lower", "unclear", ""]
Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure of both versions.

    Attributes:
        about: the operation, tool or score that it is of.
        name: errors (failed per call not cancelled), p50, p95, p99 (latency of calls answered or timed out), cost,
            input and output (means per call), share (of all tool calls) or mean.
        unit: ms, US dollars, tokens, 0 to 1, or score: that of the score itself.
        low, high: between which bounds b less a lies with 95 % confidence; None where that cannot be said.
    """

    about: str
    name: str
    unit: str
    a: Estimate
    b: Estimate
    low: float | None
    high: float | None

    @property
    def verdict(self) -> Verdict:
        """Whether b is higher or lower than a beyond chance, or it is unclear; empty where nobody can say.

        Of some twenty measures, one is called different by chance alone.
        """
        if self.low is None or self.high is None:
            return ""
        return "higher" if self.low > 0 else "lower" if self.high < 0 else "unclear"


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two versions have in common and what not, and when the newest line known was ingested."""

    a: str
    b: str
    calls: tuple[int, int]
    unpriced: tuple[int, int]
    measures: list[Measure]
    as_of: datetime | None


@dataclass(frozen=True, slots=True)
class Limits:
    """What to compare: of one model, in one environment, from a day (YYYY-MM-DD) on; None is all."""

    model: str | None = None
    environment: str | None = None
    since: str | None = None


def compare(sandbox: Sandbox, a: str, b: str, limits: Limits | None = None) -> Comparison:
    """Every measure of two model versions, side by side.

    Raises:
        DataError: there are no model calls of one of them.
    """
    if a == b:
        raise UsageError(f"{a!r} is compared with itself", hint="reckon compare VERSION_A VERSION_B")
    within = limits or Limits()
    asked = {"a": a, "b": b, "environment": within.environment, "since": within.since}
    answer = _ask(sandbox, "compare_calls", {**asked, "model": within.model})
    calls = _records(answer)
    counts = {v: sum(r["calls"] for r in calls if r["model_version"] == v) for v in (a, b)}
    for version, n in counts.items():
        if not n:
            raise DataError(
                f"there is no model call of version {version!r}" + _said(within),
                hint='reckon sql "select model, model_version, sum(calls) from cost_by_version group by all"',
            )
    unpriced = {v: sum(r["unpriced"] for r in calls if r["model_version"] == v) for v in (a, b)}
    tools = _records(_ask(sandbox, "compare_tools", asked))
    scores = _records(_ask(sandbox, "compare_scores", {**asked, "model": within.model}))
    return Comparison(
        *(a, b, (counts[a], counts[b]), (unpriced[a], unpriced[b])),
        [*_of_calls(calls, a, b), *_of_tools(tools, a, b), *_of_scores(scores, a, b)],
        answer.as_of,
    )


def _of_calls(rows: list[Record], a: str, b: str) -> Iterable[Measure]:
    for operation, x, y in _sides(rows, a, b, lambda r: r["operation"]):
        yield _measure(operation, "errors", "0 to 1", rate, x, y, "failed", "answered")
        for place, name in enumerate(("p50", "p95", "p99")):
            yield _pair(operation, name, "ms", *(_quantile(r, place) for r in (x, y)))
        for name, key, unit in (
            ("cost", "cost", "US dollars"),
            ("input", "input", "tokens"),
            ("output", "output", "tokens"),
        ):
            counted = "priced" if key == "cost" else f"{key}_n"
            if any(r.get(counted) for r in (x, y)):
                yield _measure(operation, name, unit, mean, x, y, counted, f"{key}_mean", f"{key}_sd")


def _of_tools(rows: list[Record], a: str, b: str) -> Iterable[Measure]:
    every = {v: sum(r["calls"] for r in rows if r["model_version"] == v) for v in (a, b)}
    for tool, x, y in _sides(rows, a, b, lambda r: f"tool {r['tool']}"):
        yield _pair(tool, "share", "0 to 1", *(rate(r.get("calls", 0), every[v]) for v, r in ((a, x), (b, y))))
        yield _measure(tool, "errors", "0 to 1", rate, x, y, "failed", "answered")


def _of_scores(rows: list[Record], a: str, b: str) -> Iterable[Measure]:
    for score, x, y in _sides(
        rows, a, b, lambda r: f"score {r['name']}" + (f" by {r['source']}" if r["source"] else "")
    ):
        yield _measure(score, "mean", "score", mean, x, y, "n", "mean", "sd")


def _sides(rows: list[Record], a: str, b: str, about: Callable[[Record], str]) -> Iterable[tuple[str, Record, Record]]:
    """What each version has of the same thing, in the order in which it first comes; empty where it has nothing."""
    for name in dict.fromkeys(about(r) for r in rows):
        found = {r["model_version"]: r for r in rows if about(r) == name}
        yield name, found.get(a, {}), found.get(b, {})


def _measure(
    about: str, name: str, unit: str, kind: Callable[..., Estimate], x: Record, y: Record, *keys: str
) -> Measure:
    """Of an estimate's arguments, found by their keys; a side that has nothing has no values."""
    return _pair(about, name, unit, *(kind(*(r[k] for k in keys)) if r else Estimate(0, None) for r in (x, y)))


def _pair(about: str, name: str, unit: str, a: Estimate, b: Estimate) -> Measure:
    low, high = difference(a, b) or (None, None)
    return Measure(about, name, unit, a, b, low, high)


def _quantile(row: Record, place: int) -> Estimate:
    if not row or not row["latency"]:
        return Estimate(0, None)
    found = row["latency"][place]
    return Estimate(row["timed"], found["value"], found["low"], found["high"])


def _said(limits: Limits) -> str:
    parts = [("of model", limits.model), ("in", limits.environment), ("since", limits.since)]
    return "".join(f" {word} {value}" for word, value in parts if value)


def _ask(sandbox: Sandbox, question: str, params: dict[str, Any]) -> Answer:
    sql = (resources.files("deadreckon.queries") / "questions" / f"{question}.sql").read_text("utf-8")
    return sandbox.query(sql, params)


def _records(answer: Answer) -> list[Record]:
    return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
