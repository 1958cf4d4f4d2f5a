"""A trace drawn in the terminal: the tree on the left, when and how long in the middle, what it took on the right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from deadreckon.cli.drawing_findings import draw_findings
from deadreckon.cli.lines import GAP, Column, draw, room
from deadreckon.cli.output import console, one_line
from deadreckon.cli.spoken import duration, money

if TYPE_CHECKING:
    from deadreckon.queries.trace import Found
    from deadreckon.queries.tree import Node, Tree

_STYLES: Final = {"error": "red", "timeout": "red", "cancelled": "yellow", "ok": "green"}
_COLUMNS: Final = (
    *(
        Column("step", least=12),
        Column("start", right=True),
        Column("took", right=True),
        Column("self", right=True),
        Column(),
        Column("status", least=7),
    ),
    *(Column("tokens", right=True), Column("cost", right=True)),
)
_SELF: Final = 3
_WIDE: Final = 110
"""Cells from which on there is room for self time."""
_PLACE: Final = 4
"""Of self time and the bar among them."""
_NAME: Final = 16
"""Cells that a name should have behind the lines of its levels."""
_LONGEST: Final = 20
_SHORTEST: Final = 6
"""Cells of the bar. It gives way before names are cut."""
_DEEPEST: Final = 24
"""Levels that are drawn, where there is room; deeper ones stand on this one with their depth in words."""


def draw_found(found: Found) -> None:
    """Print every tree, and what stands beside them: a line each, however narrow the terminal is."""
    out = console()
    width = room(out)
    also = f" (also a {', a '.join(found.also)} id)" if found.also else ""
    out.print(Text(one_line(f"{found.kind} {found.id}{also}"), style="bold"))
    for tree in found.traces:
        out.print()
        for facts in _summary(tree, cut=found.truncated):
            _facts(out, facts, width)
        _tree(out, tree, found, width)
        draw_findings(out, tree, width)
    if found.beside:
        out.print()
        out.print(Text("beside it" if found.traces else "in no trace", style="bold"))
        rows = [[Text(), Text(f"{e['ts']:%Y-%m-%d %H:%M:%S}"), Text(one_line(said(e)))] for e in found.beside]
        draw(out, (Column(), Column(), Column(least=12)), rows, width, names=False)


def _summary(tree: Tree, *, cut: bool) -> list[list[str]]:
    from deadreckon.queries.findings import retries_of

    first = next((n.event for n in tree.nodes if n.event["kind"] == "span"), tree.nodes[0].event if tree.nodes else {})
    spans = len(tree.spans)
    parts = [f"trace {tree.trace_id}", f"{tree.started_at:%Y-%m-%d %H:%M:%S} UTC", duration(tree.duration_ms)]
    parts.append(f"{spans} span{'' if spans == 1 else 's'}{' and more, which are left out' if cut else ''}")
    if failed := sum(n.failed for n in tree.nodes):
        parts.append(f"{failed} failed")
    if again := retries_of(tree.spans):
        parts.append(f"{again} {'retry' if again == 1 else 'retries'}")
    if tokens := (tree.total("input_tokens") or 0) + (tree.total("output_tokens") or 0):
        parts.append(f"{tokens:,} tokens")
    if tree.cost_usd is not None:
        parts.append(money(tree.cost_usd))
    if unpriced := sum(n.cost_source == "unpriced" for n in tree.nodes):
        parts.append(f"{unpriced} {'call' if unpriced == 1 else 'calls'} unpriced")
    ids = [f"{k} {first[k]}" for k in ("request_id", "session_id", "environment", "variant") if first.get(k)]
    return [parts, ids] if ids else [parts]


def _facts(out: Console, parts: list[str], width: int | None) -> None:
    """Print facts in a row; a new line begins between two of them and never inside one."""
    line = ""
    for part in map(one_line, parts):
        longer = f"{line} · {part}" if line else part
        if line and width is not None and cell_len(longer) > width:
            out.print(Text(line), soft_wrap=True)
            longer = part
        line = longer
    out.print(Text(line), soft_wrap=True)


def _tree(out: Console, tree: Tree, found: Found, width: int | None) -> None:
    rows = [_cells(n, asked=found.kind == "span" and n.event["span_id"] == found.id) for n in tree.nodes]
    shown = [c for i, c in enumerate(_COLUMNS) if i != _SELF or width is None or width >= _WIDE]
    if len(shown) < len(_COLUMNS):
        for row in rows:
            del row[_SELF]
    bar = len(shown) - len(_COLUMNS) + _PLACE
    # What the other columns and the shortest bar leave to the names and the lines before them.
    others = [max([len(c.name), *(row[i].cell_len for row in rows)]) for i, c in enumerate(shown)][1:]
    left = None if width is None else width - sum(others) - GAP * len(others) - _SHORTEST
    deepest = _DEEPEST if left is None else max(2, min(_DEEPEST, (left - _NAME) // 3))
    for row, node in zip(rows, tree.nodes, strict=True):
        row[0] = Text(_lines(node, deepest), style="dim").append_text(row[0])
    names = max((row[0].cell_len for row in rows), default=0)
    length = _LONGEST if left is None else max(_SHORTEST, min(_LONGEST, left + _SHORTEST - names))
    for row, node in zip(rows, tree.nodes, strict=True):
        if node.event["kind"] == "span":
            row[bar].append(_bar(node, tree, length))
    draw(out, shown, rows, width)


def _cells(node: Node, *, asked: bool) -> list[Text]:
    """A row without the lines of its level and without its bar: they depend on the room that all rows leave."""
    from deadreckon.queries.tree import status_of

    event = node.event
    label = Text()
    is_span = event["kind"] == "span"
    label.append(
        one_line(node.name if is_span else said(event)), style="bold" if asked else "" if is_span else "italic"
    )
    # What is odd comes first: a narrow terminal cuts from the right.
    if node.note:
        label.append(f" ({node.note})", style="yellow")
    if asked:
        label.append(" <- this span", style="bold")
    label.append(_who(node) if is_span else "", style="dim")
    status = status_of(event)
    used = [event[k] for k in ("input_tokens", "output_tokens")]
    tokens = "+".join(str(n or 0) for n in used) if node.counted and used != [None, None] else ""
    cost = "" if not node.counted else money(node.cost_usd) if node.cost_usd is not None else (node.cost_source or "")
    return [
        label,
        Text(f"+{duration(node.offset_ms)}", style="dim"),
        Text(_took(node)),
        Text(duration(node.self_ms) if node.self_ms is not None and node.self_ms != node.took_ms else "", style="dim"),
        Text(style=_STYLES.get(status or "", "")),
        Text(one_line(_status(event, status)) if is_span else "", style=_STYLES.get(status or "", "")),
        Text(tokens),
        Text(cost),
    ]


def _took(node: Node) -> str:
    return duration(node.took_ms) if node.took_ms is not None else ""


def _lines(node: Node, deepest: int) -> str:
    if node.depth == 0:
        return ""
    guides = "".join("   " if last else "│  " for last in node.last[1 : min(node.depth, deepest)])
    deeper = f"[{node.depth}] " if node.depth > deepest else ""
    return guides + ("└─ " if node.last[node.depth] else "├─ ") + deeper


def _who(node: Node) -> str:
    event = node.event
    model = " ".join(str(event[k]) for k in ("model", "model_version") if event[k])
    parts = [event["tool"] if event["tool"] != node.name else None, event["agent"], model]
    if (event["attempt"] or 1) > 1:
        parts.append(f"attempt {event['attempt']}")
    said_ = ", ".join(str(p) for p in parts if p)
    return f"  {one_line(said_)}" if said_ else ""


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


def _bar(node: Node, tree: Tree, length: int) -> str:
    drawn = "█" if node.critical_ms > 0 or tree.duration_ms <= 0 else "░"
    if tree.duration_ms <= 0:
        return drawn
    start = min(int(node.offset_ms / tree.duration_ms * length), length - 1)
    end = (node.offset_ms + (node.took_ms or 0)) / tree.duration_ms * length
    return " " * start + drawn * max(round(min(end, length)) - start, 1)
