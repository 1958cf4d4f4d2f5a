"""The sample logs' known answers, asked of the views through the real ingest."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from deadreckon.core.settings import Settings, load
from deadreckon.ingest import ingest
from deadreckon.queries import connect

SAMPLES = Path(__file__).parents[2] / "sample_logs"
MODEL = "tern-assist"
ANSWERS: dict[str, Any] = json.loads((SAMPLES / "answers.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The story's settings, with its logs in a lake of their own."""
    place = tmp_path_factory.mktemp("story") / "lake"
    made = load(SAMPLES / "deadreckon.toml", overrides={"lake": str(place)}, environ={})
    ingest([SAMPLES / "logs"], place, settings=made)
    return made


@pytest.fixture(scope="module")
def con(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with every view of the story."""
    with connect(settings=settings) as made:
        yield made


def ask(con: duckdb.DuckDBPyConnection, sql: str, *params: Any) -> list[tuple[Any, ...]]:
    """The rows of a query."""
    return con.execute(sql, params).fetchall()


def test_everything_is_there_and_the_rest_is_in_quarantine(con: duckdb.DuckDBPyConnection) -> None:
    """Events by kind, lines refused by reason, and what became of each source's lines."""
    assert dict(ask(con, "SELECT kind, count(*) FROM events WHERE kind <> 'alert' GROUP BY kind")) == ANSWERS["kinds"]
    refused = dict(ask(con, "SELECT error_code, count(*) FROM quarantine WHERE state = 'open' GROUP BY error_code"))
    assert refused == ANSWERS["quarantined"]
    sums = ask(con, "SELECT sum(lines), sum(committed), sum(duplicates), sum(quarantined) FROM sources")[0]
    lines = (ANSWERS["lines"], ANSWERS["events"], ANSWERS["duplicates"], sum(ANSWERS["quarantined"].values()))
    assert sums == lines


def test_traces_sessions_and_requests_are_counted_once(con: duckdb.DuckDBPyConnection) -> None:
    """Each trace, session, user and answered request is one row."""
    assert ask(con, "SELECT count(*), count(DISTINCT trace_id) FROM traces") == [(ANSWERS["traces"],) * 2]
    assert ask(con, "SELECT count(*), count(DISTINCT session_id) FROM sessions") == [(ANSWERS["sessions"],) * 2]
    answered = ask(con, "SELECT count(*) FROM requests WHERE variant <> 'shadow' AND agent IS NOT NULL")
    assert answered == [(ANSWERS["answered_requests"],)]
    assert ask(con, "SELECT count(*) FROM cost_by_user WHERE user_id IS NOT NULL") == [(ANSWERS["users"],)]


@pytest.mark.parametrize("version", sorted(ANSWERS["versions"]))
def test_each_version_has_its_errors_and_cost(con: duckdb.DuckDBPyConnection, version: str) -> None:
    """Calls by status, tokens and money of a version, over all its variants."""
    known = ANSWERS["versions"][version]
    where = f"WHERE model = '{MODEL}' AND model_version = '{version}' AND operation = 'chat'"
    counts = ask(con, f"SELECT sum(ok), sum(errors), sum(timeouts), sum(cancelled) FROM errors_by_version {where}")[0]
    statuses = known["statuses"]
    assert counts == tuple(statuses.get(s, 0) for s in ("ok", "error", "timeout", "cancelled"))
    row = ask(
        con,
        f"""
        SELECT sum(calls), sum(cost_usd), sum(computed_usd), sum(input_tokens), sum(cache_read_tokens),
               sum(output_tokens), coalesce(sum(reasoning_tokens), 0), sum(unpriced_calls)
        FROM cost_by_version {where}
        """,
    )[0]
    tokens = tuple(known[t] for t in ("input_tokens", "cache_read_tokens", "output_tokens", "reasoning_tokens"))
    assert row[0] == known["calls"]
    assert row[1] == pytest.approx(known["cost_usd"], abs=1e-9)
    assert row[2] == pytest.approx(known["cost_usd"], abs=1e-9)
    assert row[3:] == (*tokens, 0)


@pytest.mark.parametrize("version", sorted(ANSWERS["versions"]))
def test_each_version_has_its_latency(con: duckdb.DuckDBPyConnection, version: str) -> None:
    """Quantiles are exact, over calls that ended well or timed out."""
    known = ANSWERS["versions"][version]
    row = ask(
        con,
        """
        SELECT quantile_cont(duration_ms, 0.5), quantile_cont(duration_ms, 0.95), quantile_cont(ttft_ms, 0.5)
        FROM model_calls
        WHERE model = ? AND model_version = ? AND operation = 'chat' AND status IN ('ok', 'timeout')
        """,
        MODEL,
        version,
    )[0]
    assert row[:2] == pytest.approx((known["p50_ms"], known["p95_ms"]))
    rows = ask(
        con,
        "SELECT p50_ms, p95_ms FROM latency_by_version WHERE model = ? AND model_version = ? AND operation = 'chat'",
        MODEL,
        version,
    )
    if len(rows) == 1:  # of one variant only
        assert rows[0] == pytest.approx((known["p50_ms"], known["p95_ms"]))


def test_the_total_is_the_sum_of_what_was_reported_and_nothing_is_free(con: duckdb.DuckDBPyConnection) -> None:
    """The embedding model has no price: its calls are unpriced, not zero."""
    total, unpriced = ask(con, "SELECT sum(cost_usd), sum(unpriced_calls) FROM cost_by_version")[0]
    assert total == pytest.approx(ANSWERS["cost"]["total_usd"], abs=1e-9)
    assert unpriced == sum(ANSWERS["cost"]["unpriced_calls"].values())
    assert ask(con, "SELECT DISTINCT model, cost_usd FROM cost_by_version WHERE unpriced_calls > 0") == [
        ("moor-embed", None)
    ]


@pytest.mark.parametrize("view", ["cost_by_version", "cost_by_session", "cost_by_user", "cost_by_day", "sessions"])
def test_every_cut_of_the_cost_adds_up_to_the_same(con: duckdb.DuckDBPyConnection, view: str) -> None:
    """Money is neither lost nor counted twice by any grouping."""
    total = ask(con, f"SELECT sum(cost_usd) FROM {view}")[0][0]
    assert total == pytest.approx(ANSWERS["cost"]["total_usd"], abs=1e-9)


def test_the_spike_stands_out_by_day(con: duckdb.DuckDBPyConnection) -> None:
    """Cost and retries of each day are the story's."""
    days = {str(d): c for d, c in ask(con, "SELECT date, sum(cost_usd) FROM cost_by_day GROUP BY date")}
    assert days == pytest.approx(ANSWERS["cost"]["by_day_usd"])
    spike = ANSWERS["cost"]["spike"]
    retries = ask(con, "SELECT sum(retries) FROM cost_by_day WHERE date = ?", spike["day"])[0][0]
    assert retries == spike["retried_calls"]


def test_waste_has_its_reasons(con: duckdb.DuckDBPyConnection) -> None:
    """Cancelled, failed and timed-out calls with what they cost."""
    rows = ask(con, "SELECT reason, count(*), sum(cost_usd) FROM wasted_cost WHERE operation = 'chat' GROUP BY reason")
    wasted = {reason: {"calls": calls, "usd": pytest.approx(usd)} for reason, calls, usd in rows}
    assert wasted == ANSWERS["wasted"]


def test_the_failing_tool_is_found(con: duckdb.DuckDBPyConnection) -> None:
    """The tool's failures lie in the hours in which it was broken."""
    known = ANSWERS["failing_tool"]
    row = ask(
        con,
        "SELECT count(*), count(*) FILTER (WHERE failed) FROM tool_calls WHERE tool = ? AND ts >= ? AND ts < ?",
        known["tool"],
        known["from"],
        known["until"],
    )[0]
    assert row == (known["during"]["calls"], known["during"]["errors"])
    worst = ask(con, "SELECT tool FROM tools ORDER BY error_rate DESC LIMIT 1")
    assert worst == [(known["tool"],)]


def test_a_click_leads_to_the_data_behind_the_answer(con: duckdb.DuckDBPyConnection) -> None:
    """From a user's click to request, version, run, its seven versions, parameters and commit: one query."""
    known = ANSWERS["provenance"]
    cursor = con.execute(
        """
        SELECT p.*
        FROM feedback AS f JOIN provenance AS p ON p.request_id = f.request_id
        WHERE f.name = 'click' AND f.model_version = '1.6.0' AND f.variant = 'canary'
        ORDER BY f.ts LIMIT 1
        """
    )
    names = [d[0] for d in cursor.description or []]
    row = dict(zip(names, cursor.fetchall()[0], strict=True))
    same = ("request_id", "session_id", "trace_id", "model", "model_version", "run_id", "git_commit", "duration_ms")
    assert {k: row[k] for k in same} == {k: known[k] for k in same}
    assert {part: row[f"version_{part}"] for part in known["versions"]} == known["versions"]
    assert json.loads(row["params"]) == known["params"]
    assert row["cost_usd"] == pytest.approx(known["cost_usd"])
    assert row["pins"] is not None


def test_every_answer_has_its_run(con: duckdb.DuckDBPyConnection) -> None:
    """No request of the story is without the run that made its model version."""
    assert ask(con, "SELECT count(*) FROM provenance WHERE version_dataset IS NULL") == [(0,)]


def test_experiments_compare(con: duckdb.DuckDBPyConnection) -> None:
    """Each run ended as it did, with its last loss and its score."""
    for run_id, known in ANSWERS["experiments"].items():
        row = ask(
            con,
            """
            SELECT r.status, r.model_version, l.value, f.value
            FROM runs AS r
            LEFT JOIN run_metrics AS l ON l.run_id = r.run_id AND l.name = 'loss.val' AND l.is_last
            LEFT JOIN run_metrics AS f ON f.run_id = r.run_id AND f.name = 'f1' AND f.fold IS NULL AND f.is_last
            WHERE r.run_id = ?
            """,
            run_id,
        )
        assert row == [(known["status"], known["model_version"], known["loss_val_last"], known["f1"])]


def test_the_leak_is_caught(con: duckdb.DuckDBPyConnection) -> None:
    """The one fold whose training data reaches into its test window is the only one flagged."""
    assert ask(con, "SELECT count(*) FROM folds WHERE leaks IS NOT NULL") == [(ANSWERS["leak"]["folds"],)]
    leaks = ask(con, "SELECT run_id, fold, train_end, test_start, gap_days FROM folds WHERE leaks")
    assert [dict(zip(("run_id", "fold", "train_end", "test_start", "gap_days"), r, strict=True)) for r in leaks] == (
        ANSWERS["leak"]["leaks"]
    )


def test_each_version_is_where_it_was_moved_last(con: duckdb.DuckDBPyConnection) -> None:
    """The current stage of every version."""
    stages = dict(ask(con, "SELECT model_version, stage FROM models WHERE stage IS NOT NULL"))
    assert stages == ANSWERS["stages"]


def test_opinions_belong_to_versions(con: duckdb.DuckDBPyConnection) -> None:
    """Scores by version and judge, feedback, decisions, contracts and artifacts."""
    known = ANSWERS["opinions"]
    rows = ask(con, "SELECT model_version || ' ' || source, count(*), avg(value) FROM scores GROUP BY 1")
    assert {k: {"n": n, "mean": pytest.approx(mean)} for k, n, mean in rows} == known["scores"]
    assert dict(ask(con, "SELECT name, count(*) FROM feedback GROUP BY name")) == known["feedback"]
    assert ask(con, "SELECT count(*) FROM feedback WHERE NOT request_found OR after_ms <= 0") == [(0,)]
    assert dict(ask(con, "SELECT choice, count(*) FROM decisions GROUP BY choice")) == known["decisions"]
    held = ask(
        con, "SELECT name, count(*) FILTER (WHERE passed), count(*) FILTER (WHERE NOT passed) FROM contracts GROUP BY 1"
    )
    assert {n: {"held": h, "broken": b} for n, h, b in held} == known["contracts"]
    assert ask(con, "SELECT count(*) FROM artifacts") == [(known["artifacts"],)]
