"""The views on other engines: everything is expressible there, and nothing changes its meaning on the way."""

from __future__ import annotations

import re
from importlib import resources

import pytest
import sqlglot
from sqlglot import exp

from deadreckon.core.errors import QueryError
from deadreckon.queries.catalog import View, parse, views
from deadreckon.queries.portable import macro_table, transpile


@pytest.mark.parametrize("name", sorted(views()))
def test_every_view_can_be_written_for_spark(name: str) -> None:
    """No construct of a view is unsupported, and what comes out is Spark's SQL."""
    written = transpile(views()[name])
    assert sqlglot.parse_one(written, read="spark")


@pytest.mark.parametrize("name", sorted(views()))
def test_no_macro_is_left_over(name: str) -> None:
    """Every call of a macro was replaced by the engine's own expression."""
    left = {
        call.name.lower() for call in sqlglot.parse_one(transpile(views()[name]), read="spark").find_all(exp.Anonymous)
    }
    assert left.isdisjoint(macro_table("spark"))


def test_each_engine_defines_the_same_macros() -> None:
    """A macro that one engine has and another lacks would fail only there."""
    text = (resources.files("deadreckon.queries") / "macros" / "duckdb.sql").read_text("utf-8")
    assert set(re.findall(r"CREATE OR REPLACE MACRO (\w+)", text)) == set(macro_table("spark"))


def view(sql: str) -> View:
    """A view of one column with this query."""
    return parse("v", f"-- v: what\n-- Grain: one\n-- Columns:\n--   a  is\n{sql}")


def test_macros_are_put_in_with_their_arguments() -> None:
    """Arguments stand where the parameters stood, in parentheses where they must."""
    written = transpile(view("SELECT ms_between(ts, add_ms(ts, a + b)) AS a FROM events"))
    assert "UNIX_MICROS(CAST(ts AS TIMESTAMP))" in written
    assert "(a + b) * 1000" in " ".join(written.split()).replace("( a + b )", "(a + b)")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY x) AS a FROM events",
        "SELECT quantile_cont(x, 0.5) AS a FROM events",
        "SELECT hash(x) AS a FROM events",
        "SELECT time_bucket(INTERVAL 1 DAY, ts) AS a FROM events",
        "SELECT epoch_ms(ts) AS a FROM events",
        "SELECT len([1]) AS a FROM events",
    ],
)
def test_what_may_change_its_meaning_is_refused(sql: str) -> None:
    """Silent changes are the danger: a function is known to be the same everywhere, or a macro, or an error."""
    with pytest.raises(QueryError, match="view v cannot be written for spark"):
        transpile(view(sql))


def test_what_does_not_parse_is_refused() -> None:
    """A view that is no SQL is said by its name."""
    with pytest.raises(QueryError, match="view v cannot be written for spark"):
        transpile(view("SELECT FROM WHERE"))


def test_an_unknown_engine_is_refused() -> None:
    """Only engines with a table of macros are known."""
    with pytest.raises(QueryError, match="oracle"):
        transpile(view("SELECT 1 AS a"), "oracle")


@pytest.mark.parametrize("name", sorted(views()))
def test_views_leave_no_null_to_arg_min_and_arg_max(name: str) -> None:
    """DuckDB passes over rows whose argument is NULL and Spark does not: views say themselves which rows they mean."""
    for call in sqlglot.parse_one(views()[name].sql, read="duckdb").find_all(exp.ArgMin, exp.ArgMax):
        argument = call.this.sql()
        where = call.parent.sql() if isinstance(call.parent, exp.Filter) else ""
        never_null = isinstance(call.this, exp.Coalesce) or argument == "status"
        assert never_null or f"NOT {argument} IS NULL" in where, call.sql()
