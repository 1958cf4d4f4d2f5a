"""Conventions of GenAI instrumentation whose values need more than another name.

OpenTelemetry GenAI of every generation, OpenInference, OpenLLMetry, Vercel's AI SDK, MLflow and Langfuse. Totals that a
root span repeats (`gen_ai.aggregated_usage.*`, `ai.usage.*`, `llm.token_count.total`) are never columns: they would
be counted twice.
"""

from __future__ import annotations

import json
from typing import Any, Final

from deadreckon.ingest.dialects.draft import Draft
from deadreckon.ingest.dialects.fits import measure

SECONDS: Final = (
    "gen_ai.response.time_to_first_chunk",
    "gen_ai.client.operation.time_to_first_chunk",
    "gen_ai.server.time_to_first_token",
    "gen_ai.response.time_to_first_token",
)
MILLISECONDS: Final = ("ai.response.msToFirstChunk",)
FINISH: Final = ("gen_ai.response.finish_reasons", "gen_ai.response.finish_reason", "ai.response.finishReason")
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
}
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
    "langfuse.observation.input": "input",
    "langfuse.observation.output": "output",
    "mlflow.spanInputs": "input",
    "mlflow.spanOutputs": "output",
    "langfuse.observation.model.name": "model",
    "gen_ai.evaluation.score.value": "value",
    "gen_ai.evaluation.score.label": "label",
    "gen_ai.evaluation.explanation": "reason",
}
"""Further keys that are a column as they are; only lines that get here for another reason are looked at."""
USAGES: Final = ("langfuse.observation.usage_details", "mlflow.chat.tokenUsage")
KEYS: Final = frozenset({*SECONDS, *MILLISECONDS, *FINISH, *COSTS, *OPERATIONS, *USAGES})
_MARKS: Final = KEYS | MOVED.keys() | {"gen_ai.response.model"}


def lift(draft: Draft) -> None:
    """Columns from the keys of these conventions in the rest."""
    rest = draft.rest
    if _MARKS.isdisjoint(rest):
        return
    for key, column in MOVED.items():
        if key in rest:
            draft.lift(column, key)
    if "model" in draft.columns:
        draft.lift("model_version", "gen_ai.response.model")
    _first_token(draft)
    for key in FINISH:
        if key in rest:
            _finish(draft, key)
    for key, words in OPERATIONS.items():
        word = opened(rest[key]) if key in rest else None
        if type(word) is str:
            draft.fill("operation", words.get(word.lower()))
    for key in COSTS:
        if key in rest:
            draft.fill("cost_usd", _total(rest[key]))
    _langfuse_usage(draft)
    usage = opened(rest.get("mlflow.chat.tokenUsage"))
    if type(usage) is dict:
        draft.fill("input_tokens", usage.get("input_tokens"))
        draft.fill("output_tokens", usage.get("output_tokens"))


def opened(value: Any) -> Any:
    """A value that was JSON-encoded into a text, decoded; anything else as it is."""
    if type(value) is str and value[:1] in ("{", "[", '"') and len(value) < 100_000:
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def _first_token(draft: Draft) -> None:
    for keys, factor in ((SECONDS, 1000), (MILLISECONDS, 1)):
        for key in keys:
            value = measure(draft.rest.get(key))
            if value is not None:
                draft.fill("ttft_ms", round(value * factor, 9))


def _finish(draft: Draft, key: str) -> None:
    value = opened(draft.rest[key])
    if type(value) is list and value and type(value[0]) is str:
        if draft.fill("finish_reason", value[0]) and len(value) == 1:
            del draft.rest[key]
    elif type(value) is str:
        draft.lift("finish_reason", key)


def _total(value: Any) -> Any:
    value = opened(value)
    if type(value) is dict:
        value = value.get("total", value.get("total_cost"))
    return measure(value)


def _langfuse_usage(draft: Draft) -> None:
    """Langfuse's `input` and `output` exclude what is counted under other names; ours include it."""
    usage = opened(draft.rest.get("langfuse.observation.usage_details"))
    if type(usage) is not dict:
        return
    for side, column in (("input", "input_tokens"), ("output", "output_tokens")):
        parts = [n for key, n in usage.items() if (key == side or key.startswith(side + "_")) and type(n) is int]
        if parts:
            draft.fill(column, sum(parts))
    draft.fill("cache_read_tokens", usage.get("input_cached_tokens", usage.get("cache_read_input_tokens")))
    draft.fill("cache_write_tokens", usage.get("input_cache_creation", usage.get("cache_creation_input_tokens")))
    draft.fill("reasoning_tokens", usage.get("output_reasoning_tokens", usage.get("output_reasoning")))
