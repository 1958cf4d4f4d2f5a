"""What came of a replay: whether the new run is the same as the recorded one, and where it is not."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from deadreckon.queries.alignment import Pair
    from deadreckon.queries.tree import Node, Tree

Outcome = Literal["same", "different", "failed"]
_TOLD: Final = frozenset({"model", "model_version"})
"""What differs from version to version and is shown, but makes no difference of behaviour."""


@dataclass(frozen=True)
class Verdict:
    """One replay beside its recording.

    Attributes:
        reason: why it failed; for a person.
        a, b: the recorded trace and the new one; None where the new run left none.
        pairs: their steps side by side.
        said: what the process that ran it said.
        inside_usd: what the model calls inside of answered calls cost then, in US dollars.
    """

    replay_of: str
    outcome: Outcome
    reason: str = ""
    hint: str = ""
    a: Tree | None = None
    b: Tree | None = None
    pairs: list[Pair] = field(default_factory=list)
    said: dict[str, Any] = field(default_factory=dict)
    inside_usd: float = 0.0

    @cached_property
    def _made(self) -> dict[str, dict[str, Any]]:
        return {call["span_id"]: call for call in self.said.get("calls", ())}

    @cached_property
    def differences(self) -> list[Pair]:
        """The steps that differ in more than time, cost and version."""
        return [pair for pair in self.pairs if pair.change or self.matters(pair)]

    def matters(self, pair: Pair) -> list[str]:
        """What differs at a step and is behaviour.

        A root's input is what the replay was given; a call that was answered is a recorded one, however it is written.
        """
        told = set(_TOLD) | ({"input"} if pair.depth == 0 else set())
        if pair.a is not None and pair.b is not None:
            made = self._made.get(pair.b.event["span_id"], {})
            told |= {"input"} if made.get("replay_of_span_id") else set()
            told |= {"output"} if made.get("how") == "recorded" else set()
            if _same_error(pair.a.event["error_type"], pair.b.event["error_type"]):
                told.add("error_type")
        differs = (*pair.differs, *(["output"] if _one_is_silent(pair) else []))
        return [what for what in differs if what not in told]

    @property
    def output_differs(self) -> bool:
        """Whether the roots' outputs differ."""
        return any("output" in p.differs or _one_is_silent(p) for p in self.pairs if p.depth == 0)

    @property
    def path_differs(self) -> int:
        """How many steps only one of them has."""
        return sum(bool(p.change) for p in self.pairs)

    @property
    def recorded_ms(self) -> float:
        """How long the calls that were answered from the recording took then, one after the other."""
        return sum(c["recorded_ms"] or 0.0 for c in self.said.get("calls", ()) if c["how"] == "recorded")

    def how(self) -> dict[str, int]:
        """How many calls were recorded, live, skipped, refused; `unused` were recorded and not made."""
        calls = self.said.get("calls", ())
        counts = {how: sum(c["how"] == how for c in calls) for how in ("recorded", "live", "skipped", "refused")}
        return counts | {"unused": len(self.said.get("unused", ()))}


def _one_is_silent(pair: Pair) -> bool:
    """Whether only one of them returned something: what returns None has no output, though its input was kept."""
    if pair.a is None or pair.b is None:
        return False
    sides = [node.event for node in (pair.a, pair.b)]
    kept = all(side["input"] is not None and (side["status"] or "ok") == "ok" for side in sides)
    return kept and len({side["output"] is None for side in sides}) == 2


def _same_error(a: str | None, b: str | None) -> bool:
    """Whether two classes are the same, one of which was in a script: that is `__main__` in its own run alone."""
    if a is None or b is None or a == b:
        return a == b
    pairs = ((a, b), (b, a))
    return any(one.startswith("__main__.") and other.endswith(one.removeprefix("__main__")) for one, other in pairs)


def judged(replay_of: str, said: dict[str, Any], a: Tree, b: Tree | None) -> Verdict:
    """The verdict on a replay that was run."""
    from deadreckon.queries.alignment import align
    from deadreckon.queries.tree import status_of

    inside = _inside(a, said)
    pairs = align(a, b) if b is not None else []
    pairs = [pair for pair in pairs if pair.b is not None or id(pair.a) not in inside]
    failure = said.get("failure")
    reason, hint = "", ""
    if "gone" in said:
        reason = said["gone"]
    elif failure is not None:
        root = next((n.event for n in a.spans if n.depth == 0), None)
        known = root is not None and status_of(root) != "ok" and _same_error(root["error_type"], failure["error_type"])
        if said["refused"] or said["timed_out"]:
            reason, hint = failure["error_message"], failure["hint"]
        elif not known:
            reason = f"{failure['error_type']}: {failure['error_message']}"
    if not reason and b is None:
        reason, hint = "the new run wrote no span", "does it call emit.clear(), or emit in another process?"
    cost = sum(node.cost_usd or 0.0 for node in inside.values() if node.counted)
    verdict = Verdict(replay_of, "failed" if reason else "same", reason, hint, a, b, pairs, said, cost)
    return verdict if reason or not verdict.differences else replace(verdict, outcome="different")


def _inside(a: Tree, said: dict[str, Any]) -> dict[int, Node]:
    """The recorded steps inside of calls that were answered: they are part of the answer, and did not come again."""
    answered = {c["replay_of_span_id"] for c in said.get("calls", ()) if c["how"] == "recorded"}
    found: dict[int, Node] = {}
    for node in a.nodes:  # parents come first
        parent = node.parent
        if parent is not None and (id(parent) in found or parent.event["span_id"] in answered):
            found[id(node)] = node
    return found
