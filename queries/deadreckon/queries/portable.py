"""The same views on other engines: DuckDB's SQL transpiled by sqlglot, with our macros put in by hand.

sqlglot passes what it does not know, and turns some functions silently into others (percentile_cont into an
approximation). So the views call our macros where engines differ, each macro is written once per engine, and
whatever sqlglot says it cannot express is an error.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import Any, Final

import sqlglot
from sqlglot import ErrorLevel, exp

from deadreckon.core.errors import QueryError
from deadreckon.queries.catalog import View

Node = Any
"""A node of sqlglot's tree, whose base class has changed its name between versions."""

_MACRO: Final = re.compile(r"^(\w+)\(([^)]*)\): (.+)$", re.MULTILINE)
ENGINES: Final = ("spark",)
PORTABLE: Final = frozenset(
    {
        *(
            "COALESCE",
            "NULLIF",
            "GREATEST",
            "LEAST",
            "CASE",
            "IF",
            "CAST",
            "TRY_CAST",
            "LENGTH",
            "CURRENT_TIMESTAMP",
            "AND",
            "ABS",
            "EXISTS",
            "MD5",
            "SUBSTRING",
            "OR",
        ),
        *("COUNT", "SUM", "MIN", "MAX", "AVG", "STDDEV_SAMP", "ARG_MIN", "ARG_MAX", "ROW_NUMBER", "LAG", "LEAD"),
    }
)
"""Functions that mean the same on every engine once sqlglot has written them. ARG_MIN and ARG_MAX pass over rows whose
argument is NULL in DuckDB and not in Spark: a view filters such rows out itself."""


@cache
def macro_table(engine: str) -> dict[str, tuple[tuple[str, ...], Node]]:
    """An engine's macros: name -> (parameters, the expression that stands for a call)."""
    text = (resources.files("deadreckon.queries") / "macros" / f"{engine}.sql").read_text("utf-8")
    return {
        name: (tuple(p.strip() for p in params.split(",")), sqlglot.parse_one(body, read=engine))
        for name, params, body in _MACRO.findall(text)
    }


def transpile(view: View, engine: str = "spark") -> str:
    """The view's query in another engine's SQL.

    Raises:
        QueryError: the engine is unknown, or the view uses something that sqlglot cannot express there.
    """
    if engine not in ENGINES:
        raise QueryError(f"views cannot be written for {engine!r}", hint=f"engines: {', '.join(ENGINES)}")
    try:
        tree = sqlglot.parse_one(view.sql, read="duckdb", error_level=ErrorLevel.RAISE)
        _check(view, tree, engine)
        written = tree.transform(_put_in, macro_table(engine), copy=True)
        return str(written.sql(dialect=engine, unsupported_level=ErrorLevel.RAISE, pretty=True))
    except (sqlglot.errors.ParseError, sqlglot.errors.UnsupportedError) as error:
        raise QueryError(
            f"view {view.name} cannot be written for {engine}: {error}",
            hint="keep to the portable subset, or give the construct a macro in queries/macros",
        ) from error


def _check(view: View, tree: Node, engine: str) -> None:
    used = {(f.name if isinstance(f, exp.Anonymous) else f.sql_name()).upper() for f in tree.find_all(exp.Func)}
    unknown = used - PORTABLE - {name.upper() for name in macro_table(engine)}
    if unknown:
        raise QueryError(
            f"view {view.name} cannot be written for {engine}: nobody knows whether "
            f"{', '.join(sorted(unknown))} means the same there",
            hint="keep to portable.PORTABLE, or give the function a macro in queries/macros",
        )


def _put_in(node: Node, table: dict[str, tuple[tuple[str, ...], Node]]) -> Node:
    if not isinstance(node, exp.Anonymous) or node.name.lower() not in table:
        return node
    params, body = table[node.name.lower()]
    given = {p: a.transform(_put_in, table) for p, a in zip(params, node.expressions, strict=True)}

    def fill(part: Node) -> Node:
        if isinstance(part, exp.Column) and part.name in given and not part.table:
            value = given[part.name].copy()
            return exp.paren(value) if isinstance(value, exp.Binary) else value
        return part

    return (
        exp.paren(body.transform(fill, copy=True)) if isinstance(body, exp.Binary) else body.transform(fill, copy=True)
    )
