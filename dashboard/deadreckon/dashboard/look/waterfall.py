"""The waterfall: one line per span, indented under its parent, its bar on a common line of time."""

from __future__ import annotations

import json
from typing import Any, Final

from deadreckon.dashboard.look import colours, figures
from deadreckon.dashboard.look.text import plain
from deadreckon.dashboard.services.tree import LEVELS, Row, Span, Tree

DRAWN: Final = 300
"""Spans that are drawn; the table below the picture has them all."""
NAMES: Final = 260
"""Width of the column of names on the left, in pixels."""
MEASURES: Final = 285
"""Width of the column of figures on the right, in pixels."""
LINE: Final = 24
Spec = dict[str, Any]

AROUND: Final = 100
"""Height of what stands above the lines: legend, axis and its title."""
PICKED: Final = "picked"
"""The name of the selection, and of its field: a span's place in the tree."""


def title(row: Row) -> str:
    """A span's name in the tree, as deep as it stands, with what it worked with."""
    if row.depth == 0:
        return ("⚠ " if row.adrift else "") + name(row.span)
    branch = "".join("│ " if goes_on else "\u2003" for goes_on in row.rails[:-1]) + ("├ " if row.rails[-1] else "└ ")
    deep = f"({row.depth}) " if row.depth > LEVELS else ""
    # A chart strips blanks at the beginning of a text; behind a character without width it keeps them.
    return f"\u200b{branch}{deep}{name(row.span)}"


def name(span: Span) -> str:
    """A span's name, with its model or agent where it has one."""
    own = plain(span.name or span.operation or "span", 60)
    about = span.model_version if span.is_model_call else span.agent if span.operation == "invoke_agent" else None
    return f"{own} · {plain(about, 30)}" if about else own


def measures(span: Span) -> str:
    """What stands behind the bar: how long, how it ended if not well, tokens and cost."""
    parts = [figures.milliseconds(span.duration_ms)]
    if span.status != "ok":
        parts.append(colours.status(plain(span.status, 20)))
    tokens = [figures.compact(n) for n in (span.input_tokens, span.output_tokens) if n is not None]
    if tokens:
        parts.append(f"{' → '.join(tokens)} tok")
    if span.cost_usd is not None:
        parts.append(figures.dollars(span.cost_usd))
    elif span.cost_source == "unpriced":
        parts.append("unpriced")
    return " · ".join(parts)


def waterfall(tree: Tree) -> Spec:
    """The picture, as a Vega-Lite specification; clicking a bar picks its span."""
    rows = tree.rows[:DRAWN]
    length = max(tree.length_ms, 0.001)
    values = [
        {
            PICKED: place,
            "title": title(row),
            "from": row.start_ms / 1000,
            # A bar without length could not be seen, nor clicked.
            "to": max(row.end_ms, row.start_ms + length / 400) / 1000,
            "status": row.span.status if row.span.status in colours.STATUS else "error",
            "measures": measures(row.span),
            "operation": plain(row.span.operation or figures.UNKNOWN, 60),
            "began": f"{figures.milliseconds(row.start_ms)} after the beginning",
        }
        for place, row in enumerate(rows)
    ]
    statuses = [s for s in colours.STATUS if any(v["status"] == s for v in values)]
    names = _lines("left", NAMES, [str(v["title"]) for v in values])
    figures_ = _lines("right", MEASURES, [str(v["measures"]) for v in values])
    time = {
        "field": "from",
        "type": "quantitative",
        "title": "seconds since the beginning",
        "axis": {"orient": "top", "grid": True, "tickCount": 6, "format": "~g"},
        "scale": {"domain": [0, length / 1000], "nice": False},
    }
    bars = {
        # Inside the layer: Streamlit would make a data frame of data at the top.
        "data": {"values": values},
        "params": [{"name": PICKED, "select": {"type": "point", "fields": [PICKED], "on": "click"}}],
        "mark": {"type": "bar", "cornerRadius": 2, "cursor": "pointer"},
        "encoding": {
            "y": names,
            "x": time,
            "x2": {"field": "to"},
            "color": {
                "field": "status",
                "type": "nominal",
                "scale": {"domain": statuses, "range": [colours.STATUS[s] for s in statuses]},
                "legend": {"title": None, "orient": "top", "symbolType": "square"},
            },
            "opacity": {"condition": {"param": PICKED, "value": 1.0}, "value": 0.45},
            "tooltip": [
                {"field": field, "type": "nominal", "title": words}
                for field, words in (
                    ("title", "span"),
                    ("operation", "operation"),
                    ("status", "status"),
                    ("measures", "took"),
                    ("began", "began"),
                )
            ],
        },
    }
    column = {
        "data": {"values": [{PICKED: place, "from": 0} for place in range(len(values))]},
        "mark": {"type": "point", "opacity": 0, "tooltip": False},
        "encoding": {"y": figures_, "x": time},
    }
    return {
        "layer": [bars, column],
        "resolve": {"axis": {"y": "independent"}},
        "height": len(values) * LINE + AROUND,
    }


def _lines(side: str, width: int, texts: list[str]) -> Spec:
    return {
        "field": PICKED,
        "type": "ordinal",
        "sort": None,
        "title": None,
        "scale": {"paddingInner": 0.25, "paddingOuter": 0.1},
        "axis": {
            "orient": side,
            # The axis counts places, so that two spans of one name stay two lines; each place is shown as its text.
            "labelExpr": f"{json.dumps(texts)}[datum.value]",
            "labelAlign": "left",
            "labelPadding": width if side == "left" else 8,
            "labelLimit": width - 10,
            "labelOverlap": False,
            "labelFontSize": 13,
            "grid": False,
            "ticks": False,
            "domain": False,
            "minExtent": width,
            "maxExtent": width,
        },
    }
