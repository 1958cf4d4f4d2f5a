"""Real libraries as senders: what each told is in the lake, once, in the right columns. See docs/frameworks.md."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest
from tests.senders import stub
from tests.senders.conftest import COST, NAMES, NODE, USED, WHY, Sent

ASKED, ANSWERED = "gpt-5", "gpt-5" + stub.SERVED
FAILED = {"failed 429": "RateLimitError", "failed 500": "InternalServerError"}
STREAMED = {"streamed", "left early", "response streamed"}


def by_span(calls: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Calls by the name of the span that they are in."""
    found = defaultdict(list)
    for call in calls:
        found[call["inside"]].append(call)
    return found


@pytest.mark.parametrize("name", [*NAMES, "node_openai"])
def test_every_span_is_in_the_lake_once_where_it_was(sent: Sent, name: str) -> None:
    """Trace, id and parent of each that the SDK says it ended; MLflow's says nothing, Node's names the outer ones."""
    if name == "node_openai" and not NODE:
        pytest.skip("needs Node.js; " + WHY)
    rows = sent.rows(
        "SELECT trace_id, span_id, parent_span_id, COALESCE(name, event) AS name FROM events "
        "WHERE service = ? AND span_id IS NOT NULL AND event IS DISTINCT FROM ?",
        name,
        "gen_ai.client.inference.operation.details",
    )
    assert len({row["span_id"] for row in rows}) == len(rows) > 0
    found = {tuple(row[key] for key in ("trace_id", "span_id", "parent_span_id")) for row in rows}
    told = {tuple(one[key] for key in ("trace_id", "span_id", "parent_span_id")) for one in sent.told[name]}
    assert told <= found
    if name not in ("mlflow_traced", "node_openai"):
        assert told == found
    ids = {row["span_id"] for row in rows}
    assert all(row["parent_span_id"] is None or row["parent_span_id"] in ids for row in rows)


@pytest.mark.parametrize(
    ("service", "ttft", "unknown"),
    [
        ("openinference_openai", STREAMED, ()),
        ("openllmetry_openai", STREAMED - {"response streamed"}, ("streamed", "reasoning_tokens")),
        ("genai_openai", STREAMED, ()),
        ("logfire_sent", set(), ()),
    ],
)
def test_openai(sent: Sent, service: str, ttft: set[str], unknown: tuple[str, ...]) -> None:
    """Each call of the SDK, told by four libraries, ends in the same columns."""
    found = by_span([call for call in sent.calls(service) if call["provider"] == "openai"])
    known = {"plain", "streamed", "tool", "left early", "response", "response streamed", "embedded", *FAILED}
    if service == "logfire_sent":
        known -= {"left early"}  # logfire tells nothing of an answer that is not read to its end
    assert found.keys() == known
    assert {name for name, calls in found.items() if len(calls) > 1} == {"tool"}
    for name, calls in found.items():
        for call in calls:
            assert (call["ttft_ms"] is not None) == (name in ttft), (name, call["ttft_ms"])
            assert (call["error_type"] or "").rpartition(".")[2] == FAILED.get(name, "")
            assert call["status"] == ("error" if name in FAILED else "ok")
            if name in STREAMED:
                assert call["stream"] is True
            if name in ttft:
                assert stub.FIRST_PIECE_S * 1000 <= call["ttft_ms"] <= call["duration_ms"]
            if name == "embedded":
                assert (call["operation"], call["model"]) == ("embeddings", "text-embedding-3-small")
                assert (call["input_tokens"], call["computed_usd"]) == (7, pytest.approx(1.4e-7))
                continue
            assert (call["operation"], call["model"]) == ("chat", ASKED)
            if name in FAILED:
                assert all(call[column] is None for column in USED)
                assert "as you asked" in call["error_message"]
            elif name != "left early":
                known_here = {column: count for column, count in USED.items() if (name, column) != unknown}
                assert {column: call[column] for column in USED if call[column] is not None} == known_here, name
                assert (call["cost_usd"], call["cost_source"]) == (pytest.approx(COST), "computed")
                if not (service == "logfire_sent" and name in STREAMED):
                    assert call["model_version"] == ANSWERED
    assert [call["finish_reason"] for call in found["plain"]] == ["stop"]
    assert [call["finish_reason"] for call in found["tool"]] in (["tool_calls", "stop"], ["tool_call", "stop"])


def test_openinference_says_whose_call_it_is(sent: Sent) -> None:
    """The session is a row of its own, with all its calls; the user is hashed."""
    (session,) = sent.rows("SELECT * FROM sessions WHERE service = 'openinference_openai'")
    assert (session["session_id"], session["model_calls"]) == ("ses-openai", 10)
    assert session["input_tokens"] == 6 * stub.INPUT + stub.EMBEDDED
    assert session["cost_usd"] == pytest.approx(6 * COST + 1.4e-7)
    answers = [call["response_id"] for call in sent.calls("openinference_openai") if not call["stream"]]
    named = [answer for answer in answers if answer]
    assert {answer.partition("-")[0] for answer in named} == {"chatcmpl", "resp"}
    assert len({*named}) == len(named)


def test_opentelemetrys_logs_and_metrics(sent: Sent) -> None:
    """Of a call come a span, a log and points of metrics: it is counted once."""
    kinds = sent.rows("SELECT kind, COUNT(*) AS n FROM events WHERE service = 'genai_openai' GROUP BY kind")
    assert {row["kind"]: row["n"] > 0 for row in kinds} == {"span": True, "log": True, "metric": True}
    logs = sent.rows(
        "SELECT l.operation, l.input, l.input_tokens, s.operation AS of_span FROM events AS l JOIN spans AS s "
        "ON s.span_id = l.span_id AND s.trace_id = l.trace_id WHERE l.kind = 'log' AND l.service = 'genai_openai'"
    )
    assert len(logs) == 9
    assert all(log["operation"] == log["of_span"] == "chat" and log["input"] for log in logs)
    assert len(sent.calls("genai_openai")) == 10
    assert {
        row["name"] for row in sent.rows("SELECT name FROM events WHERE kind = 'metric' AND operation = 'chat'")
    } >= {
        "gen_ai.client.token.usage",
        "gen_ai.client.operation.duration",
        "gen_ai.client.operation.time_to_first_chunk",
    }
