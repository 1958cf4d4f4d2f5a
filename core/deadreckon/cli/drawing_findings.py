"""What stands out in a trace, drawn under its tree: what it waited for, how its tools did, the same call made again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.text import Text

from deadreckon.cli.lines import Column, draw
from deadreckon.cli.output import one_line
from deadreckon.cli.spoken import duration, money

if TYPE_CHECKING:
    from deadreckon.queries.findings import Loop
    from deadreckon.queries.tree import Node, Tree

_WAITS: Final = 5
"""Steps that are named; a trace of one or two steps says it by its tree."""
_LOOPS: Final = 10
_INPUT: Final = 40
"""Cells of arguments that are shown."""


def draw_findings(out: Console, tree: Tree, width: int | None) -> None:
    """Print what stands out, and nothing where nothing does."""
    from deadreckon.queries.findings import loops_of, tools_of

    _waits(out, tree, width)
    tools = tools_of(tree)
    if tools:
        names = ("tool", "calls", "failed", "retries", "p95", "in all", "cost")
        columns = [Column(name, right=i > 0, least=12 if i == 0 else None) for i, name in enumerate(names)]
        rows = [
            [
                Text(one_line(u.tool)),
                Text(str(u.calls)),
                Text(str(u.failed or ""), style="red"),
                Text(str(u.retries or "")),
                Text(duration(u.p95_ms) if u.p95_ms is not None else ""),
                Text(duration(u.total_ms)),
                Text(money(u.cost_usd) if u.cost_usd is not None else ""),
            ]
            for u in tools
        ]
        out.print()
        draw(out, columns, rows, width)
    loops = loops_of(tree)
    if loops:
        out.print()
        out.print(Text("again with the same arguments", style="bold"))
        rows = [_again(loop) for loop in loops[:_LOOPS]]
        draw(out, (Column(least=12), Column(right=True), Column(least=12, wrap=True)), rows, width, names=False)
        if len(loops) > _LOOPS:
            out.print(Text(f"and {len(loops) - _LOOPS} more: --format json has them all"))


def _waits(out: Console, tree: Tree, width: int | None) -> None:
    waited = sorted((n for n in tree.spans if n.critical_self_ms > 0), key=lambda n: -n.critical_self_ms)
    whole = sum(n.critical_self_ms for n in waited)
    if len(tree.spans) < 3 or not whole:
        return
    out.print()
    out.print(Text("what it waited for (█ above: the critical path)", style="bold"))
    rows = [
        [
            Text(f"{n.critical_self_ms / whole:.0%}"),
            Text(duration(n.critical_self_ms)),
            Text(one_line(path_of(n))),
        ]
        for n in waited[:_WAITS]
    ]
    rest = sum(n.critical_self_ms for n in waited[_WAITS:])
    if rest:
        rows.append([Text(f"{rest / whole:.0%}"), Text(duration(rest)), Text(f"{len(waited) - _WAITS} more")])
    draw(out, (Column(right=True), Column(right=True), Column(least=12)), rows, width, names=False)


def path_of(node: Node, levels: int = 3) -> str:
    """The names that lead to a node, its own last; those above the last `levels` are left out."""
    names: list[str] = []
    above: Node | None = node
    while above is not None and len(names) < levels:
        names.append(above.name)
        above = above.parent
    if above is not None:
        names.append("...")
    return " > ".join(reversed(names))


def _again(loop: Loop) -> list[Text]:
    parts = [f"from +{duration(loop.first.offset_ms)} to +{duration(loop.last.offset_ms)}"]
    parts += [f"{loop.failed} failed"] if loop.failed else []
    parts += [f"{loop.retries} {'retry' if loop.retries == 1 else 'retries'}"] if loop.retries else []
    wasted = duration(loop.wasted_ms)
    if loop.wasted_usd is not None:
        wasted += f" and {money(loop.wasted_usd)}"
    asked = one_line(str(loop.first.event["input"] or ""))
    given = f"{asked if len(asked) <= _INPUT else asked[: _INPUT - 1] + '…'}: " if asked else ""
    text = given + ", ".join([*parts, f"{wasted} wasted"])
    return [Text(one_line(loop.what)), Text(f"{loop.calls} times"), Text(text)]
