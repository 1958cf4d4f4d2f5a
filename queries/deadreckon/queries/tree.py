"""A trace as a tree, whatever state its spans are in: parents that are missing, several roots, circles, equal ids."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from deadreckon.queries.timing import Interval, known_ms, times

Note = Literal["", "parent missing", "circle", "id repeated", "never ended", "ends before it starts", "no duration"]


@dataclass(slots=True)
class Node:
    """An event in its place: its columns, how deep it stands, and what is odd about its place.

    Attributes:
        event: the event's columns by name.
        depth: 0 for a root.
        last: for each level down to this one, whether nothing follows on that level: what tree lines are drawn from.
        note: why it stands here, if not as a child of its parent.
        parent: the node that it is in.
        offset_ms: from the beginning of the trace, in milliseconds.
        self_ms: of a span, the part of its time in which none of its children ran; None where its time is not known.
        critical_ms: of a span, the part in which its trace waited for it or for what is in it: see `timing`.
        critical_self_ms: of a span, the part in which its trace waited for none of its children.
        cost_usd: in US dollars, of model calls alone; None where it is not known.
        counted: whether it is a model call, whose tokens and cost are part of the sums.
    """

    event: dict[str, Any]
    depth: int = 0
    last: tuple[bool, ...] = ()
    note: Note = ""
    parent: Node | None = None
    offset_ms: float = 0.0
    self_ms: float | None = None
    critical_ms: float = 0.0
    critical_self_ms: float = 0.0
    cost_usd: float | None = None
    cost_source: str | None = None
    counted: bool = False

    @property
    def name(self) -> str:
        """What to call it."""
        e = self.event
        return str(e["name"] or e["event"] or e["tool"] or e["operation"] or e["kind"])

    @property
    def took_ms(self) -> float | None:
        """How long it took, in milliseconds; None where that is not known."""
        return known_ms(self.event["duration_ms"])

    @property
    def failed(self) -> bool:
        """Whether it is a span that ended with an error or a time-out."""
        return self.event["kind"] == "span" and status_of(self.event) in ("error", "timeout")


@dataclass(frozen=True, slots=True)
class Tree:
    """One trace: its nodes in the order in which a tree is read, and its sums."""

    trace_id: str
    started_at: datetime | None
    duration_ms: float
    nodes: list[Node] = field(default_factory=list)

    @property
    def spans(self) -> list[Node]:
        """The nodes that are spans."""
        return [n for n in self.nodes if n.event["kind"] == "span"]

    @property
    def cost_usd(self) -> float | None:
        """The cost of its model calls; None where none is known."""
        known = [n.cost_usd for n in self.nodes if n.counted and n.cost_usd is not None]
        return sum(known) if known else None

    def total(self, column: str) -> int | None:
        """The sum of a token column over its model calls; None where none states it. Below zero is no count."""
        known = [n.event[column] for n in self.nodes if n.counted and (n.event[column] or 0) >= 0]
        known = [count for count in known if count is not None]
        return sum(known) if known else None


def status_of(event: dict[str, Any]) -> str | None:
    """A span's status, read as the views read it: error where only an error type is given, else ok."""
    if event["status"] or event["kind"] != "span":
        status: str | None = event["status"]
        return status
    return "error" if event["error_type"] else "ok"


def grow(trace_id: str, events: Iterable[dict[str, Any]], costs: dict[str, dict[str, Any]]) -> Tree:
    """The tree of a trace's events; `costs` holds the model calls' cost by event_id. Never recurses, never fails."""
    ordered = sorted(events, key=lambda e: (e["ts"], e["kind"] != "span", e["event_id"]))
    known = {e["span_id"] for e in ordered if e["kind"] == "span" and e["status"] != "running"}
    nodes = []
    for event in ordered:
        if event["kind"] == "span" and event["status"] == "running":
            if event["span_id"] in known:  # begun, and there with its end too
                continue
            known.add(event["span_id"])
        nodes.append(_node(event, costs))
    if not nodes:
        return Tree(trace_id, None, 0.0)
    started = nodes[0].event["ts"]
    for node in nodes:
        node.offset_ms = _ms(node.event["ts"] - started)
    lasted = max(n.offset_ms + (n.took_ms or 0.0) for n in nodes)
    ordered_nodes = _in_order(nodes)
    _time(ordered_nodes, lasted)
    return Tree(trace_id, started, lasted, ordered_nodes)


def _time(nodes: Sequence[Node], lasted: float) -> None:
    """Say what each span took itself; one that never ended lasts as long as its trace."""
    spans = [n for n in nodes if n.event["kind"] == "span"]
    place = {id(n): i for i, n in enumerate(spans)}
    intervals = []
    for node in spans:
        end = lasted if node.event["status"] == "running" else node.offset_ms + (node.took_ms or 0.0)
        intervals.append(Interval(node.offset_ms, end, place.get(id(node.parent))))
    for node, found in zip(spans, times(intervals), strict=True):
        node.self_ms = found.own if node.took_ms is not None else None
        node.critical_ms, node.critical_self_ms = found.critical, found.critical_own


def _node(event: dict[str, Any], costs: dict[str, dict[str, Any]]) -> Node:
    call = costs.get(event["event_id"])
    note: Note = ""
    if event["kind"] == "span" and event["status"] == "running":
        note = "never ended"
    elif event["kind"] == "span" and known_ms(event["duration_ms"]) is None:
        note = "ends before it starts" if (event["duration_ms"] or 0) < 0 else "no duration"
    if call is None:
        return Node(event, note=note)
    return Node(event, note=note, cost_usd=call["cost_usd"], cost_source=call["cost_source"], counted=True)


def _in_order(nodes: Sequence[Node]) -> list[Node]:
    by_id: dict[str, Node] = {}
    for node in nodes:
        if node.event["kind"] == "span" and node.event["span_id"]:
            if node.event["span_id"] in by_id:
                node.note = "id repeated"
            else:
                by_id[node.event["span_id"]] = node
    children: dict[int, list[Node]] = {}
    tops: list[Node] = []
    for node in nodes:
        parent = _parent(node, by_id)
        if parent is None:
            tops.append(node)
        else:
            children.setdefault(id(parent), []).append(node)
    reached = _walk(tops, children)
    seen = {id(n) for n in reached}
    for node in nodes:  # what no root leads to goes round in a circle: it is cut open at its earliest span
        if id(node) not in seen:
            node.note = "circle"
            cut = _walk([node], children, seen)
            reached += cut
            seen |= {id(n) for n in cut}
    _number(reached)
    return reached


def _parent(node: Node, by_id: dict[str, Node]) -> Node | None:
    event = node.event
    # Whatever is no span belongs into the span in which it was written.
    wanted = event["parent_span_id"] if event["kind"] == "span" else event["span_id"]
    if not wanted:
        return None
    parent = by_id.get(wanted)
    if parent is None and event["kind"] == "span":
        node.note = "parent missing" if node.note != "id repeated" else node.note
    return parent


def _walk(tops: Sequence[Node], children: dict[int, list[Node]], seen: set[int] | None = None) -> list[Node]:
    reached: list[Node] = []
    known = set(seen or ())
    waiting: list[tuple[Node, Node | None]] = [(node, None) for node in reversed(tops)]
    while waiting:
        node, parent = waiting.pop()
        if id(node) in known:
            continue
        known.add(id(node))
        node.parent, node.depth = parent, 0 if parent is None else parent.depth + 1
        reached.append(node)
        waiting.extend((child, node) for child in reversed(children.get(id(node), ())))
    return reached


def _number(nodes: Sequence[Node]) -> None:
    """Say, from the end to the beginning, on which levels something still follows."""
    follows: list[bool] = []
    for node in reversed(nodes):
        del follows[node.depth + 1 :]
        follows += [False] * (node.depth + 1 - len(follows))
        node.last = tuple(not f for f in follows)
        follows[node.depth] = True


def _ms(span: timedelta) -> float:
    return span / timedelta(milliseconds=1)
