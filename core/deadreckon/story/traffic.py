"""Customers' sessions: each request becomes its trace, its prediction, and what people and judges thought of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from deadreckon.story import calls, opinions, plot, words
from deadreckon.story.dice import Dice
from deadreckon.story.pen import Fields, Pen, Scope, shared
from deadreckon.story.plot import Character

_AGENT: Final = {"service": "tern-agent", "host": "agent-1", "pid": 4121, "environment": "prod"}
_AGENT_TAIL: Final = shared(_AGENT)
_LEVELS: Final = {"ok": "info", "cancelled": "warning", "timeout": "error", "error": "error"}
_ERRORS: Final = {"cancelled": "Cancelled", "timeout": "ModelTimeout", "error": "InvalidOutput"}
_USERS: Final = 600


@dataclass(frozen=True, slots=True)
class Customer:
    """Who writes, and how."""

    user_id: str
    account_age_days: int
    prior_tickets: int
    channel: str
    language: str


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, in which turn of the session."""

    turn: int
    intent: str
    order: str
    text: str


def regulars(seed: int | str) -> list[tuple[str, int, int]]:
    """The customers who were there before the story began: id, age of the account in days, earlier tickets."""
    dice = Dice(f"{seed}:customers")
    return [(f"u_{dice.hex(16)}", round(dice.lognormal(420.0, 0.55)), dice.below(9)) for _ in range(_USERS)]


class Traffic:
    """Sessions on demand, in the scene of their time; `pen` collects what they leave behind."""

    def __init__(self, dice: Dice, customers: list[tuple[str, int, int]], *, private: float) -> None:
        self.dice = dice
        self.pen = Pen(dice)
        self._customers = customers
        self._private = private

    def session(self, start: int) -> None:
        """One customer's visit, starting at this microsecond."""
        dice = self.dice
        if start >= plot.DRIFT_FROM and dice.random() < plot.NEWCOMERS:
            user = (f"u_{dice.hex(16)}", round(dice.lognormal(34.0, 0.7)), 0)
        else:
            user = dice.pick(self._customers)
        customer = Customer(*user, dice.pick(words.CHANNELS), dice.pick(words.LANGUAGES))
        session_id = f"ses-{dice.hex(12)}"
        now = start
        for turn in range(1 + int(dice.random() * 3.4)):
            character, variant = self._on_duty(now)
            visit: Fields = {"session_id": session_id, "user_id": customer.user_id, "variant": variant}
            now = self._request(now, visit, character, customer, turn)
            now += int(dice.lognormal(70.0, 0.6) * 1_000_000)

    def _on_duty(self, now: int) -> tuple[Character, str]:
        for begin, end, character, share in plot.CANARY:
            if begin <= now < end and self.dice.random() < share:
                return character, "canary"
        return (plot.GOOD if now >= plot.PROMOTED else plot.OLD), "champion"

    def _request(self, start: int, visit: Fields, character: Character, customer: Customer, turn: int) -> int:
        dice = self.dice
        intent = dice.pick(words.INTENTS)
        order = f"T{10_000 + dice.below(90_000)}"
        text = dice.pick(words.QUESTIONS[intent]).replace("{order}", order)
        if dice.random() < self._private:
            text += dice.pick(words.PRIVATE).format(n=100 + dice.below(100))
        question = Question(turn, intent, order, text)
        request_id = f"req-{dice.hex(12)}"
        end = self._answer(start, {"request_id": request_id, **visit}, character, customer, question)
        for begin, stop, shadow, share in plot.SHADOW:
            if begin <= start < stop and dice.random() < share:
                # A shadow answers a copy of the request, so that no request has two answers.
                copy = {"request_id": f"shd-{dice.hex(12)}", **visit, "variant": "shadow", "mirrors": request_id}
                self._answer(start, copy, shadow, customer, question)
        if dice.random() < 0.15:
            queue = int(dice.lognormal(3.0, 0.8))
            gauge: Fields = {"event": "metric", "kind": "metric", "level": "info", "name": "queue_depth"}
            self.pen.write(start, start, gauge | {"value": queue, "unit": "requests"}, _AGENT_TAIL)
        opinions.feedback(dice, self.pen, end, request_id, visit=visit, character=character)
        if dice.random() < 0.22:
            opinions.score(dice, self.pen, end, request_id, visit=visit, character=character)
        return end

    def _answer(self, start: int, visit: Fields, character: Character, customer: Customer, question: Question) -> int:
        dice, pen = self.dice, self.pen
        random = dice.random
        trace_id, root_id = dice.hex(32), dice.hex(16)
        scope = Scope(shared({"trace_id": trace_id, **visit, **_AGENT}), root_id, character.version, character.run_id)
        now = self._route(start + 1_500 + int(random() * 2_000), scope, customer, question)
        if random() < 0.55:
            now = calls.retrieval(dice, pen, scope, now)
        size = len(question.text) * 3
        status, now = calls.chat(dice, pen, scope, character, now, name="plan", prompt=420 + size, stream=False)
        failed = False
        if status == "ok":
            for tool in words.TOOLS[question.intent]:
                if random() < 0.85:
                    outcome, now = calls.tool(dice, pen, scope, now, tool)
                    failed = failed or outcome != "ok"
            status, now = calls.chat(dice, pen, scope, character, now, name="answer", prompt=760 + size, stream=True)
        if status == "ok":
            now = self._decide(now, scope, question, failed=failed)
        end = now + 700 + int(random() * 900)
        fields: Fields = {
            "event": "answer customer",
            "kind": "span",
            "level": _LEVELS[status],
            "operation": "invoke_agent",
            "name": "answer customer",
            "agent": plot.AGENT,
            "model": plot.MODEL,
            "model_version": character.version,
            "duration_ms": (end - start) / 1000,
            "status": status,
            "span_id": root_id,
            "input": question.text,
        }
        if status == "ok":
            fields["output"] = words.ANSWERS[question.intent].replace("{order}", question.order)
        else:
            fields["error_type"] = _ERRORS[status]
        pen.write(end, start, fields, scope.tail)
        return end

    def _route(self, now: int, scope: Scope, customer: Customer, question: Question) -> int:
        dice = self.dice
        end = now + 3_000 + int(dice.random() * 4_000)
        fields: Fields = {
            "event": "prediction",
            "kind": "prediction",
            "level": "info",
            "model": plot.MODEL,
            "model_version": scope.model_version,
            "run_id": scope.run_id,
            "features": {
                "message_chars": len(question.text),
                plot.DRIFT_FEATURE: customer.account_age_days,
                "prior_tickets": customer.prior_tickets,
                "turn": question.turn,
                "sentiment": round(dice.normal(-0.1, 0.35), 3),
                "channel": customer.channel,
                "language": customer.language,
            },
            "outputs": {
                "intent": question.intent,
                "confidence": round(1.0 - min(0.6, dice.lognormal(0.09, 0.7)), 4),
            },
            "span_id": scope.root_id,
        }
        self.pen.write(end, end, fields, scope.tail)
        return end

    def _decide(self, now: int, scope: Scope, question: Question, *, failed: bool) -> int:
        dice = self.dice
        choice = words.CHOICE_OF.get(question.intent, "answer")
        if failed or dice.random() < 0.06:
            choice = "escalate"
        if choice != "answer":
            fields: Fields = {
                "event": "decision",
                "kind": "decision",
                "name": "next_step",
                "level": "info",
                "agent": plot.AGENT,
                "choice": choice,
                "options": words.CHOICES,
                "reason": "a tool failed" if failed else words.REASON_OF[choice],
                "span_id": scope.root_id,
            }
            self.pen.write(now + 200, now + 200, fields, scope.tail)
        opinions.contract(dice, self.pen, scope, now + 400, choice)
        return now + 900
