"""What a page shows, read out of a run of it."""

from __future__ import annotations

import json
from typing import Any

from streamlit.testing.v1 import AppTest

_WORDS = ("title", "header", "subheader", "markdown", "caption", "info", "warning", "error", "success")


def words(app: AppTest) -> str:
    """Everything that the page says in words, as Markdown."""
    return "\n".join(str(element.value) for kind in _WORDS for element in app.get(kind))


def metric(app: AppTest, label: str) -> str:
    """The figure with this label."""
    (found,) = [m for m in app.metric if m.label == label]
    return str(found.value)


def links(app: AppTest) -> list[Any]:
    """The links to pages: each has a label, a page and query_string."""
    return [element.proto for element in app.get("page_link")]


def charts(app: AppTest) -> list[dict[str, Any]]:
    """The charts, as Vega-Lite specifications."""
    return [json.loads(element.proto.spec) for element in app.get("vega_lite_chart")]
