"""`reckon monitor --keys`: how a rule is written, with all its keys and metrics."""

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
    """Print the example, then every key and every metric with what it means."""
    from deadreckon.monitor.metrics import documented as metrics
    from deadreckon.monitor.rules import documented as keys

    out = console()
    out.print(EXAMPLE, markup=False, soft_wrap=True)
    listed = [[Text(name), Text(meaning)] for name, meaning in keys()]
    draw(out, (Column("key"), Column("meaning", least=20, wrap=True)), listed, room(out))
    out.print()
    shown = (Column("metric"), Column("unit"), Column("meaning", least=20, wrap=True))
    draw(out, shown, [[Text(text) for text in metric] for metric in metrics()], room(out))
