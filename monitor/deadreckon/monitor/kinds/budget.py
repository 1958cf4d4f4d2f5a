"""Kind budget: what model calls have cost since the period began, held against a limit."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, PrivateAttr, field_validator

from deadreckon.core.schema import EVENTS
from deadreckon.monitor.metrics import Metric
from deadreckon.monitor.rule import Duration, Rule, Severity
from deadreckon.monitor.shapes import ORDERED, Grouped
from deadreckon.monitor.summary import literal
from deadreckon.monitor.windows import US, Asker, Row, ask, between, bounds, condition, filled, named
from deadreckon.monitor.words import amount

COLUMNS: Final = (
    *("environment", "model", "model_version", "provider", "variant", "service", "agent", "operation"),
    *("user_id", "session_id", "request_id", "run_id", "trace_id"),
)
"""What a budget can filter and group by: columns of the view model_calls."""
PERIODS: Final = {"hour": 3_600, "day": 86_400, "week": 604_800, "month": 31 * 86_400}
"""Seconds of the longest period of each name."""
_UNKNOWN: Final = "count(*) FILTER (WHERE cost_source = 'unpriced')"
SPENDS: Final[dict[str, tuple[str, str, str]]] = {
    "usd": ("US dollars", "sum(cost_usd)", _UNKNOWN),
    "tokens": ("tokens", "sum(total_tokens)", "count(*) FILTER (WHERE is_llm AND total_tokens IS NULL)"),
    "input_tokens": ("tokens", "sum(input_tokens)", "count(*) FILTER (WHERE is_llm AND input_tokens IS NULL)"),
    "output_tokens": ("tokens", "sum(output_tokens)", "count(*) FILTER (WHERE is_llm AND output_tokens IS NULL)"),
    "calls": ("calls", "count(*)", "0"),
}
"""What can be budgeted: its unit, how it is summed up, and how many calls are left out as nobody knows theirs."""
FORECAST_FROM: Final = 0.1
"""The share of a period before which its pace says nothing yet."""

FACTS: Final = ("spent", "limit", "unpriced", "unpriced_share", "period_start", "period_end")
"""What each of its alerts tells beside its value; unpriced are the calls of which nobody knows what they used."""

Part = Literal["limit", "warning", "forecast", "unknown"]


class BudgetRule(Grouped):
    """A limit for each period; evaluated as a rule for the limit and one for each of its warnings."""

    kind: Literal["budget"] = Field(description="budget")
    limit: float = Field(gt=0, allow_inf_nan=False, description="fires when more than this was spent in a period")
    spend: Literal["usd", "tokens", "input_tokens", "output_tokens", "calls"] = Field(
        default="usd", description="what is spent: usd (as reported, else as priced), tokens, calls, ..."
    )
    period: Literal["hour", "day", "week", "month"] = Field(
        description="hour, day, week (from Monday on) or month of the time zone; each begins with nothing spent"
    )
    time_zone: str = Field(default="UTC", description="where days begin, Europe/Paris say")
    warn_at: float = Field(
        default=0.8, gt=0, le=1, description="also warns, one severity lower, at this share of the limit; 1 for none"
    )
    forecast: bool = Field(
        default=False, description="also warns when the limit will be passed at the pace since the period began"
    )
    unknown_above: float = Field(
        default=0.1, ge=0, le=1, description="also warns when the cost of more than this share of calls is unknown"
    )
    every: Duration | None = Field(
        default=None, gt=0, description="time between evaluations; 5m for an hour, else 15m, unless said"
    )

    _part: Part = PrivateAttr(default="limit")

    @property
    def window(self) -> int:
        """Seconds of the longest period."""
        return PERIODS[self.period]

    @property
    def step(self) -> int:
        """Seconds between evaluations."""
        return self.every or (300 if self.period == "hour" else 900)

    @property
    def above(self) -> float | None:
        """What must not be passed."""
        if self._part == "unknown":
            return self.unknown_above
        return self.limit * self.warn_at if self._part == "warning" else self.limit

    @property
    def measure(self) -> Metric:
        """What is summed up; nothing spent is an answer."""
        unit = SPENDS[self.spend][0]
        doc = {
            "limit": f"{self.spend}_spent",
            "warning": f"{self.spend}_spent",
            "forecast": f"{self.spend}_forecast",
            "unknown": f"{self.spend}_unknown",
        }[self._part]
        return Metric(doc, "", "share" if self._part == "unknown" else unit, "", "", zero_is_data=True)

    @property
    def facts(self) -> tuple[str, ...]:
        """What was spent of what, since when, and how many calls are left out of it."""
        return FACTS

    def window_start(self, window_end: int) -> int:
        """When the period began that the window ends in (epoch seconds)."""
        return self._start(window_end - 1)

    def columns(self) -> Mapping[str, str]:
        """What it can filter and group by: columns of model calls."""
        return {name: EVENTS[name].type for name in COLUMNS if EVENTS[name].type in ORDERED}

    def parts(self) -> tuple[Rule, ...]:
        """The limit under the rule's own name, and its warnings."""
        lower: Severity = "warning" if self.severity == "critical" else "info"
        labels = {"budget": self.name} | self.labels
        unit = SPENDS[self.spend][0]
        allowed = f"in this {self.period}, {{bound}} allowed"
        parts = [
            self._level(
                "limit",
                labels=labels,
                summary=self.summary or f"{self.about()}: {{amount}} spent {allowed} (calls: {{n:,}})",
            )
        ]
        if self.warn_at < 1:
            share = f"{self.warn_at * 100:g} %"
            of = literal(amount(self.limit, self.measure.name))
            words = f"{self.about()}: {{amount}} spent in this {self.period}, warning at {{bound}} ({share} of {of})"
            parts.append(self._level("warning", f"{share} spent", labels=labels, severity=lower, summary=words))
        if self.forecast:
            words = f"{self.about()}: at this pace {{amount}} will be spent {allowed}"
            parts.append(self._level("forecast", "forecast", labels=labels, severity=lower, summary=words))
        if self.unknown_above < 1 and self.spend != "calls":
            words = f"{self.about()}: {{amount}} of {{n:,}} calls state no {unit}: left out of what is spent"
            parts.append(self._level("unknown", "unknown cost", labels=labels, severity=lower, summary=words))
        return tuple(parts)

    def measured(self, asker: Asker, first: int, last: int) -> Iterator[Row]:
        """What each group has spent in the period that each step ends in, if only nothing since the one before."""
        starts = self.starts((first * self.step - 1), (last * self.step - 1), before=1 if self.group_by else 0)
        spent, unknown = SPENDS[self.spend][1:]
        chosen, values = condition(self.where, alerts=True)
        made, groups = named(self.group_by)
        sql = filled(
            "spent.sql", spent=spent, unknown=unknown, filter=f"{between()} AND {chosen}", made=made, groups=groups
        )
        params = values | bounds(self.step, 0, first, last)
        params |= {"from_us": starts[0] * US, "starts": [start * US for start in starts[:-1]]}
        used: dict[tuple[str | None, ...], dict[int, list[tuple[int, int, float | None, int]]]] = {}
        for step, period, calls, cost, missing, *group in ask(asker, sql, params):
            used.setdefault(tuple(group), {}).setdefault(step, []).append((period, calls, cost, missing))
        if not self.group_by:
            used.setdefault((), {})  # nothing spent is an answer too
        for key, steps in used.items():
            yield from self._summed(dict(zip(self.group_by, key, strict=True)), steps, starts, first, last)

    def starts(self, begin: int, end: int, before: int = 0) -> list[int]:
        """When the periods begin that hold these times, with so many before them, and the one after them."""
        found = [self._start(begin)]
        for _ in range(before):
            found.insert(0, self._start(found[0] - 1))
        while found[-1] <= end:
            # Half a period more than the longest one never skips one, nor falls short of the next.
            ahead = self._start(found[-1] + PERIODS[self.period])
            found.append(ahead if ahead > found[-1] else self._start(found[-1] + PERIODS[self.period] * 5 // 4))
        return found

    def _start(self, at: int) -> int:
        local = datetime.fromtimestamp(at, ZoneInfo(self.time_zone))
        if self.period == "hour":
            offset = int((local.utcoffset() or timedelta()).total_seconds())
            return (at + offset) // 3_600 * 3_600 - offset
        days = {"day": 0, "week": local.weekday(), "month": local.day - 1}[self.period]
        day = local.date() - timedelta(days=days)
        return int(datetime(day.year, day.month, day.day, tzinfo=local.tzinfo).astimezone(UTC).timestamp())

    def _summed(
        self,
        labels: dict[str, str | None],
        steps: Mapping[int, list[tuple[int, int, float | None, int]]],
        starts: list[int],
        first: int,
        last: int,
    ) -> Iterator[Row]:
        present, calls, spent, unknown, known = -1, 0, 0.0, 0, 0
        earlier: list[tuple[int, int, float | None, int]] = []
        for step in range(first, last + 1):
            earlier += steps.get(step, [])
            end = step * self.step
            period = bisect_right(starts, end - 1)
            if period != present:
                present, calls, spent, unknown, known = period, 0, 0.0, 0, 0
            for of, more, cost, missing in earlier:
                if of == period:
                    calls, spent, unknown = calls + more, spent + float(cost or 0), unknown + missing
                    known += cost is not None
            earlier = [used for used in earlier if used[0] > period]
            span = starts[period - 1 : period + 1]
            facts = {
                "spent": spent if known or not unknown else None,
                "limit": self.limit,
                "unpriced": unknown,
                "unpriced_share": unknown / calls if calls else 0.0,
                "period_start": _iso(span[0]),
                "period_end": _iso(span[1]),
            }
            yield Row(step, labels, self._value(calls, spent, unknown, known, span, end), calls, facts)

    def _value(self, calls: int, spent: float, unknown: int, known: int, period: list[int], end: int) -> float | None:
        if self._part == "unknown":
            return unknown / calls if calls else 0.0
        if unknown and not known:
            return None  # there were calls, and nobody knows what one of them cost
        passed = (end - period[0]) / (period[1] - period[0])
        return spent / passed if self._part == "forecast" and passed >= FORECAST_FROM else spent

    def _level(self, part: Part, called: str = "", **keys: object) -> BudgetRule:
        level = self.part(called, **keys) if called else self.model_copy(update=keys)
        level._part = part  # noqa: SLF001 - our own
        return level

    @field_validator("time_zone")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ValueError, OSError, KeyError):
            raise ValueError(f"{name!r} is no time zone; write it as Europe/Paris or UTC") from None
        return name


def _iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
