"""A rule: the keys that all kinds share, and what the monitor asks of each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    WithJsonSchema,
    field_validator,
)

from deadreckon.monitor.duration import LONGEST, parse_duration
from deadreckon.monitor.metrics import Metric
from deadreckon.monitor.summary import literal, names_in
from deadreckon.monitor.windows import Asker, Row, Where

Duration = Annotated[
    int,
    BeforeValidator(parse_duration),
    Field(ge=0, le=LONGEST),
    WithJsonSchema({"type": "string", "pattern": "^([0-9]{1,10}[wdhms])+$", "examples": ["90s", "5m", "1h30m", "7d"]}),
]
Bound = Annotated[float, Field(allow_inf_nan=False)]
Severity = Literal["info", "warning", "critical"]


class Rule(BaseModel):
    """One rule, of any kind. Durations are whole seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: str = Field(
        min_length=1, max_length=120, pattern=r"^[^\x00-\x1f]+$", description="unique; part of each alert's identity"
    )
    kind: str = Field(default="threshold", description="threshold unless said; a rule with sql need not say so")
    every: Duration | None = Field(default=None, gt=0, description="time between evaluations; the window unless said")
    delay: Duration = Field(
        default=0, description="evaluate a window this long after its end, for events that come late"
    )
    for_: Duration = Field(
        default=0, alias="for", description="how long it must be breached before it fires; pending until then"
    )
    keep_firing_for: Duration = Field(
        default=0, description="a firing alert must be clear for this long before it resolves"
    )
    min_count: int | None = Field(default=None, ge=0, description="fewer events are no data; 1 unless said")
    no_data: Literal["no_data", "ok", "firing"] = Field(default="no_data", description="what a window without data is")
    forget_after: Duration = Field(
        default=7 * 86_400,
        gt=0,
        description="a group without data for this long is expected no more, unless it has an alert",
    )
    severity: Severity = Field(default="warning", description="info, warning or critical")
    labels: dict[str, str] = Field(default={}, description="fixed labels on each alert, for routing")
    summary: str = Field(default="", max_length=2_000, description="the alert's sentence, with {value} and the like")
    runbook: str = Field(default="", max_length=2_000, description="a link to what to do")

    _part_of: str = PrivateAttr(default="")

    @property
    def part_of(self) -> str:
        """The name in the settings: its own, or that of the rule of which it is one level."""
        return self._part_of or self.name

    @property
    def window(self) -> int:
        """Seconds that one evaluation looks at."""
        raise NotImplementedError

    @property
    def step(self) -> int:
        """Seconds between evaluations."""
        return self.every or self.window

    @property
    def above(self) -> float | None:
        """Breached when the value is greater."""
        return None

    @property
    def below(self) -> float | None:
        """Breached when the value is smaller."""
        return None

    @property
    def clear_above(self) -> float | None:
        """A firing alert resolves at this value or under it; None is `above`."""
        return None

    @property
    def clear_below(self) -> float | None:
        """A firing alert resolves at this value or over it; None is `below`."""
        return None

    @property
    def metric(self) -> str | None:
        """What is measured, by its name; None for a rule in SQL."""
        return self.measure.name if self.measure else None

    @property
    def sql(self) -> str | None:
        """The SELECT of a rule in SQL."""
        return None

    @property
    def measure(self) -> Metric | None:
        """What is measured; None for a rule in SQL."""
        return None

    @property
    def facts(self) -> tuple[str, ...]:
        """The names under which it may tell more than the value: for the summary, and for whoever gets the alert."""
        return ()

    def window_start(self, window_end: int) -> int:
        """When the window began that ends then (epoch seconds)."""
        return window_end - self.window

    @property
    def least(self) -> int:
        """The fewest events that a value can rest on."""
        if self.min_count is not None:
            return self.min_count
        return 0 if self.measure and self.measure.zero_is_data else 1

    @property
    def where(self) -> Where:
        """Column = value, or a list of values, of the events that it measures."""
        return {}

    @property
    def group_by(self) -> list[str]:
        """The columns whose combinations are alerts of their own."""
        return []

    def measured(self, asker: Asker, first: int, last: int) -> Iterable[Row]:
        """What it measures in the windows of the steps first to last, in no order.

        Raises:
            QueryError: it cannot be evaluated.
            TooManyRowsError: so many windows are too many for one answer.
        """
        raise NotImplementedError

    def parts(self) -> tuple[Rule, ...]:
        """What is evaluated: the rule, or a rule for each of its levels, which differ in bounds and severity."""
        return (self,)

    def about(self) -> str:
        """The beginning of a sentence about an alert, as a template: the rule's name and the group."""
        return literal(self.part_of) + ("{for_labels}" if self.group_by else "")

    def part(self, called: str, **keys: object) -> Self:
        """A level of this rule: the same with other keys, under the rule's name and its own."""
        level = self.model_copy(update={"name": f"{self.name}: {called}", **keys})
        level._part_of = self.name  # noqa: SLF001 - it is our own
        return level

    @field_validator("summary")
    @classmethod
    def _template(cls, text: str) -> str:
        names_in(text)
        return text
