"""Kind threshold: a metric of the registry held against bounds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from deadreckon.core.settings import nearest
from deadreckon.monitor.metrics import METRICS, Metric
from deadreckon.monitor.rule import Duration
from deadreckon.monitor.shapes import Bounded, Grouped
from deadreckon.monitor.windows import US, Asker, Row, Where, ask, between, bounds, condition, filled, texts

INTAKE_COLUMNS: Final = ("source_id", "source_path")
"""What rules on quarantined lines can filter and group by."""


class ThresholdRule(Bounded, Grouped):
    """A metric, and bounds for it."""

    kind: Literal["threshold"] = Field(
        default="threshold", description="threshold unless said; a rule with sql need not say so"
    )
    metric_: str = Field(alias="metric", description="a metric of the registry")
    window_: Duration = Field(alias="window", gt=0, description="how much time one evaluation looks at")

    @property
    def window(self) -> int:
        """Seconds that one evaluation looks at."""
        return self.window_

    @property
    def measure(self) -> Metric:
        """The metric."""
        return METRICS[self.metric_]

    def columns(self) -> Mapping[str, str]:
        """What it can filter and group by: quarantined lines have a source and no model."""
        metric = METRICS.get(self.metric_)
        if metric and metric.source == "intake":
            return dict.fromkeys(INTAKE_COLUMNS, "string")
        return super().columns()

    def measured(self, asker: Asker, first: int, last: int) -> Iterable[Row]:
        """The metric in each window and group that has an event."""
        if self.measure.source == "newest":
            return newest(asker, self, first, last)
        return of_metric(asker, self, self.measure, first, last)

    @model_validator(mode="after")
    def _within_reach(self) -> Self:
        for side, bound in (("above", self.above), ("below", self.below)):
            if self.measure.unit.startswith("share") and bound is not None and not 0 <= bound <= 1:
                raise ValueError(f"{side} = {bound:g}, but {self.metric_} is a share, from 0 to 1; write 20 % as 0.2")
        return self

    @field_validator("metric_")
    @classmethod
    def _exists(cls, name: str) -> str:
        if name not in METRICS:
            raise ValueError(f"there is no metric {name!r}; {nearest(name, list(METRICS))}")
        return name


def of_metric(
    asker: Asker, rule: Grouped, metric: Metric, first: int, last: int, params: Mapping[str, Any] | None = None
) -> Iterator[Row]:
    """A metric over the events of each window, one row for each group that has any; one scan for all windows."""
    intake = metric.source == "intake"
    chosen, values = condition(rule.where, alerts=intake)
    dates = "date BETWEEN CAST(make_timestamptz($from_us) AS DATE) AND CAST(make_timestamptz($to_us) AS DATE)"
    conditions = [dates, chosen, *([f"({metric.among})"] if metric.among else [])]
    sql = filled(
        "measure.sql",
        time="ingested_at" if intake else "ts",
        relation="lake_ledger" if intake else "events",
        filter=" AND ".join([*conditions, *(["record = 'source'"] if intake else [])]),
        value=metric.value,
        n=metric.n,
        examples=metric.examples,
        groups=texts(rule.group_by),
    )
    for step, value, n, examples, *group in ask(
        asker, sql, values | dict(params or {}) | bounds(rule.step, rule.window, first, last)
    ):
        facts = {"examples": ", ".join(examples)} if examples else {}
        yield Row(step, dict(zip(rule.group_by, group, strict=True)), value, n, facts)


def newest(asker: Asker, rule: Grouped, first: int, last: int) -> Iterator[Row]:
    """The age in seconds of the newest event of each group at each window's end, however old it is."""
    ages = _newest(asker, rule, first, last, from_us=(first * rule.step - 86_400) * US)
    # Without groups, an event of the day before is the newest of all time: older files need not be read.
    whole = rule.group_by or any(step not in ages for step in range(first, last + 1))
    if whole:
        ages = _newest(asker, rule, first, last, from_us=0)
    for step, groups in ages.items():
        for key, age in groups.items():
            yield Row(step, dict(zip(rule.group_by, key, strict=True)), age, 1)


Ages = dict[int, dict[tuple[str | None, ...], float]]


def _newest(asker: Asker, rule: Grouped, first: int, last: int, from_us: int) -> Ages:
    return ages_of(asker, rule.where, rule.group_by, rule.step, first, last, from_us)


def ages_of(asker: Asker, where: Where, group_by: list[str], step_s: int, first: int, last: int, from_us: int) -> Ages:
    """By step and group the seconds since its newest event at or after `from_us`."""
    chosen, values = condition(where)
    sql = filled("newest.sql", filter=f"{between()} AND {chosen}", groups=texts(group_by))
    params = values | bounds(step_s, 0, first, last) | {"from_us": from_us}
    placed: dict[int, list[tuple[Any, ...]]] = {}
    for row in ask(asker, sql, params):
        placed.setdefault(row[0], []).append(row)
    seen: dict[tuple[str | None, ...], int] = {}
    ages: Ages = {}
    for step in range(first, last + 1):
        for _, at, *group in placed.get(step, ()):
            seen[tuple(group)] = max(at, seen.get(tuple(group), at))
        if seen:
            ages[step] = {key: (step * step_s * US - at) / US for key, at in seen.items()}
    return ages
