"""What stands out in one trace: how its tools did, and the same call made again; see the views tool_summary, loops."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from deadreckon.queries.tree import Node, Tree, status_of


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A tool within a trace. Times are milliseconds; `cost_usd` is what its spans state, None where none does."""

    tool: str
    calls: int
    failed: int
    retries: int
    p95_ms: float | None
    total_ms: float
    cost_usd: float | None


@dataclass(frozen=True, slots=True)
class Loop:
    """The same tool called with the same arguments, or a model asked the same, more than once.

    One call was of use: the first that ended ok, else the first. The times (milliseconds) and cost (US dollars; None
    where none is known) of the others are wasted.
    """

    kind: Literal["tool", "model"]
    what: str
    calls: int
    failed: int
    retries: int
    first: Node
    last: Node
    wasted_ms: float
    wasted_usd: float | None


def is_tool(event: dict[str, Any]) -> bool:
    """Whether a span is the call of a tool, as the view tool_calls has it."""
    operation = event["operation"] or "internal"
    return bool(operation == "execute_tool" or (event["tool"] and operation == "internal"))


def retries_of(nodes: Sequence[Node]) -> int:
    """How many of these are attempts after the first."""
    return sum((n.event["attempt"] or 1) > 1 for n in nodes)


def tools_of(tree: Tree) -> list[ToolUse]:
    """Every tool of a trace, the one that took longest in all first."""
    by_tool: dict[str, list[Node]] = {}
    for node in tree.spans:
        if is_tool(node.event):
            by_tool.setdefault(str(node.event["tool"] or node.name), []).append(node)
    found = []
    for tool, nodes in by_tool.items():
        took = sorted(n.took_ms for n in nodes if n.took_ms is not None)
        used = [n.event["cost_usd"] for n in nodes if n.event["cost_usd"] is not None]
        failed = sum(n.failed for n in nodes)
        found.append(
            ToolUse(tool, len(nodes), failed, retries_of(nodes), _p95(took), sum(took), sum(used) if used else None)
        )
    return sorted(found, key=lambda u: (-u.total_ms, u.tool))


def loops_of(tree: Tree) -> list[Loop]:
    """Every loop of a trace, the one with the most calls first; a call whose arguments are not known is in none."""
    alike: dict[tuple[Literal["tool", "model"], str, str], list[Node]] = {}
    for node in sorted(tree.spans, key=lambda n: (n.event["ts"], n.event["event_id"])):
        event = node.event
        kind: Literal["tool", "model"] = "model" if node.counted else "tool"
        if event.get("input_hash") and (node.counted or is_tool(event)):
            what = event["model"] if node.counted else event["tool"]
            alike.setdefault((kind, str(what or node.name), event["input_hash"]), []).append(node)
    loops = []
    for (kind, what, _), nodes in alike.items():
        if len(nodes) > 1:
            of_use = next((n for n in nodes if status_of(n.event) == "ok"), nodes[0])
            others = [n for n in nodes if n is not of_use]
            cost = [n.cost_usd if kind == "model" else n.event["cost_usd"] for n in others]
            known = [c for c in cost if c is not None]
            loops.append(
                Loop(
                    kind=kind,
                    what=what,
                    calls=len(nodes),
                    failed=sum(n.failed for n in nodes),
                    retries=retries_of(nodes),
                    first=nodes[0],
                    last=nodes[-1],
                    wasted_ms=sum(n.took_ms or 0.0 for n in others),
                    wasted_usd=sum(known) if known else None,
                )
            )
    return sorted(loops, key=lambda loop: (-loop.calls, -loop.wasted_ms))


def _p95(values: Sequence[float]) -> float | None:
    """The exact quantile, interpolated between the two nearest values as exact_quantile does."""
    if not values:
        return None
    place = 0.95 * (len(values) - 1)
    low, high = values[math.floor(place)], values[math.ceil(place)]
    return low + (high - low) * (place - math.floor(place))
