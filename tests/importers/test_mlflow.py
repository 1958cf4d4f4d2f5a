"""MLflow's SQLite store in the lake: as many of everything as MLflow says, once, however often and from where."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from tests.importers.stores import FIXTURES, Imported, unpacked

from deadreckon.core.errors import SourceError
from deadreckon.exchange.sqlite import PAGE, Database

TOLD = json.loads((FIXTURES / "mlflow.json").read_text())
STATUSES = {"FINISHED": "ok", "FAILED": "error", "RUNNING": "running"}


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store made by MLflow 3.17.2."""
    return unpacked("mlflow.db.gz", tmp_path)


@pytest.fixture
def imported(tmp_path: Path) -> Imported:
    """A lake that is not there yet."""
    return Imported(tmp_path / "lake")


def test_runs_are_what_mlflow_says(store: Path, imported: Imported) -> None:
    """Names, states, parents and parameters; the deleted run is left out."""
    found = imported.mlflow(store)
    assert found.found["run"] == len(TOLD["runs"]) == 3
    runs = {row["run_id"]: row for row in imported.rows("SELECT * FROM runs")}
    assert runs.keys() == TOLD["runs"].keys()
    for run_id, told in TOLD["runs"].items():
        run = runs[run_id]
        assert (run["name"], run["status"]) == (told["name"], STATUSES[told["status"]])
        assert run["parent_run_id"] == told["parent"]
        params = {key: str(value) for key, value in json.loads(run["params"] or "{}").items()}
        assert params == told["params"]
    train = next(run for run in runs.values() if run["name"] == "train")
    assert (train["model"], train["model_version"], train["duration_ms"]) == ("ranker", "1", 60_000)
    assert train["git_commit"] == "0f1e2d3c4b5a"
    assert train["version_dataset"].startswith("clicks@")
    assert json.loads(train["params"]) == {
        "lr": "0.010",
        "layers": 4,
        "optimizer": "adam",
        "schedule": "{'warmup': 3}",
    }


def test_metric_points_and_their_sum(store: Path, imported: Imported) -> None:
    """Each point of each metric, with NaN and infinities."""
    imported.mlflow(store)
    assert imported.one("SELECT count(*) FROM events WHERE kind = 'metric'") == TOLD["metric_points"]
    total = imported.one("SELECT sum(value) FROM events WHERE kind = 'metric' AND name <> 'bad'")
    assert total == pytest.approx(TOLD["metric_sum"])
    odd = imported.rows("SELECT value::VARCHAR AS value FROM run_metrics WHERE name = 'bad' ORDER BY step")
    assert [row["value"] for row in odd] == ["nan", "inf"]
    steps = imported.rows("SELECT step, value FROM run_metrics WHERE name = 'auc' ORDER BY step")
    assert [row["step"] for row in steps] == [0, 10, 20, 30, 40]


def test_traces_spans_tokens_cost(store: Path, imported: Imported) -> None:
    """Trees, tokens, cost, tools, errors, sessions and users."""
    imported.mlflow(store)
    traces = imported.rows("SELECT trace_id, session_id, user_id FROM spans WHERE parent_span_id IS NULL ORDER BY ts")
    assert sorted("tr-" + row["trace_id"] for row in traces) == TOLD["traces"]
    assert [row["session_id"] for row in traces] == ["ses-0", "ses-1", "ses-2"]
    assert {row["user_id"] for row in traces} == {"u-1"}
    assert sorted(row["span_id"] for row in imported.rows("SELECT span_id FROM spans")) == TOLD["spans"]
    (total,) = imported.rows(
        "SELECT sum(input_tokens) AS i, sum(output_tokens) AS o, sum(reported_usd) AS usd, any_value(model) AS model "
        "FROM llm_calls"
    )
    assert (total["i"], total["o"]) == (TOLD["input_tokens"], TOLD["output_tokens"])
    assert total["usd"] == pytest.approx(TOLD["cost"])
    assert total["model"] == "gpt-4o-mini"
    tools = imported.rows("SELECT tool, status, error_type FROM tool_calls ORDER BY ts")
    assert [tuple(row.values()) for row in tools] == [
        ("order_lookup", "ok", None),
        ("order_lookup", "ok", None),
        ("order_lookup", "error", "LookupError"),
    ]
    assert imported.one("SELECT count(DISTINCT agent) FROM spans WHERE agent = 'answer'") == 1


def test_assessments(store: Path, imported: Imported) -> None:
    """Feedback is a score by person, judge or code, of a trace or a span; an expectation is none."""
    imported.mlflow(store)
    named = imported.rows("SELECT name FROM events WHERE kind = 'score' OR event = 'mlflow.expectation' ORDER BY name")
    assert [row["name"] for row in named] == TOLD["assessments"]
    rows = imported.rows("SELECT DISTINCT name, source, target FROM scores ORDER BY name")
    assert [tuple(row.values()) for row in rows] == [
        ("helpful", "human", "trace"),
        ("relevance", "judge", "trace"),
        ("tone", "code", "span"),
    ]
    values = imported.rows("SELECT value, label, reason FROM scores WHERE name = 'helpful' ORDER BY ts")
    assert [row["value"] for row in values] == [0, 1, 1]
    assert (values[0]["label"], values[0]["reason"]) == ("false", "it is")


def test_models_and_stages(store: Path, imported: Imported) -> None:
    """Registered versions and logged models are artifacts; where a version is, is a stage."""
    imported.mlflow(store)
    versions = imported.rows("SELECT model, model_version, run_id FROM artifacts WHERE model IS NOT NULL ORDER BY ALL")
    assert [f"{row['model']}/{row['model_version']}" for row in versions] == TOLD["versions"]
    assert imported.one("SELECT name FROM artifacts WHERE model IS NULL") == "ranker-candidate"
    (stage,) = imported.rows("SELECT model, model_version, stage, reason FROM stages")
    assert tuple(stage.values()) == ("ranker", "1", "production", "MLflow stage Production")


def test_again_adds_nothing(store: Path, imported: Imported) -> None:
    """The same store twice: nothing is read, nothing comes twice."""
    first, second = imported.mlflow(store), imported.mlflow(store)
    assert first.summary.committed == first.lines > 80
    assert (second.summary.committed, second.known) == (0, first.lines)
    assert imported.one("SELECT count(*) FROM events") == first.lines
    assert imported.one("SELECT count(*) FROM quarantine") == 0


def test_only_what_is_new_or_has_changed(store: Path, imported: Imported) -> None:
    """A run that ends, a point, an alias: they come in, and what was there stays once."""
    before = imported.mlflow(store).lines
    going = imported.one("SELECT run_id FROM runs WHERE status = 'running'")
    with sqlite3.connect(store) as con:
        con.execute("UPDATE runs SET status = 'FINISHED', end_time = 1790000200000 WHERE run_uuid = ?", [going])
        con.execute("INSERT INTO metrics VALUES ('loss', 0.5, 1790000150000, ?, 1, 0)", [going])
    con.close()
    again = imported.mlflow(store)
    assert (again.summary.committed, again.known) == (2, before - 1)  # its state while it went on is told no more
    (run,) = imported.rows(f"SELECT status, metrics, params, duration_ms FROM runs WHERE run_id = '{going}'")
    assert tuple(run.values()) == ("ok", 2, '{"lr":3}', 199_993)
    assert imported.one("SELECT count(*) FROM runs") == 3


def test_an_edited_score_counts_once_and_one_that_was_overridden_does_not(store: Path, imported: Imported) -> None:
    """The view takes the state that MLflow has now; the events of before stay."""
    imported.mlflow(store)
    told = imported.one("SELECT count(*) FROM events WHERE kind = 'score'")
    rows = imported.rows("SELECT name, value, attributes FROM scores WHERE value IS NOT NULL ORDER BY event_id")
    assert imported.one("SELECT count(*) FROM scores") == told
    edited, overridden = (json.loads(row["attributes"])["mlflow"]["assessment_id"] for row in rows[:2])
    with sqlite3.connect(store) as con:
        con.execute(
            "UPDATE assessments SET value = '0.125', last_updated_timestamp = last_updated_timestamp + 1000 "
            "WHERE assessment_id = ?",
            [edited],
        )
        con.execute("UPDATE assessments SET valid = 0 WHERE assessment_id = ?", [overridden])
    con.close()
    assert imported.mlflow(store).summary.committed == 2
    assert imported.one("SELECT count(*) FROM events WHERE kind = 'score'") == told + 1
    assert imported.one("SELECT count(*) FROM scores") == told - 1
    key = "json_extract_string(attributes, '$.mlflow.assessment_id')"
    assert imported.one(f"SELECT value FROM scores WHERE {key} = '{edited}'") == 0.125


def test_a_span_that_goes_on_is_followed_by_its_end(store: Path, imported: Imported) -> None:
    """A span without an end is an event of its own, and no finished span."""
    with sqlite3.connect(store) as con:
        content, span = con.execute("SELECT content, span_id FROM spans WHERE parent_span_id IS NULL").fetchone()
        open_ = json.dumps({**json.loads(content), "end_time_unix_nano": None, "status": {"code": "STATUS_CODE_UNSET"}})
        con.execute("UPDATE spans SET content = ? WHERE span_id = ?", [open_, span])
        con.commit()
        first = imported.mlflow(store)
        assert imported.one(f"SELECT count(*) FROM spans WHERE span_id = '{span}'") == 0
        assert imported.one(f"SELECT status FROM events WHERE span_id = '{span}' AND kind = 'span'") == "running"
        con.execute("UPDATE spans SET content = ? WHERE span_id = ?", [content, span])
    con.close()
    assert imported.mlflow(store).summary.committed == 1
    assert imported.one(f"SELECT status FROM spans WHERE span_id = '{span}'") == "ok"
    assert first.summary.quarantined == 0


def test_more_keys_than_sqlite_takes_in_a_query(tmp_path: Path) -> None:
    """A page of runs with many inputs each asks for all of them; a key that is named twice has its rows once."""
    path = tmp_path / "many.db"
    con = sqlite3.connect(path)
    con.execute("CREATE TABLE tags (run TEXT, key TEXT)")
    con.executemany("INSERT INTO tags VALUES (?, ?)", [(f"r{n}", f"k{n}") for n in range(2_000)])
    con.commit()
    con.close()
    with Database(path, "MLflow") as db:
        db._con.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, PAGE)
        found = db.of_each("tags", "run", ("key",), [f"r{n}" for n in range(2_000)] + ["r0", "none"])
    assert found == {f"r{n}": [{"key": f"k{n}"}] for n in range(2_000)} | {"none": []}


def test_the_first_version(tmp_path: Path, imported: Imported) -> None:
    """MLflow 1.0: no traces, no models, no NaN flags; the name is a tag, the commit a column."""
    found = imported.mlflow(unpacked("mlflow_1_0.sql", tmp_path))
    assert found.found == {"run": 1, "metric point": 2}
    (run,) = imported.rows("SELECT name, status, git_commit, params, duration_ms, metrics FROM runs")
    assert tuple(run.values()) == ("first", "ok", "c0ffee", '{"depth":3}', 5000, 2)


def test_traces_in_files(tmp_path: Path, imported: Imported) -> None:
    """MLflow 2.14 keeps spans in a file of the trace; they are found where it is on this machine."""
    store = unpacked("mlflow_2_14.sql", tmp_path)
    elsewhere = Imported(tmp_path / "elsewhere")
    elsewhere.mlflow(store)
    (alone,) = elsewhere.rows("SELECT trace_id, name, status, duration_ms, input FROM spans")
    assert tuple(alone.values()) == ("0123456789abcdef0123456789abcdef", "predict", "ok", 1500, '{"x": 1}')
    (tmp_path / "traces.json").write_text((FIXTURES / "traces.json").read_text())
    with sqlite3.connect(store) as con:
        con.execute("UPDATE trace_tags SET value = ? WHERE value = 'ARTIFACTS'", [tmp_path.as_uri()])
    con.close()
    assert imported.mlflow(store).found == {"run": 1, "metric point": 2, "trace": 1, "span": 1}
    (span,) = imported.rows("SELECT span_id, operation, status, error_type, error_message, duration_ms FROM spans")
    assert tuple(span.values()) == ("0123456789abcdef", "chain", "error", "ValueError", "no luck", 1500)


def test_a_server_that_writes_is_not_locked_out(store: Path, imported: Imported) -> None:
    """Between two pages of rows anyone can write: no transaction stays open."""
    from deadreckon.exchange import mlflow

    writer = sqlite3.connect(store, timeout=0, isolation_level=None)
    with mlflow.opened(str(store)) as kept:
        for number, _ in enumerate(mlflow.items(kept)):
            if number % 10 == 0:
                writer.execute("INSERT INTO experiments (name, lifecycle_stage) VALUES (?, 'active')", [f"e{number}"])
    writer.close()


def corrupt(store: Path) -> None:
    """Overwrite pages in the midst of a database."""
    data = bytearray(store.read_bytes())
    middle = len(data) // 2
    data[middle:] = bytes([7]) * (len(data) - middle)
    store.write_bytes(data)


@pytest.mark.parametrize("damage", ["pages", "json", "empty", "text", "missing", "other", "folder"])
def test_nothing_is_half_imported(damage: str, store: Path, imported: Imported) -> None:
    """A store that cannot be read to its end leaves no lake, and one sentence."""
    if damage == "pages":
        corrupt(store)
    elif damage == "json":
        with sqlite3.connect(store) as con:
            con.execute(
                "UPDATE spans SET content = substr(content, 1, 40) WHERE rowid = (SELECT max(rowid) FROM spans)"
            )
        con.close()
    elif damage == "empty":
        store.write_bytes(b"")
    elif damage == "text":
        store.write_text("run_id,metric\n" * 10)
    elif damage == "missing":
        store.unlink()
    elif damage == "other":
        store.unlink()
        sqlite3.connect(store).execute("CREATE TABLE projects (id INTEGER)").connection.close()
    elif damage == "folder":
        store = store.parent
    with pytest.raises(SourceError) as caught:
        imported.mlflow(store)
    assert str(store) in caught.value.message
    assert caught.value.hint
    assert "\n" not in caught.value.message + caught.value.hint
    assert not imported.lake.exists()


@pytest.mark.parametrize("place", ["postgresql://u:secret@db/mlflow", "s3://bucket/mlruns"])
def test_other_databases(place: str, imported: Imported) -> None:
    """Are asked through MLflow's server; a password is not shown."""
    with pytest.raises(SourceError, match="is none of sqlite") as caught:
        imported.mlflow(place)
    assert "mlflow server" in caught.value.hint
    assert "secret" not in caught.value.message + caught.value.hint
