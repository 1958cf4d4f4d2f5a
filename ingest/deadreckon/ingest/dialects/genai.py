"""Conventions of GenAI instrumentation whose values need more than another name.

OpenTelemetry GenAI of every generation, OpenInference, OpenLLMetry, Vercel's AI SDK, MLflow and Langfuse. Totals that a
root span repeats (`gen_ai.aggregated_usage.*`, `ai.usage.*`, `llm.token_count.total`) are never columns: they would
be counted twice.
"""

from __future__ import annotations

import re
from typing import Any, Final

from deadreckon.ingest.dialects import mlflow, vercel
from deadreckon.ingest.dialects.draft import Draft
from deadreckon.ingest.dialects.fits import measure
from deadreckon.ingest.dialects.genai_names import (
    ASKED,
    BY_NAME,
    COSTS,
    FINISH,
    LEVEL_NUMBERS,
    LEVELS,
    MILLISECONDS,
    MOVED,
    NAMED,
    OPENED,
    OPERATIONS,
    PARTS,
    PROVIDERS,
    SECONDS,
    USAGES,
)
from deadreckon.ingest.dialects.inner import opened

__all__ = ["KEYS", "MOVED", "OPENED", "lift", "opened"]

KEYS: Final = frozenset({*SECONDS, *MILLISECONDS, *FINISH, *COSTS, *OPERATIONS, *USAGES})
"""Keys for which a line is rewritten."""
_ANSWER: Final = re.compile(r'"id": ?"((?:chatcmpl|resp)[-_][^"\\]+)"')
"""The id of an answer of OpenAI, in what its SDK or LangChain give back."""
_CALL: Final = "gen_ai.tool.call.id"
_MARKS: Final = (
    KEYS
    | MOVED.keys()
    | OPENED.keys()
    | LEVELS.keys()
    | {LEVEL_NUMBERS, vercel.OPERATION, "gen_ai.response.model", "ai.toolCall.name", _CALL}
)


def lift(draft: Draft) -> None:
    """Columns from the keys of these conventions in the rest."""
    rest = draft.rest
    if _MARKS.isdisjoint(rest):
        return
    if "ai.toolCall.name" in rest:
        draft.fill("operation", "execute_tool")
    for key, column in MOVED.items():
        if key in rest:
            draft.lift(column, key)
    for key, column in OPENED.items():
        if key in rest:
            draft.fill(column, opened(rest[key]))
    _level(draft)
    if "model" in draft.columns:
        draft.lift("model_version", "gen_ai.response.model")
    if vercel.reads(rest):
        vercel.lift(draft)
    _first_token(draft)
    for key in FINISH:
        if key in rest:
            _finish(draft, key)
    for key, words in OPERATIONS.items():
        word = opened(rest[key]) if key in rest else None
        if type(word) is str:
            draft.fill("operation", words.get(word.lower()))
    _named(draft)
    _of_tool(draft)
    for key in COSTS:
        if key in rest:
            draft.fill("cost_usd", _total(rest[key]))
    _langfuse_usage(draft)
    _raw_usage(draft)
    mlflow.lift(draft)
    named = NAMED.get(str(draft.columns.get("operation")))
    if named and not rest.keys().isdisjoint(BY_NAME[named]):
        draft.fill(named, draft.columns.get("name"))
    if "openinference.span.kind" in rest and draft.columns.get("operation") in ("chat", "embeddings"):
        _asked(draft)
        output = draft.columns.get("output")
        if type(output) is str and (found := _ANSWER.search(output)):
            draft.fill("response_id", found[1])


def _level(draft: Draft) -> None:
    for key, words in LEVELS.items():
        word = draft.rest.get(key)
        if type(word) is str:
            draft.fill("level", words.get(word.upper()))
    number = draft.rest.get(LEVEL_NUMBERS)
    if type(number) is int and 0 < number < 25:
        draft.fill("level", ("debug", "debug", "info", "warning", "error", "critical")[(number - 1) // 4])


def _named(draft: Draft) -> None:
    """What a span is named after: a tool or an agent, by its kind."""
    operation = draft.columns.get("operation")
    column = NAMED.get(operation) if type(operation) is str else None
    if column:
        draft.lift(column, "traceloop.entity.name")
        if "openinference.span.kind" in draft.rest:  # elsewhere it may be the agent that ships logs
            draft.lift(column, f"{column}.name")


def _of_tool(draft: Draft) -> None:
    """The call of a tool by pydantic-ai's first names, which do not say that it is one."""
    if "tool" in draft.columns and _CALL in draft.rest and draft.fill("operation", "execute_tool"):
        draft.lift("input", "tool_arguments")
        draft.lift("output", "tool_response")


def _asked(draft: Draft) -> None:
    """OpenInference's `llm.model_name` is the model that answered, where the request's parameters name another one.

    Of a call that failed they are all there is; LangChain says in the metadata what it asked.
    """
    parameters: dict[str, Any] = {}
    for key in ("llm.invocation_parameters", "embedding.invocation_parameters", "metadata"):
        said = opened(draft.rest.get(key))
        if type(said) is dict:
            parameters = {**said, **parameters}
    if parameters.get("stream") is True:
        draft.fill("stream", True)  # noqa: FBT003 - the column's value
    asked = next((parameters[key] for key in ASKED if type(parameters.get(key)) is str), None)
    if asked is None:
        return
    answered = draft.columns.get("model")
    if answered not in (None, asked):
        if not draft.fill("model_version", answered):
            draft.keep("llm.model_name", answered)
        del draft.columns["model"]
    draft.fill("model", asked)


def _raw_usage(draft: Draft) -> None:
    """The parts of totals, from an account of which the instrumentation reads the totals alone."""
    for key in PROVIDERS:
        usage = opened(draft.rest.get(key))
        if type(usage) is dict:
            for totals, column, part in PARTS:
                details = usage.get(totals)
                if type(details) is dict:
                    draft.fill(column, details.get(part))


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
