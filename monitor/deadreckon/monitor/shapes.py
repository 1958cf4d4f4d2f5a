"""What rules of several kinds have in common: bounds that the user gives, and a choice of events in groups."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final, Self

from pydantic import Field, model_validator

from deadreckon.core.schema import EVENTS
from deadreckon.core.settings import nearest
from deadreckon.monitor.rule import Bound, Rule
from deadreckon.monitor.summary import unknown_names
from deadreckon.monitor.windows import Scalar, Where

ORDERED: Final = ("string", "bigint", "boolean")
"""The types of columns that can be compared exactly."""


class Bounded(Rule):
    """A rule whose bounds the user gives."""

    above_: Bound | None = Field(default=None, alias="above", description="breached when the value is greater")
    below_: Bound | None = Field(default=None, alias="below", description="breached when the value is smaller")
    clear_above_: Bound | None = Field(
        default=None,
        alias="clear_above",
        description="a firing alert resolves at this value or under it; above unless said",
    )
    clear_below_: Bound | None = Field(
        default=None,
        alias="clear_below",
        description="a firing alert resolves at this value or over it; below unless said",
    )

    @property
    def above(self) -> float | None:
        """Breached when the value is greater."""
        return self.above_

    @property
    def below(self) -> float | None:
        """Breached when the value is smaller."""
        return self.below_

    @property
    def clear_above(self) -> float | None:
        """A firing alert resolves at this value or under it; None is `above`."""
        return self.clear_above_

    @property
    def clear_below(self) -> float | None:
        """A firing alert resolves at this value or over it; None is `below`."""
        return self.clear_below_

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.above is None and self.below is None:
            raise ValueError("give above, below or both: a rule without a threshold cannot fire")
        for side in ("above", "below"):
            if getattr(self, f"clear_{side}") is not None and getattr(self, side) is None:
                raise ValueError(f"clear_{side} goes with {side}, which is not given")
        above, below = self.above, self.below
        high = above if self.clear_above is None else self.clear_above
        low = below if self.clear_below is None else self.clear_below
        if above is not None and high is not None and high > above:
            raise ValueError(f"clear_above = {high} is over above = {above}: it would resolve while breached")
        if below is not None and low is not None and low < below:
            raise ValueError(f"clear_below = {low} is under below = {below}: it would resolve while breached")
        if high is not None and low is not None and low > high:
            raise ValueError(f"no value can be clear: it would have to be at least {low} and at most {high}")
        return self


class Grouped(Rule):
    """A rule over some of the events, one alert for each combination of columns."""

    where_: dict[str, Scalar | list[Scalar]] = Field(
        default={}, alias="where", description="column = value, or a list of values; all must hold"
    )
    group_by_: list[str] = Field(
        default=[], alias="group_by", description="one alert for each combination of these columns"
    )

    @property
    def where(self) -> Where:
        """Column = value, or a list of values, of the events that it measures."""
        return self.where_

    @property
    def group_by(self) -> list[str]:
        """The columns whose combinations are alerts of their own."""
        return self.group_by_

    def columns(self) -> Mapping[str, str]:
        """What it can filter and group by, with each column's type."""
        return {name: column.type for name, column in EVENTS.items() if column.type in ORDERED}

    @model_validator(mode="after")
    def _columned(self) -> Self:
        allowed = self.columns()
        for key, names in (("where", list(self.where)), ("group_by", self.group_by)):
            for name in names:
                if name not in allowed:
                    why = "is not a column" if name not in EVENTS else self.why_not(name)
                    raise ValueError(f"{key} names {name!r}, which {why}; {nearest(name, sorted(allowed))}")
        for name, value in self.where.items():
            for one in value if isinstance(value, list) else [value]:
                _check_type(name, one, allowed[name])
            if value == []:
                raise ValueError(f"where.{name} is an empty list, which nothing equals")
        repeated = [name for name, count in Counter(self.group_by).items() if count > 1]
        if repeated:
            raise ValueError(f"group_by names {repeated[0]!r} twice")
        for name in set(self.group_by) & set(self.labels):
            raise ValueError(f"labels sets {name!r}, which group_by fills")
        unknown = unknown_names(self.summary, [*self.group_by, *self.labels, *self.facts])
        if unknown:
            raise ValueError(f"summary names {{{unknown[0]}}}, which is neither a fact nor a label of this rule")
        return self

    def why_not(self, name: str) -> str:
        """Why a column of the events can be no filter or group of this rule."""
        exact = EVENTS[name].type in ORDERED
        return "is no column of what this rule measures" if exact else "cannot be compared exactly"


def _check_type(name: str, value: Scalar, kind: str) -> None:
    fits = {
        "string": isinstance(value, str),
        "boolean": isinstance(value, bool),
        "bigint": isinstance(value, int) and not isinstance(value, bool),
    }[kind]
    if not fits:
        raise ValueError(f"where.{name} = {value!r} does not fit the column, which holds a {kind}")
