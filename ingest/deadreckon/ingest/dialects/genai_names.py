"""The keys of GenAI instrumentations and what they mean: tables alone, read by `genai`."""

from __future__ import annotations

from typing import Final

SECONDS: Final = (
    "gen_ai.response.time_to_first_chunk",
    "gen_ai.client.operation.time_to_first_chunk",
    "gen_ai.server.time_to_first_token",
    "gen_ai.response.time_to_first_token",
    "gen_ai.latency.time_to_first_token",
    "gen_ai.server.ttft",
)
MILLISECONDS: Final = ("ai.response.msToFirstChunk", "ai.stream.msToFirstChunk")
FINISH: Final = (
    "gen_ai.response.finish_reasons",
    "gen_ai.response.finish_reason",
    "gen_ai.completion.0.finish_reason",
    "ai.response.finishReason",
    "llm.finish_reason",
)
COSTS: Final = ("langfuse.observation.cost_details", "mlflow.llm.cost")
OPERATIONS: Final = {
    "openinference.span.kind": {
        "llm": "chat",
        "embedding": "embeddings",
        "tool": "execute_tool",
        "agent": "invoke_agent",
        "retriever": "retrieval",
        "guardrail": "guardrail",
        "chain": "chain",
        "reranker": "rerank",
        "evaluator": "evaluate",
        "prompt": "prompt",
    },
    "traceloop.span.kind": {
        "workflow": "workflow",
        "task": "task",
        "agent": "invoke_agent",
        "tool": "execute_tool",
    },
    "mlflow.spanType": {
        "llm": "chat",
        "chat_model": "chat",
        "embedding": "embeddings",
        "tool": "execute_tool",
        "agent": "invoke_agent",
        "retriever": "retrieval",
        "chain": "chain",
        "reranker": "rerank",
        "workflow": "workflow",
        "task": "task",
        "guardrail": "guardrail",
        "evaluator": "evaluate",
    },
    "langfuse.observation.type": {
        "generation": "chat",
        "embedding": "embeddings",
        "tool": "execute_tool",
        "agent": "invoke_agent",
        "retriever": "retrieval",
        "chain": "chain",
        "guardrail": "guardrail",
        "evaluator": "evaluate",
    },
    "langsmith.span.kind": {
        "llm": "chat",
        "embedding": "embeddings",
        "tool": "execute_tool",
        "retriever": "retrieval",
        "chain": "chain",
        "prompt": "prompt",
    },
    "llm.request.type": {
        "chat": "chat",
        "completion": "text_completion",
        "embedding": "embeddings",
        "rerank": "rerank",
    },
}
"""Key -> its words (in any case) and ours."""
MOVED: Final = {
    "host.hostname": "host",
    "service.environment": "environment",
    "langfuse.environment": "environment",
    "langfuse.session.id": "session_id",
    "langfuse.user.id": "user_id",
    "enduser.id": "user_id",
    "gen_ai.input.messages": "input",
    "gen_ai.output.messages": "output",
    "gen_ai.tool.call.arguments": "input",
    "gen_ai.tool.call.result": "output",
    "gen_ai.retrieval.query.text": "input",
    "gen_ai.retrieval.documents": "output",
    "gen_ai.memory.query.text": "input",
    "langfuse.observation.input": "input",
    "langfuse.observation.output": "output",
    "mlflow.spanInputs": "input",
    "mlflow.spanOutputs": "output",
    "langfuse.observation.model.name": "model",
    # OpenTelemetry, and what came before it
    "gen_ai.request.stream": "stream",
    "gen_ai.is_streaming": "stream",
    "gen_ai.usage.cache_read_input_tokens": "cache_read_tokens",
    "gen_ai.usage.cache_creation_input_tokens": "cache_write_tokens",
    "gen_ai.usage.cache_write_input_tokens": "cache_write_tokens",
    "gen_ai.usage.reasoning_tokens": "reasoning_tokens",
    "gen_ai.usage.details.cache_read_tokens": "cache_read_tokens",
    "gen_ai.usage.details.cache_write_tokens": "cache_write_tokens",
    "gen_ai.usage.details.reasoning_tokens": "reasoning_tokens",
    # OpenLLMetry
    "llm.vendor": "provider",
    "llm.request.model": "model",
    "llm.response.model": "model_version",
    "llm.usage.prompt_tokens": "input_tokens",
    "llm.usage.completion_tokens": "output_tokens",
    "llm.usage.reasoning_tokens": "reasoning_tokens",
    "llm.is_streaming": "stream",
    "traceloop.entity.input": "input",
    "traceloop.entity.output": "output",
    "traceloop.association.properties.session_id": "session_id",
    "traceloop.association.properties.user_id": "user_id",
    # OpenInference
    "embedding.model_name": "model",
    "reranker.model_name": "model",
    "llm.system": "provider",
    # LangSmith; what it calls a session is a project
    "langsmith.metadata.session_id": "session_id",
    "langsmith.metadata.thread_id": "session_id",
    "langsmith.metadata.conversation_id": "session_id",
    "langsmith.metadata.user_id": "user_id",
    "langsmith.metadata.lc_agent_name": "agent",
    "gen_ai.prompt": "input",
    "gen_ai.completion": "output",
    # LiteLLM and others: what a call cost
    "gen_ai.usage.total_cost": "cost_usd",
    "gen_ai.cost.total_cost": "cost_usd",
    "litellm.cost.total": "cost_usd",
    # Google's ADK
    "gcp.vertex.agent.session_id": "session_id",
    "gcp.vertex.agent.tool_call_args": "input",
    "gcp.vertex.agent.tool_response": "output",
    # Vercel's AI SDK
    "ai.toolCall.name": "tool",
    "ai.toolCall.args": "input",
    "ai.toolCall.result": "output",
    "ai.telemetry.metadata.sessionId": "session_id",
    "ai.telemetry.metadata.userId": "user_id",
    "ai.model.id": "model",
    "ai.model.provider": "provider",
    # logfire
    "logfire.msg": "event",
    "gen_ai.evaluation.score.value": "value",
    "gen_ai.evaluation.score.label": "label",
    "gen_ai.evaluation.explanation": "reason",
}
"""Further keys that are a column as they are; only lines that get here for another reason are looked at."""
OPENED: Final = {
    "mlflow.llm.provider": "provider",
    "mlflow.trace.session": "session_id",
    "mlflow.trace.user": "user_id",
    "mlflow.sourceRun": "run_id",
}
"""Keys whose values may be JSON in a text, and what stands in it is a column."""
LEVELS: Final = {"langfuse.observation.level": {"DEBUG": "debug", "WARNING": "warning", "ERROR": "error"}}
LEVEL_NUMBERS: Final = "logfire.level_num"
"""OpenTelemetry's severity number, on spans."""
NAMED: Final = {"execute_tool": "tool", "invoke_agent": "agent"}
"""Operations that something named does, and the column of its name."""
BY_NAME: Final = {
    "tool": (
        *("openinference.span.kind", "mlflow.spanType", "langfuse.observation.type", "langsmith.span.kind"),
        "traceloop.span.kind",
    ),
    "agent": ("mlflow.spanType", "langfuse.observation.type"),
}
"""Column -> the keys whose spans have the tool's or the agent's name as their own, where nothing else tells it."""
PROVIDERS: Final = ("gen_ai.usage.raw", "langsmith.metadata.usage_metadata")
"""The provider's own account of usage, and LangChain's: beside the totals, read for their parts."""
USAGES: Final = ("langfuse.observation.usage_details", "mlflow.chat.tokenUsage", *PROVIDERS)
PARTS: Final = (
    ("prompt_tokens_details", "cache_read_tokens", "cached_tokens"),
    ("input_tokens_details", "cache_read_tokens", "cached_tokens"),
    ("completion_tokens_details", "reasoning_tokens", "reasoning_tokens"),
    ("output_tokens_details", "reasoning_tokens", "reasoning_tokens"),
    ("input_token_details", "cache_read_tokens", "cache_read"),
    ("input_token_details", "cache_write_tokens", "cache_creation"),
    ("output_token_details", "reasoning_tokens", "reasoning"),
)
"""In OpenAI's account of usage and in LangChain's: where a part of a total stands, its column, its key."""
ASKED: Final = ("model", "model_name", "ls_model_name")
"""The model asked for, in a request's parameters and in LangChain's metadata."""
