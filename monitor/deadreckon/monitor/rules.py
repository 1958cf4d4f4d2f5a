"""Rules: what `[[rules]]` in deadreckon.toml may say, checked strictly before anything is evaluated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from deadreckon.core.errors import ConfigError
from deadreckon.core.schema import EVENTS
from deadreckon.core.settings import nearest
from deadreckon.monitor.duration import LONGEST, parse_duration
from deadreckon.monitor.metrics import METRICS, Metric
from deadreckon.monitor.sqlrule import check_sql
from deadreckon.monitor.summary import names_in, unknown_names

Duration = Annotated[int, BeforeValidator(parse_duration), Field(ge=0, le=LONGEST)]
Bound = Annotated[float, Field(allow_inf_nan=False)]
Scalar = bool | int | float | str
Severity = Literal["info", "warning", "critical"]

INTAKE_COLUMNS: Final = ("source_id", "source_path")
"""What rules on quarantined lines can filter and group by."""
_ORDERED: Final = ("string", "bigint", "boolean")


class Rule(BaseModel):
    """One rule. Durations are whole seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: str = Field(
        min_length=1, max_length=120, pattern=r"^[^\x00-\x1f]+$", description="unique; part of each alert's identity"
    )
    kind: Literal["threshold", "sql"] = Field(
        default="threshold", description="threshold, or sql; a rule with sql need not say so"
    )
    metric: str | None = Field(default=None, description="a metric of the registry; or give sql")
    sql: str | None = Field(
        default=None,
        description="a SELECT giving value, optionally n, and label columns; may use $window_start, $window_end",
    )
    where: dict[str, Scalar | list[Scalar]] = Field(
        default={}, description="metric rules: column = value, or a list of values; all must hold"
    )
    group_by: list[str] = Field(default=[], description="metric rules: one alert for each combination of these columns")
    window: Duration = Field(gt=0, description="how much time one evaluation looks at")
    every: Duration | None = Field(default=None, gt=0, description="time between evaluations; the window unless said")
    delay: Duration = Field(
        default=0, description="evaluate a window this long after its end, for events that come late"
    )
    above: Bound | None = Field(default=None, description="breached when the value is greater")
    below: Bound | None = Field(default=None, description="breached when the value is smaller")
    clear_above: Bound | None = Field(
        default=None, description="a firing alert resolves at this value or under it; above unless said"
    )
    clear_below: Bound | None = Field(
        default=None, description="a firing alert resolves at this value or over it; below unless said"
    )
    for_: Duration = Field(
        default=0, alias="for", description="how long it must be breached before it fires; pending until then"
    )
    keep_firing_for: Duration = Field(
        default=0, description="a firing alert stays firing this long after it was last breached"
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

    @property
    def step(self) -> int:
        """Seconds between evaluations."""
        return self.every or self.window

    @property
    def measure(self) -> Metric | None:
        """The metric; None for a rule in SQL."""
        return METRICS[self.metric] if self.metric else None

    @property
    def least(self) -> int:
        """The fewest events that a value can rest on."""
        if self.min_count is not None:
            return self.min_count
        return 0 if self.measure and self.measure.zero_is_data else 1

    @model_validator(mode="before")
    @classmethod
    def _kind(cls, table: Any) -> Any:
        if isinstance(table, dict) and "kind" not in table and table.get("sql") is not None:
            return table | {"kind": "sql"}
        return table

    @field_validator("summary")
    @classmethod
    def _template(cls, text: str) -> str:
        names_in(text)
        return text

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.metric is None) == (self.sql is None):
            raise ValueError("give exactly one of metric and sql")
        if (self.kind == "sql") != (self.sql is not None):
            raise ValueError(f"kind = {self.kind!r} goes with {'sql' if self.kind == 'sql' else 'metric'}")
        if self.above is None and self.below is None:
            raise ValueError("give above, below or both: a rule without a threshold cannot fire")
        self._check_bounds()
        if self.sql is not None:
            for key in ("where", "group_by"):
                if getattr(self, key):
                    raise ValueError(f"{key} goes with metric; in a rule with sql, write it into the SQL")
            check_sql(self.sql)
        else:
            self._check_columns()
        return self

    def _check_bounds(self) -> None:
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

    def _check_columns(self) -> None:
        metric = METRICS.get(self.metric or "")
        if metric is None:
            raise ValueError(f"there is no metric {self.metric!r}; {nearest(self.metric or '', list(METRICS))}")
        allowed = _columns(metric)
        for key, names in (("where", list(self.where)), ("group_by", self.group_by)):
            for name in names:
                if name not in allowed:
                    why = "is not a column" if name not in EVENTS else "cannot be compared exactly"
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
        unknown = unknown_names(self.summary, [*self.group_by, *self.labels])
        if unknown:
            raise ValueError(f"summary names {{{unknown[0]}}}, which is neither a fact nor a label of this rule")


def load_rules(tables: Sequence[Mapping[str, Any]]) -> tuple[Rule, ...]:
    """The rules of a settings file (`settings.rules`), in its order.

    Raises:
        ConfigError: a key is unknown (the nearest is named), a value is wrong, or two rules share a name.
    """
    rules = tuple(_load(table, place) for place, table in enumerate(tables, start=1))
    seen: dict[str, int] = {}
    for place, rule in enumerate(rules, start=1):
        if rule.name in seen:
            raise ConfigError(
                f"rules {seen[rule.name]} and {place} are both named {rule.name!r}",
                hint="a name is part of each alert's identity: give every rule its own",
            )
        seen[rule.name] = place
    return rules


def documented() -> list[tuple[str, str]]:
    """Each key of a rule and what it means, in order."""
    return [(field.alias or name, field.description or "") for name, field in Rule.model_fields.items()]


def _load(table: Mapping[str, Any], place: int) -> Rule:
    named = f"rule {table['name']!r}" if isinstance(table.get("name"), str) else f"rule {place} of [[rules]]"
    try:
        return Rule.model_validate(dict(table))
    except ValidationError as error:
        first = error.errors()[0]
    where = str(first["loc"][0]) if first["loc"] else ""
    if first["type"] == "extra_forbidden":
        raise ConfigError(f"{named} has an unknown key {where!r}", hint=nearest(where, [k for k, _ in documented()]))
    if first["type"] == "missing":
        raise ConfigError(f"{named} has no {where}", hint=f"add {where} = ...; reckon monitor --keys lists every key")
    text = first["msg"].removeprefix("Value error, ")
    message, _, hint = text.partition("; ")
    at = f" {where}:" if where else ""
    given = f" (it is {first['input']!r})" if where and first["type"] != "value_error" else ""
    raise ConfigError(
        f"{named}:{at} {message[:1].lower()}{message[1:]}{given}", hint=hint or "reckon monitor --keys lists every key"
    )


def _columns(metric: Metric) -> dict[str, str]:
    if metric.source == "intake":
        return dict.fromkeys(INTAKE_COLUMNS, "string")
    return {name: column.type for name, column in EVENTS.items() if column.type in _ORDERED}


def _check_type(name: str, value: Scalar, kind: str) -> None:
    fits = {
        "string": isinstance(value, str),
        "boolean": isinstance(value, bool),
        "bigint": isinstance(value, int) and not isinstance(value, bool),
    }[kind]
    if not fits:
        raise ValueError(f"where.{name} = {value!r} does not fit the column, which holds a {kind}")
