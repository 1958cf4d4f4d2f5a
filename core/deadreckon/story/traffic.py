"""Customers' sessions: each request becomes its trace, its prediction, and what people and judges thought of it."""

from __future__ import annotations

from typing import Any, Final

from deadreckon.story import plot, words
from deadreckon.story.calls import Calls, Scope
from deadreckon.story.dice import Dice, iso
from deadreckon.story.plot import Character

Event = dict[str, Any]
Stamped = tuple[int, Event]
"""When an event was written (microseconds since 1970), and the event."""

_PROCESS: Final = {"service": "tern-agent", "host": "agent-1", "pid": 4121, "environment": "prod"}
_WEB: Final = {"service": "tern-web", "host": "web-1", "pid": 907, "environment": "prod"}
_USERS: Final = 600


class Traffic:
    """Sessions on demand, in the scene of their time."""

    def __init__(self, dice: Dice, *, private: float = 0.04) -> None:
        self.dice = dice
        self.calls = Calls(dice)
        self._private = private
        self._users = [
            (f"u_{dice.hex(16)}", round(dice.lognormal(420.0, 0.55)), int(dice.random() * 9)) for _ in range(_USERS)
        ]

    def session(self, start: int) -> list[Stamped]:
        """All that one customer's visit leaves behind, starting at this microsecond; in no order."""
        dice = self.dice
        newcomer = start >= plot.DRIFT_FROM and dice.random() < plot.NEWCOMERS
        if newcomer:
            user = (f"u_{dice.hex(16)}", round(dice.lognormal(34.0, 0.7)), 0)
        else:
            user = dice.pick(self._users)
        session_id = f"ses-{dice.hex(12)}"
        channel, language = dice.pick(words.CHANNELS), dice.pick(words.LANGUAGES)
        out: list[Stamped] = []
        at = start
        for turn in range(1 + int(dice.random() * 3.4)):
            character, variant = self._who(at)
            visit: Event = {"session_id": session_id, "user_id": user[0], "variant": variant}
            at = self._request(out, at, visit, character, user, (channel, language, turn))
            at += int(dice.lognormal(70.0, 0.6) * 1_000_000)
        return out

    def _who(self, at: int) -> tuple[Character, str]:
        for begin, end, character, share in plot.CANARY:
            if begin <= at < end and self.dice.random() < share:
                return character, "canary"
        return (plot.GOOD if at >= plot.PROMOTED else plot.OLD), "champion"

    def _request(
        self,
        out: list[Stamped],
        start: int,
        visit: Event,
        character: Character,
        user: tuple[str, int, int],
        turn: tuple[str, str, int],
    ) -> int:
        dice = self.dice
        intent = dice.pick(words.INTENTS)
        order = f"T{10_000 + int(dice.random() * 89_999)}"
        question = dice.pick(words.QUESTIONS[intent]).replace("{order}", order)
        if dice.random() < self._private:
            question += dice.pick(words.PRIVATE).format(n=100 + int(dice.random() * 900))
        request_id = f"req-{dice.hex(12)}"
        end = self._answer(out, start, request_id, visit, character, user, turn, intent, order, question)
        for begin, stop, shadow, share in plot.SHADOW:
            if begin <= start < stop and dice.random() < share:
                mirrored = visit | {"variant": "shadow", "mirrors": request_id}
                self._answer(
                    out, start, f"shd-{dice.hex(12)}", mirrored, shadow, user, turn, intent, order, question
                )
        self._feedback(out, end, request_id, visit, character)
        return end

    def _answer(
        self,
        out: list[Stamped],
        start: int,
        request_id: str,
        visit: Event,
        character: Character,
        user: tuple[str, int, int],
        turn: tuple[str, str, int],
        intent: str,
        order: str,
        question: str,
    ) -> int:
        dice, calls = self.dice, self.calls
        random = dice.random
        trace_id, root_id = dice.hex(32), dice.hex(16)
        common: Event = {**_PROCESS, "trace_id": trace_id, "request_id": request_id, **visit}
        scope = Scope(out, common, root_id, character)
        now = start + 1_500 + int(random() * 2_000)
        now = self._route(out, now, common, root_id, character, user, turn, intent, question)
        if random() < 0.55:
            now = calls.retrieval(scope, now)
        status, now = calls.chat(scope, now, "plan", 420 + len(question) * 3, stream=False)
        failed = False
        if status == "ok":
            for tool in words.TOOLS[intent]:
                if random() < 0.85:
                    tool_status, now = calls.tool(scope, now, tool)
                    failed = failed or tool_status != "ok"
            status, now = calls.chat(scope, now, "answer", 760 + len(question) * 3, stream=True)
        choice = "escalate" if failed or random() < 0.06 else words.CHOICE_OF.get(intent, "answer")
        if status == "ok":
            now = self._decide(out, now, common, root_id, choice, failed=failed)
        answer = words.ANSWERS[intent].replace("{order}", order) if status == "ok" else None
        end = now + 700 + int(random() * 900)
        root: Event = {
            "event_id": dice.event_id(end),
            "ts": iso(start),
            "event": "answer customer",
            "kind": "span",
            "level": "info" if status == "ok" else "warning",
            "operation": "invoke_agent",
            "name": "answer customer",
            "agent": plot.AGENT,
            "span_id": root_id,
            **common,
            "model": plot.MODEL,
            "model_version": character.version,
            "duration_ms": (end - start) / 1000,
            "status": status,
            "input": question,
            "output": answer,
        }
        if status != "ok":
            root["error_type"] = "Cancelled" if status == "cancelled" else "ModelTimeout"
        out.append((end, root))
        return end

    def _route(
        self,
        out: list[Stamped],
        now: int,
        common: Event,
        root_id: str,
        character: Character,
        user: tuple[str, int, int],
        turn: tuple[str, str, int],
        intent: str,
        question: str,
    ) -> int:
        dice = self.dice
        end = now + 3_000 + int(dice.random() * 4_000)
        event: Event = {
            "event_id": dice.event_id(end),
            "ts": iso(end),
            "event": "intent predicted",
            "kind": "prediction",
            "level": "info",
            "operation": "predict",
            "span_id": root_id,
            **common,
            "model": plot.MODEL,
            "model_version": character.version,
            "run_id": character.run_id,
            "features": {
                "message_chars": len(question),
                plot.DRIFT_FEATURE: user[1],
                "prior_tickets": user[2],
                "turn": turn[2],
                "sentiment": round(dice.normal(-0.1, 0.35), 3),
                "channel": turn[0],
                "language": turn[1],
            },
            "outputs": {"intent": intent, "confidence": round(1.0 - min(0.6, dice.lognormal(0.09, 0.7)), 4)},
        }
        out.append((end, event))
        return end

    def _decide(self, out: list[Stamped], now: int, common: Event, root_id: str, choice: str, *, failed: bool) -> int:
        dice = self.dice
        if choice != "answer":
            event: Event = {
                "event_id": dice.event_id(now + 200),
                "ts": iso(now + 200),
                "event": "next step chosen",
                "kind": "decision",
                "level": "info",
                "agent": plot.AGENT,
                "span_id": root_id,
                **common,
                "choice": choice,
                "options": words.CHOICES,
                "reason": "a tool failed" if failed else "policy 4.2" if choice == "refund" else "customer asked",
            }
            out.append((now + 200, event))
        self.calls.contracts(out, now + 400, common, root_id, choice)
        return now + 900

    def _feedback(self, out: list[Stamped], end: int, request_id: str, visit: Event, character: Character) -> None:
        dice = self.dice
        roll = dice.random()
        if roll < 0.30:
            name, value = "click", 1.0
        elif roll < 0.40:
            name, value = "thumb", 1.0 if dice.random() < character.quality else -1.0
        elif roll < 0.43:
            name, value = "edit", round(dice.random(), 3)
        else:
            name, value = "", 0.0
        if name:
            at = end + int(dice.lognormal(9.0, 0.7) * 1_000_000)
            event: Event = {
                "event_id": dice.event_id(at),
                "ts": iso(at),
                "event": f"customer {name}",
                "kind": "feedback",
                "level": "info",
                **_WEB,
                "request_id": request_id,
                "session_id": visit["session_id"],
                "user_id": visit["user_id"],
                "name": name,
                "value": value,
            }
            out.append((at, event))
        if dice.random() < 0.22:
            self.calls.judge(out, end, request_id, visit, character)
