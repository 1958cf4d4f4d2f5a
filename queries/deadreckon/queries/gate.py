"""The gate before the sandbox's engine: exactly one query that only reads, told from DuckDB's own syntax tree.

Counting statements is not enough: `WITH x AS (COPY ... TO 'f') SELECT 1` is one SELECT to DuckDB. So the tree is
walked, and whatever is not on a list of known harmless parts is refused; an unknown part is refused too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import duckdb
import orjson

from deadreckon.core.errors import QueryError

_EXPLAIN: Final = re.compile(r"^\s*EXPLAIN\s+(ANALYZE\s+)?", re.IGNORECASE)
_COMMENT: Final = re.compile(r"^\s*(?:--[^\n]*(?:\n|$)|/\*.*?\*/)", re.DOTALL)
MAX_CHARACTERS: Final = 1_000_000
_PARTS: Final = frozenset(
    {
        *("SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"),
        *("BASE_TABLE", "SUBQUERY", "JOIN", "TABLE_FUNCTION", "EXPRESSION_LIST", "EMPTY", "PIVOT", "SHOW_REF"),
        *("LIMIT_MODIFIER", "LIMIT_PERCENT_MODIFIER", "ORDER_MODIFIER", "DISTINCT_MODIFIER"),
        *("ORDER_DEFAULT", "ASCENDING", "DESCENDING"),
    }
)
"""Parts of a query, its tables and its modifiers that can only read. Expressions are judged by their functions."""

_TABLE_FUNCTIONS: Final = frozenset(
    {
        *("range", "generate_series", "unnest", "json_each", "json_tree", "repeat", "repeat_row"),
        *("duckdb_columns", "duckdb_views", "duckdb_tables", "duckdb_functions", "duckdb_keywords", "duckdb_types"),
        *("drift_buckets", "drift_distances"),  # our own macros over the profiles
        *("pragma_table_info", "pragma_version", "pg_timezone_names", "icu_calendar_names"),
    }
)
_REFUSED_FUNCTIONS: Final = frozenset(
    {
        *("query", "query_table", "json_execute_serialized_sql", "write_log", "sleep_ms", "pg_sleep"),
        *("setseed", "setval", "nextval", "currval", "getvariable", "getenv", "current_setting", "glob", "sniff_csv"),
    }
)
"""Functions that reach out of the query, change state, read the environment, or just wait."""

_HOW: Final = (
    "ask with one SELECT over the views (`reckon views` lists them); SHOW TABLES, DESCRIBE and EXPLAIN work too"
)
_LIFT: Final = "; for files of your own, `reckon sql --unsafe-local` lifts the sandbox"
_SAVE: Final = 'ask with a SELECT and keep the answer: reckon sql "SELECT ..." --format csv > FILE'
_FILES: Final = re.compile(r"read_|parquet_|sniff_csv$|glob$|\w+_scan$")
"""Functions that read files."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """A statement that may run, the relations that it names, and whether it asks about the catalog itself."""

    sql: str
    relations: frozenset[str]
    asks_catalog: bool


def admit(con: duckdb.DuckDBPyConnection, sql: str) -> Admitted:
    """The statement to run: `sql` itself, or an EXPLAIN rebuilt around a query that was itself admitted.

    Raises:
        QueryError: it is not exactly one statement, or does anything but read the views.
        duckdb.Error: it does not parse.
    """
    if len(sql) > MAX_CHARACTERS:
        raise QueryError(
            f"the query has {len(sql)} characters, and at most {MAX_CHARACTERS} are taken",
            hint="bind long lists as a parameter: WHERE list_contains($ids, request_id)",
        )
    if "\x00" in sql:
        raise QueryError("the query has a NUL byte in it", hint="remove it")
    statement = _only(con, sql)
    if statement.type != duckdb.StatementType.EXPLAIN:
        return _admit_select(con, sql, statement)
    bare = sql
    while match := _COMMENT.match(bare):
        bare = bare[match.end() :]
    match = _EXPLAIN.match(bare)
    inner = bare[match.end() :] if match else ""
    if match is None or inner.lstrip().startswith("("):
        raise QueryError(
            "this form of EXPLAIN is refused", hint="write EXPLAIN SELECT ... or EXPLAIN ANALYZE SELECT ..."
        )
    admitted = _admit_select(con, inner, _only(con, inner))
    explain = f"EXPLAIN {'ANALYZE ' if match.group(1) else ''}{inner}"
    return Admitted(explain, admitted.relations, admitted.asks_catalog)


def _only(con: duckdb.DuckDBPyConnection, sql: str) -> Any:
    statements = con.extract_statements(sql)
    if not statements:
        raise QueryError("there is no query", hint=_HOW)
    if len(statements) > 1:
        raise QueryError(f"these are {len(statements)} statements, and one at a time is answered", hint=_HOW)
    return statements[0]


def _admit_select(con: duckdb.DuckDBPyConnection, sql: str, statement: Any) -> Admitted:
    if statement.type != duckdb.StatementType.SELECT:
        name = statement.type.name
        if name == "MULTI":
            raise QueryError(
                "PIVOT without a list of values is several statements, and one at a time is answered",
                hint="name the values: PIVOT t ON column IN ('a', 'b') USING ...",
            )
        save = name in ("COPY", "EXPORT")
        raise QueryError(f"{_article(name)} statement is refused: the sandbox only reads", hint=_SAVE if save else _HOW)
    row = con.execute("SELECT json_serialize_sql(CAST(? AS VARCHAR))", [sql]).fetchone()
    try:
        tree = orjson.loads(row[0] if row else "")
    except orjson.JSONDecodeError as error:
        raise QueryError("the query is nested too deeply to be checked", hint="take it apart with WITH") from error
    if tree["error"]:
        raise QueryError(f"the query cannot be checked: {tree['error_message']}", hint=_HOW)
    relations = set()
    asks_catalog = False
    for part in _parts(tree["statements"]):
        _judge(part)
        if part.get("type") == "BASE_TABLE":
            relations.add(str(part.get("table_name", "")).lower())
            asks_catalog = asks_catalog or bool(part.get("schema_name"))
        asks_catalog = asks_catalog or part.get("type") in ("SHOW_REF", "TABLE_FUNCTION")
    return Admitted(sql, frozenset(relations), asks_catalog)


def _article(name: str) -> str:
    return f"an {name}" if name[0] in "AEIOU" else f"a {name}"


def _parts(tree: Any) -> Iterator[dict[str, Any]]:
    waiting = [tree]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            yield item
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)


def _judge(part: dict[str, Any]) -> None:
    kind = part.get("type")
    if isinstance(kind, str) and "class" not in part and kind not in _PARTS and not kind.endswith("_TYPE_INFO"):
        what = kind.removesuffix("_QUERY_NODE").removesuffix("_NODE").removesuffix("_REF")
        raise QueryError(f"{what} inside a query is refused: the sandbox only reads", hint=_HOW)
    if kind == "BASE_TABLE" and re.search(r"[/\\:*?]|\.\w+$", str(part.get("table_name", ""))):
        _refuse_file(str(part["table_name"]))
    if kind == "TABLE_FUNCTION":
        name = str(part["function"].get("function_name", "")).lower()
        if name not in _TABLE_FUNCTIONS:
            _refuse_function(name)
    if part.get("class") in ("FUNCTION", "WINDOW"):
        name = str(part.get("function_name", "")).lower()
        if name in _REFUSED_FUNCTIONS or (
            name.startswith(("read_", "parquet_", "pragma_")) and name not in _TABLE_FUNCTIONS
        ):
            _refuse_function(name)


def _refuse_function(name: str) -> NoReturn:
    hint = _HOW + _LIFT if _FILES.match(name) else _HOW
    raise QueryError(f"function {name} is refused: the sandbox reads the views and nothing else", hint=hint)


def _refuse_file(name: str) -> NoReturn:
    raise QueryError(f"reading {name!r} is refused: the sandbox reads the views and no files", hint=_HOW + _LIFT)
