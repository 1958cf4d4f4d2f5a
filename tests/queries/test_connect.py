"""`connect()`: every view, on the newest snapshot, for people at a notebook."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from tests.queries.lakes import add, at, make_lake

from deadreckon.core import schema
from deadreckon.core.errors import ConfigError, LakeNotFoundError
from deadreckon.core.settings import Settings
from deadreckon.queries import connect
from deadreckon.queries.catalog import views

OLD = tuple(c for c in schema.events_part() if c.name not in ("cost_usd", "variant", "attributes"))


def test_every_view_answers_on_an_empty_lake(tmp_path: Path) -> None:
    """A lake without a single event has every view, each with no row."""
    with connect(make_lake(tmp_path)) as con:
        for name in views():
            assert con.execute(f"SELECT count(*) FROM {name}").fetchone() == (0,)


def test_times_are_in_utc(tmp_path: Path) -> None:
    """Times are handed over in UTC whatever the machine's zone, and so are days."""
    with connect(make_lake(tmp_path, [{"kind": "log", "ts": at("3 23:30:00")}])) as con:
        rows = con.execute("SELECT ts, date, CAST(ts AS DATE) FROM events").fetchall()
    assert rows == [(at("3 23:30:00"), at("3").date(), at("3").date())]


def test_files_of_an_older_schema_give_nulls(tmp_path: Path) -> None:
    """A file that was written before a column existed has NULL there, beside files that have it."""
    lake = make_lake(tmp_path, [{"kind": "log", "cost_usd": 1.0, "event": "new"}])
    add(lake, [{"kind": "log", "event": "old"}], columns=OLD)
    with connect(lake) as con:
        assert con.execute("SELECT event, cost_usd, variant FROM events ORDER BY event").fetchall() == [
            ("new", 1.0, None),
            ("old", None, None),
        ]


def test_a_column_that_no_file_has_is_null(tmp_path: Path) -> None:
    """After an upgrade, before the next ingest, the views already have the new columns."""
    lake = make_lake(tmp_path)
    add(lake, [{"kind": "log"}], columns=OLD)
    with connect(lake) as con:
        assert con.execute("SELECT cost_usd, attributes FROM events").fetchall() == [(None, None)]
        assert con.execute("SELECT count(*) FROM model_calls").fetchone() == (0,)


def test_names_with_quotes_in_the_path_are_no_trouble(tmp_path: Path) -> None:
    """A folder may be called anything."""
    lake = make_lake(tmp_path / "it's = my lake", [{"kind": "log"}])
    with connect(lake) as con:
        assert con.execute("SELECT count(*) FROM events").fetchone() == (1,)


# DuckDB's own conversion uses what this version of pandas has begun to deprecate.
@pytest.mark.filterwarnings("ignore:The inplace keyword")
def test_results_come_as_polars_pandas_and_arrow(tmp_path: Path) -> None:
    """DuckDB's own methods hand over frames of the three libraries."""
    pandas = pytest.importorskip("pandas")
    polars = pytest.importorskip("polars")
    lake = make_lake(tmp_path, [{"kind": "log", "ts": at("3 10:00:00"), "value": 1.5}])
    with connect(lake) as con:
        sql = "SELECT ts, value, event_id FROM events"
        frame = con.sql(sql).pl()
        assert isinstance(frame, polars.DataFrame)
        assert frame["ts"].to_list() == [at("3 10:00:00")]
        table = con.sql(sql).to_arrow_table()
        assert isinstance(table, pa.Table)
        assert table.column("value").to_pylist() == [1.5]
        panda = con.sql(sql).df()
        assert isinstance(panda, pandas.DataFrame)
        assert panda["ts"][0].to_pydatetime() == at("3 10:00:00")


def test_the_connection_is_the_users_own(tmp_path: Path) -> None:
    """Tables of one's own can be made and joined; the lake is not written."""
    lake = make_lake(tmp_path, [{"kind": "log", "model": "m"}])
    with connect(lake) as con:
        con.execute("CREATE TABLE owners AS SELECT 'm' AS model, 'ana' AS owner")
        assert con.execute("SELECT owner FROM events JOIN owners USING (model)").fetchall() == [("ana",)]


def test_the_settings_name_the_lake(tmp_path: Path) -> None:
    """Without an argument the lake is that of the settings."""
    make_lake(tmp_path, [{"kind": "log"}])
    with connect(settings=Settings(lake=str(tmp_path))) as con:
        assert con.execute("SELECT count(*) FROM events").fetchone() == (1,)


def test_no_lake_is_said(tmp_path: Path) -> None:
    """A folder without a lake is an error with a next step."""
    with pytest.raises(LakeNotFoundError) as missing:
        connect(tmp_path)
    assert "reckon ingest" in missing.value.hint


@pytest.mark.parametrize(
    ("prices", "said"),
    [
        ({"m": {"input_per_mtok": 1}}, "output_per_mtok is None"),
        ({"m": {"input_per_mtok": -1, "output_per_mtok": 1}}, "-1"),
        ({"m": {"input_per_mtok": True, "output_per_mtok": 1}}, "True"),
        ({"m": {"input_per_mtok": float("nan"), "output_per_mtok": 1}}, "nan"),
        ({"m": {"input_per_mtok": "1", "output_per_mtok": 1}}, "'1'"),
        ({"m": {"input_per_mtok": 1, "output_per_mtok": 1, "per_call": 1}}, "per_call"),
        ({"m": {"input_per_mtok": 1, "output_per_mtok": 1, "valid_from": "soon"}}, "soon"),
        ({"m": {"input_per_mtok": 1, "output_per_mtok": 1, "earlier": 3}}, "earlier"),
        (
            {
                "m": {
                    "input_per_mtok": 1,
                    "output_per_mtok": 1,
                    "earlier": [{"input_per_mtok": 1, "output_per_mtok": 1}],
                }
            },
            "two prices",
        ),
    ],
)
def test_prices_that_make_no_sense_are_said(tmp_path: Path, prices: dict[str, dict[str, object]], said: str) -> None:
    """A wrong price is an error that names the model and the value, never a wrong cost."""
    lake = make_lake(tmp_path)
    with pytest.raises(ConfigError) as wrong:
        connect(lake, settings=Settings.model_validate({"prices": prices}))
    assert said in wrong.value.message
    assert wrong.value.hint
