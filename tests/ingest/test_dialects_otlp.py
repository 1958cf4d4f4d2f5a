"""OTLP/JSON lines: spans, log records and metrics, with every generation of GenAI conventions."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from tests.ingest.objects import otlp_lines
from tests.ingest.reading import one, read

from deadreckon.core.schema import EVENTS, alias_table
from deadreckon.ingest.dialects import genai, rewrite

TRACE, SPAN, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", "b7ad6b7169203331"
START = 1_795_226_400_000_000_000
DERIVED = {
    *("startTimeUnixNano", "endTimeUnixNano", "timeUnixNano", "severityNumber", "kind", "code"),
    *("traceId", "spanId", "parentSpanId"),
}
"""Fields that become columns in another form."""


def typed(value: Any) -> dict[str, Any]:
    """A value as OTLP writes it."""
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case list():
            return {"arrayValue": {"values": [typed(v) for v in value]}}
        case dict():
            return {"kvlistValue": {"values": pairs(value)}}
        case _:
            return {"stringValue": value}


def pairs(attributes: dict[str, Any]) -> list[dict[str, Any]]:
    """Attributes as OTLP writes them."""
    return [{"key": key, "value": typed(value)} for key, value in attributes.items()]


def span_line(attributes: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """A line with one span of one second."""
    span = {
        "traceId": TRACE,
        "spanId": SPAN,
        "name": "work",
        "startTimeUnixNano": str(START),
        "endTimeUnixNano": str(START + 10**9),
        "attributes": pairs(attributes or {}),
        **fields,
    }
    resource = {"attributes": pairs({"service.name": "api", "service.version": "2"})}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": {"name": "lib"}, "spans": [span]}]}]}


def log_line(attributes: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """A line with one log record."""
    record = {"timeUnixNano": str(START), "attributes": pairs(attributes or {}), **fields}
    return {"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}


class TestSpans:
    """Each span is an event of kind span."""

    def test_a_span_with_its_resource_and_scope(self) -> None:
        """Times, ids and name are columns; what else it says is under `otel`."""
        row = one(span_line({"k": 1}, parentSpanId=PARENT, kind=3, traceState="a=b"))
        assert (row["kind"], row["status"], row["name"], row["service"]) == ("span", "ok", "work", "api")
        assert (row["trace_id"], row["span_id"], row["parent_span_id"]) == (TRACE, SPAN, PARENT)
        assert (row["ts"], row["duration_ms"]) == (datetime(2026, 11, 21, 2, tzinfo=UTC), 1000.0)
        assert row["attributes"] == {
            "k": 1,
            "otel": {
                "resource": {"service.version": "2"},
                "scope": {"name": "lib"},
                "kind": "client",
                "traceState": "a=b",
            },
        }

    def test_the_same_span_twice_is_one_event(self) -> None:
        """An export that is repeated gives the same event_id."""
        line = json.dumps(span_line())
        first, second = read(f"{line}\n{line}\n").rows
        assert first["event_id"] == second["event_id"]

    def test_ids_in_base64_are_ids(self) -> None:
        """Protobuf's own JSON writes bytes in base64."""
        row = one(span_line(traceId="S/kvNXezTaajzpKdDg5HNg==", spanId="APBnqgupArc="))
        assert (row["trace_id"], row["span_id"]) == (TRACE, SPAN)

    def test_a_field_that_is_wrong_stays_and_its_record_is_read(self) -> None:
        """One broken id does not cost the span, nor the others of the line."""
        row = one(span_line(traceId="zz", startTimeUnixNano="soon", status={"code": 9}, events="none", links=5))
        assert (row["kind"], row["span_id"]) == ("span", SPAN)
        kept = {"traceId": "zz", "startTimeUnixNano": "soon", "status": {"code": 9}, "events": "none", "links": 5}
        assert kept.items() <= row["attributes"]["otel"].items()

    def test_a_span_that_ends_before_it_starts_has_no_duration(self) -> None:
        """Two clocks that disagree give no negative time; the end is kept."""
        row = one(span_line(endTimeUnixNano=str(START - 5)))
        assert "duration_ms" not in row
        assert row["attributes"]["otel"]["endTimeUnixNano"] == str(START - 5)

    def test_early_nanoseconds_are_not_taken_for_another_unit(self) -> None:
        """OTLP says nanoseconds, whatever their size."""
        assert one(span_line(startTimeUnixNano="1000000", endTimeUnixNano="2000000"))["ts"].year == 1970

    @pytest.mark.parametrize(
        ("status", "want"),
        [({}, "ok"), ({"code": 1}, "ok"), ({"code": 2}, "error"), ({"code": "STATUS_CODE_ERROR"}, "error")],
    )
    def test_status_codes(self, status: dict[str, Any], want: str) -> None:
        """A span that ended and was not marked is fine; a mark is what it says."""
        assert one(span_line(status=status))["status"] == want

    def test_an_exception_event_names_the_error(self) -> None:
        """The last one recorded, unless the span names its error itself."""
        raised = [
            {"name": "exception", "attributes": pairs({"exception.type": kind, "exception.message": kind.lower()})}
            for kind in ("First", "Last")
        ]
        row = one(span_line(events=raised, status={"code": 2, "message": "failed"}))
        assert (row["error_type"], row["error_message"]) == ("Last", "last")
        row = one(span_line({"error.type": "Own"}, status={"code": 2, "message": "failed"}))
        assert (row["error_type"], row["error_message"]) == ("Own", "failed")

    def test_an_error_that_was_handled_is_no_error(self) -> None:
        """A span that is marked ok keeps the exception among its events only."""
        raised = [{"name": "exception", "attributes": pairs({"exception.type": "E"})}]
        row = one(span_line(events=raised, status={"code": 1}))
        assert "error_type" not in row
        assert row["attributes"]["otel"]["events"][0]["attributes"] == {"exception.type": "E"}

    def test_an_evaluation_in_a_span_is_a_score_too(self) -> None:
        """The event gen_ai.evaluation.result becomes a score of the span's trace."""
        given = {
            "gen_ai.evaluation.name": "helpful",
            "gen_ai.evaluation.score.value": 0.5,
            "gen_ai.evaluation.score.label": "fair",
            "gen_ai.evaluation.explanation": "short",
        }
        event = {"name": "gen_ai.evaluation.result", "timeUnixNano": str(START + 7000), "attributes": pairs(given)}
        _, score = read(json.dumps(span_line(events=[event])) + "\n").rows
        assert (score["kind"], score["name"], score["value"]) == ("score", "helpful", 0.5)
        assert (score["label"], score["reason"]) == ("fair", "short")
        assert (score["trace_id"], score["parent_span_id"]) == (TRACE, SPAN)


class TestGenAi:
    """What instrumentations of models and agents write, whatever they call it."""

    @pytest.mark.parametrize(
        ("attributes", "columns"),
        [
            ({"gen_ai.response.time_to_first_chunk": 0.125}, {"ttft_ms": 125.0}),
            ({"gen_ai.client.operation.time_to_first_chunk": 2}, {"ttft_ms": 2000.0}),
            ({"gen_ai.server.time_to_first_token": 0.5}, {"ttft_ms": 500.0}),
            ({"ai.response.msToFirstChunk": 87.5}, {"ttft_ms": 87.5}),
            ({"langfuse.observation.completion_start_time": "2026-11-21T02:00:00.250Z"}, {"ttft_ms": 250.0}),
            ({"gen_ai.response.finish_reasons": ["stop"]}, {"finish_reason": "stop"}),
            ({"gen_ai.response.finish_reasons": '["length"]'}, {"finish_reason": "length"}),
            ({"ai.response.finishReason": "tool-calls"}, {"finish_reason": "tool-calls"}),
            ({"openinference.span.kind": "RETRIEVER"}, {"operation": "retrieval"}),
            ({"traceloop.span.kind": "tool"}, {"operation": "execute_tool"}),
            ({"mlflow.spanType": '"CHAT_MODEL"'}, {"operation": "chat"}),
            ({"langfuse.observation.type": "generation"}, {"operation": "chat"}),
            ({"operation.cost": 0.25}, {"cost_usd": 0.25}),
            ({"llm.cost.total": 0.5}, {"cost_usd": 0.5}),
            ({"mlflow.llm.cost": '{"input_cost": 1, "output_cost": 2, "total_cost": 3}'}, {"cost_usd": 3.0}),
            ({"langfuse.observation.cost_details": '{"input": 1, "total": 1.5}'}, {"cost_usd": 1.5}),
            ({"gen_ai.system": "openai"}, {"provider": "openai"}),
            ({"gen_ai.usage.prompt_tokens": 5}, {"input_tokens": 5}),
            ({"gen_ai.usage.completion_tokens": 6}, {"output_tokens": 6}),
            ({"gen_ai.usage.cache_creation.input_tokens": 9}, {"cache_write_tokens": 9}),
            ({"llm.token_count.prompt_details.cache_write": 8}, {"cache_write_tokens": 8}),
            (
                {"langfuse.observation.usage_details": '{"input": 10, "input_cached_tokens": 30, "output": 4}'},
                {"input_tokens": 40, "cache_read_tokens": 30, "output_tokens": 4},
            ),
            (
                {"mlflow.chat.tokenUsage": '{"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}'},
                {"input_tokens": 3, "output_tokens": 4},
            ),
            (
                {"gen_ai.request.model": "gpt-4o", "gen_ai.response.model": "gpt-4o-2024-08-06"},
                {"model": "gpt-4o", "model_version": "gpt-4o-2024-08-06"},
            ),
            ({"gen_ai.tool.call.arguments": '{"q": 1}'}, {"input": '{"q": 1}'}),
            ({"gen_ai.tool.call.result": "r"}, {"output": "r"}),
            ({"gen_ai.conversation.id": "c", "user.id": "u"}, {"session_id": "c", "user_id": "u"}),
            # OpenLLMetry, before and after it took OpenTelemetry's names
            ({"llm.usage.prompt_tokens": 5, "llm.usage.completion_tokens": 6}, {"input_tokens": 5, "output_tokens": 6}),
            ({"gen_ai.usage.cache_read_input_tokens": 7}, {"cache_read_tokens": 7}),
            ({"gen_ai.usage.cache_creation_input_tokens": 7}, {"cache_write_tokens": 7}),
            ({"gen_ai.usage.reasoning_tokens": 7}, {"reasoning_tokens": 7}),
            ({"llm.usage.reasoning_tokens": 7}, {"reasoning_tokens": 7}),
            (
                {"llm.vendor": "OpenAI", "llm.request.model": "gpt-4", "llm.response.model": "gpt-4-0613"},
                {"provider": "OpenAI", "model": "gpt-4", "model_version": "gpt-4-0613"},
            ),
            ({"llm.request.type": "completion"}, {"operation": "text_completion"}),
            ({"llm.is_streaming": True}, {"stream": True}),
            ({"gen_ai.is_streaming": False}, {"stream": False}),
            ({"gen_ai.completion.0.finish_reason": "tool_calls"}, {"finish_reason": "tool_calls"}),
            (
                {"traceloop.span.kind": "tool", "traceloop.entity.name": "search"},
                {"operation": "execute_tool", "tool": "search"},
            ),
            ({"traceloop.span.kind": "agent", "traceloop.entity.name": "planner"}, {"agent": "planner"}),
            (
                {"traceloop.entity.input": '{"a": 1}', "traceloop.entity.output": "b"},
                {"input": '{"a": 1}', "output": "b"},
            ),
            ({"traceloop.association.properties.session_id": "s"}, {"session_id": "s"}),
            ({"traceloop.association.properties.user_id": "u"}, {"user_id": "u"}),
            # OpenInference
            ({"embedding.model_name": "e5"}, {"model": "e5"}),
            ({"reranker.model_name": "r1"}, {"model": "r1"}),
            ({"llm.system": "anthropic"}, {"provider": "anthropic"}),
            ({"llm.system": "openai", "llm.provider": "azure"}, {"provider": "azure"}),
            ({"openinference.span.kind": "AGENT", "agent.name": "planner"}, {"agent": "planner"}),
            ({"agent.name": "filebeat"}, {"agent": None}),
            ({"llm.finish_reason": "stop"}, {"finish_reason": "stop"}),
            # OpenTelemetry
            ({"gen_ai.request.stream": True}, {"stream": True}),
            # pydantic-ai
            (
                {"gen_ai.usage.details.cache_read_tokens": 3, "gen_ai.usage.details.reasoning_tokens": 4},
                {"cache_read_tokens": 3, "reasoning_tokens": 4},
            ),
            # MLflow, whose values are JSON in a text
            (
                {"mlflow.llm.model": '"gpt-4o"', "mlflow.llm.provider": '"openai"'},
                {"model": "gpt-4o", "provider": "openai"},
            ),
            ({"mlflow.trace.session": '"s"', "mlflow.trace.user": "u"}, {"session_id": "s", "user_id": "u"}),
            ({"mlflow.sourceRun": "r-1"}, {"run_id": "r-1"}),
            (
                {"mlflow.chat.tokenUsage": '{"input_tokens": 9, "cache_read_input_tokens": 3}'},
                {"input_tokens": 9, "cache_read_tokens": 3},
            ),
            # Langfuse
            (
                {"langfuse.observation.level": "ERROR", "langfuse.observation.status_message": "no"},
                {"level": "error", "status": "error", "error_message": "no"},
            ),
            ({"langfuse.observation.level": "WARNING"}, {"level": "warning", "status": "ok"}),
            ({"langfuse.observation.level": "DEFAULT"}, {"status": "ok"}),
            # LangSmith
            (
                {"langsmith.span.kind": "llm", "langsmith.metadata.thread_id": "s", "langsmith.trace.session_id": "p"},
                {"operation": "chat", "session_id": "s"},
            ),
            ({"langsmith.span.kind": "chain", "langsmith.trace.session_id": "p"}, {"session_id": None}),
            (
                {"langsmith.metadata.usage_metadata": '{"input_token_details":{"cache_read":3,"cache_creation":2}}'},
                {"cache_read_tokens": 3, "cache_write_tokens": 2},
            ),
            ({"langsmith.span.kind": "tool", "gen_ai.prompt": "{}"}, {"operation": "execute_tool", "input": "{}"}),
            # Whose spans of tools and agents have no other name than their own
            ({"mlflow.spanType": '"TOOL"'}, {"operation": "execute_tool", "tool": "work"}),
            ({"mlflow.spanType": '"AGENT"'}, {"operation": "invoke_agent", "agent": "work"}),
            ({"langfuse.observation.type": "tool"}, {"operation": "execute_tool", "tool": "work"}),
            ({"langfuse.observation.type": "agent"}, {"operation": "invoke_agent", "agent": "work"}),
            ({"openinference.span.kind": "TOOL"}, {"tool": "work"}),
            ({"openinference.span.kind": "TOOL", "tool.name": "t"}, {"tool": "t"}),
            ({"openinference.span.kind": "AGENT"}, {"agent": None}),
            ({"gen_ai.operation.name": "execute_tool"}, {"tool": None}),
            # pydantic-ai before it took OpenTelemetry's names for tools
            (
                {"gen_ai.tool.name": "t", "gen_ai.tool.call.id": "1", "tool_arguments": "{}", "tool_response": "r"},
                {"operation": "execute_tool", "tool": "t", "input": "{}", "output": "r"},
            ),
            # What was looked up
            (
                {"gen_ai.retrieval.query.text": "q", "gen_ai.retrieval.documents": [{"id": "d"}]},
                {"input": "q", "output": '[{"id":"d"}]'},
            ),
            ({"gen_ai.memory.query.text": "q"}, {"input": "q"}),
            # vLLM, OpenLIT, LiteLLM, Google's ADK
            ({"gen_ai.latency.time_to_first_token": 0.25}, {"ttft_ms": 250.0}),
            ({"gen_ai.server.ttft": 0.25}, {"ttft_ms": 250.0}),
            ({"gen_ai.usage.cache_write_input_tokens": 7}, {"cache_write_tokens": 7}),
            ({"gen_ai.usage.total_cost": 0.5}, {"cost_usd": 0.5}),
            ({"gen_ai.cost.total_cost": 0.5}, {"cost_usd": 0.5}),
            ({"gcp.vertex.agent.session_id": "s"}, {"session_id": "s"}),
            ({"gcp.vertex.agent.tool_call_args": "{}", "gcp.vertex.agent.tool_response": "[]"}, {"input": "{}"}),
            # Vercel's AI SDK
            (
                {"ai.toolCall.name": "search", "ai.toolCall.args": "{}", "ai.toolCall.result": "[]"},
                {"operation": "execute_tool", "tool": "search", "input": "{}", "output": "[]"},
            ),
            (
                {"ai.model.id": "gpt-4o", "ai.model.provider": "openai.chat"},
                {"model": "gpt-4o", "provider": "openai.chat"},
            ),
            # logfire
            ({"logfire.msg": "hello Bob", "logfire.level_num": 13}, {"event": "hello Bob", "level": "warning"}),
            (
                {"gen_ai.usage.raw": '{"prompt_tokens_details": {"cached_tokens": 3}}', "gen_ai.usage.input_tokens": 9},
                {"input_tokens": 9, "cache_read_tokens": 3},
            ),
            ({"gen_ai.usage.raw": '{"output_tokens_details": {"reasoning_tokens": 4}}'}, {"reasoning_tokens": 4}),
        ],
    )
    def test_columns_of_a_call(self, attributes: dict[str, Any], columns: dict[str, Any]) -> None:
        """Each encoding ends in the same column, from a span as from a flat line."""
        row = one(span_line(attributes))
        assert {key: row.get(key) for key in columns} == columns

    @pytest.mark.parametrize(
        "attributes",
        [
            {"gen_ai.aggregated_usage.input_tokens": 100},
            {"ai.usage.promptTokens": 100},
            {"llm.token_count.total": 100},
            {"gen_ai.usage.total_tokens": 100},
        ],
    )
    def test_totals_are_not_counted_again(self, attributes: dict[str, Any]) -> None:
        """Sums that a root span repeats stay attributes."""
        row = one(span_line(attributes))
        assert not {"input_tokens", "output_tokens"} & row.keys()
        assert attributes.items() <= row["attributes"].items()

    @pytest.mark.parametrize(
        ("attributes", "columns"),
        [
            ({"llm.model_name": "m-2026"}, {"model": "m", "model_version": "m-2026", "stream": True}),
            ({"llm.model_name": "m"}, {"model": "m", "model_version": None}),
            ({}, {"model": "m", "model_version": None}),  # a call that failed
            ({"llm.invocation_parameters": "{", "metadata": '{"ls_model_name": "l"}'}, {"model": "l", "stream": None}),
            ({"llm.model_name": "m-2026", "model_version": "7"}, {"model": "m", "model_version": "7"}),
            ({"openinference.span.kind": "TOOL", "llm.model_name": "t"}, {"model": "t", "model_version": None}),
            ({"output.value": '{"id":"chatcmpl-1","choices":[]}'}, {"response_id": "chatcmpl-1"}),
            ({"output.value": '{"generations": [[{"m": {"id": "resp_2"}}]]}'}, {"response_id": "resp_2"}),
            ({"output.value": '{"id":"mine"}'}, {"response_id": None}),
        ],
    )
    def test_openinference_says_what_was_asked_in_the_parameters(
        self, attributes: dict[str, Any], columns: dict[str, Any]
    ) -> None:
        """`llm.model_name` is the model that answered; both names are kept."""
        given = {
            "openinference.span.kind": "LLM",
            "llm.invocation_parameters": '{"model": "m", "stream": true}',
            **attributes,
        }
        row = one(span_line(given))
        assert {key: row.get(key) for key in columns} == columns
        assert all(str(value) in str(row) for value in given.values() if value not in ("LLM", "TOOL"))

    def test_mlflow_writes_its_values_as_json(self) -> None:
        """A name in quotes is the name; what answered is the version; a function is the tool."""
        call = {"mlflow.spanType": '"CHAT_MODEL"', "model": '"m"', "stream": "true", "temperature": "0.5"}
        row = one(span_line({**call, "mlflow.llm.model": '"m-2026"'}))
        assert (row["model"], row["model_version"], row["stream"]) == ("m", "m-2026", True)
        assert row["attributes"].items() >= {"temperature": "0.5", "mlflow.llm.model": '"m-2026"'}.items()
        renamed = span_line({"gen_ai.operation.name": "chat", "model": '"m"', "gen_ai.request.model": "m-2026"})
        renamed["resourceSpans"][0]["scopeSpans"][0]["scope"] = {"name": "mlflow.tracing.provider"}
        assert one(renamed)["model"] == "m"
        tool = {"mlflow.spanType": '"TOOL"', "mlflow.spanFunctionName": '"look_up"', "mlflow.spanInputs": '"x"'}
        row = one(span_line(tool))
        assert (row["operation"], row["tool"], row["input"]) == ("execute_tool", "look_up", '"x"')

    @pytest.mark.parametrize("value", ["NaN", "1e999", '"\\ud800"', '["\\ud800", NaN]', "[" * 5000])
    def test_whatever_json_is_inside_is_kept(self, value: str) -> None:
        """What JSON cannot hold itself does not cost the line, nor its neighbours."""
        call = {"mlflow.spanType": '"TOOL"', "mlflow.spanFunctionName": value, "mlflow.llm.model": value}
        rows = read(
            f"{json.dumps(span_line({**call, 'value': value, 'model': value}))}\n{json.dumps(span_line())}\n"
        ).rows
        assert [row["name"] for row in rows] == ["work", "work"]
        assert rows[0]["attributes"]["mlflow.llm.model"] == value
        assert value in (rows[0].get("model"), rows[0]["attributes"].get("model"))

    @pytest.mark.parametrize(
        ("step", "columns"),
        [
            ("streamText", {"operation": "invoke_agent", "agent": "support", "input_tokens": None}),
            ("streamText.doStream", {"operation": "chat", "stream": True, "input_tokens": 9, "agent": None}),
            ("generateObject.doGenerate", {"operation": "chat", "cache_read_tokens": 4, "reasoning_tokens": 2}),
            ("embedMany.doEmbed", {"operation": "embeddings", "input_tokens": 9}),
            ("embedMany", {"operation": None, "input_tokens": None}),
        ],
    )
    def test_vercels_loop_is_no_call_and_its_steps_are(self, step: str, columns: dict[str, Any]) -> None:
        """Tokens are those of the steps; the provider is known without the name of its interface."""
        given = {
            "ai.operationId": f"ai.{step}",
            "ai.model.provider": "openai.chat",
            "ai.telemetry.functionId": "support",
            "ai.telemetry.metadata.sessionId": "s",
            "ai.usage.inputTokens": 9,
            "ai.usage.inputTokenDetails.cacheReadTokens": 4,
            "ai.usage.outputTokenDetails.reasoningTokens": 2,
            "ai.response.text": "hi",
        }
        row = one(span_line(given))
        assert {key: row.get(key) for key in columns} == columns
        assert (row["provider"], row["session_id"], row["output"]) == ("openai", "s", "hi")
        assert row["attributes"]["ai.model.provider"] == "openai.chat"

    @pytest.mark.parametrize(
        "name", ["First Token Stream Event", "gen_ai.content.completion.chunk", "mlflow.chunk.item.0"]
    )
    def test_the_first_token_event_gives_the_time_to_it(self, name: str) -> None:
        """The first of these span events, counted from the span's start."""
        events = [{"name": name, "timeUnixNano": str(START + n * 10**6)} for n in (40, 90)]
        assert one(span_line(events=events))["ttft_ms"] == 40.0

    def test_a_value_that_does_not_fit_its_column_stays_an_attribute(self) -> None:
        """An instrumentation's fault does not cost the line."""
        row = one(span_line({"gen_ai.usage.input_tokens": "many", "session.id": ["a"]}))
        assert row["attributes"].items() >= {"gen_ai.usage.input_tokens": "many", "session.id": ["a"]}.items()

    def test_flat_lines_speak_the_same_conventions(self) -> None:
        """A logger that writes the attributes at the top of a line is read the same."""
        line = {"gen_ai.response.finish_reasons": ["stop"], "gen_ai.server.time_to_first_token": 0.5, "event": "x"}
        row = one(line)
        assert (row["finish_reason"], row["ttft_ms"]) == ("stop", 500.0)

    def test_logfire_writes_logs_as_spans_without_length(self) -> None:
        """They are logs of the span that they are in, and the same log however often it is sent."""
        attributes = {"logfire.span_type": "log", "logfire.msg": "paid", "logfire.level_num": 9}
        line = json.dumps(span_line(attributes, endTimeUnixNano=str(START), parentSpanId=PARENT))
        first, again = read(f"{line}\n{line}\n").rows
        assert (first["kind"], first["event"], first["level"]) == ("log", "paid", "info")
        assert (first["trace_id"], first["parent_span_id"]) == (TRACE, PARENT)
        assert first["event_id"] == again["event_id"]

    def test_logfires_log_of_a_streamed_answer_is_the_call(self) -> None:
        """The span before it ends when the answer begins: it is no call of its own, unless it failed."""
        asked = {"request_data": "{}", "logfire.tags": ["LLM"], "gen_ai.operation.name": "chat"}
        template = {"logfire.msg_template": "streaming response from {request_data[model]!r} took {duration:.2f}s"}
        answer = {**asked, **template, "logfire.span_type": "log", "duration": 0.25, "gen_ai.usage.input_tokens": 9}
        row = one(span_line(answer, endTimeUnixNano=str(START)))
        assert (row["kind"], row["operation"], row["duration_ms"], row["stream"]) == ("span", "chat", 250.0, True)
        assert row["ts"] == datetime(2026, 11, 21, 1, 59, 59, 750_000, tzinfo=UTC)
        begun = {**asked, "logfire.span_type": "span"}
        assert "operation" not in one(span_line(begun))
        assert one(span_line(begun))["attributes"]["gen_ai.operation.name"] == "chat"
        assert one(span_line(begun, status={"code": 2}))["operation"] == "chat"
        for told in ({"gen_ai.usage.input_tokens": 9}, {"response_data": '{"images": []}'}):
            assert one(span_line({**begun, **told}))["operation"] == "chat"

    def test_a_notice_that_a_span_has_begun_is_not_the_span(self) -> None:
        """A pending span is a log of its own, and the same however often it is sent."""
        line = json.dumps(span_line({"logfire.span_type": "pending_span"}))
        pending, again, span = read(f"{line}\n{line}\n{json.dumps(span_line())}\n").rows
        assert (pending["kind"], span["kind"]) == ("log", "span")
        assert pending["event_id"] == again["event_id"] != span["event_id"]

    def test_a_score_in_a_span_is_the_same_when_the_span_comes_again(self) -> None:
        """Each evaluation of a span has an id that follows from the span's."""
        events = [
            {"name": "gen_ai.evaluation.result", "attributes": pairs({"gen_ai.evaluation.name": n})} for n in "ab"
        ]
        line = json.dumps(span_line(events=events))
        rows = read(f"{line}\n{line}\n").rows
        assert [row["kind"] for row in rows] == ["span", "score", "score"] * 2
        assert len({row["event_id"] for row in rows}) == 3


class TestLogs:
    """Each log record is an event."""

    @pytest.mark.parametrize(
        ("number", "level"),
        [
            (1, "debug"),
            (8, "debug"),
            (9, "info"),
            (13, "warning"),
            (17, "error"),
            (24, "critical"),
            ("SEVERITY_NUMBER_WARN2", "warning"),
        ],
    )
    def test_severity_numbers(self, number: Any, level: str) -> None:
        """Four numbers to a level."""
        assert one(log_line(severityNumber=number))["level"] == level

    def test_a_structured_body_is_kept_and_the_event_name_is_what_happened(self) -> None:
        """A body that is no text goes to `otel.body`."""
        row = one(log_line(body=typed({"a": [1, {"b": "c"}]}), eventName="my.event"))
        assert row["event"] == "my.event"
        assert row["attributes"]["otel"]["body"] == {"a": [1, {"b": "c"}]}

    @pytest.mark.parametrize("named", [{"eventName": "gen_ai.evaluation.result"}, {}])
    def test_an_evaluation_is_a_score(self, named: dict[str, str]) -> None:
        """Of the span that it names; before records had a name of their own, an attribute said it."""
        given = {"gen_ai.evaluation.name": "helpful", "gen_ai.evaluation.score.value": 0.5}
        given |= {} if named else {"event.name": "gen_ai.evaluation.result"}
        lines = [log_line(given, traceId=TRACE, spanId=SPAN, **named), span_line()]
        score, span = read("".join(json.dumps(line) + "\n" for line in lines)).rows
        assert (score["kind"], score["name"], score["value"]) == ("score", "helpful", 0.5)
        assert (score["event"], score["trace_id"]) == ("gen_ai.evaluation.result", TRACE)
        assert score["event_id"] != span["event_id"]

    def test_only_the_observed_time_is_known(self) -> None:
        """It is the time of the event."""
        assert one(log_line(timeUnixNano="0", observedTimeUnixNano=str(START)))["ts"].hour == 2

    def test_a_record_in_a_span_is_not_the_span(self) -> None:
        """Two records with a duration in one span are two logs."""
        line = json.dumps(log_line({"duration_ms": 5}, traceId=TRACE, spanId=SPAN, body=typed("x")))
        rows = read(f"{line}\n{line}\n").rows
        assert [row["kind"] for row in rows] == ["log", "log"]
        assert rows[0]["event_id"] != rows[1]["event_id"]


class TestMetrics:
    """Each data point is an event of kind metric."""

    def test_a_sum_and_a_histogram(self) -> None:
        """A number is the value; a histogram's counts are attributes."""
        point = {"timeUnixNano": str(START), "attributes": pairs({"gen_ai.request.model": "m", "k": "v"})}
        metrics = [
            {"name": "calls", "unit": "{call}", "sum": {"isMonotonic": True, "dataPoints": [{**point, "asInt": "17"}]}},
            {"name": "took", "unit": "s", "histogram": {"dataPoints": [{**point, "count": "3", "sum": 1.5}]}},
            {"name": "temp", "gauge": {"dataPoints": [{**point, "asDouble": "NaN"}]}},
        ]
        rows = read(json.dumps({"resourceMetrics": [{"scopeMetrics": [{"metrics": metrics}]}]}) + "\n").rows
        assert [(r["kind"], r["name"], r["model"]) for r in rows] == [
            ("metric", n, "m") for n in ("calls", "took", "temp")
        ]
        assert (rows[0]["value"], rows[0]["unit"]) == (17.0, "{call}")
        assert rows[0]["attributes"]["otel"]["metric"] == {"type": "sum", "isMonotonic": True}
        assert "value" not in rows[1]
        assert rows[1]["attributes"]["otel"]["point"] == {"count": "3", "sum": 1.5}
        assert rows[2]["value"] != rows[2]["value"]

    def test_a_shape_that_is_null_is_none(self) -> None:
        """Some write all the shapes that there are."""
        metric = {"name": "a", "sum": None, "gauge": {"dataPoints": [{"asInt": "3"}]}}
        row = one({"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]})
        assert (row["kind"], row["name"], row["value"]) == ("metric", "a", 3.0)


class TestNothingIsLost:
    """What an exporter says is somewhere in what its line becomes."""

    @settings(max_examples=150, deadline=None)
    @given(otlp_lines())
    def test_every_leaf_survives(self, line: dict[str, Any]) -> None:
        """Lines of exporters with anything changed in them: read as OTLP or kept as they are, never half."""
        events = rewrite(copy.deepcopy(line), alias_table())
        assert all(event.keys() <= EVENTS.keys() for event in events)
        if any(type(event.get("attributes", {})) is not dict for event in events):
            return
        have = {word.lower() for word in words(events, names=True)}
        moved = alias_table().keys() | genai.MOVED.keys() | genai.KEYS | {"gen_ai.response.model"}
        assert {word.lower() for word in words(line) if word not in moved} <= have | {""}

    def test_a_line_that_only_looks_like_otlp_is_kept_as_it_is(self) -> None:
        """Keys of OTLP with something else in them are attributes."""
        assert one({"resourceSpans": "none", "event": "x"})["attributes"] == {"resourceSpans": "none"}

    def test_one_key_many_times(self) -> None:
        """Each of its values is kept under a name of its own, in time that does not grow with their square."""
        line = span_line()
        line["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["attributes"] = pairs({"k~4": "own"}) + [
            {"key": "k", "value": {"intValue": n}} for n in range(40_000)
        ]
        given = one(line)["attributes"]
        assert sorted(value for key, value in given.items() if key not in ("otel", "k~4")) == list(range(40_000))
        assert (given["k"], given["k~2"], given["k~4"]) == (0, 1, "own")

    def test_a_resource_that_is_wrong_costs_no_span(self) -> None:
        """Its attributes stay as they are, and so do those of the scope."""
        line = span_line({"k": 1})
        wrong = [{"key": 1}]
        line["resourceSpans"][0]["resource"] = {"attributes": wrong}
        line["resourceSpans"][0]["scopeSpans"][0]["scope"] = {"name": "lib", "attributes": wrong}
        row = one(line)
        assert (row["kind"], row["name"]) == ("span", "work")
        otel = row["attributes"]["otel"]
        assert otel == {"resource": {"attributes": wrong}, "scope": {"name": "lib", "attributes": wrong}}

    def test_deep_values_stay_as_written(self) -> None:
        """A value nested past the limit is not unwrapped, and not lost."""
        value: Any = "leaf"
        for _ in range(60):
            value = [value]
        assert "leaf" in json.dumps(one(span_line({"deep": value}))["attributes"])


def words(value: Any, *, names: bool = False) -> set[str]:
    """The scalars in a value, as text; with `names`, the keys too. Fields that change their form are left out."""
    found: set[str] = set()
    stack = [value]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            for key, inner in node.items():
                derived = not isinstance(inner, dict | list) and (key in DERIVED or key.startswith("dropped"))
                if names or not derived:
                    stack.append(inner)
                if names:
                    found.add(_word(key))
        elif isinstance(node, list):
            stack += node
        elif node is not None:
            found.add(_word(node))
    return found


def _word(leaf: Any) -> str:
    text = leaf if isinstance(leaf, str) else json.dumps(leaf)
    return text.encode("utf-8", "backslashreplace").decode()
