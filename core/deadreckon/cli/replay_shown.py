"""`reckon replay`, printed: one replay with its steps side by side, or a row for each of many."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from rich.text import Text

from deadreckon.cli.lines import Column, draw, room
from deadreckon.cli.output import Format, console, dumps, footer, one_line, show_rows
from deadreckon.cli.replay_verdict import Verdict
from deadreckon.cli.spoken import duration, money
from deadreckon.cli.trace_pair import sums

if TYPE_CHECKING:
    from deadreckon.queries.alignment import Pair
    from deadreckon.queries.tree import Node, Tree

_STYLES: Final = {"same": "green", "different": "yellow", "failed": "red"}
_COLUMNS: Final = (
    *("replay_of", "trace_id", "outcome", "path", "output", "steps", "cost_usd", "cost_delta_usd", "duration_ms"),
    *("duration_delta_ms", "reason"),
)
_MANY: Final = 5
"""Differences that are told one by one; the table and JSON have all."""


def show_one(verdict: Verdict, format_: Format) -> None:
    """Print one replay: JSON has all of it, a table its steps, the other formats a row."""
    if format_ is Format.json:
        sys.stdout.write(dumps(_document(verdict), indent=True))
        return
    if format_ is not Format.table:
        show_many([verdict], format_)
        return
    out = console()
    if verdict.a is not None and verdict.b is not None:
        out.print(Text(f"trace {verdict.replay_of}, recorded {verdict.a.started_at:%Y-%m-%d %H:%M:%S} UTC"))
        out.print(Text(f"as    {verdict.b.trace_id}"))
        out.print()
        columns = (
            *(Column("step", least=12), Column("then", right=True), Column("now", right=True)),
            *(Column("cost then", right=True), Column("cost now", right=True), Column("differs", least=7)),
        )
        how = {call["span_id"]: call["how"] for call in verdict.said.get("calls", ())}
        draw(out, columns, [_cells(verdict, pair, how) for pair in verdict.pairs], room(out))
        out.print()
    out.print(
        Text(one_line(f"{verdict.outcome}: {_sentence(verdict)}"), style=_STYLES[verdict.outcome]), soft_wrap=True
    )
    for line in _lines(verdict):
        out.print(Text(one_line(line)), soft_wrap=True)


def show_many(verdicts: list[Verdict], format_: Format) -> None:
    """Print a row for each replay, and how many there are of each outcome."""
    rows = [_row(verdict) for verdict in verdicts]
    facts: dict[str, Any] = {outcome: sum(r["outcome"] == outcome for r in rows) for outcome in _STYLES}
    for what in ("cost_delta_usd", "duration_delta_ms"):
        known = [row[what] for row in rows if row[what] is not None]
        facts[what] = sum(known) if known else None
    if format_ is not Format.json:
        facts = {key: value for key, value in facts.items() if value}
    if format_ is Format.table:
        columns = (
            *(Column("trace"), Column("outcome"), Column("cost", right=True), Column("latency", right=True)),
            Column("why", least=12, wrap=True),
        )
        out = console()
        draw(out, columns, [_line(row) for row in rows], room(out))
        footer(len(rows), "replay", facts)
        return
    show_rows(_COLUMNS, [[row[c] for c in _COLUMNS] for row in rows], format_, meta=facts)


def _line(row: dict[str, Any]) -> list[Text]:
    cost, took = row["cost_delta_usd"], row["duration_delta_ms"]
    return [
        Text(row["replay_of"]),
        Text(row["outcome"], style=_STYLES[row["outcome"]]),
        Text(_signed(cost, money) if cost is not None else ""),
        Text(_signed(took, duration) if took is not None else ""),
        Text(one_line(row["reason"] or "")),
    ]


def _signed(value: float, said: Callable[[float], str]) -> str:
    return ("-" if value < 0 else "+") + said(abs(value)) if value else said(0)


def _row(verdict: Verdict) -> dict[str, Any]:
    a, b, unfinished = verdict.a, verdict.b, verdict.outcome == "failed"
    return {
        "replay_of": verdict.replay_of,
        "trace_id": b.trace_id if b is not None else None,
        "outcome": verdict.outcome,
        "path": verdict.path_differs,
        "output": None if b is None else "differs" if verdict.output_differs else "same",
        "steps": len(verdict.differences),
        "cost_usd": _cost(b, verdict.inside_usd),
        "cost_delta_usd": None if unfinished else _delta(_cost(a), _cost(b, verdict.inside_usd)),
        "duration_ms": b.duration_ms if b is not None else None,
        "duration_delta_ms": None if unfinished or a is None else _delta(a.duration_ms, _expected_ms(verdict)),
        "reason": verdict.reason or "; ".join(_words(verdict, pair) for pair in verdict.differences[:_MANY]) or None,
    }


def _document(verdict: Verdict) -> dict[str, Any]:
    row = _row(verdict)
    sides = {
        side: {"trace_id": tree.trace_id, **sums(tree), "cost_usd": _cost(tree, usd), **_end(tree)} if tree else None
        for side, tree, usd in (("a", verdict.a, 0.0), ("b", verdict.b, verdict.inside_usd))
    }
    return {
        **{key: row[key] for key in ("replay_of", "trace_id", "outcome")},
        "reason": verdict.reason or None,
        "hint": verdict.hint or None,
        "output_differs": verdict.output_differs,
        **sides,
        "cost_delta_usd": row["cost_delta_usd"],
        "recorded_ms": verdict.recorded_ms,
        "expected_ms": _expected_ms(verdict),
        "duration_delta_ms": row["duration_delta_ms"],
        "calls": verdict.how(),
        "made": list(verdict.said.get("calls", ())),
        "unused": list(verdict.said.get("unused", ())),
        "threads_left": list(verdict.said.get("threads", ())),
        "differences": [
            {"path": list(p.path), "change": p.change, "differs": verdict.matters(p), **_sides(p)}
            for p in verdict.differences
        ],
    }


def _sides(pair: Pair) -> dict[str, Any]:
    keys = ("span_id", "status", "error_type", "error_message", "input", "output")
    sides = (("a", pair.a), ("b", pair.b))
    return {f"{side}_{key}": node.event[key] if node is not None else None for side, node in sides for key in keys}


def _end(tree: Tree) -> dict[str, Any]:
    root = next((n.event for n in tree.spans if n.depth == 0), None)
    return {key: root[key] if root is not None else None for key in ("status", "output")}


def _cells(verdict: Verdict, pair: Pair, how: dict[str, str]) -> list[Text]:
    answered = how.get(pair.b.event["span_id"]) if pair.b is not None else None
    now = answered if answered not in (None, "live") else _took(pair.b)
    return [
        Text("  " * pair.depth + one_line(pair.path[-1])),
        *(Text(_took(pair.a)), Text(now or ""), Text(_paid(pair.a)), Text(_paid(pair.b))),
        Text(
            {"only in a": "gone", "only in b": "new"}.get(pair.change, ", ".join(verdict.matters(pair))), style="yellow"
        ),
    ]


def _took(node: Node | None) -> str:
    return duration(node.took_ms) if node is not None and node.took_ms is not None else ""


def _paid(node: Node | None) -> str:
    return money(node.cost_usd) if node is not None and node.cost_usd is not None else ""


def _sentence(verdict: Verdict) -> str:
    if verdict.reason:
        return verdict.reason
    if verdict.outcome == "same":
        return "every step, its input and its output"
    told = "; ".join(_words(verdict, pair) for pair in verdict.differences[:_MANY])
    more = len(verdict.differences) - _MANY
    return told + (f"; and {more} more" if more > 0 else "")


def _words(verdict: Verdict, pair: Pair) -> str:
    where = " > ".join(pair.path)
    if pair.change:
        return f"{where} is {'gone' if pair.b is None else 'new'}"
    return f"{where} differs in {', '.join(verdict.matters(pair))}"


def _lines(verdict: Verdict) -> list[str]:
    lines = [f"hint: {verdict.hint}"] if verdict.hint else []
    if not verdict.reason:
        lines += [f"{' > '.join(p.path)}: {text}" for p in verdict.differences[:_MANY] for text in _texts(verdict, p)]
    how = verdict.how()
    lines.append("calls: " + (", ".join(f"{n} {word}" for word, n in how.items() if n) or "none"))
    if verdict.a is not None and verdict.b is not None and not verdict.reason:
        then, now = (
            money(c) if c is not None else "unknown" for c in (_cost(verdict.a), _cost(verdict.b, verdict.inside_usd))
        )
        told = any(c["kind"] == "llm" and c["how"] == "recorded" for c in verdict.said.get("calls", ()))
        lines.append(f"cost: {then} -> {now}" + (", as recorded for answered calls" if told else ""))
        took = f"latency: {duration(verdict.a.duration_ms)} -> {duration(verdict.b.duration_ms)}"
        expected = _expected_ms(verdict)
        if how["recorded"] and expected is not None:
            took += f"; {duration(expected)} with the {duration(verdict.recorded_ms)} that answered calls took then"
        lines.append(took)
    if threads := verdict.said.get("threads"):
        lines.append(f"threads left running: {', '.join(threads)}")
    return lines


def _texts(verdict: Verdict, pair: Pair) -> list[str]:
    if pair.a is None or pair.b is None:
        return []
    sides = (pair.a.event, pair.b.event)
    told = [what for what in ("status", "error_type", "input", "output") if what in verdict.matters(pair)]
    return [f"{what} {' -> '.join(_cut(event[what]) for event in sides)}" for what in told]


def _cut(text: Any) -> str:
    said = "none" if text is None else str(text)
    return said if len(said) <= 100 else f"{said[:100]}..."


def _cost(tree: Tree | None, inside: float = 0.0) -> float | None:
    """What its model calls cost, and those `inside` of answered calls; None where that is not known."""
    if tree is None:
        return None
    cost = tree.cost_usd if any(node.counted for node in tree.nodes) else 0.0
    return cost + inside if cost is not None else None


def _expected_ms(verdict: Verdict) -> float | None:
    """How long the new run would take with answered calls as slow as they were, one after the other."""
    return verdict.b.duration_ms + verdict.recorded_ms if verdict.b is not None else None


def _delta(a: float | None, b: float | None) -> float | None:
    return b - a if a is not None and b is not None else None
