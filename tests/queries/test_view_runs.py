"""Runs, their values and versions, and where an answer comes from."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from tests.queries.asking import Ask, ask
from tests.queries.lakes import NOW, Row, at

__all__ = ["ask"]


VERSIONS = {"dataset": "d1", "features": "f1", "labels": "l1", "inference": "i1"}


def run(run_id: str, event: str, ts: str, **fields: Any) -> dict[str, Any]:
    """An event of a run."""
    return {"kind": "run", "run_id": run_id, "event": event, "ts": at(ts), **fields}


def test_a_run_without_an_end_is_running_and_says_when_it_was_seen_last(ask: Ask) -> None:
    """A trainer that was killed does not look finished."""
    rows = [
        run("r", "run.start", "1 10:00:00", status="running", params='{"lr": 0.1}', versions=json.dumps(VERSIONS)),
        {"kind": "metric", "run_id": "r", "name": "loss", "value": 1.0, "step": 1, "ts": at("1 10:05:00")},
        {"kind": "metric", "run_id": "other", "name": "loss", "value": 1.0, "ts": at("1")},
    ]
    sql = (
        "SELECT run_id, status, ended_at, last_seen_at, version_dataset, version_metrics, metrics FROM runs ORDER BY 1"
    )
    assert ask(sql, rows) == [
        ("other", "unknown", None, at("1"), None, None, 1),
        ("r", "running", None, at("1 10:05:00"), "d1", None, 1),
    ]


@pytest.mark.parametrize("text", ['{"dataset": ', "plain words", '"d1"', "[1]", "", "null"])
def test_json_that_is_none_is_null_and_no_error(ask: Ask, text: str) -> None:
    """One odd line must not take a whole view down."""
    rows = [
        run("r", "run.start", "1", versions=text, params=text),
        run("r", "run.fold", "1", fold="1", attributes=text),
        {"kind": "alert", "name": "a", "label": "ok", "attributes": text},
    ]
    assert ask("SELECT version_dataset FROM runs", rows) == [(None,)]
    assert ask("SELECT leaks FROM folds", rows) == [(None,)]
    assert ask("SELECT severity FROM alerts", rows) == [(None,)]


def test_a_run_that_was_resumed_ends_as_it_ended_last(ask: Ask) -> None:
    """First it failed, then it was continued under the same id and ended well."""
    rows = [
        run("r", "run.start", "1 10:00:00", status="running", name="train"),
        run("r", "run.end", "1 11:00:00", status="error", error_type="OOM", duration_ms=5.0),
        run("r", "run.start", "2 10:00:00", status="running", name="train"),
        run("r", "run.end", "2 11:00:00", status="ok", model="m", model_version="2", duration_ms=9.0),
    ]
    assert ask("SELECT name, status, model_version, duration_ms, ended_at FROM runs", rows) == [
        ("train", "ok", "2", 9.0, at("2 11:00:00"))
    ]


def test_the_newest_value_of_a_step_counts(ask: Ask) -> None:
    """A step that was logged again after a resume replaces the old one; the last step is marked."""
    step = {"kind": "metric", "run_id": "r", "name": "loss"}
    rows = [
        {**step, "step": 1, "value": 9.0, "ts": at("1")},
        {**step, "step": 2, "value": 8.0, "ts": at("2")},
        {**step, "step": 2, "value": 5.0, "ts": at("3")},
        {**step, "step": 1, "value": 7.0, "fold": "a", "ts": at("3")},
        {"kind": "metric", "name": "queue", "value": 1.0},
    ]
    assert ask("SELECT fold, step, value, is_last FROM run_metrics ORDER BY fold NULLS FIRST, step", rows) == [
        (None, 1, 9.0, False),
        (None, 2, 5.0, True),
        ("a", 1, 7.0, True),
    ]


def test_the_stage_of_a_version_is_its_last_move(ask: Ask) -> None:
    """History, current place, and who moved it why; a version that was only called has no stage."""
    move = {"kind": "stage", "model": "m", "model_version": "1"}
    rows = [
        {**move, "stage": "shadow", "ts": at("1"), "reason": "new", "actor": "bot"},
        {**move, "stage": "production", "ts": at("3")},
        {"kind": "prediction", "model": "m", "model_version": "2"},
    ]
    assert ask("SELECT model_version, stage, stage_since, stage_reason, moves, calls FROM models ORDER BY 1", rows) == [
        ("1", "production", at("3"), None, 2, 0),
        ("2", None, None, None, 0, 1),
    ]
    assert ask("SELECT stage, previous_stage, until_ts FROM stages ORDER BY ts", rows) == [
        ("shadow", None, at("3")),
        ("production", "shadow", None),
    ]


@pytest.mark.parametrize(
    ("request_run", "runs", "expected"),
    [
        (None, [("a", "ok", "m", "1", "1")], ("a", "version")),
        (None, [("a", "ok", "m", "1", "1"), ("b", "ok", "m", "1", "2")], ("b", "version")),
        (None, [("a", "ok", "m", "1", "1"), ("b", "error", "m", "1", "2")], ("a", "version")),
        (None, [("a", "ok", None, "1", "1")], ("a", "version")),
        (None, [("a", "ok", "other", "1", "1")], (None, None)),
        (None, [("a", "ok", "m", "2", "1")], (None, None)),
        ("a", [("a", "ok", "m", "1", "1"), ("b", "ok", "m", "1", "2")], ("a", "prediction")),
        ("agent", [("a", "ok", "m", "1", "1"), ("agent", "ok", None, None, "3")], ("a", "version")),
        ("agent", [("agent", "ok", None, None, "3")], ("agent", "named")),
        ("gone", [], (None, None)),
    ],
)
def test_the_run_behind_an_answer_is_found(
    ask: Ask,
    request_run: str | None,
    runs: list[tuple[str, str, str | None, str | None, str]],
    expected: tuple[str | None, str | None],
) -> None:
    """The run the prediction names if it made that version, else the version's latest good run, else the named one."""
    events: list[Row] = [
        run(run_id, "run.end", day, status=status, model=model, model_version=version, versions=json.dumps(VERSIONS))
        for run_id, status, model, version, day in runs
    ]
    answer = {"kind": "prediction", "request_id": "q", "model": "m", "model_version": "1", "run_id": request_run}
    rows = ask("SELECT run_id, run_found, version_dataset FROM provenance", [*events, {**answer, "ts": at("9")}])
    assert rows == [(*expected, "d1" if expected[0] else None)]


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        (("2026-01-31", "2026-02-03", 3), (False, False, False)),
        (("2026-01-31", "2026-02-02", 3), (False, True, True)),
        (("2026-01-31", "2026-01-31", 0), (True, False, True)),
        (("2026-02-10", "2026-02-03", 3), (True, True, True)),
        (("2026-01-31T12:00:00", "2026-01-31T12:00:00", 0), (False, False, False)),
        (("2026-01-31T12:00:00", "2026-01-31T11:00:00", None), (True, None, True)),
        (("2026-01-31", None, 3), (None, None, None)),
        (("soon", "later", 3), (None, None, None)),
        (("2026-01-31", "2026-02-03", "three"), (False, None, False)),
    ],
)
def test_leakage_is_flagged(
    ask: Ask, dates: tuple[str, str | None, Any], expected: tuple[bool | None, bool | None, bool | None]
) -> None:
    """A test that begins before training ends, or too soon after it; what cannot be read is not called clean."""
    train_end, test_start, gap = dates
    held = {"train_start": "2026-01-01", "train_end": train_end, "test_start": test_start, "gap_days": gap}
    row = run("r", "run.fold", "1", fold="1", attributes=json.dumps(held))
    assert ask("SELECT overlap, gap_too_short, leaks FROM folds", [row]) == [expected]


def test_a_fold_that_was_logged_again_is_one_row(ask: Ask) -> None:
    """The newest log of a fold counts."""
    held = {"train_end": "2026-01-31", "test_start": "2026-02-03", "gap_days": 3}
    rows = [
        run("r", "run.fold", "1", fold="1", attributes=json.dumps({**held, "train_end": "2026-03-01"})),
        run("r", "run.fold", "2", fold="1", attributes=json.dumps(held)),
    ]
    assert ask("SELECT ts, leaks FROM folds", rows) == [(at("2"), False)]


def test_of_states_with_one_time_the_one_that_came_last_counts(ask: Ask) -> None:
    """Importers know of an edited run what it is, not since when."""
    later = {"ingested_at": NOW + timedelta(hours=1)}
    run = {"kind": "run", "event": "run.end", "run_id": "r", "ts": at("3"), "status": "ok"}
    rows = [
        {"kind": "run", "event": "run.start", "run_id": "r", "ts": at("2"), "status": "running", "name": "old"},
        {**run, **later, "name": "new", "params": '{"lr":2}', "attributes": '{"tag":"new"}'},
        {**run, "name": "old", "params": '{"lr":1}', "attributes": '{"tag":"old"}'},
    ]
    for given in (rows, rows[::-1]):
        assert ask("SELECT name, params, attributes, status FROM runs", given) == [
            ("new", '{"lr":2}', '{"tag":"new"}', "ok")
        ]


def test_an_imported_score_is_its_newest_state(ask: Ask) -> None:
    """Edited, it counts once; withdrawn, not at all; others that say nothing of the kind stay as they are."""

    def score(value: float, known: str | None, **more: object) -> dict[str, object]:
        as_known = {"attributes": f'{{"imported_as":"{known}"}}'} if known else {}
        return {"kind": "score", "event": "score", "name": "good", "ts": at("3"), "value": value, **as_known, **more}

    later = {"ingested_at": NOW + timedelta(hours=1)}
    rows = [
        score(0.1, "a"),
        score(0.2, "a", **later),
        score(0.3, "b", ts=at("4")),
        score(0.4, "b", ts=at("3"), **later),
        score(0.5, "c"),
        score(0.5, "c", kind="log", event="score.withdrawn", **later),
        score(0.6, None),
        score(0.6, None),
    ]
    assert ask("SELECT value FROM scores ORDER BY value", rows) == [(0.2,), (0.3,), (0.6,), (0.6,)]
