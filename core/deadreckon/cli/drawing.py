"""A trace drawn in the terminal: the tree on the left, when and how long in the middle, what it took on the right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rich.table import Table
from rich.text import Text

from deadreckon.cli.output import console, visible

if TYPE_CHECKING:
    from deadreckon.queries.trace import Found
    from deadreckon.queries.tree import Node, Tree

_STYLES: Final = {"error": "red", "timeout": "red", "cancelled": "yellow", "ok": "green"}
_BAR: Final = 20
_DEEPEST: Final = 24
"""Levels that are drawn; deeper ones stand on this one with their depth in words."""


def draw(found: Found) -> None:
    """Print every tree, and what stands beside them."""
    out = console()
    also = f" (also a {', a '.join(found.also)} id)" if found.also else ""
    out.print(Text(visible(f"{found.kind} {found.id}{also}"), style="bold"))
    for tree in found.traces:
        out.print()
        out.print(Text(_summary(tree)))
        out.print(_table(tree, found))
    if found.beside:
        out.print()
        out.print(Text("beside it" if found.traces else "in no trace", style="bold"))
        for event in found.beside:
            out.print(Text(f"  {event['ts']:%Y-%m-%d %H:%M:%S}  {visible(said(event))}"))


def _summary(tree: Tree) -> str:
    first = next((n.event for n in tree.nodes if n.event["kind"] == "span"), tree.nodes[0].event if tree.nodes else {})
    parts = [f"trace {tree.trace_id}", f"{tree.started_at:%Y-%m-%d %H:%M:%S} UTC", duration(tree.duration_ms)]
    parts.append(f"{len(tree.spans)} spans")
    if failed := sum(n.failed for n in tree.nodes):
        parts.append(f"{failed} failed")
    if tokens := (tree.total("input_tokens") or 0) + (tree.total("output_tokens") or 0):
        parts.append(f"{tokens:,} tokens")
    if tree.cost_usd is not None:
        parts.append(money(tree.cost_usd))
    if unpriced := sum(n.cost_source == "unpriced" for n in tree.nodes):
        parts.append(f"{unpriced} {'call' if unpriced == 1 else 'calls'} unpriced")
    ids = [f"{k} {first[k]}" for k in ("request_id", "session_id", "environment", "variant") if first.get(k)]
    return visible(" · ".join(parts)) + ("\n" + visible(" · ".join(ids)) if ids else "")


def _table(tree: Tree, found: Found) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    table.add_column("step", overflow="fold", ratio=None)
    for name in ("start", "took"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("status", no_wrap=True)
    for name in ("tokens", "cost"):
        table.add_column(name, justify="right", no_wrap=True)
    for node in tree.nodes:
        table.add_row(*_cells(node, tree, asked=found.kind == "span" and node.event["span_id"] == found.id))
    return table


def _cells(node: Node, tree: Tree, *, asked: bool) -> list[Text]:
    from deadreckon.queries.tree import status_of

    event = node.event
    label = Text(_lines(node), style="dim")
    is_span = event["kind"] == "span"
    label.append(visible(node.name if is_span else said(event)), style="bold" if asked else "" if is_span else "italic")
    label.append(visible(_who(event)) if is_span else "", style="dim")
    if asked:
        label.append("  <- this span", style="bold")
    if node.note:
        label.append(f"  ({node.note})", style="yellow")
    status = status_of(event)
    tokens = "" if not node.counted else "+".join(str(event[k] or 0) for k in ("input_tokens", "output_tokens"))
    cost = "" if not node.counted else money(node.cost_usd) if node.cost_usd is not None else (node.cost_source or "")
    return [
        label,
        Text(f"+{duration(node.offset_ms)}", style="dim"),
        Text(duration(event["duration_ms"]) if event["duration_ms"] is not None else ""),
        Text(_bar(node, tree) if is_span else "", style=_STYLES.get(status or "", "")),
        Text(visible(_status(event, status)) if is_span else "", style=_STYLES.get(status or "", "")),
        Text(tokens),
        Text(cost),
    ]


def _lines(node: Node) -> str:
    if node.depth == 0:
        return ""
    guides = "".join("   " if last else "│  " for last in node.last[1 : min(node.depth, _DEEPEST)])
    deeper = f"[{node.depth}] " if node.depth > _DEEPEST else ""
    return guides + ("└─ " if node.last[node.depth] else "├─ ") + deeper


def _who(event: dict[str, Any]) -> str:
    model = " ".join(str(event[k]) for k in ("model", "model_version") if event[k])
    parts = [event["tool"] if event["tool"] != event["name"] else None, event["agent"], model]
    if (event["attempt"] or 1) > 1:
        parts.append(f"attempt {event['attempt']}")
    said_ = ", ".join(str(p) for p in parts if p)
    return f"  {said_}" if said_ else ""


def _status(event: dict[str, Any], status: str | None) -> str:
    return f"{status} {event['error_type']}" if event["error_type"] else str(status or "")


def said(event: dict[str, Any]) -> str:
    """An event that is no span, in a few words."""
    name = str(event["name"] or event["event"] or "")
    if event["kind"] == "decision":
        return f"decision {name}: {event['choice']}" + (f" ({event['reason']})" if event["reason"] else "")
    if event["kind"] == "contract":
        kept = "held" if event["passed"] else "broken" + (f", {event['action']}" if event["action"] else "")
        return f"contract {name}: {kept}"
    if event["kind"] in ("score", "feedback", "metric"):
        value = " ".join(str(v) for v in (event["value"], event["label"]) if v is not None)
        by = f" by {event['source']}" if event["source"] else ""
        return f"{event['kind']} {name}: {value}{by}"
    if event["kind"] == "prediction":
        model = " ".join(str(event[k]) for k in ("model", "model_version") if event[k])
        return f"prediction {model}".strip()
    return f"{event['kind']} {name}".strip()


def _bar(node: Node, tree: Tree) -> str:
    if tree.duration_ms <= 0:
        return "█"
    start = min(int(node.offset_ms / tree.duration_ms * _BAR), _BAR - 1)
    end = (node.offset_ms + (node.event["duration_ms"] or 0)) / tree.duration_ms * _BAR
    return " " * start + "█" * max(round(min(end, _BAR)) - start, 1)


def duration(ms: float) -> str:
    """Milliseconds as people say them."""
    if ms < 1:
        return f"{ms:.2f} ms"
    if ms < 1_000:
        return f"{ms:.0f} ms"
    if ms < 60_000:
        return f"{ms / 1_000:.2f} s"
    return f"{int(ms // 60_000)} min {ms % 60_000 / 1_000:.0f} s"


def money(usd: float) -> str:
    """US dollars, with as many places as small sums need."""
    return f"${usd:,.2f}" if usd >= 1 else f"${usd:.4f}" if usd >= 0.0001 or usd == 0 else f"${usd:.2g}"
