"""How views come into a connection: each once, with stand-ins for those that it reads, all of them or none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from deadreckon.core.lake import Lake
from deadreckon.core.settings import Settings
from deadreckon.ingest import ingest
from deadreckon.queries.binding import Binding, make_views, prepare
from deadreckon.queries.catalog import types
from deadreckon.queries.connection import binding_of
from deadreckon.queries.described import found_types

LINES = '{"ts":"2026-06-01T00:00:00Z","kind":"span","operation":"chat","name":"a","trace_id":"t","span_id":"s"}\n'
MADE = """
SELECT table_name, column_name, data_type, sql
FROM duckdb_columns() AS c JOIN duckdb_views() AS v ON v.view_name = c.table_name WHERE NOT c.internal ORDER BY ALL
"""


@pytest.fixture
def binding(tmp_path: Path) -> Binding:
    """What binds the views to a lake of one event."""
    (tmp_path / "log.jsonl").write_text(LINES)
    ingest([tmp_path / "log.jsonl"], tmp_path / "lake")
    return binding_of(Lake.open(tmp_path / "lake").snapshot(), Settings())


def test_the_kept_types_are_those_that_duckdb_finds() -> None:
    """After a change of a view or of the schema: python -m deadreckon.queries.described."""
    assert types() == found_types()


def test_with_stand_ins_the_same_views_are_made(binding: Binding) -> None:
    """As without, where each view is made after those that it reads."""
    plain = {name: replace(view, columns={}) for name, view in binding.views.items()}
    made = []
    for one in (binding, replace(binding, views=plain)):
        with duckdb.connect() as con:
            prepare(con, one)
            make_views(con, one, one.views, set())
            made.append(
                [(*row[:3], row[3].replace("CREATE OR REPLACE", "CREATE")) for row in con.execute(MADE).fetchall()]
            )
    assert made[0] == made[1]
    assert len({row[0] for row in made[0]}) > len(binding.views)


def test_a_view_that_is_wanted_later_is_made_over_those_that_are_there(binding: Binding) -> None:
    """Only what it needs; those that were made before stay as they are."""
    made: set[str] = set()
    with duckdb.connect() as con:
        prepare(con, binding)
        make_views(con, binding, ["spans"], made)
        assert made == {"events", "spans"}
        make_views(con, binding, ["traces", "spans", "nothing"], made)
        assert {"events", "spans", "traces"} <= made < binding.views.keys()
        assert con.execute("SELECT count(*) FROM traces").fetchone() == (1,)


def test_where_a_file_cannot_be_read_no_view_is_made(binding: Binding, tmp_path: Path) -> None:
    """No stand-in, which would answer that there is nothing, is left behind; when the file is back, all are made."""
    made: set[str] = set()
    (file,) = map(Path, binding.events.files)
    with duckdb.connect() as con:
        prepare(con, binding)
        file.rename(tmp_path / "away")
        with pytest.raises(duckdb.IOException):
            make_views(con, binding, ["traces"], made)
        assert made == set()
        with pytest.raises(duckdb.CatalogException):
            con.execute("SELECT * FROM traces")
        (tmp_path / "away").rename(file)
        make_views(con, binding, ["traces"], made)
        assert con.execute("SELECT count(*) FROM traces").fetchone() == (1,)
