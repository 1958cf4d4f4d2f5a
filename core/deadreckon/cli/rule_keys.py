"""`reckon monitor --keys`: how a rule is written, with all its keys, metrics and kinds."""

from __future__ import annotations

from typing import Final

from rich.text import Text

from deadreckon.cli.lines import Column, draw, room
from deadreckon.cli.output import console

EXAMPLE: Final = """\
[[rules]]
name = "slow answers"
metric = "latency_p95_ms"
where = { operation = "chat" }
group_by = ["model_version"]
window = "15m"
above = 2000
min_count = 20
severity = "critical"
summary = "p95 of {model_version} is {value:.0f} ms over {window}"
"""
"""A rule as it stands in deadreckon.toml."""


def show_keys() -> None:
    """Print the example, then every key, every metric and the keys of each kind, with what they mean."""
    from deadreckon.monitor.kinds import KINDS
    from deadreckon.monitor.metrics import documented as metrics
    from deadreckon.monitor.rules import documented as keys

    out = console()
    out.print(EXAMPLE, markup=False, soft_wrap=True)
    _list("key", keys())
    out.print()
    shown = (Column("metric"), Column("unit"), Column("meaning", least=20, wrap=True))
    draw(out, shown, [[Text(text) for text in metric] for metric in metrics()], room(out))
    for kind in KINDS:
        if own := keys(kind):
            out.print()
            _list(f"key of {kind}", own)


def _list(head: str, listed: list[tuple[str, str]]) -> None:
    out = console()
    lines = [[Text(name), Text(meaning)] for name, meaning in listed]
    draw(out, (Column(head), Column("meaning", least=20, wrap=True)), lines, room(out))
