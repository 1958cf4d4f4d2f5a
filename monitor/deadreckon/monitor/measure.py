"""What the rules measure: one query for many windows of a metric rule, one query a window for a rule in SQL."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Any, Final, Protocol

from deadreckon.core.errors import QueryError
from deadreckon.monitor.metrics import METRICS
from deadreckon.monitor.rules import Rule
from deadreckon.monitor.sqlrule import parameters_of
from deadreckon.monitor.stream import Reading, key_of

MAX_GROUPS: Final = 500
"""Groups that one rule may have in one window; more is an error of the rule, such as grouping by request_id."""
MAX_ROWS: Final = 20_000
_US: Final = 1_000_000


class Answered(Protocol):
    """What an answer must hold: the sandbox's `Answer` does."""

    @property
    def columns(self) -> list[str]:
        """Column names."""
        ...

    @property
    def rows(self) -> list[tuple[Any, ...]]:
        """Rows, as tuples in the order of the columns."""
        ...

    @property
    def truncated(self) -> bool:
        """Whether rows are missing."""
        ...


class Asker(Protocol):
    """Something that answers SQL over the views: the sandbox is one. Raises QueryError when it cannot."""

    def query(self, sql: str, params: Mapping[str, Any] | None = None, *, max_rows: int | None = None) -> Answered:
        """The answer to one SELECT with named parameters bound."""
        ...


Readings = dict[str, Reading]
"""Readings of one window by the group's key."""


class Meter:
    """Measures rules on one snapshot of the lake."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker
        self._alive: dict[tuple[int, ...], set[int]] = {}

    def metric(self, rule: Rule, first: int, last: int) -> dict[int, Readings]:
        """Readings of a metric rule for the steps first to last; a step or group without an event has none.

        Raises:
            QueryError: it cannot be evaluated, or has more groups than a rule may have.
        """
        if rule.measure and rule.measure.source == "newest":
            return self._newest(rule, first, last)
        rows = self._metric_rows(rule, first, last)
        found: dict[int, Readings] = {}
        for step, value, n, *group in rows:
            _put(rule, found.setdefault(step, {}), dict(zip(rule.group_by, group, strict=True)), value, n)
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
            _put(rule, readings, {k: _label(v) for k, v in named.items()}, value, n)
        return readings

    def alive(self, rule: Rule, first: int, last: int) -> set[int]:
        """The steps in whose windows the lake holds any event at all."""
        bounds = _bounds(rule, first, last)
        asked = tuple(bounds.values())
        if asked not in self._alive:  # rules mostly share their windows
            answer = self._asker.query(_template("alive.sql"), bounds, max_rows=last - first + 1)
            self._alive[asked] = {row[0] for row in answer.rows}
        return self._alive[asked]

    def _metric_rows(self, rule: Rule, first: int, last: int) -> list[tuple[Any, ...]]:
        sql, params = _metric_sql(rule, "measure.sql")
        answer = self._asker.query(sql, params | _bounds(rule, first, last), max_rows=MAX_ROWS)
        if not answer.truncated:
            return answer.rows
        if first == last:
            raise _too_many(rule)
        middle = (first + last) // 2
        return self._metric_rows(rule, first, middle) + self._metric_rows(rule, middle + 1, last)

    def _newest(self, rule: Rule, first: int, last: int) -> dict[int, Readings]:
        sql, params = _metric_sql(rule, "newest.sql")
        bounds = _bounds(rule, first, last)
        params |= {k: bounds[k] for k in ("first", "every_us", "to_us")}
        answer = self._asker.query(sql, params, max_rows=MAX_ROWS)
        if answer.truncated:
            raise _too_many(rule)
        placed: dict[int, list[tuple[Any, ...]]] = {}
        for row in answer.rows:
            placed.setdefault(row[0], []).append(row)
        newest: dict[tuple[str | None, ...], int] = {}
        found: dict[int, Readings] = {}
        for step in range(first, last + 1):
            for _, at, _, *group in placed.get(step, ()):
                newest[tuple(group)] = max(at, newest.get(tuple(group), at))
            readings = found.setdefault(step, {})
            for key, at in newest.items():
                age = (step * rule.step * _US - at) / _US
                _put(rule, readings, dict(zip(rule.group_by, key, strict=True)), age, 1)
        return found


def _put(rule: Rule, readings: Readings, labels: Mapping[str, str | None], value: Any, n: Any) -> None:
    key = key_of(labels)
    if key in readings:
        raise QueryError(
            f"the SQL of rule {rule.name!r} gives two rows for the labels {key}",
            hint="GROUP BY every column that is not value or n",
        )
    if len(readings) >= MAX_GROUPS:
        raise _too_many(rule)
    readings[key] = Reading(
        labels, _number(rule, "value", value), None if n is None else int(_number(rule, "n", n) or 0)
    )


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


def _bounds(rule: Rule, first: int, last: int) -> dict[str, int]:
    every, window = rule.step * _US, rule.window * _US
    return {
        "every_us": every,
        "window_us": window,
        "first": first,
        "last": last,
        "from_us": first * every - window,
        "to_us": last * every,
    }


def _metric_sql(rule: Rule, template: str) -> tuple[str, dict[str, Any]]:
    metric = METRICS[rule.metric or ""]
    events = metric.source != "intake"
    conditions = [f"({metric.among})"] if metric.among else []
    if template == "measure.sql":
        conditions.append(
            "date BETWEEN CAST(make_timestamptz($from_us) AS DATE) AND CAST(make_timestamptz($to_us) AS DATE)"
        )
    if not events:
        conditions.append("record = 'source'")
    elif "kind" not in rule.where:
        conditions.append("kind IS DISTINCT FROM 'alert'")
    params: dict[str, Any] = {}
    for column, wanted in rule.where.items():
        values = wanted if isinstance(wanted, list) else [wanted]
        names = [f"where_{len(params) + i}" for i in range(len(values))]
        params |= dict(zip(names, values, strict=True))
        conditions.append(f'"{column}" IN ({", ".join(f"${name}" for name in names)})')
    slots = {
        "time": "ts" if events else "ingested_at",
        "relation": "events" if events else "lake_ledger",
        "filter": " AND ".join(conditions),
        "value": metric.value,
        "n": metric.n,
        "groups": "".join(f', CAST("{c}" AS VARCHAR)' for c in rule.group_by),
        "grouping": "".join(f', CAST("{c}" AS VARCHAR)' for c in rule.group_by),
    }
    return _filled(_template(template), slots), params


def _filled(text: str, slots: Mapping[str, str]) -> str:
    for name, sql in slots.items():
        text = text.replace(f"{{{name}}}", sql)
    return text


@cache
def _template(name: str) -> str:
    return (resources.files("deadreckon.monitor") / name).read_text("utf-8")
