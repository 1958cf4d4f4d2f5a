"""What the rules measure: by few queries for many windows of a rule, by one query a window for a rule in SQL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from deadreckon.core.errors import QueryError
from deadreckon.monitor.rules import Rule
from deadreckon.monitor.sqlrule import parameters_of
from deadreckon.monitor.stream import Reading, key_of
from deadreckon.monitor.windows import (
    MAX_ROWS,
    Answered,
    Asker,
    Facts,
    Row,
    TooManyRowsError,
    ask,
    between,
    bounds,
    filled,
)

__all__ = ["MAX_GROUPS", "MAX_ROWS", "Asker", "Meter", "Readings"]

MAX_GROUPS: Final = 500
"""Groups that one rule may have in one window; more is an error of the rule, such as grouping by request_id."""

_REMEMBERED: Final = 8
"""Answers that are kept: as many as the chunks of a catch-up of some thousand windows."""

Readings = dict[str, Reading]
"""Readings of one window by the group's key."""


class _Remembering:
    """An asker that knows its last answers: the levels of one rule ask the same, one after the other."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker
        self._answers: dict[str, Answered] = {}

    def query(self, sql: str, params: Mapping[str, Any] | None = None, *, max_rows: int | None = None) -> Answered:
        """The answer, asked for once."""
        key = repr((sql, sorted((params or {}).items()), max_rows))
        if key not in self._answers:
            answer = self._asker.query(sql, params, max_rows=max_rows)
            if len(self._answers) >= _REMEMBERED:
                del self._answers[next(iter(self._answers))]
            self._answers[key] = answer
        return self._answers[key]


class Meter:
    """Measures rules on one snapshot of the lake."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker
        self._remembering = _Remembering(asker)
        self._alive: dict[tuple[int, ...], set[int]] = {}

    def metric(self, rule: Rule, first: int, last: int) -> dict[int, Readings]:
        """Readings of a rule of any kind but sql for the steps first to last; a group without an event has none.

        Raises:
            QueryError: it cannot be evaluated, or has more groups than a rule may have.
        """
        found: dict[int, Readings] = {}
        for row in self._rows(rule, first, last):
            _put(rule, found.setdefault(row.step, {}), row.labels, row.value, row.n, row.facts)
        if not rule.group_by:
            zero = 0.0 if rule.measure and rule.measure.zero_is_data else None
            for step in range(first, last + 1):
                found.setdefault(step, {key_of({}): Reading({}, zero, 0)})
        return found

    def sql(self, rule: Rule, step: int) -> Readings:
        """Readings of a rule in SQL for one step.

        Raises:
            QueryError: it cannot be evaluated, or its answer is not a value for each group.
        """
        sql = rule.sql or ""
        end = step * rule.step
        bound = {
            "window_start": datetime.fromtimestamp(end - rule.window, UTC),
            "window_end": datetime.fromtimestamp(end, UTC),
        }
        answer = self._asker.query(sql, {k: bound[k] for k in parameters_of(sql)}, max_rows=MAX_GROUPS)
        if answer.truncated:
            raise _too_many(rule)
        columns = [c.lower() for c in answer.columns]
        if "value" not in columns:
            raise QueryError(
                f"the SQL of rule {rule.name!r} gives no column named value; it gives {', '.join(answer.columns)}",
                hint="name the measured number: SELECT count(*) AS value ...",
            )
        readings: Readings = {}
        for row in answer.rows:
            named = dict(zip(columns, row, strict=True))
            value, n = named.pop("value"), named.pop("n", None)
            _put(rule, readings, {k: _label(v) for k, v in named.items()}, value, n, {})
        return readings

    def alive(self, rule: Rule, first: int, last: int) -> set[int]:
        """The steps in whose windows the lake holds any event at all."""
        asked = (rule.step, rule.window, first, last)
        if asked not in self._alive:  # rules mostly share their windows
            # A window is alive if its end is: most are known from a look at that.
            alive = self._living(rule.step, min(rule.window, rule.step), first, last)
            dead = [step for step in range(first, last + 1) if step not in alive]
            if dead and rule.window > rule.step:
                alive |= self._living(rule.step, rule.window, dead[0], dead[-1])
            self._alive[asked] = alive
        return self._alive[asked]

    def _living(self, step_s: int, window: int, first: int, last: int) -> set[int]:
        chosen = f"{between()} AND kind IS DISTINCT FROM 'alert'"
        spans = ask(self._asker, filled("alive.sql", filter=chosen), bounds(step_s, window, first, last))
        return {step for earliest, latest in spans for step in range(earliest, latest + 1)}

    def _rows(self, rule: Rule, first: int, last: int) -> Iterable[Row]:
        try:
            return list(rule.measured(self._remembering, first, last))
        except TooManyRowsError:
            if first == last:
                raise _too_many(rule) from None
        middle = (first + last) // 2
        return [*self._rows(rule, first, middle), *self._rows(rule, middle + 1, last)]


def _put(rule: Rule, readings: Readings, labels: Mapping[str, str | None], value: Any, n: Any, facts: Facts) -> None:
    key = key_of(labels)
    if key in readings:
        raise QueryError(
            f"the SQL of rule {rule.name!r} gives two rows for the labels {key}",
            hint="GROUP BY every column that is not value or n",
        )
    if len(readings) >= MAX_GROUPS:
        raise _too_many(rule)
    counted = None if n is None else int(_number(rule, "n", n) or 0)
    readings[key] = Reading(labels, _number(rule, "value", value), counted, facts=facts)


def _number(rule: Rule, column: str, value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return float(value)
    raise QueryError(
        f"rule {rule.name!r} gives {value!r} as its {column}, which is not a number",
        hint=f"CAST it, or give another column the name {column}",
    )


def _label(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _too_many(rule: Rule) -> QueryError:
    return QueryError(
        f"rule {rule.name!r} has more than {MAX_GROUPS} groups in one window",
        hint="group by fewer columns, or by columns with fewer values",
    )
