"""What MLflow changes, deletes and keeps aside: the newest of it, and nothing of what is gone."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from tests.importers.stores import Imported, unpacked

from deadreckon.exchange.identity import known_by
from deadreckon.exchange.mlflow.items import items
from deadreckon.exchange.mlflow.kept import Assessment, Trace, Version
from deadreckon.exchange.mlflow.traces import scores, spans

AT = 1_790_000_000_000
Changed = Callable[..., None]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store made by MLflow 3.17.2."""
    return unpacked("mlflow.db.gz", tmp_path)


@pytest.fixture
def change(store: Path) -> Changed:
    """Writes to the store as its server would."""

    def write(*statements: str) -> None:
        with sqlite3.connect(store) as con:
            for statement in statements:
                con.execute(statement)
        con.close()

    return write


@pytest.fixture
def imported(tmp_path: Path) -> Imported:
    """A lake that is not there yet."""
    return Imported(tmp_path / "lake")


def test_a_run_that_goes_on_says_what_is_new(store: Path, change: Changed, imported: Imported) -> None:
    """Parameters and tags that a run gets while it goes on come in before its end, which may never come."""
    imported.mlflow(store)
    run = imported.one("SELECT run_id FROM runs WHERE status = 'running'")
    change(f"INSERT INTO params VALUES ('late', '7', '{run}')")
    assert imported.mlflow(store).summary.committed == 1
    states = imported.rows(f"SELECT params FROM events WHERE run_id = '{run}' AND params IS NOT NULL ORDER BY params")
    assert [json.loads(row["params"]) for row in states] == [{"late": 7, "lr": 3}, {"lr": 3}]
    assert imported.one(f"SELECT count(*) FROM events WHERE run_id = '{run}' AND event = 'run.start'") == 1
    assert imported.one(f"SELECT status FROM runs WHERE run_id = '{run}'") == "running"
    assert imported.mlflow(store).summary.committed == 0


def test_what_is_in_a_deleted_experiment_is_deleted(store: Path, change: Changed, imported: Imported) -> None:
    """MLflow shows neither its runs nor its traces nor its models, be they marked or not."""
    change("UPDATE experiments SET lifecycle_stage = 'deleted' WHERE name = 'checkout'")
    assert imported.mlflow(store).found == {"model version": 2}


def test_a_deleted_version(store: Path, change: Changed, imported: Imported) -> None:
    """MLflow keeps its row, with its run and its place struck out."""
    change(
        "UPDATE model_versions SET current_stage = 'Deleted_Internal', run_id = 'REDACTED-RUN-ID', "
        "source = 'REDACTED-SOURCE-PATH' WHERE version = 2"
    )
    assert imported.mlflow(store).found["model version"] == 1
    assert imported.one("SELECT count(*) FROM runs") == 3


def test_prompts_are_no_models(store: Path, change: Changed, imported: Imported) -> None:
    """MLflow keeps them as models with a tag."""
    change(
        "INSERT INTO model_version_tags (name, version, key, value) "
        "SELECT name, 2, 'mlflow.prompt.is_prompt', 'true' FROM registered_models"
    )
    found = imported.mlflow(store).found
    assert (found["model version"], found["prompt version"]) == (1, 1)
    (prompt,) = imported.rows(
        "SELECT name, model, uri, attributes FROM artifacts WHERE event_id IN "
        "(SELECT event_id FROM events WHERE event = 'prompt.registered')"
    )
    assert (prompt["name"], prompt["model"], prompt["uri"]) == ("ranker", None, None)
    assert json.loads(prompt["attributes"])["mlflow"]["version"] == "2"


class Small:
    """A store of nothing but versions, in this order, and traces."""

    origin = "here"

    def __init__(self, *versions: Version, traces: Iterable[Trace] = ()) -> None:
        self._versions, self._traces = versions, traces

    def versions(self) -> tuple[Version, ...]:
        return self._versions

    def traces(self) -> Iterable[Trace]:
        return self._traces

    def runs(self) -> tuple[()]:
        return ()

    metrics = models = runs


def test_a_version_is_at_one_place(imported: Imported) -> None:
    """Of a stage and aliases that speak of the same time the one counts that users meet."""
    version = Version("m", "1", AT, AT, "Staging", "s3://m", None, {}, ["challenger", "champion", "canary"])
    imported.bring(items(Small(version)))  # type: ignore[arg-type]  # as much of one as is asked for
    (stage,) = imported.rows("SELECT stage, reason FROM stages")
    assert tuple(stage.values()) == ("production", "MLflow alias champion")


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_a_run_of_several_versions(order: tuple[int, ...], store: Path, change: Changed, imported: Imported) -> None:
    """It made the highest, in whatever order MLflow tells of them: an id is made of it."""
    change("DELETE FROM model_versions WHERE version = 2")
    for number in (9, 10, 8)[order[0]], (9, 10, 8)[order[1]], (9, 10, 8)[order[2]]:
        change(
            f"INSERT INTO model_versions (name, version, run_id, creation_time, current_stage) "
            f"SELECT name, {number}, run_id, {AT}, 'None' FROM model_versions WHERE version = 1"
        )
    imported.mlflow(store)
    assert imported.one("SELECT model_version FROM events WHERE name = 'train' AND event = 'run.end'") == "10"


def assessment(value: object) -> Assessment:
    """A feedback with this value."""
    return Assessment("a-1", "feedback", "f", value, AT, AT, "HUMAN", "ann", None, None, None)


@pytest.mark.parametrize(("value", "kept"), [(float("nan"), "nan"), (float("inf"), "inf"), (0.5, "0.5"), (True, "1.0")])
def test_feedback_that_is_no_finite_number(value: object, kept: str, imported: Imported) -> None:
    """A judge that divided by nothing said NaN, and not nothing."""
    trace = Trace("tr-" + "a" * 32, None, AT, 5, "OK", assessments=[assessment(value)])
    from deadreckon.exchange.bring import Item

    imported.bring(Item(line) for line in scores(trace))
    assert imported.one("SELECT value::VARCHAR FROM scores") == kept


def test_scores_are_of_the_trace_that_the_spans_name() -> None:
    """MLflow 2 gave a request another id than its spans' trace."""
    span = {"name": "x", "context": {"trace_id": "0x" + "b" * 32, "span_id": "0x" + "c" * 16}, "start_time": AT * 10**6}
    trace = Trace("d" * 32, None, AT, 5, "OK", spans=[span], assessments=[assessment(1)])
    (record,) = [json.loads(line)["resourceSpans"][0]["scopeSpans"][0]["spans"][0] for line in spans(trace)]
    (score,) = [json.loads(line) for line in scores(trace)]
    assert score["trace_id"] == record["traceId"] == "b" * 32


def test_text_is_written_as_it_is() -> None:
    """What is read from a server can be searched like what is read from a file."""
    span = {
        "name": "x",
        "span_id": "c" * 16,
        "start_time_unix_nano": 1,
        "attributes": {"mlflow.spanInputs": {"q": "où"}},
    }
    (line,) = spans(Trace("tr-" + "a" * 32, None, AT, 5, "OK", spans=[span]))
    assert "où" in line.decode()


def test_times_that_no_date_has_are_told_apart(store: Path, change: Changed, imported: Imported) -> None:
    """Nanoseconds given for milliseconds: points of one value at one step are two."""
    before = imported.mlflow(store).summary.committed
    change(
        *(f"INSERT INTO metrics SELECT 'ns', 0.5, {AT}000000 + {n}, run_uuid, 0, 0 FROM runs LIMIT 1" for n in (1, 2))
    )
    assert imported.mlflow(store).summary.committed == 2
    assert before > 80
    assert known_by(-1, "x") != known_by(-2, "x") != known_by(None, "x")


def test_a_trace_that_has_just_begun(imported: Imported) -> None:
    """Before it has spans it is a log, and no span that would go on for ever beside those that come."""
    trace = Trace("tr-" + "a" * 32, "checkout", AT, None, "IN_PROGRESS", {"mlflow.traceName": "answer"})
    trace.metadata["mlflow.trace.session"] = "ses-1"
    trace.rest["request_preview"] = '{"q": 1}'
    found = imported.bring(items(Small(traces=[trace])))  # type: ignore[arg-type]  # as much of one as is asked for
    assert found.found == {"trace": 1}
    (log,) = imported.rows("SELECT kind, event, name, status, trace_id, session_id, input FROM events")
    assert tuple(log.values()) == ("log", "mlflow.trace", "answer", "running", "a" * 32, "ses-1", '{"q": 1}')
    trace.status, trace.spans = "OK", [{"name": "root", "span_id": "c" * 16, "start_time_unix_nano": AT * 10**6}]
    trace.spans[0]["end_time_unix_nano"] = AT * 10**6 + 5
    imported.bring(items(Small(traces=[trace])))  # type: ignore[arg-type]  # the same
    assert imported.one("SELECT count(*) FROM events WHERE kind = 'span' AND trace_id = repeat('a', 32)") == 1
    assert imported.one("SELECT count(*) FROM events WHERE status = 'running' AND kind = 'span'") == 0
