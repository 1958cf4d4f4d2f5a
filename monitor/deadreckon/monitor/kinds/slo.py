"""Kind slo: how fast the errors that an objective allows are used up, over a long and a short window at once."""

from __future__ import annotations

from collections.abc import Iterator
from math import gcd
from typing import Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from deadreckon.monitor.duration import format_duration
from deadreckon.monitor.metrics import ENDED, FAILED, Metric
from deadreckon.monitor.rule import Duration, Rule, Severity
from deadreckon.monitor.shapes import Grouped
from deadreckon.monitor.windows import US, Asker, Row, ask, between, bounds, condition, filled, named

_BURN: Final = Metric("burn_rate", "how many times faster than allowed errors come", "times", "", "")
_LEFT: Final = Metric("budget_left", "share of the allowed errors of the period that is left", "share", "", "")


class Pair(BaseModel):
    """Two windows, both of which must burn faster than `burn`."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    burn: float = Field(gt=0, allow_inf_nan=False, description="breached when both windows burn faster than this")
    long: Duration = Field(gt=0, description="the long window: that it matters")
    short: Duration = Field(gt=0, description="the short window: that it still goes on")
    severity: Severity | None = Field(default=None, description="critical from a burn of 6 on, warning under it")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.short >= self.long:
            raise ValueError("a pair's short window must be shorter than its long one")
        return self


PAIRS: Final = [
    Pair.model_validate(pair)
    for pair in (
        {"burn": 14.4, "long": "1h", "short": "5m"},
        {"burn": 6.0, "long": "6h", "short": "30m"},
        {"burn": 1.0, "long": "3d", "short": "6h"},
    )
]


class SloRule(Grouped):
    """An objective; evaluated as one rule for each pair of windows."""

    kind: Literal["slo"] = Field(description="slo")
    objective: float = Field(gt=0, lt=1, description="the share of events that shall be good, 0.99 say")
    period: Duration = Field(
        default=30 * 86_400, gt=0, description="over how long the objective holds; 30d unless said"
    )
    slower_than_ms: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="an event that took longer is bad, whatever its status; unsaid, one that ended in error or timeout",
    )
    pairs: list[Pair] = Field(
        default=PAIRS,
        min_length=1,
        max_length=10,
        description="burn, long, short and severity of each pair; 14.4 over 1h and 5m, 6 over 6h and 30m, 1 over 3d "
        "and 6h unless said",
    )
    clear_at: float = Field(
        default=1.0, gt=0, le=1, description="an alert resolves when it burns at this share of the pair's burn, or less"
    )
    budget_below: float | None = Field(
        default=None, ge=0, lt=1, description="also fires when less than this share of the period's errors is left"
    )

    _pair: Pair | None = PrivateAttr(default=None)

    @property
    def window(self) -> int:
        """Seconds of the long window; of the period, where the budget left is asked for."""
        return self._pair.long if self._pair else self.period

    @property
    def step(self) -> int:
        """Seconds between evaluations: of a pair a sixth of its short window, at least five minutes."""
        return self.every or (max(300, self._pair.short // 6) if self._pair else 3_600)

    @property
    def above(self) -> float | None:
        """The burn rate that is breached."""
        return self._pair.burn if self._pair else None

    @property
    def clear_above(self) -> float | None:
        """The burn rate at which it resolves."""
        return self._pair.burn * self.clear_at if self._pair else None

    @property
    def below(self) -> float | None:
        """The budget left that is breached."""
        return None if self._pair else self.budget_below

    @property
    def measure(self) -> Metric:
        """The burn rate, or the budget left."""
        return _BURN if self._pair else _LEFT

    @property
    def facts(self) -> tuple[str, ...]:
        """The burn rates of both windows, and while both are breached the share of the period's errors that is left."""
        return ("burn_long", "burn_short", "budget_left")

    def parts(self) -> tuple[Rule, ...]:
        """A rule for each pair, and one for the budget left where it is asked for."""
        labels = {"slo": self.name} | self.labels
        said = self.severity if "severity" in self.model_fields_set else None
        parts = []
        for pair in self.pairs:
            spans = f"{format_duration(pair.long)} and {format_duration(pair.short)}"
            part = self.part(
                f"{pair.burn:g} times over {spans}",
                labels=labels,
                severity=pair.severity or said or ("critical" if pair.burn >= 6 else "warning"),
                summary=self.summary
                or f"{self.about()}: errors come {{value:.1f}} times as fast as {self.objective:g} over "
                f"{format_duration(self.period)} allows, over {spans} (alert above {{threshold}}, n {{n}})",
            )
            part._pair = pair  # noqa: SLF001 - our own
            parts.append(part)
        if self.budget_below is not None:
            left = self.summary or (
                f"{self.about()}: {{value:.1%}} is left of the errors that {self.objective:g} over "
                f"{format_duration(self.period)} allows (n {{n}})"
            )
            parts.append(self.part("budget left", labels=labels, summary=left))
        return tuple(parts)

    def measured(self, asker: Asker, first: int, last: int) -> Iterator[Row]:
        """The smaller one of the two windows' burn rates, which is over the bound only if both are; or what is left."""
        if self._pair is None:
            for step, labels, n, bad, *_ in self._counted(asker, first, last, self.period, self.period):
                left = 1 - self._burn(bad, n)
                yield Row(step, labels, left, n, {"budget_left": left})
            return
        rows = [self._burning(*counts) for counts in self._counted(asker, first, last, self.window, self._pair.short)]
        breached = [row for row in rows if row.value is not None and row.value > self._pair.burn]
        yield from (row for row in rows if row.value is None or row.value <= self._pair.burn)
        if not breached:
            return
        # A look at the whole period is worth its cost only where there is an alert to tell of.
        steps = [row.step for row in breached]
        left_at: dict[tuple[int, str], float] = {}
        for step, labels, n, bad, *_ in self._counted(asker, min(steps), max(steps), self.period, self.period):
            left_at[step, str(labels)] = 1 - self._burn(bad, n)
        for row in breached:
            left = left_at.get((row.step, str(row.labels)), 1.0)
            yield row._replace(facts={**row.facts, "budget_left": left})

    def _burning(
        self, step: int, labels: dict[str, str | None], n: int, bad: int, short_n: int | None, short_bad: int | None
    ) -> Row:
        long, short = self._burn(bad, n), self._burn(short_bad or 0, short_n) if short_n else None
        if short is not None:
            value: float | None = min(long, short)
        else:
            # Nothing came at the end: what the long window says is enough to be fine, and not to be breached.
            value = long if long <= (self.above or 0) else None
        return Row(step, labels, value, n, {"burn_long": long, "burn_short": short})

    def _counted(
        self, asker: Asker, first: int, last: int, window: int, short: int
    ) -> Iterator[tuple[int, dict[str, str | None], int, int, int | None, int | None]]:
        """Step, labels, events and bad ones of the window, and of its short end."""
        among, bad = ENDED, FAILED
        params: dict[str, object] = {}
        if self.slower_than_ms is not None:
            among, bad = f"{ENDED} AND duration_ms IS NOT NULL AND NOT isnan(duration_ms)", "duration_ms > $slow_ms"
            params = {"slow_ms": self.slower_than_ms}
        chosen, values = condition(self.where)
        made, groups = named(self.group_by)
        sql = filled("burn.sql", bad=bad, filter=f"{between()} AND {chosen} AND {among}", made=made, groups=groups)
        params |= values | bounds(self.step, window, first, last)
        params |= {"short_us": short * US, "bucket_us": gcd(self.step, window, short) * US}
        for step, n, bad_n, short_n, short_bad, *group in ask(asker, sql, params):
            yield step, dict(zip(self.group_by, group, strict=True)), n, bad_n, short_n, short_bad

    def _burn(self, bad: int, n: int) -> float:
        return float(bad) / float(n) / (1 - self.objective)

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        for pair in self.pairs:
            if pair.burn * (1 - self.objective) >= 1:
                most = 1 / (1 - self.objective)
                raise ValueError(
                    f"a burn of {pair.burn:g} cannot be passed: with objective = {self.objective:g} all events bad is "
                    f"{most:g}; give pairs with a smaller burn"
                )
        return self
