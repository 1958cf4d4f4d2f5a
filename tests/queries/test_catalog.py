"""The views' own documentation: complete, true, and the same everywhere."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from deadreckon.core import schema
from deadreckon.core.errors import UsageError
from deadreckon.queries.catalog import HeaderError, parse, views
from deadreckon.queries.described import columns, markdown, view_named

ROOT = Path(__file__).parents[2]
PROMISED = {
    *("events", "spans", "llm_calls", "tool_calls", "traces", "sessions", "requests", "runs", "run_metrics", "models"),
    *("provenance", "latency_by_version", "errors_by_version", "cost_by_version", "cost_by_session", "cost_by_user"),
    *("cost_by_day", "wasted_cost", "scores", "feedback", "contracts", "decisions", "artifacts", "folds", "alerts"),
    *("quarantine", "sources", "freshness"),
}


def test_every_promised_view_is_there() -> None:
    """The views that the documentation promises exist."""
    assert views().keys() >= PROMISED


@pytest.mark.parametrize("name", sorted(views()))
def test_documentation_and_columns_agree(name: str) -> None:
    """Every column is documented, nothing documented is missing, and both are in the same order."""
    assert [c.name for c in views()[name].columns] == [c.name for c in columns()[name]]
    assert all(c.doc for c in columns()[name])


@pytest.mark.parametrize("name", sorted(views()))
def test_columns_of_the_event_schema_keep_its_types(name: str) -> None:
    """A column that bears a name of the event schema has its type, so that views join on it."""
    known = {c.name: c.duckdb_type for c in schema.events_part()}
    differing = {c.name: c.type for c in columns()[name] if c.name in known and c.type != known[c.name]}
    assert differing == {}


@pytest.mark.parametrize("name", sorted(views()))
def test_a_view_is_made_after_those_it_reads(name: str) -> None:
    """The order in which views are made follows what they really read."""
    tree = sqlglot.parse_one(views()[name].sql, read="duckdb")
    own = {cte.alias for cte in tree.find_all(exp.CTE)}
    read = {table.name for table in tree.find_all(exp.Table)} - own
    assert read <= views()[name].reads
    place = list(views())
    assert all(place.index(other) < place.index(name) for other in read if other in views())


def test_the_page_of_views_is_up_to_date() -> None:
    """docs/views.md is what `reckon views --docs` writes."""
    written = (ROOT / "docs" / "views.md").read_text("utf-8")
    assert written == markdown(), "run: reckon views --docs > docs/views.md"


def test_an_unknown_view_comes_with_the_nearest() -> None:
    """A misspelt view name is answered with the one that was meant."""
    with pytest.raises(UsageError) as mistake:
        view_named("error_by_version")
    assert "errors_by_version" in mistake.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1",
        "-- v: what\nSELECT 1",
        "-- w: what\n-- Grain: one\n-- Columns:\n--   a  is\nSELECT 1 AS a",
        "-- v: what\n-- Grain: one\n-- Columns:\n--   mystery\nSELECT 1 AS mystery",
        "-- v: what\n-- Grain: one\n-- Columns:\n--   !\nSELECT 1",
    ],
)
def test_a_file_without_its_documentation_is_refused(text: str) -> None:
    """Purpose, grain and columns are not optional."""
    with pytest.raises(HeaderError):
        parse("v", text)
