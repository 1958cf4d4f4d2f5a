"""Kind quality: whether the data are what they used to be, or what they are said to be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import gcd
from statistics import median
from typing import Any, Final, Literal, Self, get_args

from pydantic import Field, field_validator, model_validator

from deadreckon.monitor.kinds.subject import Subject, subject_of
from deadreckon.monitor.kinds.threshold import INTAKE_COLUMNS, newest, of_metric
from deadreckon.monitor.metrics import Metric
from deadreckon.monitor.rule import Bound, Duration, Rule
from deadreckon.monitor.shapes import Bounded, Grouped
from deadreckon.monitor.summary import literal
from deadreckon.monitor.windows import US, Asker, Row, Scalar, ask, between, bounds, condition, filled, named

Check = Literal["null_share", "out_of_range", "type_change", "new_category", "quarantine_share", "volume", "freshness"]

_OWN: Final[dict[str, tuple[str, ...]]] = {
    "null_share": ("subject",),
    "out_of_range": ("subject", "min", "max"),
    "type_change": ("subject", "type", "reference"),
    "new_category": ("subject", "known", "reference"),
    "quarantine_share": ("error_codes",),
    "volume": ("against", "periods"),
    "freshness": (),
}
"""The keys that go with each check, beside those that go with all."""
BOUNDS: Final[dict[str, tuple[float | None, float | None]]] = {
    "out_of_range": (0.0, None),
    "type_change": (0.0, None),
    "new_category": (0.0, None),
    "volume": (2.0, 0.5),
}
"""Bounds, above and below, where the user gives none."""
_UNITS: Final = {"new_category": "count", "volume": "times", "freshness": "seconds"}
_WORDS: Final = {
    "null_share": "{amount} of {n:,} values of SUBJECT are null",
    "out_of_range": "{amount} of {n:,} values of SUBJECT are out of range",
    "type_change": "{amount} of {n:,} values of SUBJECT have another type than before",
    "new_category": "SUBJECT has values never seen before, {value} of them: {examples} (n {n:,})",
    "quarantine_share": "{amount} of {n:,} lines refused",
    "volume": "{value:.2f} times the usual events, which are {n:,} in {window}",
    "freshness": "the newest event is {amount} old (allowed: {bound})",
}
_AGAINST: Final = {"day": 86_400, "week": 604_800}
REFERENCE_LEAST: Final = 100
"""Values that a reference must hold: to one that holds fewer, everything is new."""
VOLUME_LEAST: Final = 10
"""Events that must be usual: of fewer, chance makes twice or half as many."""
_HISTORY_LEAST: Final = 2
_EXAMPLES: Final = "min(DISTINCT {of}, 5) FILTER (WHERE {wrong})"
FACTS: Final = {"new_category": ("examples",), "type_change": ("examples",), "volume": ("events", "expected")}
"""What the alerts of a check tell beside their value."""


class QualityRule(Bounded, Grouped):
    """A check of the data."""

    kind: Literal["quality"] = Field(description="quality")
    check: Check = Field(description=", ".join(get_args(Check)))
    subject: str | None = Field(
        default=None, description="feature:NAME, output:NAME, score:NAME or a column: what is checked"
    )
    min: Bound | None = Field(default=None, description="out_of_range: the smallest value that is right")
    max: Bound | None = Field(default=None, description="out_of_range: the largest value that is right")
    type: Literal["number", "string", "boolean", "array", "object"] | None = Field(
        default=None, description="type_change: the right type; unsaid, the types of the reference"
    )
    known: list[str] | None = Field(
        default=None, min_length=1, description="new_category: all that may come; unsaid, the values of the reference"
    )
    reference: Duration = Field(
        default=7 * 86_400, gt=0, description="how much time before the window it is compared with; 7d unless said"
    )
    error_codes: list[str] | None = Field(
        default=None, min_length=1, description="quarantine_share: only lines refused for one of these"
    )
    against: Literal["day", "week"] = Field(
        default="week", description="volume: compares with the same time of previous days or weeks; week unless said"
    )
    periods: int = Field(
        default=4, ge=2, le=60, description="volume: how many of them, whose median is what is usual; 4 unless said"
    )
    window_: Duration = Field(alias="window", gt=0, description="how much time one evaluation looks at")

    @property
    def window(self) -> int:
        """Seconds that one evaluation looks at."""
        return self.window_

    @property
    def above(self) -> float | None:
        """Breached when the value is greater."""
        return self._bound(self.above_, 0)

    @property
    def below(self) -> float | None:
        """Breached when the value is smaller."""
        return self._bound(self.below_, 1)

    @property
    def measure(self) -> Metric:
        """The check, as a metric."""
        source: Any = {"freshness": "newest", "quarantine_share": "intake"}.get(self.check, "events")
        name = {"freshness": "freshness_s", "volume": "volume_ratio"}.get(self.check, self.check)
        return Metric(name, self.check, _UNITS.get(self.check, "share, 0 to 1"), "", "", source=source)

    @property
    def facts(self) -> tuple[str, ...]:
        """New categories and types by example; how many events there were, and are expected."""
        return FACTS.get(self.check, ())

    @property
    def least(self) -> int:
        """The fewest events a value can rest on; of volume, the fewest that are usual."""
        return VOLUME_LEAST if self.check == "volume" and self.min_count is None else super().least

    def columns(self) -> Mapping[str, str]:
        """What it can filter and group by: refused lines have a source and no model."""
        return dict.fromkeys(INTAKE_COLUMNS, "string") if self.check == "quarantine_share" else super().columns()

    def parts(self) -> tuple[Rule, ...]:
        """The rule, with a sentence of its own where the user gives none."""
        if self.summary:
            return (self,)
        words = _WORDS[self.check].replace("SUBJECT", literal(self.subject or ""))
        return (self.model_copy(update={"summary": f"{self.about()}: {words}"}),)

    def measured(self, asker: Asker, first: int, last: int) -> Iterator[Row]:
        """What is wrong in each window, as a share, a count, an age, or times what is usual."""
        if self.check == "freshness":
            return newest(asker, self, first, last)
        if self.check == "volume":
            return self._volume(asker, first, last)
        if self.check == "quarantine_share":
            return self._refused(asker, first, last)
        subject = subject_of(self.subject or "")
        metric = self._of_rows(subject)
        if metric is None:
            return self._novel(asker, subject, first, last)
        limits: dict[str, Any] = {"lowest": self.min, "highest": self.max, "type": self.type}
        limits |= {f"known_{i}": value for i, value in enumerate(self.known or [])}
        return of_metric(asker, self, metric, first, last, subject.params | limits)

    def _of_rows(self, s: Subject) -> Metric | None:
        there = f"count(*) FILTER (WHERE NOT ({s.null}))"
        if self.check == "null_share":
            return self._share(s, s.null, "count(*)")
        if self.check == "out_of_range":
            limits = [f"{s.number} < $lowest"] if self.min is not None else []
            limits += [f"{s.number} > $highest"] if self.max is not None else []
            wrong = " OR ".join([*limits, f"isnan({s.number})"])
            return self._share(s, wrong, f"count(*) FILTER (WHERE {s.number} IS NOT NULL)")
        if self.check == "type_change" and self.type:
            metric = self._share(s, f"{s.type} <> $type", there)
            return replace(metric, examples=_EXAMPLES.format(of=s.type, wrong=f"{s.type} <> $type"))
        if self.known:
            known = ", ".join(f"$known_{i}" for i in range(len(self.known)))
            wrong = f"NOT ({s.null}) AND {s.text} NOT IN ({known})"
            new = f"(count(DISTINCT {s.text}) FILTER (WHERE {wrong}))::DOUBLE"
            examples = _EXAMPLES.format(of=f"left({s.text}, 60)", wrong=wrong)
            return Metric(self.check, "", "", new, there, s.among, examples=examples)
        return None

    def _share(self, subject: Subject, wrong: str, n: str) -> Metric:
        value = f"count(*) FILTER (WHERE {wrong})::DOUBLE / nullif({n}, 0)"
        return Metric(self.check, "", "", value, n, subject.among)

    def _novel(self, asker: Asker, subject: Subject, first: int, last: int) -> Iterator[Row]:
        category = (
            subject.type if self.check == "type_change" else f"CASE WHEN NOT ({subject.null}) THEN {subject.text} END"
        )
        bucket = gcd(self.step, self.window, self.reference)
        chosen, values = condition(self.where)
        made, groups = named(self.group_by)
        sql = filled(
            "novel.sql",
            filter=f"{between('($from_us - $reference_us)')} AND {chosen} AND {subject.among}",
            category=category,
            partition=f"PARTITION BY {groups[2:]}" if groups else "",
            buckets=str(self.reference // bucket),
            made=made,
            groups=groups,
        )
        params = values | subject.params | bounds(self.step, self.window, first, last)
        params |= {"bucket_us": bucket * US, "reference_us": self.reference * US}
        for step, categories, new, n, reference, examples, *group in ask(asker, sql, params):
            found = categories if self.check == "new_category" else new / n
            value = found if reference >= REFERENCE_LEAST else None
            facts = {"examples": ", ".join(examples)} if examples and value is not None else {}
            yield Row(step, dict(zip(self.group_by, group, strict=True)), value, n, facts)

    def _volume(self, asker: Asker, first: int, last: int) -> Iterator[Row]:
        period = _AGAINST[self.against]
        bucket = gcd(self.step, self.window, period) * US
        chosen, values = condition(self.where)
        made, groups = named(self.group_by)
        shifts = {ago: ago * period * US for ago in range(self.periods + 1)}
        counted = " UNION ALL ".join(
            filled(
                "counted.sql",
                filter=f"{between(f'($from_us - {shift})', f'($to_us - {shift})')} AND {chosen}",
                bucket=str(bucket),
                shift=str(shift),
                ago=str(ago),
                made=made,
                groups=groups,
            )
            for ago, shift in shifts.items()
        )
        sql = filled("volume.sql", counted=counted, groups=groups)
        counts: dict[tuple[int, tuple[str | None, ...]], dict[int, int]] = {}
        for step, ago, n, *group in ask(asker, sql, values | bounds(self.step, self.window, first, last)):
            counts.setdefault((step, tuple(group)), {})[ago] = int(n)
        for (step, key), found in counts.items():
            # What is before the oldest window with events is no history: the writer was not there yet.
            history = [found.get(ago, 0) for ago in range(1, max(found) + 1)]
            usual = median(history) if len(history) >= _HISTORY_LEAST else 0
            value = found.get(0, 0) / usual if usual else None
            facts = {"events": found.get(0, 0), "expected": usual}
            yield Row(step, dict(zip(self.group_by, key, strict=True)), value, int(usual), facts)

    def _refused(self, asker: Asker, first: int, last: int) -> Iterator[Row]:
        codes: dict[str, Scalar] = {f"code_{i}": code for i, code in enumerate(self.error_codes or [])}
        chosen, values = condition(self.where, alerts=True)
        made, groups = named(self.group_by)
        refused = f"error_code IN ({', '.join(f'${name}' for name in codes)})" if codes else "true"
        sql = filled("refused.sql", refused=refused, filter=chosen, made=made, groups=groups)
        for step, value, n, *group in ask(asker, sql, values | codes | bounds(self.step, self.window, first, last)):
            yield Row(step, dict(zip(self.group_by, group, strict=True)), value, n)

    def _bound(self, given: float | None, place: int) -> float | None:
        unsaid = self.above_ is None and self.below_ is None
        return BOUNDS.get(self.check, (None, None))[place] if unsaid else given

    @field_validator("subject")
    @classmethod
    def _subjected(cls, name: str | None) -> str | None:
        if name is not None:
            subject_of(name)
        return name

    @model_validator(mode="after")
    def _keyed(self) -> Self:
        own = _OWN[self.check]
        for key in sorted({key for keys in _OWN.values() for key in keys} - set(own)):
            if key in self.model_fields_set:
                others = ", ".join(check for check, keys in _OWN.items() if key in keys)
                raise ValueError(f"{key} goes with check = {others}; this one is {self.check}")
        if "subject" in own and self.subject is None:
            raise ValueError(f'check = {self.check} needs a subject; write subject = "feature:NAME", or a column')
        if self.check == "out_of_range" and self.min is None and self.max is None:
            raise ValueError("out_of_range needs min, max or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"no value can be right: min = {self.min} is over max = {self.max}")
        return self
