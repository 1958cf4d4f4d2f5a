"""Vercel's AI SDK: what its spans are, by `ai.operationId`.

`ai.generateText` is the loop around models and tools, `ai.generateText.doGenerate` one call in it. The loop repeats the
sum of what its calls used, so tokens under `ai.usage.*` are read from calls alone.
"""

from __future__ import annotations

from typing import Any, Final

from deadreckon.ingest.dialects.draft import Draft

OPERATION: Final = "ai.operationId"
_CALLS: Final = {
    "doGenerate": "chat",
    "doStream": "chat",
    "doEmbed": "embeddings",
    "doRerank": "rerank",
}
_LOOPS: Final = frozenset({"ai.generateText", "ai.streamText", "ai.generateObject", "ai.streamObject"})
_OF_ALL: Final = {
    "ai.prompt.messages": "input",
    "ai.prompt": "input",
    "ai.values": "input",
    "ai.value": "input",
    "ai.response.text": "output",
    "ai.response.object": "output",
    "ai.response.toolCalls": "output",
}
_OF_CALLS: Final = {
    "ai.usage.inputTokens": "input_tokens",
    "ai.usage.promptTokens": "input_tokens",
    "ai.usage.tokens": "input_tokens",
    "ai.usage.outputTokens": "output_tokens",
    "ai.usage.completionTokens": "output_tokens",
    "ai.usage.inputTokenDetails.cacheReadTokens": "cache_read_tokens",
    "ai.usage.cachedInputTokens": "cache_read_tokens",
    "ai.usage.inputTokenDetails.cacheWriteTokens": "cache_write_tokens",
    "ai.usage.outputTokenDetails.reasoningTokens": "reasoning_tokens",
    "ai.usage.reasoningTokens": "reasoning_tokens",
}


def reads(rest: dict[str, Any]) -> bool:
    """Whether the span is the AI SDK's."""
    return type(rest.get(OPERATION)) is str


def lift(draft: Draft) -> None:
    """Columns of such a span."""
    operation: str = draft.rest[OPERATION]
    step = operation.rpartition(".")[2]
    call = _CALLS.get(step)
    if call:
        draft.fill("operation", call)
    elif operation in _LOOPS:
        draft.fill("operation", "invoke_agent")
        draft.lift("agent", "ai.telemetry.functionId")
    if step == "doStream":
        draft.fill("stream", True)  # noqa: FBT003 - the column's value
    _provider(draft)
    for key, column in (_OF_ALL | _OF_CALLS if call else _OF_ALL).items():
        if key in draft.rest:
            draft.lift(column, key)


def _provider(draft: Draft) -> None:
    """`openai.chat` is OpenAI's: the SDK names the interface, prices are the provider's."""
    said = draft.columns.get("provider") or draft.rest.get("ai.model.provider")
    if type(said) is str and said:
        draft.columns["provider"] = said.partition(".")[0]
        draft.rest.setdefault("ai.model.provider", said)
