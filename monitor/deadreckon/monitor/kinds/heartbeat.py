"""Kind heartbeat: a writer that should be heard from and is not, or a run that began and never ended."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Final, Literal, Self

from pydantic import Field, model_validator

from deadreckon.monitor.duration import format_duration
from deadreckon.monitor.kinds.threshold import ages_of
from deadreckon.monitor.metrics import Metric
from deadreckon.monitor.rule import Duration, Rule
from deadreckon.monitor.shapes import Grouped
from deadreckon.monitor.windows import US, Asker, Row, ask, between, bounds, condition, filled

_SILENT: Final = Metric("silent_s", "seconds since it was heard from", "seconds", "", "", source="newest")
_UNENDED: Final = Metric("unended_runs", "runs that should have ended", "count", "", "", zero_is_data=True)
_FIRST_EVER: Final = "SELECT epoch_us(min(ts)) FROM events WHERE kind IS DISTINCT FROM 'alert'"
_FORGOTTEN_RUNS: Final = 30 * 86_400


class HeartbeatRule(Grouped):
    """An expected writer, or runs that are expected to end."""

    kind: Literal["heartbeat"] = Field(description="heartbeat")
    every: Duration | None = Field(
        default=None, gt=0, description="how often something should be heard: silence for longer, and grace, fires"
    )
    grace: Duration = Field(default=0, description="how much later than that it may come")
    runs_within: Duration | None = Field(
        default=None, gt=0, description="instead of every: fires when a run began longer ago and has not ended"
    )

    @property
    def allowed(self) -> int:
        """Seconds of silence, or of a run, that are allowed."""
        return (self.every or self.runs_within or 0) + self.grace

    @property
    def window(self) -> int:
        """Seconds that one evaluation looks at."""
        return self.allowed

    @property
    def step(self) -> int:
        """Seconds between evaluations: at most five minutes, so that silence is heard soon."""
        return min(self.every or self.runs_within or 300, 300)

    @property
    def above(self) -> float:
        """Seconds of silence that are allowed; no run is allowed to be late."""
        return 0.0 if self.runs_within else float(self.allowed)

    @property
    def measure(self) -> Metric:
        """Seconds since it was heard from, or how many runs are late."""
        return _UNENDED if self.runs_within else _SILENT

    def parts(self) -> tuple[Rule, ...]:
        """The rule, with a sentence of its own where the user gives none."""
        if self.summary:
            return (self,)
        words = "{amount} without a sign (allowed: {bound})"
        if self.runs_within:
            words = f"runs begun more than {format_duration(self.allowed)} ago that have not ended: {{value}}"
        return (self.model_copy(update={"summary": f"{self.about()}: {words}"}),)

    def measured(self, asker: Asker, first: int, last: int) -> Iterator[Row]:
        """Seconds of silence of each writer that is expected, or the runs that are late."""
        return self._late(asker, first, last) if self.runs_within else self._silence(asker, first, last)

    def _silence(self, asker: Asker, first: int, last: int) -> Iterator[Row]:
        keys = self._expected()
        # Who was heard from lately is known from a look at that; only for the others is all that was ever logged read.
        recent = first * self.step - self.allowed
        ages = ages_of(asker, self.where, self.group_by, self.step, first, last, recent * US)
        steps = range(first, last + 1)
        if not keys or any(key not in ages.get(step, {}) for step in steps for key in keys):
            oldest = 0 if keys else (recent - self.forget_after) * US
            ages = ages_of(asker, self.where, self.group_by, self.step, first, last, oldest)
        unheard = any(key not in ages.get(step, {}) for step in steps for key in keys)
        began = ask(asker, _FIRST_EVER, {})[0][0] if unheard else None
        for step in steps:
            known = ages.get(step, {})
            for key in keys | known.keys():
                labels = dict(zip(self.group_by, key, strict=True))
                if key in known:
                    yield Row(step, labels, known[key], 1)
                elif began is not None:
                    # Never heard from: silent for as long as the lake has been listening.
                    yield Row(step, labels, max(0.0, (step * self.step * US - began) / US), None)

    def _expected(self) -> set[tuple[str | None, ...]]:
        named = [self.where.get(column) for column in self.group_by]
        if any(values is None for values in named):
            return set()
        lists = [values if isinstance(values, list) else [values] for values in named]
        return {tuple(_as_text(value) for value in combination) for combination in product(*lists)}

    def _late(self, asker: Asker, first: int, last: int) -> Iterator[Row]:
        chosen, values = condition(self.where)
        made = "".join(f', arg_min(CAST("{c}" AS VARCHAR), ts) AS group_{i}' for i, c in enumerate(self.group_by))
        groups = "".join(f", group_{i}" for i in range(len(self.group_by)))
        sql = filled("unended.sql", filter=f"{between()} AND {chosen}", made=made, groups=groups)
        longest = self.allowed + _FORGOTTEN_RUNS
        params = values | bounds(self.step, longest, first, last)
        params |= {"within_us": self.allowed * US, "longest_us": longest * US}
        found: dict[tuple[str | None, ...], dict[int, int]] = {}
        for step, runs, *group in ask(asker, sql, params):
            found.setdefault(tuple(group), {}).update({} if step is None else {step: runs})
        for key, counts in found.items():
            for step in range(first, last + 1):
                count = counts.get(step, 0)
                yield Row(step, dict(zip(self.group_by, key, strict=True)), count, count)

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.every is None) == (self.runs_within is None):
            raise ValueError("give exactly one of every, for writers, and runs_within, for runs")
        if self.every and not self.where and not self.group_by:
            raise ValueError('where says whose sign is expected; write where = { service = "..." }')
        return self


def _as_text(value: object) -> str:
    """A value as a group is called by it: as SQL casts it to text."""
    return str(value).lower() if isinstance(value, bool) else str(value)
