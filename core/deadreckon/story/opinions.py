"""What guards, customers and judges make of an answer."""

from __future__ import annotations

from typing import Final

from deadreckon.story import calls, plot
from deadreckon.story.dice import Dice
from deadreckon.story.pen import Fields, Pen, Scope, shared
from deadreckon.story.plot import Character

_WEB: Final = {"service": "tern-web", "host": "web-1", "pid": 907, "environment": "prod"}
_JUDGE: Final = {"service": "tern-judge", "host": "batch-1", "pid": 311, "environment": "prod"}


def contract(dice: Dice, pen: Pen, scope: Scope, at: int, choice: str) -> None:
    """The guards around an answer: mostly held, sometimes broken, written whenever they were asked."""
    roll = dice.random()
    if choice == "refund":
        name, label, passed, action = "refund_under_200", "policy", roll > 0.07, "asked a person"
    elif roll < 0.09:
        name, label, passed, action = "no_card_number_in_reply", "post", roll > 0.008, "masked the number"
    elif roll < 0.18:
        name, label, passed, action = "request_cost_under_0.02", "budget", roll > 0.105, "stopped after this answer"
    else:
        return
    fields: Fields = {
        "event": "contract",
        "kind": "contract",
        "level": "info" if passed else "error",
        "name": name,
        "label": label,
        "passed": passed,
        "span_id": scope.root_id,
    }
    if not passed:
        fields["action"] = action
    pen.write(at, at, fields, scope.tail)


def feedback(dice: Dice, pen: Pen, end: int, request_id: str, *, visit: Fields, character: Character) -> None:
    """What the customer did with the answer: clicked, raised or lowered a thumb, edited it; mostly nothing."""
    roll = dice.random()
    if roll < 0.30:
        name, value = "click", 1.0
    elif roll < 0.40:
        name, value = "thumb", 1.0 if dice.random() < character.quality else -1.0
    elif roll < 0.43:
        name, value = "edit", round(dice.random(), 3)
    else:
        return
    at = end + int(dice.lognormal(9.0, 0.7) * 1_000_000)
    fields: Fields = {
        "event": "feedback",
        "kind": "feedback",
        "level": "info",
        "name": name,
        "value": value,
        "request_id": request_id,
        "session_id": visit["session_id"],
        "user_id": visit["user_id"],
    }
    pen.write(at, at, fields, _WEB_TAIL)


def score(dice: Dice, pen: Pen, end: int, request_id: str, *, visit: Fields, character: Character) -> None:
    """A judge's, now and then a person's, opinion of an answer; a judge's with its own model call."""
    start = end + 20_000_000 + int(dice.random() * 40_000_000)
    human = dice.random() < 0.12
    quality = max(0.0, min(1.0, dice.normal(character.quality, 0.12)))
    tail = shared({**_JUDGE, "request_id": request_id, "session_id": visit["session_id"], "variant": visit["variant"]})
    at = start if human else _judge(dice, pen, start, tail)
    fields: Fields = {
        "event": "score",
        "kind": "score",
        "level": "info",
        "model": plot.MODEL,
        "model_version": character.version,
        "name": "helpfulness",
        "value": round(quality, 3),
        "label": "good" if quality >= 0.6 else "poor",
        "source": "human" if human else "judge",
    }
    pen.write(at, at, fields, tail)


def _judge(dice: Dice, pen: Pen, start: int, tail: bytes) -> int:
    duration = int(dice.lognormal(520.0, 0.3) * 1000)
    tokens_in, tokens_out = 380 + int(dice.random() * 200), 12 + int(dice.random() * 20)
    fields: Fields = {
        "event": "judge answer",
        "kind": "span",
        "level": "info",
        "operation": "chat",
        "name": "judge answer",
        "model": plot.JUDGE_MODEL,
        "model_version": "2026-08",
        "provider": plot.RENTED_PROVIDER,
        "duration_ms": duration / 1000,
        "status": "ok",
        "attempt": 1,
        "stream": False,
        "input_tokens": tokens_in,
        "output_tokens": tokens_out,
        "cache_read_tokens": 0,
        "cost_usd": calls.price(plot.JUDGE_MODEL, tokens_in, 0, tokens_out),
        "finish_reason": "stop",
        "trace_id": dice.hex(32),
        "span_id": dice.hex(16),
    }
    pen.write(start + duration, start, fields, tail)
    return start + duration + 3_000


_WEB_TAIL: Final = shared(_WEB)
