"""Random JSON objects that look like log lines: own keys, our columns, and the shapes of known loggers, mixed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from deadreckon.core.schema import alias_table
from deadreckon.ingest.dialects import CARE_KEYS

LOGGERS = Path(__file__).parents[1] / "fixtures" / "loggers"
LINES = [
    json.loads(line) for path in sorted(LOGGERS.glob("*/output.jsonl")) for line in path.read_text("utf-8").splitlines()
]
KEYS = sorted(
    alias_table().keys()
    | CARE_KEYS
    | {
        *("name", "hostname", "levelname", "target", "text", "v", "a", "A", "b", "id", "type", "no", "extra", "", "~2"),
        *("logging.googleapis.com/trace", "logging.googleapis.com/spanId", "event.duration", "attributes~2", "otel"),
    }
)
TEXTS = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        [
            "ok",
            "UNSET",
            "error",
            "span",
            "SERVER",
            "12",
            "1e3",
            "NaN",
            "INFO+2",
            "2026-01-02T03:04:05Z",
            "404",
            "{}",
            "[1]",
        ]
    ),
    st.sampled_from(["4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", "\ud83d", "a\x00b", "ValueError: no"]),
    st.just("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03"),
)
NUMBERS = st.one_of(
    st.integers(-5, 700),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from([1e9, 1.7e9, 1.7e12, 1.7e18, 0.5, 2**53 + 1]),
)
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS)
NAMES = st.one_of(st.sampled_from(KEYS), st.text(max_size=5))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=4)),
    max_leaves=8,
)
OBJECTS = st.dictionaries(NAMES, VALUES, min_size=1, max_size=10)


def otlp_lines() -> st.SearchStrategy[dict[str, Any]]:
    """Lines of real exporters, changed."""
    return mixed([line for line in LINES if any(key.startswith("resource") for key in line)])


@st.composite
def mixed(draw: st.DrawFn, lines: list[dict[str, Any]]) -> dict[str, Any]:
    """A line of a real logger, with some of its values and keys changed, added or taken away."""
    line = json.loads(json.dumps(draw(st.sampled_from(lines))))
    for _ in range(draw(st.integers(0, 4))):
        node = line
        while isinstance(node, dict | list) and node and draw(st.integers(0, 3)):
            inner = draw(st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node))))
            if not isinstance(node[inner], dict | list):
                node[inner] = draw(VALUES)
                break
            node = node[inner]
        else:
            if isinstance(node, dict):
                node[draw(NAMES)] = draw(VALUES)
    return line


ANY_LINE: st.SearchStrategy[dict[str, Any]] = st.one_of(OBJECTS, mixed(LINES))
