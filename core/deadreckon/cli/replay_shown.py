"""`reckon replay`, printed: one replay with its steps side by side, or a row for each of many."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from rich.text import Text

from deadreckon.cli.output import Format, console, dumps, one_line, show_rows
from deadreckon.cli.replay_verdict import Verdict, matters
from deadreckon.cli.spoken import duration, money
from deadreckon.cli.trace_pair import show_pair, sums

if TYPE_CHECKING:
    from deadreckon.queries.alignment import Pair

_STYLES: Final = {"same": "green", "different": "yellow", "failed": "red"}
_COLUMNS: Final = (
    *("replay_of", "trace_id", "outcome", "path", "output", "steps", "cost_usd", "cost_delta_usd", "duration_ms"),
    *("duration_delta_ms", "reason"),
)


def show_one(verdict: Verdict, format_: Format) -> None:
    """Print one replay: JSON has all of it, the other formats a row a step."""
    if format_ is Format.json:
        sys.stdout.write(dumps(_document(verdict), indent=True))
        return
    if format_ is not Format.table:
        show_many([verdict], format_)
        return
    out = console()
    if verdict.a is not None and verdict.b is not None:
        show_pair(verdict.a, verdict.b, format_)
        out.print()
    out.print(
        Text(one_line(f"{verdict.outcome}: {_sentence(verdict)}"), style=_STYLES[verdict.outcome]), soft_wrap=True
    )
    for line in _lines(verdict):
        out.print(Text(one_line(line)), soft_wrap=True)


def show_many(verdicts: list[Verdict], format_: Format) -> None:
    """Print a row for each replay, and how many there are of each outcome."""
    counts = {o: sum(v.outcome == o for v in verdicts) for o in _STYLES}
    facts: dict[str, Any] = {key: n for key, n in counts.items() if n or format_ is Format.json}
    for what in ("cost_delta_usd", "duration_delta_ms"):
        known = [row[what] for v in verdicts if (row := _row(v))[what] is not None]
        facts[what] = sum(known) if known else None
    show_rows(_COLUMNS, [[_row(v)[c] for c in _COLUMNS] for v in verdicts], format_, meta=facts)


def _row(verdict: Verdict) -> dict[str, Any]:
    a = sums(verdict.a) if verdict.a is not None else {}
    b = sums(verdict.b) if verdict.b is not None else {}
    expected = _expected_ms(verdict)
    return {
        "replay_of": verdict.replay_of,
        "trace_id": verdict.b.trace_id if verdict.b is not None else None,
        "outcome": verdict.outcome,
        "path": verdict.path_differs,
        "output": "differs" if verdict.output_differs else "same" if verdict.b is not None else None,
        "steps": len(verdict.differences),
        "cost_usd": b.get("cost_usd"),
        "cost_delta_usd": _delta(a.get("cost_usd"), b.get("cost_usd")),
        "duration_ms": b.get("duration_ms"),
        "duration_delta_ms": _delta(a.get("duration_ms"), expected),
        "reason": verdict.reason or "; ".join(_words(p) for p in verdict.differences[:3]) or None,
    }


def _document(verdict: Verdict) -> dict[str, Any]:
    sides = {
        side: {"trace_id": tree.trace_id, **sums(tree), **_output(tree)} if tree is not None else None
        for side, tree in (("a", verdict.a), ("b", verdict.b))
    }
    row = _row(verdict)
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
            {"path": list(p.path), "change": p.change, "differs": matters(p), **_sides(p)} for p in verdict.differences
        ],
    }


def _sides(pair: Pair) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for side, node in (("a", pair.a), ("b", pair.b)):
        keys = ("span_id", "status", "error_type", "error_message", "input", "output")
        found |= {f"{side}_{key}": node.event[key] if node is not None else None for key in keys}
    return found


def _output(tree: Any) -> dict[str, Any]:
    root = next((n.event for n in tree.spans if n.depth == 0), None)
    return {key: root[key] if root is not None else None for key in ("status", "output")}


def _sentence(verdict: Verdict) -> str:
    if verdict.reason:
        return verdict.reason
    if verdict.outcome == "same":
        return "every step, its input and its output"
    return "; ".join(_words(pair) for pair in verdict.differences[:5])


def _words(pair: Pair) -> str:
    where = " > ".join(pair.path)
    if pair.change:
        return f"{where} {'is gone' if pair.b is None else 'is new'}"
    return f"{where} differs in {', '.join(matters(pair))}"


def _lines(verdict: Verdict) -> list[str]:
    lines = [f"hint: {verdict.hint}"] if verdict.hint else []
    lines += [f"{' > '.join(p.path)}: {text}" for p in verdict.differences[:5] for text in _texts(p)]
    how = verdict.how()
    lines.append("calls: " + (", ".join(f"{n} {word}" for word, n in how.items() if n) or "none"))
    if verdict.a is None or verdict.b is None:
        return lines
    a, b, expected = sums(verdict.a), sums(verdict.b), _expected_ms(verdict)
    if a["cost_usd"] is not None or b["cost_usd"] is not None:
        sides = [money(c) if c is not None else "unknown" for c in (a["cost_usd"], b["cost_usd"])]
        lines.append(
            f"cost: {sides[0]} -> {sides[1]}" + (", as recorded for answered calls" if how["recorded"] else "")
        )
    took = f"latency: {duration(a['duration_ms'] or 0)} -> {duration(b['duration_ms'] or 0)}"
    if verdict.recorded_ms and expected is not None:
        took += f"; {duration(expected)} with the {duration(verdict.recorded_ms)} that answered calls took then"
    lines.append(took)
    if threads := verdict.said.get("threads"):
        lines.append(f"threads left running: {', '.join(threads)}")
    return lines


def _texts(pair: Pair) -> list[str]:
    found = []
    for what in ("status", "error_type", "input", "output"):
        if pair.a is not None and pair.b is not None and what in matters(pair):
            sides = [_cut(node.event[what]) for node in (pair.a, pair.b)]
            found.append(f"{what} {sides[0]} -> {sides[1]}")
    return found


def _cut(text: Any) -> str:
    said = "none" if text is None else str(text)
    return said if len(said) <= 100 else f"{said[:100]}..."


def _expected_ms(verdict: Verdict) -> float | None:
    """How long the new run would take with answered calls as slow as they were, one after the other."""
    return verdict.b.duration_ms + verdict.recorded_ms if verdict.b is not None else None


def _delta(a: float | None, b: float | None) -> float | None:
    return b - a if a is not None and b is not None else None
