"""The SQL of a rule, checked when it is loaded: one SELECT, and no parameter that the monitor does not bind."""

from __future__ import annotations

from typing import Final

import duckdb

PARAMETERS: Final = ("window_start", "window_end")


def parameters_of(sql: str) -> set[str]:
    """The named parameters that a single SELECT uses.

    Raises:
        ValueError: it cannot be parsed, or it is not exactly one SELECT.
    """
    try:
        statements = duckdb.extract_statements(sql)
    except duckdb.Error as error:
        raise ValueError(f"the SQL cannot be parsed: {str(error).splitlines()[0]}") from None
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise ValueError(f"sql must be exactly one SELECT, and this has {_described(statements)}")
    return {str(name) for name in statements[0].named_parameters}


def check_sql(sql: str) -> None:
    """Refuse SQL that could never be evaluated.

    Raises:
        ValueError: it cannot be parsed, is not one SELECT, or has a parameter that is not bound.
    """
    for name in sorted(parameters_of(sql) - set(PARAMETERS)):
        raise ValueError(f"sql uses ${name}, which is not bound; it can use $window_start and $window_end")


def _described(statements: list[duckdb.Statement]) -> str:
    if not statements:
        return "none"
    if len(statements) > 1:
        return f"{len(statements)} statements"
    return f"a statement of type {statements[0].type.name}"
