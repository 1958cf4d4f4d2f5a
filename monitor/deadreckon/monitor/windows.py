"""Windows in SQL: what every kind of rule needs to measure many of them by one query."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Protocol

Scalar = bool | int | float | str
Where = Mapping[str, Scalar | list[Scalar]]
Fact = float | int | str | None
Facts = Mapping[str, Fact]
"""What a rule tells beside its value: a few numbers and texts under fixed names."""

MAX_ROWS: Final = 20_000
US: Final = 1_000_000


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


class Row(NamedTuple):
    """What was measured of one group in one window: step k ends its window at k * every."""

    step: int
    labels: dict[str, str | None]
    value: Any
    n: Any
    facts: Facts = MappingProxyType({})


class TooManyRowsError(Exception):
    """An answer does not fit: ask for fewer windows."""


def ask(asker: Asker, sql: str, params: Mapping[str, Any], max_rows: int = MAX_ROWS) -> list[tuple[Any, ...]]:
    """All rows of a SELECT; of the parameters only those that it names are bound.

    Raises:
        TooManyRowsError: there are more than `max_rows`.
        QueryError: it cannot be answered.
    """
    used = set(re.findall(r"\$([a-z_0-9]+)", sql))
    answer = asker.query(sql, {k: v for k, v in params.items() if k in used}, max_rows=max_rows)
    if answer.truncated:
        raise TooManyRowsError
    return answer.rows


def bounds(step: int, window: int, first: int, last: int) -> dict[str, int]:
    """The parameters of the steps first to last, from seconds: `from_us` to `to_us` is all that their windows hold."""
    every = step * US
    return {
        "every_us": every,
        "window_us": window * US,
        "first": first,
        "last": last,
        "from_us": first * every - window * US,
        "to_us": last * every,
    }


def between(start: str = "$from_us", end: str = "$to_us") -> str:
    """A condition: the events of a range of microseconds. The dates let whole files be passed over."""
    return (
        f"date BETWEEN CAST(make_timestamptz({start}) AS DATE) AND CAST(make_timestamptz({end}) AS DATE) "
        f"AND ts >= make_timestamptz({start}) AND ts < make_timestamptz({end})"
    )


def condition(where: Where, *, alerts: bool = False) -> tuple[str, dict[str, Any]]:
    """What `where` asks for, as a condition and its parameters; without the monitor's own alerts unless it names kind.

    `alerts`: whether the relation holds no alerts that had to be left out.
    """
    conditions = [] if alerts or "kind" in where else ["kind IS DISTINCT FROM 'alert'"]
    params: dict[str, Any] = {}
    for column, wanted in where.items():
        values = wanted if isinstance(wanted, list) else [wanted]
        names = [f"where_{len(params) + i}" for i in range(len(values))]
        params |= dict(zip(names, values, strict=True))
        conditions.append(f'"{column}" IN ({", ".join(f"${name}" for name in names)})')
    return " AND ".join(conditions) or "true", params


def texts(columns: Sequence[str]) -> str:
    """Columns as text, each after a comma: what groups are selected and grouped by."""
    return "".join(f', CAST("{c}" AS VARCHAR)' for c in columns)


def named(columns: Sequence[str]) -> tuple[str, str]:
    """Groups under names that no column has: how they are made, and how they are called, each after a comma."""
    made = "".join(f', CAST("{c}" AS VARCHAR) AS group_{i}' for i, c in enumerate(columns))
    return made, "".join(f", group_{i}" for i in range(len(columns)))


def filled(name: str, **slots: str) -> str:
    """The SQL of a file with its words in braces put in; they come from the registry and the schema, never a value."""
    text = _template(name)
    for slot, sql in slots.items():
        text = text.replace(f"{{{slot}}}", sql)
    return text


@cache
def _template(name: str) -> str:
    return (resources.files("deadreckon.monitor") / name).read_text("utf-8")
