"""What an answer of a model says about itself: tokens and why it stopped, in whatever form its provider says it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_HOLDERS = ("usage", "usage_metadata", "usageMetadata")
_INPUT = ("input_tokens", "prompt_tokens", "prompt_token_count", "promptTokenCount")
_OUTPUT = ("output_tokens", "completion_tokens", "candidates_token_count", "candidatesTokenCount")
_READ = ("cached_tokens", "cached_content_token_count", "cachedContentTokenCount")
_REASONING = ("reasoning_tokens", "thoughts_token_count", "thoughtsTokenCount")
_DETAILS = ("prompt_tokens_details", "input_tokens_details", "completion_tokens_details", "output_tokens_details")
_FINISH = ("finish_reason", "stop_reason", "finishReason")


def usage_of(answer: Any) -> dict[str, Any]:
    """Return input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens and finish_reason.

    Only what is said is there. Input tokens include cached ones and output tokens reasoning ones, whoever counts
    otherwise. Never raises.
    """
    try:
        return {key: value for key, value in _read(answer).items() if value is not None}
    except Exception:  # noqa: BLE001  # a foreign object may do anything when it is looked at
        return {}


def merged(before: dict[str, Any] | None, found: dict[str, Any]) -> dict[str, Any]:
    """Return what all pieces of a stream say together: totals only grow, and a piece may leave out a part of them."""
    together = dict(before or {})
    for key, value in found.items():
        known = together.get(key)
        together[key] = max(known, value) if isinstance(known, int) and isinstance(value, int) else value
    return together


def _read(answer: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"finish_reason": _finish(answer)}
    inner = _get(answer, "message") or _get(answer, "response")  # the first or last event of a stream
    usage = next((one for name in _HOLDERS for at in (answer, inner) if (one := _get(at, name)) is not None), None)
    if usage is None:
        return found
    details = [one for name in _DETAILS if (one := _get(usage, name)) is not None]
    read, anthropic = _number(usage, _READ, *details), _number(usage, ("cache_read_input_tokens",))
    write = _number(usage, ("cache_creation_input_tokens",))
    total, out, thought = _number(usage, _INPUT), _number(usage, _OUTPUT), _number(usage, _REASONING, *details)
    if total is not None and (anthropic is not None or write is not None):  # Anthropic counts what is cached apart
        total += (anthropic or 0) + (write or 0)
    if out is not None and _number(usage, _REASONING[1:]) is not None:  # Google counts thoughts apart
        out += thought or 0
    return {
        **found,
        "input_tokens": total,
        "output_tokens": out,
        "cache_read_tokens": read if read is not None else anthropic,
        "cache_write_tokens": write,
        "reasoning_tokens": thought,
    }


def _finish(answer: Any) -> str | None:
    choices = _get(answer, "choices") or _get(answer, "candidates")
    first = choices[0] if isinstance(choices, list | tuple) and choices else None
    for at in (answer, first, _get(answer, "delta")):
        for name in _FINISH:
            value = _get(at, name)
            value = getattr(value, "value", value)
            if isinstance(value, str) and value:
                return value
    return None


def _get(holder: Any, name: str) -> Any:
    if holder is None or isinstance(holder, str | bytes | int | float | list | tuple):
        return None
    return holder.get(name) if isinstance(holder, Mapping) else getattr(holder, name, None)


def _number(usage: Any, names: tuple[str, ...], *more: Any) -> int | None:
    for holder in (usage, *more):
        for name in names:
            value = _get(holder, name)
            if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
                return value
    return None
