"""The answer to people's SQL as a table and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.dashboard.lakes import span

from deadreckon.core.settings import QuerySettings
from deadreckon.dashboard.services import console
from deadreckon.dashboard.services.source import Source
from deadreckon.queries.catalog import views
from deadreckon.queries.sandbox import Answer

EVERYTHING = """
SELECT 1 AS a, 2 AS a, [1, NULL] AS list, {'x': DATE '2026-01-01'} AS struct, MAP {1: 2} AS map,
    170141183460469231731687303715884105727::HUGEINT AS huge, 9007199254740993 AS wide, 1.50::DECIMAL(4, 2) AS money,
    'nan'::DOUBLE AS nan, NULL AS nothing, 'ab'::BLOB AS bytes, TIMESTAMPTZ '9999-12-31 00:00:00+00' AS late,
    DATE '0001-01-01' AS early, INTERVAL 1 DAY AS span, TIME '12:00:00' AS noon, uuid() AS id, true AS yes,
    'a,"b' || chr(10) || 'c' AS text
"""


@pytest.fixture
def answer(source: Callable[..., Source]) -> Answer:
    """One row with a value of every type, under two columns of one name."""
    return source(span("t", "s", 0)).ask_freely(EVERYTHING)


def test_every_type_is_a_table(answer: Answer) -> None:
    """Numbers and times keep their type; what a browser would round or does not know is text."""
    table = console.table_of(answer)
    assert table.column_names[:3] == ["a", "a (2)", "list"]
    row = table.to_pylist()[0]
    assert row["huge"] == "170141183460469231731687303715884105727"
    assert row["wide"] == "9007199254740993"
    assert (row["list"], row["struct"], row["map"]) == ("[1,null]", '{"x":"2026-01-01"}', '{"1":2}')
    assert (row["money"], row["nothing"], row["bytes"], row["yes"]) == (1.5, None, "6162", True)
    assert (row["late"].year, row["early"].year) == (9999, 1)


def test_every_type_is_csv(answer: Answer) -> None:
    """The CSV has the query's own names and one row per row, whatever is in the texts."""
    header, row = csv.reader(io.StringIO(console.csv_of(answer).decode()))
    assert header == answer.columns
    values = dict(zip(header, row, strict=True))
    assert (values["text"], values["nothing"], values["late"]) == ('a,"b\nc', "", "9999-12-31T00:00:00+00:00")


@given(st.lists(st.sampled_from(["a", "a (2)", "b", ""])))
def test_column_names_become_distinct(names: list[str]) -> None:
    """However often a name comes, no two columns of the table share one."""
    assert len(set(console.distinct(names))) == len(names)


def test_every_view_has_a_query(source: Callable[..., Source]) -> None:
    """What the page offers for a view runs, and gives the columns that are documented beside it."""
    asked = source(span("t", "s", 0))
    for view in views().values():
        assert asked.ask_freely(console.sample_query(view)).columns == [c.name for c in view.columns]


def test_views_by_name() -> None:
    """A view is found however its name is written; what is none is none."""
    view = console.view_named(" LLM_Calls ")
    assert view is not None
    assert view.name == "llm_calls"
    assert console.view_named("events; DROP TABLE x") is None
    assert console.view_named(None) is None


def test_limits_are_stated() -> None:
    """The page says what a query may take."""
    said = console.limits_of(QuerySettings(memory_limit="1GB"))
    assert said == "Read-only. At most 10,000 rows or 16 MB, 30 s and 1GB of memory for a query."
