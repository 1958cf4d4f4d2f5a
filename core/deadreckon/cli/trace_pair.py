"""`reckon trace A B`: two traces side by side, span by span."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from rich.text import Text

from deadreckon.cli.lines import Column, draw, room
from deadreckon.cli.output import Format, console, dumps, one_line, show_rows
from deadreckon.cli.spoken import duration, money

if TYPE_CHECKING:
    from deadreckon.queries.alignment import Pair
    from deadreckon.queries.tree import Node, Tree

_MEASURES: Final = ("duration_ms", "spans", "failed_spans", "retries", "input_tokens", "output_tokens", "cost_usd")
_STYLES: Final = {"only in a": "red", "only in b": "green"}


def show_pair(a: Tree, b: Tree, asked: Sequence[str], format_: Format) -> None:
    """Print both in the format asked for: JSON has sums, and each place with both sides; the others a row a place.

    `asked`: what led to each, `request req-3` say.
    """
    from deadreckon.queries.alignment import align

    pairs = align(a, b)
    if format_ is Format.table:
        _draw(a, b, asked, pairs)
        return
    rows = [_row(pair) for pair in pairs]
    if format_ is Format.json:
        sides = {
            side: {"asked": by, "trace_id": tree.trace_id, **sums(tree)}
            for side, tree, by in zip("ab", (a, b), asked, strict=True)
        }
        sys.stdout.write(dumps({**sides, "count": len(rows), "places": rows}, indent=True))
        return
    flat = [{**r, "path": " > ".join(r["path"]), "differs": ",".join(r["differs"])} for r in rows]
    show_rows(list(flat[0]) if flat else [], [list(r.values()) for r in flat], format_)


def sums(tree: Tree) -> dict[str, float | int | None]:
    """A trace's sums by name; NULL where they are not known."""
    from deadreckon.queries.findings import retries_of

    found = (
        *(tree.duration_ms, len(tree.spans), sum(n.failed for n in tree.spans), retries_of(tree.spans)),
        *(tree.total("input_tokens"), tree.total("output_tokens"), tree.cost_usd),
    )
    return dict(zip(_MEASURES, found, strict=True))


def _row(pair: Pair) -> dict[str, Any]:
    row: dict[str, Any] = {"path": pair.path, "depth": pair.depth, "change": pair.change, "differs": pair.differs}
    for side, node in (("a", pair.a), ("b", pair.b)):
        row |= {f"{side}_{key}": value for key, value in _side(node).items()}
    return row


def _side(node: Node | None) -> dict[str, Any]:
    from deadreckon.queries.tree import status_of

    keys = ("event_id", "span_id", "status", "error_type", "model", "model_version", "duration_ms", "critical_self_ms")
    if node is None:
        return dict.fromkeys((*keys, "input_tokens", "output_tokens", "cost_usd", "output"))
    event = node.event
    own = {
        "status": status_of(event),
        "duration_ms": node.took_ms,
        "critical_self_ms": node.critical_self_ms,
        "input_tokens": event["input_tokens"] if node.counted else None,
        "output_tokens": event["output_tokens"] if node.counted else None,
        "cost_usd": node.cost_usd,
        "output": event["output"],
    }
    return {key: event.get(key) for key in keys} | own


def _draw(a: Tree, b: Tree, asked: Sequence[str], pairs: list[Pair]) -> None:
    out = console()
    width = room(out)
    for side, tree, by in zip("ab", (a, b), asked, strict=True):
        trace = f"trace {tree.trace_id}"
        heads = [side, *([by] if by != trace else []), trace, f"{tree.started_at:%Y-%m-%d %H:%M:%S} UTC"]
        out.print(Text("  ".join(map(one_line, heads))))
    out.print()
    left, right = sums(a), sums(b)
    rows = [[Text(name), _said(name, left[name]), _said(name, right[name])] for name in _MEASURES]
    draw(out, (Column(), Column("a", right=True), Column("b", right=True)), rows, width)
    out.print()
    columns = (
        *(Column("step", least=12), Column("a", right=True), Column("b", right=True), Column("", right=True)),
        *(Column("cost a", right=True), Column("cost b", right=True), Column("differs", least=7)),
    )
    draw(out, columns, [_cells(pair) for pair in pairs], width)


def _cells(pair: Pair) -> list[Text]:
    took = [n.took_ms if n is not None else None for n in (pair.a, pair.b)]
    cost = [n.cost_usd if n is not None else None for n in (pair.a, pair.b)]
    style = _STYLES.get(pair.change, "")
    return [
        Text("  " * pair.depth + one_line(pair.path[-1]), style=style),
        *(_said("duration_ms", t) for t in took),
        Text(change(took[0], took[1])),
        *(_said("cost_usd", c) for c in cost),
        Text(pair.change or one_line(_words(pair)), style=style or "yellow"),
    ]


def _words(pair: Pair) -> str:
    words = []
    for what in pair.differs:
        sides = [getattr(n, "event", {}).get(what) for n in (pair.a, pair.b)]
        short = what in ("model", "model_version", "error_type")
        words.append(f"{sides[0] or 'none'} -> {sides[1] or 'none'}" if short else what)
    return ", ".join(words)


def _said(name: str, value: float | None) -> Text:
    if value is None:
        return Text("")
    if name == "duration_ms":
        return Text(duration(value))
    return Text(money(value) if name == "cost_usd" else f"{value:,}")


def change(a: float | None, b: float | None) -> str:
    """From the one to the other in percent of the one; empty where that says nothing."""
    if a is None or b is None or a <= 0 or a == b:
        return ""
    return f"{(b - a) / a:+.0%}" if b < 10 * a else f"x {b / a:.0f}"
