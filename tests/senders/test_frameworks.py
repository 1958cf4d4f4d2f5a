"""Frameworks as senders: their agents, tools and calls are told apart, and what a call used is counted once."""

from __future__ import annotations

import json

import pytest
from tests.senders import stub
from tests.senders.conftest import COST, NODE, USED, WHY, Sent
from tests.senders.test_openai import ANSWERED, ASKED


def total(sent: Sent, service: str) -> tuple[int, int, float]:
    """Calls, input tokens and cost of all traces together."""
    (row,) = sent.rows(
        "SELECT SUM(llm_calls) AS calls, SUM(input_tokens) AS used, SUM(cost_usd) AS cost "
        "FROM traces WHERE service = ?",
        service,
    )
    return row["calls"], row["used"], row["cost"]


def tools(sent: Sent, service: str) -> list[tuple[str, str, str | None]]:
    """Calls of tools: name, status, the error's type."""
    rows = sent.rows("SELECT tool, status, error_type FROM tool_calls WHERE service = ? ORDER BY ts", service)
    return [(row["tool"], row["status"], row["error_type"]) for row in rows]


def test_langgraph(sent: Sent) -> None:
    """Agents with a fake model, a tool that fails, a chain in a thread; a real client of OpenAI."""
    calls = sent.calls("langgraph_agent")
    fake, real = [c for c in calls if c["provider"] == "fake"], [c for c in calls if c["provider"] == "openai"]
    assert [call["finish_reason"] for call in fake] == ["tool_calls", "stop", "tool_calls", None]
    assert all(USED.items() <= call.items() for call in fake[:3])
    assert {call["model"] for call in calls} == {ASKED}
    assert [call["model_version"] for call in real] == [ANSWERED, None, None]  # none is told of streams
    assert [call["status"] for call in real] == ["ok", "ok", "error"]
    assert all(USED.items() <= call.items() for call in real[:2])
    assert "RateLimitError" in real[2]["error_type"]
    assert total(sent, "langgraph_agent") == (7, 5 * stub.INPUT, pytest.approx(5 * COST))
    assert tools(sent, "langgraph_agent") == [("order_lookup", "ok", None), ("order_lookup", "error", "LookupError")]
    sessions = sent.rows("SELECT session_id, traces, model_calls FROM sessions WHERE service = 'langgraph_agent'")
    assert {tuple(row.values()) for row in sessions} == {("ses-graph", 2, 3), ("thread-1", 1, 1)}
    assert "support/tools/order_lookup" in sent.tree("langgraph_agent")


def test_langsmith(sent: Sent) -> None:
    """The session is the one of the metadata, not the project; parts of totals are found."""
    calls = sent.calls("langsmith_agent")
    assert [call["inside"] for call in calls] == ["model", "model"]
    assert all(USED.items() <= call.items() for call in calls)
    assert {(call["model"], call["provider"], call["agent"]) for call in calls} == {(ASKED, "openai", "support")}
    assert total(sent, "langsmith_agent") == (2, 2 * stub.INPUT, pytest.approx(2 * COST))
    assert tools(sent, "langsmith_agent") == [("order_lookup", "ok", None)]
    (session,) = sent.rows("SELECT * FROM sessions WHERE service = 'langsmith_agent'")
    assert (session["session_id"], session["model_calls"]) == ("ses-smith", 2)


def test_pydantic_ai(sent: Sent) -> None:
    """The run repeats what its calls used; only the calls count."""
    calls = sent.calls("pydantic_ai_agent")
    assert [call["inside"] for call in calls] == [f"invoke_agent {name}" for name in ["support"] * 4 + ["broken"]]
    assert {(call["model"], call["agent"], call["operation"]) for call in calls} == {
        (ASKED, "support", "chat"),
        (ASKED, "broken", "chat"),
    }
    runs = sent.rows(
        "SELECT status, error_type, attributes FROM spans "
        "WHERE service = 'pydantic_ai_agent' AND operation = 'invoke_agent' ORDER BY ts"
    )
    assert [(run["status"], run["error_type"]) for run in runs] == [
        ("ok", None),
        ("ok", None),
        ("error", "LookupError"),
    ]
    repeated = sum(json.loads(run["attributes"])["gen_ai.aggregated_usage.input_tokens"] for run in runs)
    assert total(sent, "pydantic_ai_agent")[:2] == (5, repeated)
    assert [call["ttft_ms"] is not None for call in calls] == [False, False, True, True, False]
    found = tools(sent, "pydantic_ai_agent")
    assert found == [("order_lookup", "ok", None), ("order_lookup", "ok", None), ("refund", "error", "LookupError")]
    (session,) = sent.rows("SELECT * FROM sessions WHERE session_id = 'ses-pydantic'")
    assert (session["traces"], session["model_calls"], session["requests"]) == (1, 2, 0)


def test_openai_agents(sent: Sent) -> None:
    """Turns, tools, a handoff, a tool and a call that fail: each in its agent."""
    calls = sent.calls("openai_agents_run")
    assert len(calls) == 8
    assert all(USED.items() <= call.items() for call in calls[:-1])
    assert {call["model"] for call in calls[:-1]} == {ANSWERED}  # it does not tell what was asked
    assert (calls[-1]["status"], calls[-1]["failed"]) == ("error", True)
    assert "429" in calls[-1]["error_message"]
    assert total(sent, "openai_agents_run")[:2] == (8, 7 * stub.INPUT)
    assert [tool[:2] for tool in tools(sent, "openai_agents_run")] == [
        *[("order_lookup", "ok")] * 2,
        ("handoff to support", "ok"),
        ("refund", "error"),
    ]
    agents = sent.rows("SELECT agent, COUNT(*) AS n FROM spans WHERE service = 'openai_agents_run' GROUP BY agent")
    assert {row["agent"]: row["n"] for row in agents if row["agent"]} == {"support": 4, "front": 1, "broken": 1}
    sessions = sent.rows("SELECT model_calls, traces FROM sessions WHERE session_id = 'ses-agents'")
    assert sessions == [{"model_calls": 2, "traces": 1}]
    assert "Agent workflow/Agent workflow/support/turn/order_lookup" in sent.tree("openai_agents_run")


def test_a_call_told_by_framework_and_client_is_counted_once(sent: Sent) -> None:
    """pydantic-ai, the Agents SDK and LangChain around the client of OpenAI, all four instrumented."""
    assert total(sent, "two_layers") == (4, 4 * stub.INPUT, pytest.approx(4 * COST))
    told = sent.rows("SELECT * FROM events WHERE service = 'two_layers' AND operation = 'chat'")
    assert len(told) == 8
    (outer,) = [span for span in told if span["agent"] == "pydantic"]
    assert USED.items() <= outer.items()


def test_mlflow(sent: Sent) -> None:
    """Its values are JSON: names come without quotes; chunks give the time to the first token."""
    calls = sent.calls("mlflow_traced")
    assert len(calls) == 7
    used = {**USED, "reasoning_tokens": None}
    assert all(used.items() <= call.items() for call in calls[:-1])
    assert {(call["model"], call["model_version"]) for call in calls[:-1]} == {(ASKED, ANSWERED)}
    assert [call["ttft_ms"] is not None for call in calls] == [False, True, False] * 2 + [False]
    assert (calls[-1]["status"], calls[-1]["error_type"]) == ("error", "RateLimitError")
    assert total(sent, "mlflow_traced") == (7, 6 * stub.INPUT, pytest.approx(6 * COST))
    assert tools(sent, "mlflow_traced") == [("order_lookup", "ok", None), ("order_lookup", "error", "LookupError")]
    assert {call["inside"] for call in calls} == {"support"}
    agents = sent.rows("SELECT agent, status FROM traces WHERE service = 'mlflow_traced' ORDER BY started_at")
    assert [tuple(row.values()) for row in agents] == [("support", "ok"), ("support", "error"), ("support", "error")]


def test_logfire(sent: Sent) -> None:
    """Spans, logs, exceptions, pydantic-ai's agents; what an embedding cost is reported."""
    (log,) = sent.rows("SELECT * FROM events WHERE service = 'logfire_sent' AND kind = 'log' AND event LIKE 'late by%'")
    assert (log["level"], log["event"]) == ("warning", "late by 2")
    tree = sent.tree("logfire_sent")
    assert {"answer {order}/refund", "answer {order}/invoke_agent support/chat gpt-5"} <= {*tree}
    (refund,) = sent.rows("SELECT * FROM spans WHERE service = 'logfire_sent' AND name = 'refund'")
    assert (refund["status"], refund["error_type"], refund["error_message"]) == ("error", "LookupError", "o-17")
    calls, used, _ = total(sent, "logfire_sent")
    assert (calls, used) == (10, 6 * stub.INPUT + stub.EMBEDDED + 54)


@pytest.mark.skipif(not NODE, reason="needs Node.js; " + WHY)
def test_node(sent: Sent) -> None:
    """OpenTelemetry's instrumentation of OpenAI tells totals; Vercel's AI SDK tells of loops, calls and tools."""
    calls = sent.calls("node_openai")
    client, sdk = [c for c in calls if not c["session_id"]], [c for c in calls if c["session_id"]]
    assert [call["inside"] for call in client] == ["plain", "streamed", "failed 429", "embedded"]
    assert [call["operation"] for call in client] == ["chat", "chat", "chat", "embeddings"]
    assert [call["input_tokens"] for call in client] == [stub.INPUT, stub.INPUT, None, stub.EMBEDDED]
    assert client[2]["error_type"] == "RateLimitError"
    assert [(c["inside"], c["operation"], c["status"]) for c in sdk] == [
        *[("ai.generateText", "chat", "ok")] * 2,
        ("ai.streamText", "chat", "ok"),
        ("ai.generateText", "chat", "error"),
        ("ai.embed", "embeddings", "ok"),
    ]
    assert all(USED.items() <= call.items() for call in sdk[:3])
    assert {(c["model"], c["model_version"], c["provider"]) for c in sdk[:3]} == {(ASKED, ANSWERED, "openai")}
    assert len({c["response_id"] for c in sdk[:3]} - {None}) == 3
    assert sdk[2]["ttft_ms"] >= stub.FIRST_PIECE_S * 1000
    assert (sdk[3]["error_type"], sdk[4]["input_tokens"]) == ("AI_APICallError", stub.EMBEDDED)
    assert total(sent, "node_openai")[:2] == (9, 5 * stub.INPUT + 2 * stub.EMBEDDED)
    assert tools(sent, "node_openai") == [("order_lookup", "ok", None)]
    assert {"ai loop/ai.generateText/ai.toolCall", "ai loop/ai.generateText/ai.generateText.doGenerate"} <= {
        *sent.tree("node_openai")
    }
    agents = sent.rows("SELECT DISTINCT agent FROM traces WHERE service = 'node_openai' AND agent IS NOT NULL")
    assert agents == [{"agent": "support"}]
