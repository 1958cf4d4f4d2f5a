"""What is profiled: columns of the events, the names in their features and outputs, scores and feedback by name."""

from __future__ import annotations

from typing import Final

from deadreckon.drift.subject import ALIASES, JSON_SUBJECTS

_MEASURES: Final = ("latency_ms", "ttft_ms", "cost_usd", "input_tokens", "output_tokens")
NUMERIC: Final = {name: ALIASES.get(name, name) for name in _MEASURES}
"""Subject -> the column that it is; an event without it is none of its observations. Measured from 0."""
CATEGORICAL: Final = {
    "tool:name": "tool",
    "status": "status",
    "error_type": "error_type",
    "finish_reason": "finish_reason",
}
"""The same for columns of text."""
JSON: Final = JSON_SUBJECTS
"""Prefix -> the column whose JSON object has the subjects as its keys."""
NAMED: Final = ("score", "feedback")
"""Kinds of events that are subjects by their `name`, with a `value`, else a `label`."""

TOP: Final = 256
"""Values of a categorical subject that are counted each by itself."""
SETTLED: Final = 1000
"""Observations of a categorical subject after which its values are frozen: the first few do not show what there is."""

MOST: Final = 10_000
"""Subjects there can be: what is named beyond them (keys that are ids) is counted together, as `feature:__other__`."""

DIMENSIONS: Final = ("environment", "model", "model_version", "variant")
READ: Final = (
    "ts",
    *DIMENSIONS,
    "kind",
    "name",
    "value",
    "label",
    *NUMERIC.values(),
    *CATEGORICAL.values(),
    *JSON.values(),
)
"""The columns of the events that are read."""
