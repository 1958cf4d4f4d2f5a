"""Every planted fact of the story, asked of deadreckon by SQL and compared with what the generator counted."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from deadreckon.core.settings import Settings
from deadreckon.ingest import ingest

Ask = Callable[..., list[tuple[Any, ...]]]
Answers = dict[str, Any]
SAMPLE_LOGS = Path(__file__).parents[2] / "sample_logs"


def close(value: float) -> Any:
    return pytest.approx(value, rel=1e-9)


def test_every_line_is_an_event_a_duplicate_or_in_quarantine(ask: Ask, answers: Answers) -> None:
    """The totals of all sources are those of the story, and nothing is left over."""
    (found,) = ask("select sum(lines), sum(committed), sum(duplicates), sum(quarantined) from sources")
    refused = sum(answers["quarantined"].values())
    assert found == (answers["lines"], answers["events"], answers["duplicates"], refused)
    assert ask("select count(*), count(distinct event_id) from events") == [(answers["events"], answers["events"])]


def test_each_file_was_read_whole(ask: Ask, answers: Answers) -> None:
    """Lines and refused lines by file; which file a duplicate is found in depends on the order of reading."""
    found = ask("select parse_filename(source_path), lines, quarantined from sources order by 1")
    assert found == sorted(
        (Path(name).name, file["lines"], sum(file["quarantined"].values())) for name, file in answers["files"].items()
    )


def test_refused_lines_by_reason(ask: Ask, answers: Answers) -> None:
    """Each broken line is in the quarantine under the reason for which it was made."""
    assert dict(ask("select error_code, count(*) from quarantine group by all")) == answers["quarantined"]


def test_kinds(ask: Ask, answers: Answers) -> None:
    """Events by kind, the foreign loggers' lines included."""
    assert dict(ask("select kind, count(*) from events group by all")) == answers["kinds"]


def test_traces_requests_sessions_users(ask: Ask, answers: Answers) -> None:
    """Identities join what several programs wrote: the gateway's camel-case ids count no request twice."""
    assert ask("select count(*) from traces") == [(answers["traces"],)]
    found = ask("select count(*) from requests where request_id like 'req-%' and name = 'answer customer'")
    assert found == [(answers["answered_requests"],)]
    assert ask("select count(*) from sessions") == [(answers["sessions"],)]
    assert ask("select count(distinct user_id) from events") == [(answers["users"],)]


def test_latency_tokens_and_cost_by_version(ask: Ask, answers: Answers) -> None:
    """Calls, exact quantiles, tokens and cost of each version of the model."""
    rows = ask("""
        select model_version, count(*), sum(cost_usd), sum(input_tokens), sum(cache_read_tokens), sum(output_tokens),
            coalesce(sum(reasoning_tokens), 0), median(ttft_ms),
            quantile_cont(duration_ms, 0.5) filter (status in ('ok', 'timeout')),
            quantile_cont(duration_ms, 0.95) filter (status in ('ok', 'timeout'))
        from llm_calls where model = 'tern-assist' group by all
    """)
    assert {row[0] for row in rows} == set(answers["versions"])
    for version, calls, cost, tokens_in, cached, tokens_out, reasoning, ttft, p50, p95 in rows:
        expected = answers["versions"][version]
        assert (calls, tokens_in, cached, tokens_out, reasoning) == (
            expected["calls"],
            expected["input_tokens"],
            expected["cache_read_tokens"],
            expected["output_tokens"],
            expected["reasoning_tokens"],
        )
        assert cost == close(expected["cost_usd"])
        assert (ttft, p50, p95) == (
            close(expected["ttft_p50_ms"]),
            close(expected["p50_ms"]),
            close(expected["p95_ms"]),
        )


def test_errors_by_version(ask: Ask, answers: Answers) -> None:
    """How calls ended, by version, summed over roles."""
    rows = ask("""
        select model_version, sum(ok)::int, sum(errors)::int, sum(timeouts)::int, sum(cancelled)::int
        from errors_by_version where model = 'tern-assist' and operation = 'chat' group by all
    """)
    found = {
        version: dict(zip(("ok", "error", "timeout", "cancelled"), counts, strict=True)) for version, *counts in rows
    }
    for version, expected in answers["versions"].items():
        assert {k: n for k, n in found[version].items() if n} == expected["statuses"]


def test_computed_cost_agrees_with_the_reported(ask: Ask, answers: Answers) -> None:
    """The price list gives what the writers reported: cached tokens are priced once, reasoning is inside the output."""
    ((reported, computed, apart),) = ask("""
        select sum(reported_usd), sum(computed_usd), max(abs(reported_usd - computed_usd))
        from llm_calls where reported_usd is not null
    """)
    assert reported == close(answers["cost"]["total_usd"])
    assert computed == close(answers["cost"]["total_usd"])
    assert apart < 1e-9


def test_unpriced_calls_are_unpriced(ask: Ask, answers: Answers) -> None:
    """The embedding model has no price: its calls have no cost, not a cost of 0."""
    rows = ask("select model, count(*), count(cost_usd) from llm_calls where cost_source = 'unpriced' group by all")
    assert rows == [(model, n, 0) for model, n in answers["cost"]["unpriced_calls"].items()]


def test_canary_is_slower(ask: Ask, answers: Answers) -> None:
    """Answers of the canary and of the champion over the same hours."""
    canary = answers["canary"]
    rows = ask(
        """
        select variant, count(*), quantile_cont(duration_ms, 0.5), quantile_cont(duration_ms, 0.95)
        from spans where operation = 'invoke_agent' and status = 'ok' and ts >= $begin and ts < $until
            and variant in ('champion', 'canary') group by all
        """,
        begin=datetime.fromisoformat(canary["from"]),
        until=datetime.fromisoformat(canary["until"]),
    )
    for variant, answered, p50, p95 in rows:
        assert (answered, p50, p95) == (
            canary[variant]["answers"],
            close(canary[variant]["p50_ms"]),
            close(canary[variant]["p95_ms"]),
        )
    assert canary["canary"]["p95_ms"] > 1.5 * canary["champion"]["p95_ms"]


def test_cost_by_day_and_its_spike(ask: Ask, answers: Answers) -> None:
    """Cost of each day; the dearest is the day of the retries."""
    rows = dict(ask("select date, sum(cost_usd) from model_calls group by all having sum(cost_usd) > 0"))
    assert {str(day): usd for day, usd in rows.items()} == {
        day: close(usd) for day, usd in answers["cost"]["by_day_usd"].items()
    }
    spike = answers["cost"]["spike"]
    assert max(rows, key=lambda day: rows[day]) == date.fromisoformat(spike["day"])
    assert spike["usd"] > 2 * spike["median_weekday_usd"]
    retried = "select count(*) from llm_calls where attempt > 1 and date = $day"
    assert ask(retried, day=date.fromisoformat(spike["day"])) == [(spike["retried_calls"],)]


def test_wasted_cost_by_reason(ask: Ask, answers: Answers) -> None:
    """What cancelled, failed and timed-out calls cost."""
    rows = ask("select reason, count(*), sum(cost_usd) from wasted_cost group by all")
    assert {reason: (calls, usd) for reason, calls, usd in rows} == {
        reason: (lost["calls"], close(lost["usd"])) for reason, lost in answers["wasted"].items()
    }


def test_failing_tool(ask: Ask, answers: Answers) -> None:
    """Error rates of the tool before, during and after its bad hours; it has the worst day of all tools."""
    tool = answers["failing_tool"]
    rows = ask(
        """
        select case when ts < $begin then 'before' when ts < $until then 'during' else 'after' end,
            count(*), count(*) filter (failed)
        from tool_calls where tool = $tool group by all
        """,
        tool=tool["tool"],
        begin=datetime.fromisoformat(tool["from"]),
        until=datetime.fromisoformat(tool["until"]),
    )
    assert {period: (calls, errors) for period, calls, errors in rows} == {
        period: (tool[period]["calls"], tool[period]["errors"]) for period in ("before", "during", "after")
    }
    ((worst,),) = ask("""
        select tool from tool_calls group by tool, date having count(*) >= 10
        order by avg(case when failed then 1 else 0 end) desc limit 1
    """)
    assert worst == tool["tool"]


def test_drifting_feature(ask: Ask, answers: Answers) -> None:
    """The median of the feature before and after its known day."""
    drift = answers["drift"]
    rows = ask(
        """
        select case when ts < $since then 'before' else 'after' end, count(*),
            median((features ->> $feature)::double)
        from predictions group by all
        """,
        since=datetime.fromisoformat(drift["from"]),
        feature=drift["feature"],
    )
    for period, n, middle in rows:
        assert (n, middle) == (drift[period]["n"], drift[period]["median"])


def test_provenance_of_a_click(ask: Ask, answers: Answers) -> None:
    """From a click to the seven versions, parameters and commit behind the answer, in one query."""
    expected = answers["provenance"]
    sql = (Path(__file__).parents[2] / "core/deadreckon/story/questions/provenance.sql").read_text()
    ((found,),) = ask(f"select to_json(q) from ({sql.rstrip()}) as q")
    found = json.loads(found)
    for key in ("request_id", "session_id", "trace_id", "model", "model_version", "run_id", "git_commit"):
        assert found[key] == expected[key]
    assert {part: found[part] for part in expected["versions"]} == expected["versions"]
    assert (found["cost_usd"], found["duration_ms"]) == (close(expected["cost_usd"]), close(expected["duration_ms"]))
    rows = ask("select versions, params from provenance where request_id = $id", id=expected["request_id"])
    assert [json.loads(text) for text in rows[0]] == [expected["versions"], expected["params"]]


def test_experiments(ask: Ask, answers: Answers) -> None:
    """Each run's end, last loss and f1; what it changed against the run it is compared with comes from the logs too."""
    rows = ask("""
        select r.run_id, r.status, r.model_version, json_extract_string(r.attributes, 'compared_to'),
            (select value from run_metrics m where m.run_id = r.run_id and m.name = 'loss.val' and is_last),
            (select count(*) from run_metrics m where m.run_id = r.run_id and m.name = 'loss.val'),
            (select value from run_metrics m where m.run_id = r.run_id and m.name = 'f1' and fold is null),
            r.params, r.versions
        from runs r
    """)
    inputs = {row[0]: json.loads(row[7]) | json.loads(row[8]) for row in rows}
    assert {row[0] for row in rows} == set(answers["experiments"])
    for run_id, status, version, compared, loss, steps, f1, _, _ in rows:
        expected = answers["experiments"][run_id]
        changed = {}
        if compared:
            there, here = inputs[compared], inputs[run_id]
            changed = {k: [there[k], here[k]] for k in here if here[k] != there[k]}
        assert {
            "status": status,
            "model_version": version,
            "compared_to": compared,
            "loss_val_last": loss,
            "steps": steps,
            "f1": f1,
            "changed": changed,
        } == expected


def test_leaking_fold(ask: Ask, answers: Answers) -> None:
    """One fold of 35 was trained on days it was tested on, and the view says which."""
    rows = ask("select run_id, fold, train_end, test_start, gap_days from folds where leaks")
    assert [dict(zip(leak, row, strict=True)) for row, leak in zip(rows, answers["leak"]["leaks"], strict=True)] == (
        answers["leak"]["leaks"]
    )
    assert ask("select count(*) from folds") == [(answers["leak"]["folds"],)]


def test_stages(ask: Ask, answers: Answers) -> None:
    """Where each version ended up."""
    assert dict(ask("select model_version, stage from models where model = 'tern-assist'")) == answers["stages"]


def test_opinions(ask: Ask, answers: Answers) -> None:
    """Feedback, decisions, contracts, scores and artifacts."""
    expected = answers["opinions"]
    assert dict(ask("select name, count(*) from feedback group by all")) == expected["feedback"]
    assert ask("select count(*) from feedback where name = 'thumb' and value > 0") == [(expected["thumbs_up"],)]
    assert dict(ask("select choice, count(*) from decisions group by all")) == expected["decisions"]
    contracts = ask("""
        select name, count(*) filter (passed), count(*) filter (not passed)
        from events where kind = 'contract' group by all
    """)
    assert {n: {"held": held, "broken": broken} for n, held, broken in contracts} == expected["contracts"]
    scores = ask("""
        select model_version || ' ' || source, count(*), avg(value) from events where kind = 'score' group by all
    """)
    assert {k: {"n": n, "mean": mean} for k, n, mean in scores} == {
        k: {"n": v["n"], "mean": close(v["mean"])} for k, v in expected["scores"].items()
    }
    assert ask("select count(*) from artifacts") == [(expected["artifacts"],)]


def test_private_data_never_reaches_the_lake(ask: Ask, answers: Answers) -> None:
    """Mail addresses, telephone and card numbers are masked in events and in the quarantine; the texts stay."""
    marks = {"email": "%@example.%", "phone": "%555 010%", "card": "%4111 1111%"}
    for what, mark in marks.items():
        assert ask("select count(*) from events as e where e::varchar like $mark", mark=mark) == [(0,)], what
        assert ask("select count(*) from quarantine as q where q::varchar like $mark", mark=mark) == [(0,)], what
        masked = ask("select count(*) from events where contains(input, $mask)", mask=f"[{what}]")
        assert masked == [(answers["private"][what],)], what


def test_gateway_and_web_lines_keep_their_own_words(ask: Ask) -> None:
    """Foreign loggers' levels and times are read, and keys that are no columns stay in the attributes."""
    ((levels, codes, bad),) = ask("""
        select list_sort(list_distinct(list(level))), count(*) filter (attributes ->> 'statusCode' = '200'),
            count(*) filter (duration_ms is null or request_id is null or ts < timestamptz '2026-10-05 00:00:00+00')
        from events where service = 'tern-gateway'
    """)
    assert (levels, bad) == (["error", "info", "warning"], 0)
    assert codes > 1_500
    assert ask("select count(*) from events where service = 'tern-web' and kind = 'feedback' and name is null") == [
        (0,)
    ]


def test_ingesting_again_adds_nothing(lake: Path, settings: Settings) -> None:
    """A second run over the same files reads nothing, and a copy of a file under another name is known."""
    summary = ingest([SAMPLE_LOGS / "logs"], lake, settings=settings)
    assert (summary.read_lines, summary.committed) == (0, 0)
