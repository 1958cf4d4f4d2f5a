"""When alerts were firing, pending or without data: one line per rule and labels."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from deadreckon.dashboard.look import colours, figures
from deadreckon.dashboard.look.charts import iso
from deadreckon.dashboard.look.text import plain
from deadreckon.dashboard.services.alerts import Change

MOST: Final = 40
"""Lines that are drawn."""
LINE: Final = 26
AROUND: Final = 110


def subject(change_rule: str, labels: dict[str, str]) -> str:
    """A rule and what it grouped by, in one line."""
    return plain(change_rule if not labels else f"{change_rule} · {', '.join(labels.values())}", 60)


def timeline(changes: Sequence[Change], until: datetime) -> dict[str, Any] | None:
    """The states of every alert that ever fired; None where none did."""
    fired = {(c.rule, str(c.labels)) for c in changes if c.state == "firing"}
    values = [
        {
            "alert": subject(c.rule, dict(c.labels)),
            "at": iso(c.end),
            "to": iso(max(c.until or until, c.end)),
            "state": c.state,
            "from": figures.moment(c.end),
            "reason": plain(c.reason, 160),
        }
        for c in changes
        if (c.rule, str(c.labels)) in fired and c.state not in ("ok", "resolved")
    ]
    if not values:
        return None
    lines = list(dict.fromkeys(str(v["alert"]) for v in values))[:MOST]
    values = [v for v in values if v["alert"] in lines]
    states = [s for s in colours.STATE if any(v["state"] == s for v in values)]
    bars = {
        "data": {"values": values},
        "mark": {"type": "bar", "height": 14, "cornerRadius": 2},
        "encoding": {
            "x": {
                "field": "at",
                "type": "temporal",
                "title": "time (UTC)",
                "scale": {"type": "utc", "nice": False},
                "axis": {"tickCount": 8, "labelOverlap": True},
            },
            "x2": {"field": "to"},
            "y": {
                "field": "alert",
                "type": "nominal",
                "title": None,
                "sort": lines,
                "axis": {"labelLimit": 320, "labelOverlap": False, "ticks": False, "domain": False},
            },
            "color": {
                "field": "state",
                "type": "nominal",
                "scale": {"domain": states, "range": [colours.STATE[s] for s in states]},
                "legend": {"title": None, "orient": "top", "symbolType": "square"},
            },
            "tooltip": [
                {"field": field, "type": "nominal", "title": field} for field in ("alert", "state", "from", "reason")
            ],
        },
    }
    return {"layer": [bars], "height": len(lines) * LINE + AROUND}
