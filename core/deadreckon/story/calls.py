"""What an agent calls while it answers: models, tools, retrieval, guards and the judge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from deadreckon.story import plot, words
from deadreckon.story.dice import Dice, iso
from deadreckon.story.plot import Character

Event = dict[str, Any]

_JUDGE: Final = {"service": "tern-judge", "host": "batch-1", "pid": 311, "environment": "prod"}


def price(model: str, tokens_in: int, cached: int, tokens_out: int) -> float:
    """What the calls of a model cost, in US dollars, by the story's price list."""
    full, read, write = plot.PRICES[model]
    return round(((tokens_in - cached) * full + cached * read + tokens_out * write) / 1_000_000, 9)


@dataclass(frozen=True, slots=True)
class Scope:
    """Where calls belong: the list they are written to, the request's fields, the root span and the version."""

    out: list[tuple[int, Event]]
    common: Event
    root_id: str
    character: Character


class Calls:
    """Each method appends its events to the scope's list and returns the time at which it ended."""

    def __init__(self, dice: Dice) -> None:
        self.dice = dice

    def chat(self, scope: Scope, now: int, name: str, prompt: int, *, stream: bool) -> tuple[str, int]:
        """A call of tern-assist, tried again after a time-out; its final status and its end."""
        dice, character = self.dice, scope.character
        random = dice.random
        storm = plot.RETRY_STORM[0] <= now < plot.RETRY_STORM[1]
        timeout_rate = plot.TIMEOUT_RATE[storm]
        for attempt in range(1, plot.MAX_ATTEMPTS + 1):
            roll = random()
            tokens_in = prompt + int(random() * 900)
            cached = int(tokens_in * character.cached * random()) if random() < 0.8 else 0
            tokens_out = int(dice.lognormal(character.output_tokens, 0.35)) + 8
            reasoning = int(dice.lognormal(character.reasoning_tokens, 0.4)) if character.reasoning_tokens else 0
            duration = int(dice.lognormal(character.call_ms, character.spread) * 1000)
            first = int(min(duration * 0.9, dice.lognormal(character.ttft_ms, 0.3) * 1000)) if stream else 0
            status = "ok"
            if roll < timeout_rate:
                status, duration = "timeout", 8_000_000 + int(random() * 40_000)
                tokens_out = int(tokens_out * 0.8) + 1
            elif stream and roll > 1.0 - character.cancelled:
                # The customer closed the window while the answer was being written.
                share = 0.3 + 0.6 * random()
                status, duration = "cancelled", int(duration * share) + first
                tokens_out = int(tokens_out * share) + 1
            end = now + duration
            event: Event = {
                "event_id": dice.event_id(end),
                "ts": iso(now),
                "event": name,
                "kind": "span",
                "level": "info" if status == "ok" else "warning",
                "operation": "chat",
                "name": name,
                "span_id": dice.hex(16),
                "parent_span_id": scope.root_id,
                **scope.common,
                "model": plot.MODEL,
                "model_version": character.version,
                "provider": plot.PROVIDER,
                "duration_ms": duration / 1000,
                "status": status,
                "attempt": attempt,
                "stream": stream,
                "input_tokens": tokens_in,
                "output_tokens": tokens_out + reasoning,
                "cache_read_tokens": cached,
                "cost_usd": price(plot.MODEL, tokens_in, cached, tokens_out + reasoning),
            }
            if stream and status != "timeout":
                event["ttft_ms"] = first / 1000
            if reasoning:
                event["reasoning_tokens"] = reasoning
            if status == "ok":
                event["finish_reason"] = "stop"
            elif status == "timeout":
                event["error_type"] = "ModelTimeout"
                event["error_message"] = "no complete answer within 8 s"
            else:
                event["error_type"] = "Cancelled"
            scope.out.append((end, event))
            now = end + 20_000
            if status != "timeout":
                return status, now
        return "timeout", now

    def tool(self, scope: Scope, now: int, tool: str) -> tuple[str, int]:
        """A tool call, tried once more when it fails; its final status and its end."""
        dice = self.dice
        broken = tool == plot.FAILING_TOOL and plot.TOOL_FAILS[0] <= now < plot.TOOL_FAILS[1]
        key = dice.hex(12)
        for attempt in (1, 2):
            duration = int(dice.lognormal(words.TOOL_MS[tool], 0.4) * 1000)
            failed = dice.random() < plot.TOOL_ERROR_RATE[broken]
            if failed:
                duration += 900_000
            end = now + duration
            event: Event = {
                "event_id": dice.event_id(end),
                "ts": iso(now),
                "event": "tool called",
                "kind": "span",
                "level": "error" if failed else "info",
                "operation": "execute_tool",
                "name": tool,
                "tool": tool,
                "span_id": dice.hex(16),
                "parent_span_id": scope.root_id,
                **scope.common,
                "model_version": scope.character.version,
                "duration_ms": duration / 1000,
                "status": "error" if failed else "ok",
                "attempt": attempt,
                "idempotency_key": f"{tool}:{key}",
            }
            if failed:
                event["error_type"], event["error_message"] = dice.pick(words.TOOL_ERRORS)
            scope.out.append((end, event))
            now = end + 2_000
            if not failed:
                return "ok", now
        return "error", now

    def retrieval(self, scope: Scope, now: int) -> int:
        """A search in the help pages, with the embedding call inside it."""
        dice = self.dice
        span_id = dice.hex(16)
        embed_us = int(dice.lognormal(38.0, 0.3) * 1000)
        end = now + embed_us + 6_000 + int(dice.random() * 20_000)
        tokens = 12 + int(dice.random() * 60)
        embed: Event = {
            "event_id": dice.event_id(now + 1_000 + embed_us),
            "ts": iso(now + 1_000),
            "event": "embed question",
            "kind": "span",
            "level": "info",
            "operation": "embeddings",
            "name": "embed question",
            "span_id": dice.hex(16),
            "parent_span_id": span_id,
            **scope.common,
            "model": plot.EMBED_MODEL,
            "provider": plot.RENTED_PROVIDER,
            "duration_ms": embed_us / 1000,
            "status": "ok",
            "input_tokens": tokens,
        }
        search: Event = {
            "event_id": dice.event_id(end),
            "ts": iso(now),
            "event": "search help",
            "kind": "span",
            "level": "info",
            "operation": "retrieval",
            "name": "search help",
            "span_id": span_id,
            "parent_span_id": scope.root_id,
            **scope.common,
            "duration_ms": (end - now) / 1000,
            "status": "ok",
            "documents": 3 + int(dice.random() * 6),
            "top_score": round(0.55 + 0.4 * dice.random(), 4),
        }
        scope.out.append((now + 1_000 + embed_us, embed))
        scope.out.append((end, search))
        return end

    def contracts(self, out: list[tuple[int, Event]], at: int, common: Event, root_id: str, choice: str) -> None:
        """The guards around an answer: mostly held, sometimes broken, always written when they matter."""
        dice = self.dice
        roll = dice.random()
        if choice == "refund":
            name, label, passed, action = "refund_under_200", "policy", roll > 0.07, "asked a person"
        elif roll < 0.012:
            name, label, passed, action = "no_card_number_in_reply", "post", False, "masked the number"
        elif roll < 0.12:
            name, label, passed, action = "request_cost_under_0.02", "budget", roll > 0.03, "stopped after this answer"
        else:
            return
        event: Event = {
            "event_id": dice.event_id(at),
            "ts": iso(at),
            "event": "contract checked",
            "kind": "contract",
            "level": "info" if passed else "warning",
            "span_id": root_id,
            **common,
            "name": name,
            "label": label,
            "passed": passed,
        }
        if not passed:
            event["action"] = action
        out.append((at, event))

    def judge(
        self, out: list[tuple[int, Event]], at: int, request_id: str, visit: Event, character: Character
    ) -> None:
        """A judge's (now and then a person's) opinion of an answer, with the judge's own model call."""
        dice = self.dice
        start = at + 20_000_000 + int(dice.random() * 40_000_000)
        human = dice.random() < 0.12
        quality = max(0.0, min(1.0, dice.normal(character.quality, 0.12)))
        common: Event = {
            **_JUDGE,
            "request_id": request_id,
            "session_id": visit["session_id"],
            "variant": visit["variant"],
        }
        end = start
        if not human:
            end = start + int(dice.lognormal(520.0, 0.3) * 1000)
            tokens_in, tokens_out = 380 + int(dice.random() * 200), 12 + int(dice.random() * 20)
            call: Event = {
                "event_id": dice.event_id(end),
                "ts": iso(start),
                "event": "judge answer",
                "kind": "span",
                "level": "info",
                "operation": "chat",
                "name": "judge answer",
                "trace_id": dice.hex(32),
                "span_id": dice.hex(16),
                **common,
                "model": plot.JUDGE_MODEL,
                "model_version": "2026-08",
                "provider": plot.RENTED_PROVIDER,
                "duration_ms": (end - start) / 1000,
                "status": "ok",
                "attempt": 1,
                "stream": False,
                "input_tokens": tokens_in,
                "output_tokens": tokens_out,
                "cache_read_tokens": 0,
                "cost_usd": price(plot.JUDGE_MODEL, tokens_in, 0, tokens_out),
                "finish_reason": "stop",
            }
            out.append((end, call))
        score: Event = {
            "event_id": dice.event_id(end + 3_000),
            "ts": iso(end + 3_000),
            "event": "answer scored",
            "kind": "score",
            "level": "info",
            **common,
            "model": plot.MODEL,
            "model_version": character.version,
            "name": "helpfulness",
            "value": round(quality, 3),
            "label": "good" if quality >= 0.6 else "poor",
            "source": "human" if human else "judge",
        }
        out.append((end + 3_000, score))
