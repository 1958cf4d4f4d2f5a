"""What the agent calls while it answers: the model, tools, and the search in the help pages."""

from __future__ import annotations

from deadreckon.story import plot, words
from deadreckon.story.dice import Dice
from deadreckon.story.pen import Fields, Pen, Scope
from deadreckon.story.plot import Character


def price(model: str, tokens_in: int, cached: int, tokens_out: int) -> float:
    """What a call costs in US dollars, by the story's price list."""
    full, read, write = plot.PRICES[model]
    return ((tokens_in - cached) * full + cached * read + tokens_out * write) / 100_000_000


def chat(
    dice: Dice, pen: Pen, scope: Scope, character: Character, now: int, *, name: str, prompt: int, stream: bool
) -> tuple[str, int]:
    """A call of tern-assist, tried again after a time-out or an unusable answer; its final status and its end."""
    random, lognormal = dice.random, dice.lognormal
    useless = plot.TIMEOUT_RATE + plot.INVALID_RATE[plot.RETRY_STORM[0] <= now < plot.RETRY_STORM[1]]
    for attempt in range(1, plot.MAX_ATTEMPTS + 1):
        roll = random()
        tokens_in = prompt + int(random() * 900)
        cached = int(tokens_in * character.cached * (0.4 + random())) if random() < 0.8 else 0
        tokens_out = int(lognormal(character.output_tokens, 0.35)) + 8
        reasoning = int(lognormal(character.reasoning_tokens, 0.4)) if character.reasoning_tokens else 0
        duration = int(lognormal(character.call_ms, character.spread) * 1000)
        fields: Fields = {
            "event": name,
            "kind": "span",
            "level": "info",
            "operation": "chat",
            "name": name,
            "model": plot.MODEL,
            "model_version": scope.model_version,
            "provider": plot.PROVIDER,
            "status": "ok",
            "attempt": attempt,
            "stream": stream,
            "input_tokens": tokens_in,
            "cache_read_tokens": cached,
        }
        first = 0
        if roll < plot.TIMEOUT_RATE:
            duration = 8_000_000 + int(random() * 40_000)
            tokens_out = int(tokens_out * 0.8) + 1
            fields["status"], fields["level"] = "timeout", "error"
            fields["error_type"], fields["error_message"] = "ModelTimeout", "no complete answer within 8 s"
        else:
            if stream:
                first = int(min(duration * 0.9, lognormal(character.ttft_ms, 0.3) * 1000))
                fields["ttft_ms"] = first / 1000
            if roll < useless:
                fields["status"], fields["level"] = "error", "error"
                fields["error_type"], fields["error_message"] = "InvalidOutput", "not the JSON that was asked for"
                fields["finish_reason"] = "stop"
                # The next try is shown the answer that was no good.
                prompt += tokens_out + 350
            elif stream and roll > 1.0 - character.cancelled:
                # The customer closed the window while the answer was being written.
                share = 0.3 + 0.6 * random()
                duration = max(first, int(duration * share))
                tokens_out = int(tokens_out * share) + 1
                fields["status"], fields["level"], fields["error_type"] = "cancelled", "warning", "Cancelled"
            else:
                fields["finish_reason"] = "stop"
        if reasoning:
            fields["reasoning_tokens"] = reasoning
        tokens_out += reasoning
        fields["output_tokens"] = tokens_out
        fields["cost_usd"] = price(plot.MODEL, tokens_in, cached, tokens_out)
        fields["duration_ms"] = duration / 1000
        fields["span_id"] = dice.hex(16)
        fields["parent_span_id"] = scope.root_id
        end = now + duration
        pen.write(end, now, fields, scope.tail)
        now = end + 20_000
        if fields["status"] in ("ok", "cancelled"):
            break
    return fields["status"], now


def tool(dice: Dice, pen: Pen, scope: Scope, now: int, name: str) -> tuple[str, int]:
    """A tool call, tried once more when it fails; its final status and its end."""
    broken = name == plot.FAILING_TOOL and plot.TOOL_FAILS[0] <= now < plot.TOOL_FAILS[1]
    key = f"{name}:{dice.hex(12)}"
    for attempt in (1, 2):
        duration = int(dice.lognormal(words.TOOL_MS[name], 0.4) * 1000)
        failed = dice.random() < plot.TOOL_ERROR_RATE[broken]
        if failed:
            duration += 900_000
        fields: Fields = {
            "event": name,
            "kind": "span",
            "level": "error" if failed else "info",
            "operation": "execute_tool",
            "name": name,
            "tool": name,
            "model_version": scope.model_version,
            "duration_ms": duration / 1000,
            "status": "error" if failed else "ok",
            "attempt": attempt,
            "idempotency_key": key,
            "span_id": dice.hex(16),
            "parent_span_id": scope.root_id,
        }
        if failed:
            fields["error_type"], fields["error_message"] = dice.pick(words.TOOL_ERRORS)
        end = now + duration
        pen.write(end, now, fields, scope.tail)
        now = end + 2_000
        if not failed:
            return "ok", now
    return "error", now


def retrieval(dice: Dice, pen: Pen, scope: Scope, now: int) -> int:
    """A search in the help pages, with the embedding call inside it; its end."""
    span_id = dice.hex(16)
    embed = int(dice.lognormal(38.0, 0.3) * 1000)
    end = now + embed + 6_000 + int(dice.random() * 20_000)
    embedding: Fields = {
        "event": "embed question",
        "kind": "span",
        "level": "info",
        "operation": "embeddings",
        "name": "embed question",
        "model": plot.EMBED_MODEL,
        "provider": plot.RENTED_PROVIDER,
        "duration_ms": embed / 1000,
        "status": "ok",
        "input_tokens": 12 + int(dice.random() * 60),
        "span_id": dice.hex(16),
        "parent_span_id": span_id,
    }
    pen.write(now + 1_000 + embed, now + 1_000, embedding, scope.tail)
    search: Fields = {
        "event": "search help",
        "kind": "span",
        "level": "info",
        "operation": "retrieval",
        "name": "search help",
        "duration_ms": (end - now) / 1000,
        "status": "ok",
        "documents": 3 + int(dice.random() * 6),
        "top_score": round(0.55 + 0.4 * dice.random(), 4),
        "span_id": span_id,
        "parent_span_id": scope.root_id,
    }
    pen.write(end, now, search, scope.tail)
    return end
