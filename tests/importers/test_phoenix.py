"""Phoenix's store and its dataframe in the lake: what Phoenix computed for its own pages, once."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from tests.importers.stores import FIXTURES, Imported, unpacked

from deadreckon.core.errors import SourceError
from deadreckon.exchange import phoenix
from deadreckon.exchange.bring import Brought

TOLD = json.loads((FIXTURES / "phoenix.json").read_text())
FRAME = FIXTURES / "phoenix.parquet"


def bring(imported: Imported, *paths: Path) -> Brought:
    """Import these."""
    return imported.bring(phoenix.items(list(paths)))


@pytest.fixture
def imported(tmp_path: Path) -> Imported:
    """A lake that is not there yet."""
    return Imported(tmp_path / "lake")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store made by Phoenix."""
    return unpacked("phoenix.db.gz", tmp_path)


def test_counts_tokens_cost_annotations(store: Path, imported: Imported) -> None:
    """Equal on both sides; again adds nothing, and neither does the dataframe of the same spans."""
    found = bring(imported, store)
    assert found.found == {"trace": TOLD["traces"], "span": TOLD["spans"], "annotation": TOLD["annotations"]}
    (total,) = imported.rows(
        "SELECT count(*) AS calls, sum(input_tokens) AS i, sum(output_tokens) AS o, sum(reported_usd) AS usd, "
        "sum(cache_read_tokens) AS cached, any_value(model) AS model, any_value(provider) AS provider FROM llm_calls"
    )
    assert (total["calls"], total["i"], total["o"]) == (3, TOLD["input_tokens"], TOLD["output_tokens"])
    assert total["usd"] == pytest.approx(TOLD["cost"])
    assert (total["cached"], total["model"], total["provider"]) == (192, "gpt-4o-mini", "openai")
    assert imported.one("SELECT count(*) FROM spans WHERE status = 'error'") == TOLD["errors"]
    assert imported.one("SELECT count(*) FROM traces") == TOLD["traces"]
    (failed,) = imported.rows("SELECT tool, error_type, error_message FROM tool_calls WHERE status = 'error'")
    assert tuple(failed.values()) == ("order_lookup", "LookupError", "no such order")
    sessions = imported.rows("SELECT session_id, user_id FROM spans WHERE session_id IS NOT NULL ORDER BY ALL")
    assert [tuple(row.values()) for row in sessions] == [(f"ses-{n}", "u-1") for n in range(3)]
    scores = imported.rows("SELECT name, source, target, count(*) AS n FROM scores GROUP BY ALL ORDER BY name")
    assert [tuple(row.values()) for row in scores] == [
        ("helpful", "human", "span", 3),
        ("relevance", "judge", "span", 3),
    ]
    assert bring(imported, store).summary.committed == 0
    assert bring(imported, FRAME).summary.committed == 0


def test_the_dataframe_alone(imported: Imported) -> None:
    """The same spans, with all but what is computed in the server."""
    assert bring(imported, FRAME).found == {"trace": TOLD["traces"], "span": TOLD["spans"]}
    (total,) = imported.rows("SELECT sum(input_tokens) AS i, sum(output_tokens) AS o FROM llm_calls")
    assert tuple(total.values()) == (TOLD["input_tokens"], TOLD["output_tokens"])
    (kept,) = imported.rows("SELECT DISTINCT attributes ->> '$.metadata' AS m FROM spans WHERE operation = 'chat'")
    assert json.loads(kept["m"]) == {"tier": "gold"}
    documents = imported.rows(
        """SELECT attributes ->> '$."retrieval.documents.1.document.content"' AS d FROM spans
        WHERE operation = 'retrieval'"""
    )
    assert {row["d"] for row in documents} == {"page 1"}


def test_an_annotation_that_was_changed(store: Path, imported: Imported) -> None:
    """Comes in, beside what was said before."""
    bring(imported, store)
    with sqlite3.connect(store) as con:
        con.execute("UPDATE span_annotations SET score = 0.5, updated_at = '2026-11-22 00:00:00' WHERE id = 1")
    con.close()
    assert bring(imported, store).summary.committed == 1


def test_a_store_from_before_annotations_and_costs(store: Path, imported: Imported) -> None:
    """Tables and columns that an older version has not are nothing."""
    with sqlite3.connect(store) as con:
        for table in ("span_annotations", "trace_annotations", "document_annotations", "span_costs"):
            con.execute(f"DROP TABLE {table}")
    con.close()
    assert bring(imported, store).found == {"trace": TOLD["traces"], "span": TOLD["spans"]}


def test_what_is_neither(tmp_path: Path, imported: Imported) -> None:
    """MLflow's database, Parquet of something else, a database with half of it gone."""
    import duckdb

    other = tmp_path / "other.parquet"
    duckdb.execute(f"COPY (SELECT 1 AS x) TO '{other}' (FORMAT parquet)")
    mlflow = unpacked("mlflow.db.gz", tmp_path)
    torn = tmp_path / "torn.db"
    torn.write_bytes(unpacked("phoenix.db.gz", tmp_path).read_bytes()[:100_000])
    for path, hint in ((mlflow, "reckon import mlflow"), (other, "get_spans_dataframe"), (torn, "")):
        with pytest.raises(SourceError) as caught:
            bring(imported, path)
        assert path.name in caught.value.message
        assert hint in caught.value.hint
    assert not imported.lake.exists()


def test_a_span_that_is_no_json(store: Path, imported: Imported) -> None:
    """Its attributes are not lost in silence: nothing is imported."""
    with sqlite3.connect(store) as con:
        for (name,) in con.execute(
            "SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        ).fetchall():
            con.execute(f"DROP INDEX {name}")  # some read the JSON
        con.execute("UPDATE spans SET attributes = substr(attributes, 1, 20) WHERE id = 7")
    con.close()
    with pytest.raises(SourceError, match="is no JSON"):
        bring(imported, store)
    assert not imported.lake.exists()


@pytest.mark.parametrize("name", ["none.parquet", "none.db", "folder.parquet"])
def test_a_file_that_is_not_there(name: str, tmp_path: Path, imported: Imported) -> None:
    """Said with its name, as of any other."""
    (tmp_path / "folder.parquet").mkdir()
    with pytest.raises(SourceError, match=name) as caught:
        imported.bring(phoenix.items([tmp_path / name]))
    assert caught.value.hint


def test_a_schema_that_is_no_text(store: Path, imported: Imported) -> None:
    """SQLite cannot even say what is wrong with it in UTF-8."""
    content = store.read_bytes()
    at = content.index(b"CREATE TABLE ") + len("CREATE ")
    store.write_bytes(content[:at] + b"\x83\x9d" + content[at + 2 :])
    with pytest.raises(SourceError, match="cannot be read") as caught:
        bring(imported, store)
    assert "recover" in caught.value.hint
